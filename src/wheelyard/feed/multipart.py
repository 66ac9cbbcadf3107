"""`multipart/form-data`, taken apart as it arrives, in pieces of any size.

Written here, in some hundred lines, because `python_multipart` calls back a hundred times for the form of one small
wheel, which took a quarter of an upload's time; a test holds the two against each other. It is as strict: nothing but
line breaks before the first boundary, and a bounded head of each part. Source: RFC 7578, RFC 2046 section 5.1.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

__all__ = ["Malformed", "MultipartReader", "Sink"]

_BOUNDARY_BYTES = 256
_HEAD_BYTES = 8 << 10
_HEADERS = 16
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Malformed(ValueError):
    """The bytes are no such form."""


class Sink(Protocol):
    """Takes the content of one part."""

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


class MultipartReader:
    """Takes a form's bytes and gives the content of each part to a sink of its own.

    Args:
        begin: called with the value of a part's `Content-Disposition`, empty if it has none; answers the part's sink.

    Raises:
        Malformed: here and from `write`.
    """

    def __init__(self, boundary: bytes, begin: Callable[[bytes], Sink]) -> None:
        if not 0 < len(boundary) <= _BOUNDARY_BYTES:
            raise Malformed("a boundary has 1 to 256 bytes")
        self._mark = b"\r\n--" + boundary
        self._begin = begin
        self._read: Callable[[bytes, int], int] = self._read_start
        self._rest = b""
        self._sink: Sink | None = None
        self.is_complete = False

    def write(self, data: bytes) -> None:
        """Take the next piece. What follows the last boundary is no part of the form."""
        data = self._rest + data if self._rest else data
        before, at = -1, 0
        while at > before:
            before, at = at, self._read(data, at)
        self._rest = data[at:]

    # Each reader answers how far it came; the same place means that it needs more.

    def _read_start(self, data: bytes, at: int) -> int:
        mark = self._mark[2:]
        while data[at : at + 1] in _LINE_BREAKS:
            at += 1
        found = data[at : at + len(mark)]
        if not mark.startswith(found):
            raise Malformed("the form does not begin with its boundary")
        if len(found) < len(mark):
            return at
        self._read = self._read_behind_mark
        return at + len(mark)

    def _read_behind_mark(self, data: bytes, at: int) -> int:
        """Whether another part follows or the form ends here."""
        found = data[at : at + 2]
        if len(found) < 2:
            return at
        if found == b"--":
            self.is_complete = True
            self._read = _read_nothing
        elif found == b"\r\n":
            self._read = self._read_head
        else:
            raise Malformed("a boundary is followed by something else than a line break")
        return at + 2

    def _read_head(self, data: bytes, at: int) -> int:
        """A part's headers, up to and with the empty line; an empty line alone is a head too."""
        is_empty = data.startswith(b"\r\n", at)
        end = at if is_empty else data.find(b"\r\n\r\n", at)
        if (end if end >= 0 else len(data)) - at > _HEAD_BYTES:
            raise Malformed("the head of a part is too large")
        if end < 0:
            return at
        self._sink = self._begin(_disposition(data[at:end]))
        self._read = self._read_content
        return end + 2 if is_empty else end + 4

    def _read_content(self, data: bytes, at: int) -> int:
        """Give away everything that cannot be the beginning of a mark."""
        mark = self._mark
        end = data.find(mark, at)
        while end >= 0 and data[end + len(mark) : end + len(mark) + 2] not in _BEHIND_A_MARK:
            end = data.find(mark, end + len(mark))
        if end < 0 or len(data) < end + len(mark) + 2:
            end = end if end >= 0 else _sure(data, at, mark)
            self._give(data, at, end)
            return end
        self._give(data, at, end)
        self._finish()
        self._read = self._read_behind_mark
        return end + len(mark)

    def _give(self, data: bytes, at: int, end: int) -> None:
        if self._sink is not None and end > at:
            self._sink.write(data[at:end])

    def _finish(self) -> None:
        if self._sink is not None:
            self._sink.finish()
            self._sink = None


_LINE_BREAKS = frozenset({b"\r", b"\n"})
_BEHIND_A_MARK = frozenset({b"", b"\r", b"-", b"\r\n", b"--"})
"""What may stand, or begin to stand, behind a mark; before anything else it is content."""


def _sure(data: bytes, at: int, mark: bytes) -> int:
    """Where what could be a mark, of which the end is still to come, begins; the end of the data if nothing could."""
    start = max(at, len(data) - len(mark))
    while (start := data.find(b"\r", start)) >= 0:
        if mark.startswith(data[start:]):
            return start
        start += 1
    return len(data)


def _read_nothing(data: bytes, _at: int) -> int:
    return len(data)


def _disposition(head: bytes) -> bytes:
    lines = head.split(b"\r\n") if head else []
    if len(lines) > _HEADERS:
        raise Malformed("a part has too many headers")
    found = b""
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or _NAME.fullmatch(name) is None or b"\r" in value:
            raise Malformed("a part has a header that is none")
        if name.lower() == b"content-disposition":
            found = value.strip(b" ")
    return found
