"""Answers that can be given at once: what to send is known, and nobody needs to be asked, waited for or woken.

An app that has some says so by an attribute `find_ready`. It asks itself there first, and so may the server's protocol
(`quick_protocol`), which then answers without making a task; both therefore say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Send

__all__ = ["FindReady", "Headers", "Ready", "RequestHeaders", "find_ready_of", "send_ready"]

Headers = list[tuple[bytes, bytes]]
RequestHeaders = dict[bytes, bytes]
"""Names in lower case; of a header that came twice, the last."""


class Ready(NamedTuple):
    """A whole answer to a GET. A 304 has no content and no length."""

    status: int
    headers: Headers
    content: bytes | bytearray


FindReady = Callable[[str, bytes, RequestHeaders], Ready | None]
"""Asked with a GET's path, query and headers, when it brings no body: the answer, or None when the app must be called.

It must not wait. Whoever may have the answer is decided here as well: there is no other check behind it.
"""


def find_ready_of(app: object) -> FindReady:
    """What an app has ready, as its attribute `find_ready` says; nothing if it has none."""
    found: FindReady = getattr(app, "find_ready", _nothing_ready)
    return found


def _nothing_ready(_path: str, _query: bytes, _headers: RequestHeaders) -> Ready | None:
    return None


async def send_ready(send: Send, answer: Ready) -> None:
    """Send it as an ASGI app does."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.content})
