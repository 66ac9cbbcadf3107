"""What programs leave: the end of their output, and what of it is the error. Pure, but for the buffer itself."""

from __future__ import annotations

import re
import threading
from collections import deque

__all__ = ["LONGEST_BYTES", "TailBuffer", "cut", "error_of"]

LONGEST_BYTES = 5 * 1024 * 1024
"""Of a notebook's exit value the first 5 MB are kept, of logs the last. Source: facts/workspace-api.md 10.3."""

_TRACEBACK = "Traceback (most recent call last):"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class TailBuffer:
    """Keeps the last lines that fit into `most_bytes`; readers may look while it fills."""

    def __init__(self, most_bytes: int = LONGEST_BYTES) -> None:
        self._most = most_bytes
        self._lines: deque[str] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._truncated = False

    def line(self, text: str) -> None:
        with self._lock:
            self._lines.append(text)
            self._bytes += _size(text)
            while self._bytes > self._most and len(self._lines) > 1:
                self._bytes -= _size(self._lines.popleft())
                self._truncated = True

    @property
    def truncated(self) -> bool:
        return self._truncated

    @property
    def text(self) -> str:
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines)


def _size(line: str) -> int:
    return len(line.encode(errors="replace")) + 1


def cut(text: str) -> tuple[str, bool]:
    """The first 5 MB of a text, and whether there was more."""
    data = text.encode(errors="replace")
    return (text, False) if len(data) <= LONGEST_BYTES else (data[:LONGEST_BYTES].decode(errors="ignore"), True)


def plain(text: str) -> str:
    """A traceback without terminal colours."""
    return _COLOUR.sub("", text)


def error_of(logs: str) -> tuple[str, str]:
    r"""`error` (the last line) and `error_trace` (from the last traceback on) of a program that failed.

    >>> error_of("hello\nTraceback (most recent call last):\n  File\nValueError: no\n")
    ('ValueError: no', 'Traceback (most recent call last):\n  File\nValueError: no')
    """
    text = plain(logs).rstrip()
    last = text.rpartition("\n")[2]
    start = text.rfind(_TRACEBACK)
    return last, text[start:] if start >= 0 else ""
