"""Keeps the kernel's messages small enough for the engine, which takes none that is too large.

What is cut here is beyond what the engine keeps of a cell anyway.
"""

from __future__ import annotations

from typing import Any

__all__ = ["limit_messages"]

MOST_CHARACTERS = 11_000_000
LONGEST_OF_AN_ERROR = 2_000_000


def limit_messages(session: Any) -> None:
    """Let everything that this kernel's session sends be cut."""
    send = session.send

    def send_cut(stream: Any, msg_or_type: Any, content: Any = None, *others: Any, **named: Any) -> Any:
        if isinstance(msg_or_type, dict):  # a whole message, made before
            msg_or_type = {**msg_or_type, "content": _cut(msg_or_type["content"])}
        return send(stream, msg_or_type, _cut(content), *others, **named)

    session.send = send_cut


def _cut(content: Any) -> Any:
    """One message's content. An error says the same several times, so none of its texts may use up the room."""
    is_error = isinstance(content, dict) and "ename" in content
    return _Cutter(LONGEST_OF_AN_ERROR if is_error else MOST_CHARACTERS).cut(content)


class _Cutter:
    """`room` is what of the message may still follow, in characters."""

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.room = MOST_CHARACTERS

    def cut(self, value: Any) -> Any:
        if isinstance(value, str):
            kept = value[: min(self.room, self.longest)]
            self.room -= len(kept)
            return kept
        if isinstance(value, dict):
            return {key: self.cut(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.cut(item) for item in value]
        return value
