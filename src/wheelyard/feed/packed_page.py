"""A page as it is kept: both texts packed, a quarter of their size; and texts that were unpacked lately.

Unpacking a project's page takes some ten microseconds, less than a look into the database; so many pages are kept
packed and few unpacked. A packed text is named by a digest of its bytes, which is its ETag too.
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import zlib

from wheelyard.core.simple_api import Format
from wheelyard.feed.bounded import BoundedMap

__all__ = ["MISSING", "PackedText", "Page", "PlainTexts", "pack"]

_PAGE_BYTES = 1024
_TEXT_BYTES = 256
_AT_ONCE_BYTES = 32 << 10
_KEPT_ONE_IN = 8
_GZIP = 31  # window bits that have zlib read gzip's frame


class PackedText:
    """A gzipped text, and the strong ETags, quotes included, of the text itself and of its gzipped form."""

    __slots__ = ("content", "etag", "gzip_etag")

    def __init__(self, content: bytes) -> None:
        self.content = content
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        self.etag = f'"{digest}"'.encode()
        self.gzip_etag = f'"{digest}-gzip"'.encode()


class Page:
    """One page in both forms. A missing project is a page too, with `exists` false, so that asking again is cheap."""

    __slots__ = ("_html", "_json", "exists")

    def __init__(self, html: bytes, json: bytes, *, exists: bool = True) -> None:
        self._html = PackedText(html)
        self._json = PackedText(json)
        self.exists = exists

    @property
    def weight_bytes(self) -> int:
        return len(self._html.content) + len(self._json.content) + _PAGE_BYTES

    def text(self, format_: Format) -> PackedText:
        """Both HTML types have the same text."""
        return self._json if format_ is Format.JSON else self._html


MISSING = Page(b"", b"", exists=False)


class PlainTexts:
    """What was unpacked lately, by its ETag: of one ETag there is one text, so nothing here is ever out of date.

    Once it is full, one in eight of what is unpacked is kept: what is asked often soon is, and a walk over more pages
    than there is room for does not push out each text before it is asked for again.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: BoundedMap[bytes, _Plain] = BoundedMap(most_bytes)
        self._turn = itertools.cycle((True, *[False] * (_KEPT_ONE_IN - 1)))

    def at_once(self, packed: PackedText) -> bytes | None:
        """The text, unless unpacking it would take long."""
        kept = self._kept.get(packed.etag)
        if kept is not None:
            return kept.text
        return self.of(packed) if len(packed.content) <= _AT_ONCE_BYTES else None

    def of(self, packed: PackedText) -> bytes:
        """The text, which for a list of many thousand projects takes milliseconds."""
        kept = self._kept.get(packed.etag)
        if kept is not None:
            return kept.text
        text = zlib.decompress(packed.content, _GZIP)
        if self._kept.held_bytes + len(text) < self._most or next(self._turn):
            self.keep(packed, text)
        return text

    def keep(self, packed: PackedText, text: bytes) -> None:
        """Remember a text of which the packed form was just made."""
        self._kept.put(packed.etag, _Plain(text))


class _Plain:
    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    @property
    def weight_bytes(self) -> int:
        return len(self.text) + _TEXT_BYTES


def pack(text: bytes, *, level: int) -> bytes:
    """Gzip, the same bytes for the same text. Levels from 1, fast, to 9, small."""
    return gzip.compress(text, level, mtime=0)
