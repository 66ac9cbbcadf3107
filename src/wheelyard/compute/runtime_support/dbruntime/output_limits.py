"""Keeps the kernel's messages small enough for the engine, which takes none that is too large.

What is cut here is beyond what the engine keeps of a cell anyway.
"""

from __future__ import annotations

from typing import Any

__all__ = ["limit_messages"]

MOST_CHARACTERS = 11_000_000


def limit_messages(session: Any) -> None:
    """Let everything that this kernel's session sends be cut."""
    send = session.send

    def send_cut(stream: Any, msg_or_type: Any, content: Any = None, *others: Any, **named: Any) -> Any:
        return send(stream, msg_or_type, _Cutter().cut(content), *others, **named)

    session.send = send_cut


class _Cutter:
    """One message; `room` is what of it may still follow, in characters."""

    def __init__(self) -> None:
        self.room = MOST_CHARACTERS

    def cut(self, value: Any) -> Any:
        if isinstance(value, str):
            kept = value if len(value) <= self.room else value[: self.room]
            self.room -= len(kept)
            return kept
        if isinstance(value, dict):
            return {key: self.cut(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.cut(item) for item in value]
        return value
