"""Pages as they are answered: in which format and encoding, and whether the client has them already."""

from __future__ import annotations

from urllib.parse import parse_qs

from packaging.utils import NormalizedName

from wheelyard.core.simple_api import Format, format_named, negotiate
from wheelyard.feed.shelf import Page, Shelf
from wheelyard.http.feed_answers import NotAcceptable
from wheelyard.http.ready_answers import Ready, RequestHeaders

__all__ = ["PageAnswers", "names"]

_CACHING = (b"cache-control", b"private, no-cache")
_VARY = (b"vary", b"Accept, Authorization, Accept-Encoding")
_GZIP = (b"content-encoding", b"gzip")
_CONTENT_TYPES = {format_: (b"content-type", format_.content_type.encode()) for format_ in Format}
_KNOWN_ACCEPTS = 512


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
        return self.of(page, b"", headers) if page is not None and page.exists else None

    def of(self, page: Page, query: bytes, headers: RequestHeaders) -> Ready:
        """A page's answer to this request.

        Raises:
            NotAcceptable: the address names a format that we do not have.
        """
        format_ = self._format(query, headers)
        packed = _takes_gzip(headers.get(b"accept-encoding", b""))
        body = page.bodies[format_, packed]
        known = headers.get(b"if-none-match")
        if known is not None and names(known, body.etag):
            return Ready(304, [(b"etag", body.etag), _CACHING, _VARY], b"")
        length = (b"content-length", b"%d" % len(body.content))
        answer = [(b"etag", body.etag), _CACHING, _VARY, _CONTENT_TYPES[format_], length]
        if packed:
            answer.append(_GZIP)
        return Ready(200, answer, body.content)

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
