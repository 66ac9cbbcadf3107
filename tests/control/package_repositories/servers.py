"""Servers on loopback that an index check may meet: decent ones, and ones that are not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """What is answered to a request."""

    status: int = 200
    body: bytes = b""
    kind: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What was asked."""

    path: str
    headers: Message


class Index(ThreadingHTTPServer):
    """Answers from a table of paths, or by a function; keeps what it was asked."""

    daemon_threads = True

    def __init__(self, replies: Mapping[str, Reply] | Callable[[Request], Reply], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []
        self.replies = replies
        self._tls = tls
        self.port = int(self.server_address[1])

    def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        if callable(self.replies):
            return self.replies(request)
        return self.replies.get(request.path, Reply(404))

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        if self._tls is not None:
            request = self._tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        request.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error here."""

    def url(self, host: str = "127.0.0.1", user_info: str = "", path: str = "/simple/") -> str:
        at = f"{user_info}@" if user_info else ""
        return f"{'https' if self._tls else 'http'}://{at}{host}:{self.port}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        reply = self.server.reply(Request(self.path, self.headers))
        self.send_response(reply.status)
        for name, value in {"Content-Type": reply.kind, **reply.headers}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nobody reads it."""


@contextmanager
def index(
    replies: Mapping[str, Reply] | Callable[[Request], Reply], tls: ssl.SSLContext | None = None
) -> Iterator[Index]:
    server = Index(replies, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which each connection is given to a function, and closed behind it."""
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                talk(connection)
            except OSError:
                return  # the other side has heard enough

    def serve() -> None:
        while not is_over.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
