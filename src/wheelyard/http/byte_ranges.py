"""`Range` and `If-Range`: which bytes of a file are wanted.

One range is served. Several at once may be ignored by a server, and are: no installer asks for them.
Source: RFC 9110, 13.1.5 and 14.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["WHOLE", "ByteRange", "wanted_range"]

_RANGE = re.compile(rb"bytes[ \t]*=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `start`; a length of 0 says that the range lies behind the end."""

    start: int
    length: int


WHOLE = None


def wanted_range(header: bytes, if_range: bytes, etag: bytes, size: int) -> ByteRange | None:
    """Answer the wanted part; `WHOLE` for no header, several ranges, an unreadable one, or another content.

    >>> wanted_range(b"bytes=-4", b"", b'"e"', 10)
    ByteRange(start=6, length=4)
    >>> wanted_range(b"bytes=10-", b"", b'"e"', 10)
    ByteRange(start=10, length=0)
    >>> wanted_range(b"bytes=0-1", b'"old"', b'"e"', 10) is WHOLE
    True
    """
    found = _RANGE.fullmatch(header)
    if found is None or (if_range and if_range.strip() != etag):
        return WHOLE
    first, last = found.groups()
    if not first:
        return _suffix(last, size)
    start = int(first)
    if last and int(last) < start:
        return WHOLE
    end = min(int(last) + 1, size) if last else size
    return ByteRange(start, max(0, end - start))


def _suffix(text: bytes, size: int) -> ByteRange | None:
    if not text:
        return WHOLE
    length = min(int(text), size)
    return ByteRange(size - length, length)
