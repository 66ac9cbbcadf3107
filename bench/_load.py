"""Load: requests a second, bytes a second of one stream, uploads a second.

`wrk` is used where it is installed. Without it, a few connections send the same request many times ahead and count the
bytes that come back, which a single Python process can do faster than the servers answer.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

__all__ = ["pinned", "requests_a_second", "stream_bytes_a_second", "together"]

_AHEAD = 32


def pinned(command: Sequence[str], core: int) -> list[str]:
    """The command on one core, so that server and load do not share one."""
    if (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        return ["taskset", "-c", str(core), *command]
    return list(command)


def requests_a_second(port: int, path: str, headers: Mapping[str, str], *, seconds: float) -> float:
    """How often a server answers one request, asked over 16 connections."""
    if shutil.which("wrk"):
        return _by_wrk(port, path, headers, seconds)
    return _ahead(port, path, headers, seconds)


def stream_bytes_a_second(port: int, path: str, headers: Mapping[str, str]) -> float:
    """One download, its bytes thrown away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    started, size, buffer = time.perf_counter(), 0, bytearray(1 << 20)
    connection.request("GET", path, headers=dict(headers))
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    while count := answer.readinto(buffer):
        size += count
    connection.close()
    return size / (time.perf_counter() - started)


def together(work: Callable[[int], None], clients: int) -> float:
    """Seconds until several threads are done."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _by_wrk(port: int, path: str, headers: Mapping[str, str], seconds: float) -> float:
    sent = [text for name, value in headers.items() for text in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", "-c16", f"-d{max(1, round(seconds))}s", *sent, f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(pinned(command, 1), capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output and "If-None-Match" not in headers:
        raise RuntimeError(output)
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if found is None:
        raise RuntimeError(output)
    return float(found[1])


def _ahead(port: int, path: str, headers: Mapping[str, str], seconds: float) -> float:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
        one.sendall(request)
        size = _answer_size(one)
    connections = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(4)]
    buffer, count, started = bytearray(1 << 20), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        for connection in connections:
            connection.sendall(request * _AHEAD)
        for connection in connections:
            left = size * _AHEAD
            while left:
                left -= connection.recv_into(buffer, min(left, len(buffer)))
        count += _AHEAD * len(connections)
    took = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return count / took


def _answer_size(connection: socket.socket) -> int:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    size = int(length[1]) if length else 0
    while len(body) < size:
        body += connection.recv(1 << 16)
    return len(head) + 4 + size


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
