"""Secrets through the REST API, beside what the disk and the cipher allow.

The limit of a write is a durable commit of one row (SQLite, WAL, `synchronous=FULL`); the limit of a read is the same
HTTP stack answering `/healthz`. Writes come from several clients at once, because commits are grouped; the clients are
a process of their own, so that the server has its interpreter to itself.
"""

from __future__ import annotations

import http.client
import json
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from wheelyard.embedded import Settings
from wheelyard.logs import configure_logging
from wheelyard.serving import RunningWorkspace

_ROUNDS = 3
_CLIENTS = 8
_REQUESTS = 150


def main() -> None:
    configure_logging("error")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", cache_dir=Path(folder) / "cache")
        with RunningWorkspace(settings) as running:
            token = running.workspace.admin_token.reveal()
            ask = _Asker(running.address.port, token)
            clients = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
            ask.one("POST", "/api/2.0/secrets/scopes/create", {"scope": "bench"})
            ask.one("POST", "/api/2.0/secrets/put", {"scope": "bench", "key": "k", "string_value": "v" * 100})
            commits = _median(lambda: _commits(Path(folder) / "limit.db"))
            read, body = (
                "/api/2.0/secrets/get?scope=bench&key=k",
                {"scope": "bench", "key": "k", "string_value": "v" * 100},
            )
            alive = _median(lambda: clients.submit(ask.rate, "GET", "/healthz").result())
            reads = _median(lambda: clients.submit(ask.rate, "GET", read).result())
            writes = _median(lambda: clients.submit(ask.rate, "POST", "/api/2.0/secrets/put", body).result())
            clients.shutdown()
    print(f"  durable commits       {commits:9,.0f}/s   limit of writes")
    print(f"  /healthz              {alive:9,.0f}/s   limit of reads")
    print(f"  secrets/get           {reads:9,.0f}/s   {reads / alive:6.1%} of its limit")
    print(f"  secrets/put, durable  {writes:9,.0f}/s   {writes / commits:6.1%} of its limit")


class _Asker:
    """Several keep-alive connections that ask the same thing."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def one(self, method: str, path: str, body: object = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        self._ask(connection, method, path, body)
        connection.close()

    def rate(self, method: str, path: str, body: object = None) -> float:
        threads = [threading.Thread(target=self._many, args=(method, path, body)) for _ in range(_CLIENTS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return _CLIENTS * _REQUESTS / (time.perf_counter() - started)

    def _many(self, method: str, path: str, body: object) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        for _ in range(_REQUESTS):
            self._ask(connection, method, path, body)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, method: str, path: str, body: object) -> None:
        connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}")


def _commits(path: Path) -> float:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
    started = time.perf_counter()
    for _ in range(_CLIENTS * _REQUESTS):
        connection.execute("INSERT OR REPLACE INTO t VALUES ('k', ?)", (b"v" * 150,))
    seconds = time.perf_counter() - started
    connection.close()
    return _CLIENTS * _REQUESTS / seconds


def _median(measure: Callable[[], float]) -> float:
    return statistics.median(measure() for _ in range(_ROUNDS))
