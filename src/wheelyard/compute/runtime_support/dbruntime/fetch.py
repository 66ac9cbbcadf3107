"""Fetches what indexes answer: questions on standard input, answers on standard output.

The engine fetches nothing itself: whoever names an index would reach with it what only the engine can reach. So this
runs in the sandbox, with the Python of the image and nothing of its packages. Nothing is followed, retried or unpacked
without a limit: what is unusual is pip's to deal with.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import zlib
from typing import Any
from urllib.parse import urlsplit

_CONNECTIONS = 4
_GZIP = 31
"""zlib's number for the gzip format."""

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def main() -> None:
    """`{"questions": [[url, {header: value}], …], "cafile": …, "timeout_seconds": …, "most_bytes": …}` comes in.

    Out goes a line of JSON with `[status, content type, length of the body]` for each question in order, then the
    bodies. Status 0 is a question that was not answered; only 200 has a body.
    """
    fetcher = _Fetcher(json.load(sys.stdin))
    threads = [threading.Thread(target=fetcher.work) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out = sys.stdout.buffer
    out.write(json.dumps([[status, kind, len(body)] for status, kind, body in fetcher.answers]).encode() + b"\n")
    out.writelines(body for _status, _kind, body in fetcher.answers)
    out.flush()


class _Fetcher:
    """The questions, which several threads take one after the other; `answers` has a place for each."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self._questions = wanted["questions"]
        self._timeout_seconds = wanted["timeout_seconds"]
        self._room = wanted["most_bytes"]
        self._lock = threading.Lock()
        self._next = iter(range(len(self._questions)))
        secure = any(url.startswith("https:") for url, _headers in self._questions)
        self._trust = ssl.create_default_context(cafile=wanted["cafile"]) if secure else None
        self.answers: list[Answer] = [(0, "", b"")] * len(self._questions)

    def work(self) -> None:
        """Until nothing is left. One question without an answer makes the others worthless."""
        connections: dict[str, http.client.HTTPConnection] = {}
        while (number := self._take()) is not None:
            url, headers = self._questions[number]
            try:
                self.answers[number] = self._ask(connections, url, headers)
            except (OSError, ValueError, zlib.error, http.client.HTTPException):
                self._give_up()

    def _take(self) -> int | None:
        with self._lock:
            return next(self._next, None)

    def _give_up(self) -> None:
        with self._lock:
            self._next = iter(range(0))

    def _ask(self, connections: dict[str, http.client.HTTPConnection], url: str, headers: dict[str, str]) -> Answer:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        connection = connections.get(origin) or connections.setdefault(origin, self._connection(url))
        connection.request("GET", url.removeprefix(origin), headers=headers)
        response = connection.getresponse()
        body = self._body(response)
        return response.status, response.getheader("Content-Type", ""), body if response.status == 200 else b""

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme == "https":
            return http.client.HTTPSConnection(parts.netloc, timeout=self._timeout_seconds, context=self._trust)
        return http.client.HTTPConnection(parts.netloc, timeout=self._timeout_seconds)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        """The whole body; it counts against the room of all."""
        body = response.read(self._room + 1)
        if response.getheader("Content-Encoding") == "gzip":
            body = zlib.decompressobj(_GZIP).decompress(body, self._room + 1)
        with self._lock:
            self._room -= len(body)
        if self._room < 0:
            raise ValueError("the answers are larger than the engine takes")
        return body


if __name__ == "__main__":
    main()
