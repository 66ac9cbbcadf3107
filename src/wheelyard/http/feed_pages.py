"""Pages as they are answered: in which format and encoding, and whether the client has them already."""

from __future__ import annotations

from urllib.parse import parse_qs

from packaging.utils import NormalizedName

from wheelyard.core.simple_api import Format, format_named, negotiate
from wheelyard.feed.packed_page import PackedText, Page
from wheelyard.feed.shelf import Shelf
from wheelyard.http.feed_answers import NotAcceptable
from wheelyard.http.ready_answers import Headers, Ready, RequestHeaders, lines_of

__all__ = ["PageAnswers", "names"]

_ALWAYS: Headers = [
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Accept, Authorization, Accept-Encoding"),
]
_GZIP = (b"content-encoding", b"gzip")
_ALWAYS_LINES = lines_of(_ALWAYS)
_LINES = {
    (format_, gzip): lines_of([*_ALWAYS, (b"content-type", format_.content_type.encode()), *([_GZIP] if gzip else [])])
    for format_ in Format
    for gzip in (False, True)
}
_KNOWN_ACCEPTS = 512


_Wanted = tuple[PackedText, Format, bool, bytes]
"""Which form of a page a request wants: its text, format, whether gzipped, and the ETag of that. Unnamed for speed."""


class PageAnswers:
    """Turns pages into answers."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._formats: dict[bytes, Format] = {}

    def find(self, feed_id: str, name: str, headers: RequestHeaders) -> Ready | None:
        """The answer for an existing page in memory; `name` is what stands behind `simple/`, its slash included."""
        if name and name[-1] != "/":
            return None
        page = self._shelf.find(feed_id, NormalizedName(name[:-1]) if name else None)
        return self.at_once(page, b"", headers) if page is not None and page.exists else None

    def at_once(self, page: Page, query: bytes, headers: RequestHeaders) -> Ready | None:
        """A page's answer to this request, or None if it has to be unpacked and is long.

        Raises:
            NotAcceptable: the address names a format that we do not have.
        """
        packed, _format, gzip, etag = wanted = self._wanted(page, query, headers)
        known = headers.get(b"if-none-match")
        if known is not None and names(known, etag):
            return Ready(304, b"etag: %b\r\n%b" % (etag, _ALWAYS_LINES), b"")
        content = packed.content if gzip else self._shelf.plain_texts.at_once(packed)
        return None if content is None else _answer(wanted, content)

    def unpacked(self, page: Page, query: bytes, headers: RequestHeaders) -> Ready:
        """The answer with the plain text, however long; for a worker thread."""
        wanted = self._wanted(page, query, headers)
        return _answer(wanted, self._shelf.plain_texts.of(wanted[0]))

    def _wanted(self, page: Page, query: bytes, headers: RequestHeaders) -> _Wanted:
        format_ = self._format(query, headers)
        packed = page.text(format_)
        if _takes_gzip(headers.get(b"accept-encoding", b"")):
            return packed, format_, True, packed.gzip_etag
        return packed, format_, False, packed.etag

    def _format(self, query: bytes, headers: RequestHeaders) -> Format:
        if query:
            named = parse_qs(query.decode("latin-1")).get("format")
            if named:
                return _named_format(named[-1])
        accept = headers.get(b"accept", b"")
        format_ = self._formats.get(accept)
        if format_ is None:
            format_ = negotiate(accept.decode("latin-1"))
            if len(self._formats) >= _KNOWN_ACCEPTS:
                self._formats.clear()
            self._formats[accept] = format_
        return format_


def _answer(wanted: _Wanted, content: bytes) -> Ready:
    _packed, format_, gzip, etag = wanted
    lines = _LINES[format_, gzip]
    return Ready(200, b"etag: %b\r\ncontent-length: %d\r\n%b" % (etag, len(content), lines), content)


def names(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the client has this content already. Source: RFC 9110, 13.1.2 (compared weakly)."""
    if if_none_match == etag:
        return True
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in if_none_match.split(b","))


def _named_format(name: str) -> Format:
    format_ = format_named(name)
    if format_ is None:
        raise NotAcceptable(
            f"This feed has no format {name[:80]!r}", hint="leave `format` out, or name a simple API type"
        )
    return format_


def _takes_gzip(accept_encoding: bytes) -> bool:
    return b"gzip" in accept_encoding and b"q=0" not in accept_encoding
