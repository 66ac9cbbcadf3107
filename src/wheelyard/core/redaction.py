"""Secrets have their own type, and text loses them before it is shown.

`Secret` cannot be formatted, logged, compared loosely or serialised by accident. `Redactor` (below) replaces every form a
secret can take in text, also when two writes split it.
"""

from __future__ import annotations

import hmac
from typing import Any, Generic, NoReturn, TypeVar

__all__ = ["MASK", "Secret"]

MASK = "[REDACTED]"

T = TypeVar("T", str, bytes)


class Secret(Generic[T]):
    """One secret value. Only `reveal()` gives it out, so a reader can find every place that does.

    >>> f"{Secret('hunter2')}"
    '[REDACTED]'
    >>> Secret("a") == Secret("a")
    True
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def reveal(self) -> T:
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_as_bytes(self._value), _as_bytes(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised; call reveal() where the value must leave")

    def __copy__(self) -> Secret[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret[T]:
        return self


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
