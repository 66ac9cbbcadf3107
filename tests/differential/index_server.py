"""Many small indexes on one loopback port, and a proxy that refuses and remembers: who was asked, and who delivered.

What an index holds stands in its path, so the server keeps no state but its log: `/<case>/i3-v2/simple/demo/` offers
`demo 2`, `/<case>/i4-none/simple/demo/` answers 404. A `CONNECT` is somebody who wanted to leave the machine: the
public index.
"""

from __future__ import annotations

import io
import re
import ssl
import threading
import zipfile
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PUBLIC = "public"
PROJECT = "demo"
_PAGE = re.compile(r"^/(?P<case>[^/]+)/(?P<index>\w+)-(?P<version>v\d+|none)/(?P<kind>simple|links)/(?P<rest>.*)$")


@lru_cache
def wheel(version: str) -> bytes:
    buffer = io.BytesIO()
    info = f"{PROJECT}-{version}.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return buffer.getvalue()


class _Handler(BaseHTTPRequestHandler):
    server: IndexServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = _PAGE.match(self.path)
        if found is None or found["version"] == "none":
            self._note(found, "page")
            self._answer(404, "text/plain", b"")
            return
        name = f"{PROJECT}-{found['version'][1:]}-py3-none-any.whl"
        if found["rest"].endswith(".whl"):
            self._note(found, "file")
            self._answer(200, "application/octet-stream", wheel(found["version"][1:]))
            return
        self._note(found, "page")
        prefix = "" if found["kind"] == "links" else "../files/"
        self._answer(200, "text/html", f'<!DOCTYPE html><a href="{prefix}{name}">{name}</a>'.encode())

    do_HEAD = do_GET  # noqa: N815  the base class names it so

    def do_CONNECT(self) -> None:
        self.server.log.append(("page", PUBLIC))
        self._answer(403, "text/plain", b"")

    def _note(self, found: re.Match[str] | None, what: str) -> None:
        where = f"{found['index']}-{found['version']}/{found['kind']}" if found else self.path
        self.server.log.append((what, where))

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Nothing on stderr: the log is the list."""


class IndexServer(ThreadingHTTPServer):
    """All indexes of a test process; `log` holds (what, where) in order of arrival."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log: list[tuple[str, str]] = []
        self.scheme = "https" if tls else "http"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that trusts us not, or hangs up: expected here."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
