"""What leaves a feed other than pages and files: redirects, refusals, short texts.

A refusal is text whose first line says what was refused, because twine, poetry and pip show a body as it is; uv asks
for JSON and gets a problem (RFC 9457). ASGI has no reason phrase, so nothing is said there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from starlette.types import Send

from wheelyard.core.errors import BadRequest, WheelyardError
from wheelyard.feed.refusals import TooLarge
from wheelyard.http.errors import answer_for
from wheelyard.http.ready_answers import Headers

__all__ = ["NotAcceptable", "send_empty", "send_error", "send_method_refused", "send_redirect"]

_NO_STORE = (b"cache-control", b"private, no-store")
_LOG = logging.getLogger(__name__)
_CHALLENGE = (b"www-authenticate", b'Basic realm="wheelyard feed", charset="UTF-8"')


class NotAcceptable(BadRequest):
    """The client named a format that we do not have."""

    default_reference = "format-unknown"


_STATUS = MappingProxyType({TooLarge: (413, "RESOURCE_LIMIT_EXCEEDED"), NotAcceptable: (406, "NOT_ACCEPTABLE")})


@dataclass(frozen=True, slots=True)
class _Problem:
    title: str
    status: int
    detail: str
    code: str


async def _send_bytes(send: Send, status: int, headers: Headers, content: bytes) -> None:
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def send_empty(send: Send, status: int, headers: Headers) -> None:
    """An answer without a body: 304 by nature, others with a length of zero."""
    if status != 304:
        headers.append((b"content-length", b"0"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def send_redirect(send: Send, location: str) -> None:
    """To a relative place, so that it is right behind any proxy."""
    await send_empty(send, 301, [(b"location", location.encode("latin-1")), _NO_STORE])


async def send_method_refused(send: Send, allowed: str) -> None:
    """Say which methods this address answers."""
    content = f"This address of the feed answers {allowed} only\n".encode()
    headers = [(b"allow", allowed.encode()), (b"content-type", b"text/plain; charset=utf-8"), _NO_STORE]
    await _send_bytes(send, 405, headers, content)


async def send_error(send: Send, error: Exception, accept: str) -> None:
    """Say why not. An error that is none of ours is logged, and its text stays here."""
    answer = answer_for(error, request_id="", quirks=_STATUS)
    if answer.status >= 500:
        _LOG.error("feed request failed", exc_info=error)
    known = error if isinstance(error, WheelyardError) else WheelyardError("The feed made a mistake; its log has more")
    extra = [_NO_STORE, _CHALLENGE] if answer.status == 401 else [_NO_STORE]
    if _wants_problem(accept):
        problem = _Problem(known.what, answer.status, " ".join(_sentences(known)), answer.reference)
        content, kind = msgspec.json.encode(problem), b"application/problem+json"
    else:
        content, kind = ("\n".join([known.what, *_sentences(known)]) + "\n").encode(), b"text/plain; charset=utf-8"
    await _send_bytes(send, answer.status, [(b"content-type", kind), *extra], content)


def _sentences(error: WheelyardError) -> list[str]:
    hint = f"hint: {error.hint}" if error.hint else ""
    return [text for text in (error.because, error.unchanged, hint) if text]


def _wants_problem(accept: str) -> bool:
    """Whether JSON is named. The simple index's own JSON type says nothing about errors."""
    kinds = {part.partition(";")[0].strip() for part in accept.lower().split(",")}
    return bool(kinds & {"application/json", "application/problem+json"})
