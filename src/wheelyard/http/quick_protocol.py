"""uvicorn's HTTP/1.1 protocol with one door more: a ready answer leaves from where its request was read.

Measured on one core, a task, a cycle of ASGI messages, a timer and the checks of what we wrote ourselves cost uvicorn
more than the answer costs us. A request that brings no body and has no other before it is therefore shown to the app
first (`FindReady`); what is not ready goes uvicorn's usual way, so any other server serves the same app.
Source: `uvicorn.protocols.http.httptools_impl`; docs/decisions/where-the-time-goes.md.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from wheelyard.http.ready_answers import Ready, find_ready_of

__all__ = ["QuickProtocol"]

_JOINED_BYTES = 16 << 10
"""Up to this, head and content are copied into one piece; above it that costs more than a second piece."""


class QuickProtocol(HttpToolsProtocol):
    """One connection. With an app that has no ready answers it is uvicorn's own protocol."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._find_ready = find_ready_of(config.app)
        self._answered = False
        self._resting_since: float | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._default_headers: list[tuple[bytes, bytes]] = []
        self._default_lines = b""

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest is not None:
            self._rest.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """What uvicorn does here is done once it is needed."""
        self._resting_since = None
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        answer = self._ready()
        if answer is None:
            self._hand_over()
        else:
            self._answered = True
            self._send(answer)

    def on_message_complete(self) -> None:
        if self._answered:
            self._answered = False
        else:
            super().on_message_complete()

    def _ready(self) -> Ready | None:
        parser = self.parser
        if (
            _is_answering(self.cycle)
            or self.flow.write_paused
            or parser.get_method() != b"GET"
            or not parser.should_keep_alive()
            or parser.should_upgrade()
        ):
            return None
        headers = dict(self.headers)
        if b"content-length" in headers or b"transfer-encoding" in headers or b"%" in self.url:
            return None
        if b"connection" in headers and parser.get_http_version() != "1.1":  # without it, only 1.1 keeps one alive
            return None
        path, _, query = self.url.partition(b"?")
        return self._find_ready(path.decode("latin-1"), query, headers, self.client[0] if self.client else "")

    def _hand_over(self) -> None:
        """Tell uvicorn's own way what was read, from the beginning."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        super().on_url(url)
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()

    def _send(self, answer: Ready) -> None:
        status, head, content = answer
        if len(content) <= _JOINED_BYTES:
            self.transport.write(b"".join((STATUS_LINE[status], self._defaults(), head, b"\r\n", content)))
        else:
            self.transport.write(b"".join((STATUS_LINE[status], self._defaults(), head, b"\r\n")))
            self.transport.write(content)
        self.server_state.total_requests += 1
        self._resting_since = self.loop.time()
        if self._rest is None:
            self._rest = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def _defaults(self) -> bytes:
        """The server's own headers, the date among them; uvicorn makes a new list of them each second."""
        if self._default_headers is not self.server_state.default_headers:
            self._default_headers = self.server_state.default_headers
            self._default_lines = b"".join(b"%b: %b\r\n" % header for header in self._default_headers)
        return self._default_lines

    def _close_if_idle(self) -> None:
        """One timer for many answers: uvicorn's way, to start one after each and stop it at once, costs as much as all.

        After an answer of uvicorn's, or while a request comes in, the connection is uvicorn's to close.
        """
        self._rest = None
        if self._resting_since is None or self.transport.is_closing():
            return
        left = self._resting_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._rest = self.loop.call_later(left, self._close_if_idle)
        else:
            self.transport.close()


def _is_answering(cycle: RequestResponseCycle | None) -> bool:
    """Whether uvicorn's own way has an answer under way; before the first there is no cycle."""
    return cycle is not None and not cycle.response_complete
