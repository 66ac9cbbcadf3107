"""Large downloads whose bytes are thrown away: one, timed; or several that go on, in a process of their own.

`python -m bench.downloads` reads what to ask for from its standard input, so that no credentials are on its command
line.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.run import Run

__all__ = ["downloading", "stream_mb_s"]

_BUFFER = 1 << 20
_TIMES = 5
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_START_SECONDS = 0.3


def stream_mb_s(port: int, wire: bytes) -> float:
    """Megabytes a second of one stream, over a few downloads."""
    buffer = bytearray(_BUFFER)
    started, size = time.perf_counter(), 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        for _ in range(_TIMES):
            size += _download(connection, wire, buffer)
    return size / 1e6 / (time.perf_counter() - started)


@contextmanager
def downloading(run: Run, port: int, wire: bytes, streams: int) -> Iterator[None]:
    """Meanwhile so many downloads go on, one after the other, with less claim to the core than other load has."""
    told = json.dumps({"port": port, "wire": base64.b64encode(wire).decode(), "streams": streams}).encode()
    words = ["nice", "-n", "10", sys.executable, "-m", "bench.downloads"]
    with run.programs.running(words, name="downloads", cores=run.cores.load, stdin=told) as program:
        time.sleep(_HEAD_START_SECONDS)
        yield
        program.check()


def _download(connection: socket.socket, wire: bytes, buffer: bytearray) -> int:
    connection.sendall(wire)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(4096)
    start, _, body = head.partition(b"\r\n\r\n")
    length = _LENGTH.search(start)
    if not start.startswith(b"HTTP/1.1 200") or length is None:
        raise RuntimeError(f"a download was answered {start[:40].decode('latin-1')}")
    left = int(length[1]) - len(body)
    while left:
        count = connection.recv_into(buffer, min(left, _BUFFER))
        if not count:
            raise RuntimeError("a download broke off")
        left -= count
    return int(length[1])


def _go_on(port: int, wire: bytes) -> None:
    buffer = bytearray(_BUFFER)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        while True:
            _download(connection, wire, buffer)


def main() -> None:
    told = json.loads(sys.stdin.buffer.read())
    work = (told["port"], base64.b64decode(told["wire"]))
    threads = [threading.Thread(target=_go_on, args=work) for _ in range(told["streams"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit("a download ended")


if __name__ == "__main__":
    main()
