"""Pages as they are answered: in which format and encoding, and whether the client has them already."""

from __future__ import annotations

from typing import NamedTuple
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


class _Chosen(NamedTuple):
    """Which form of a page a request wants, and whether the client has it already."""

    packed: PackedText
    format: Format
    gzip: bool
    etag: bytes
    is_known: bool

    def not_modified(self) -> Ready:
        return Ready(304, b"etag: %b\r\n%b" % (self.etag, _ALWAYS_LINES), b"")

    def answer(self, content: bytes) -> Ready:
        lines = _LINES[self.format, self.gzip]
        return Ready(200, b"etag: %b\r\ncontent-length: %d\r\n%b" % (self.etag, len(content), lines), content)


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
        chosen = self._chosen(page, query, headers)
        if chosen.is_known:
            return chosen.not_modified()
        content = chosen.packed.content if chosen.gzip else self._shelf.plain_texts.at_once(chosen.packed)
        return None if content is None else chosen.answer(content)

    def unpacked(self, page: Page, query: bytes, headers: RequestHeaders) -> Ready:
        """The answer with the plain text, however long; for a worker thread."""
        chosen = self._chosen(page, query, headers)
        return chosen.answer(self._shelf.plain_texts.of(chosen.packed))

    def _chosen(self, page: Page, query: bytes, headers: RequestHeaders) -> _Chosen:
        format_ = self._format(query, headers)
        packed, gzip = page.text(format_), _takes_gzip(headers.get(b"accept-encoding", b""))
        etag = packed.gzip_etag if gzip else packed.etag
        known = headers.get(b"if-none-match")
        return _Chosen(packed, format_, gzip, etag, known is not None and names(known, etag))

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
