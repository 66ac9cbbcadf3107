"""A package index on loopback with Basic auth, which remembers who asked for what."""

from __future__ import annotations

import base64
import hashlib
import ssl
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from packaging.utils import canonicalize_name

USER, TOKEN = "reader", "tok3n-of-the-private-index"


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackIndex
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        index = self.server
        index.asked.append((self.headers.get("User-Agent", "").split("/")[0], self.path))
        time.sleep(index.delay_seconds)
        if index.status:
            return self._answer(index.status, b"")
        if index.token and self.headers.get("Authorization") != index.expected:
            return self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="index"'})
        kind, _, rest = self.path.strip("/").partition("/")
        file = index.file(unquote(rest)) if kind == "files" else None
        if file is not None:
            return self._answer(200, file)
        page = index.page(rest) if kind == "simple" else ""
        return self._answer(200 if page else 404, page.encode(), {"Content-Type": index.page_type})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Nothing on stderr: the log is `asked`."""


class LoopbackIndex(ThreadingHTTPServer):
    """One index. `files` may change at any time; `status` makes it refuse everything; `token=""` lets everybody in."""

    daemon_threads = True
    page_type = "text/html"

    def __init__(self, *, token: str = TOKEN, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = token
        self.expected = "Basic " + base64.b64encode(f"{USER}:{token}".encode()).decode()
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        self.status = 0
        self.delay_seconds = 0.0
        self.hashes = True
        self.scheme = "http" if tls is None else "https"
        self.host = "127.0.0.1" if tls is None else "localhost"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """With its credentials, as a secret holds it."""
        user = f"{USER}:{self.token}@" if self.token else ""
        return f"{self.scheme}://{user}{self.host}:{self.server_port}/simple/"

    @property
    def bare_url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.server_port}/simple/"

    def add(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)

    def file(self, name: str) -> bytes | None:
        return self.files.get(name)

    def page(self, project: str) -> str:
        wanted = project.strip("/")
        lines = [
            f'<a href="../../files/{name}{self._fragment(content)}">{name}</a>'
            for name, content in self.files.items()
            if canonicalize_name(name.split("-")[0]) == wanted
        ]
        return "<!DOCTYPE html>" + "<br>".join(lines) if lines else ""

    def _fragment(self, content: bytes) -> str:
        return f"#sha256={hashlib.sha256(content).hexdigest()}" if self.hashes else ""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""
