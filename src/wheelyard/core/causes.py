"""What a log says of an exception: its kind and where it came from, never its text, which may quote a value."""

from __future__ import annotations

import traceback

from wheelyard.core.errors import WheelyardError

__all__ = ["cause_of"]

_MOST_FRAMES = 8
_MOST_CAUSES = 4


def cause_of(error: BaseException) -> str:
    """One line for the operator, exceptions behind it included. An error of ours says what it kept for the log.

    >>> try: int("s3cret")
    ... except ValueError as error: cause_of(error).partition(" at ")[0]
    'builtins.ValueError'
    """
    told: list[str] = []
    current: BaseException | None = error
    while current is not None and len(told) < _MOST_CAUSES:
        told.append(_one(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " <- ".join(told)


def _one(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    log = f" ({error.log})" if isinstance(error, WheelyardError) and error.log else ""
    return f"{type(error).__module__}.{type(error).__qualname__}{log} at {places or 'no place'}"
