"""Answers that can be given at once: what to send is known, and nobody needs to be asked, waited for or woken.

An app that has some says so by an attribute `find_ready`. It asks itself there first, and so may the server's protocol
(`quick_protocol`), which then answers without making a task; both therefore say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Send

__all__ = ["FindReady", "Headers", "Ready", "RequestHeaders", "find_ready_of", "lines_of", "send_ready"]

Headers = list[tuple[bytes, bytes]]
RequestHeaders = dict[bytes, bytes]
"""Names in lower case; of a header that came twice, the last."""


class Ready(NamedTuple):
    """A whole answer. `head` has the headers as they are sent, see `lines_of`; a 304 has no content and no length."""

    status: int
    head: bytes
    content: bytes | bytearray


FindReady = Callable[[str, bytes, RequestHeaders, str], Ready | None]
"""Asked with a GET's raw path, query, headers and client address, when it brings no body.

It returns the answer, or None when the app must be called. It must not wait. Whoever may have the answer is decided
here as well: there is no other check behind it.
"""


def find_ready_of(app: object) -> FindReady:
    """What an app has ready, as its attribute `find_ready` says; nothing if it has none."""
    found: FindReady = getattr(app, "find_ready", _nothing_ready)
    return found


def _nothing_ready(_path: str, _query: bytes, _headers: RequestHeaders, _client: str) -> Ready | None:
    return None


def lines_of(headers: Headers) -> bytes:
    r"""Headers as HTTP/1.1 sends them, names in lower case.

    >>> lines_of([(b"etag", b'"one"'), (b"content-length", b"3")])
    b'etag: "one"\r\ncontent-length: 3\r\n'

    Raises:
        ValueError: one of them holds a line break, and would be read as two.
    """
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        raise ValueError("a header holds a line break")
    return lines


async def send_ready(send: Send, answer: Ready) -> None:
    """Send it as an ASGI app does."""
    lines = (line.partition(b": ") for line in answer.head.split(b"\r\n")[:-1])
    headers = [(name, value) for name, _, value in lines]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
