"""A keep-alive connection for load: prepared bytes out, an answer in, as little else as possible."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from bench.corpus import Wheel

__all__ = ["HTML", "JSON", "Answer", "Connection", "basic", "request", "upload_request"]

HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSING = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_BODILESS = frozenset({204, 304})


def basic(user: str, password: str) -> str:
    """The value of an `Authorization` header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """A whole request as it goes over the wire."""
    sent = {"Host": "127.0.0.1", **headers, **({"Content-Length": str(len(body))} if body or method != "GET" else {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def upload_request(path: str, authorization: str, wheel: Wheel) -> bytes:
    """The form a publisher sends, around one wheel."""
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": wheel.project,
        "version": wheel.version,
        "summary": "synthetic benchmark wheel",
        "requires_python": ">=3.9",
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "md5_digest": hashlib.md5(wheel.content, usedforsecurity=False).hexdigest(),
        "sha256_digest": hashlib.sha256(wheel.content).hexdigest(),
    }
    edge = uuid.uuid4().hex
    head = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += f'--{edge}\r\nContent-Disposition: form-data; name="content"; filename="{wheel.filename}"\r\n'
    head += "Content-Type: application/octet-stream\r\n\r\n"
    body = head.encode() + wheel.content + f"\r\n--{edge}--\r\n".encode()
    return request(
        "POST", path, {"Authorization": authorization, "Content-Type": f"multipart/form-data; boundary={edge}"}, body
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end. `head` is everything before the body."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        found = re.search(rb"\r\n" + name.encode() + rb": *([^\r]*)", self.head, re.IGNORECASE)
        return found[1].decode("latin-1") if found else ""


class Connection:
    """One connection, opened when it is needed and again when the server has closed it."""

    def __init__(self, port: int, *, seconds: float = 120) -> None:
        self._port = port
        self._seconds = seconds
        self._socket: socket.socket | None = None

    def ask(self, wire: bytes) -> Answer:
        """Send a request and read its answer.

        Raises:
            OSError: the server cannot be reached, or broke off.
        """
        fresh = self._socket is None
        try:
            return self._ask(wire)
        except OSError:
            self.close()
            if fresh:
                raise
            return self._ask(wire)  # it had closed an idle connection

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, wire: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=self._seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(wire)
        answer = _read(self._socket)
        if _CLOSING.search(answer.head):
            self.close()
        return answer


def _read(source: socket.socket) -> Answer:
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += _some(source)
    head, body = bytes(received[:end]), received[end + 4 :]
    status = int(head[9:12])
    if status in _BODILESS:
        return Answer(status, head, b"")
    if _CHUNKED.search(head):
        while not body.endswith(b"0\r\n\r\n"):
            body += _some(source)
        return Answer(status, head, _joined(bytes(body)))
    length = _LENGTH.search(head)
    while len(body) < (int(length[1]) if length else 0):
        body += _some(source)
    return Answer(status, head, bytes(body))


def _some(source: socket.socket) -> bytes:
    piece = source.recv(1 << 18)
    if not piece:
        raise ConnectionResetError("the server broke off")
    return piece


def _joined(chunks: bytes) -> bytes:
    """The content of a chunked body."""
    content, place = bytearray(), 0
    while True:
        end = chunks.index(b"\r\n", place)
        size = int(chunks[place:end].split(b";")[0], 16)
        if size == 0:
            return bytes(content)
        content += chunks[end + 2 : end + 2 + size]
        place = end + 4 + size
