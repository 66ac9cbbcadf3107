"""Transactions on one SQL database: SQLite in the data folder, or PostgreSQL by URL.

What was answered 2xx must survive `kill -9`, so SQLite commits with `synchronous=FULL`; that costs a disk sync a commit.
All writes therefore go through one writer thread that takes whatever is waiting, runs each piece of work in its own
savepoint and commits them together: a caller returns only after the commit that holds its work. Readers have their own
connections and never wait for the writer (WAL).

Work is a function of one connection. It must not keep the connection, and must not do anything but SQL: it may run in
another thread than its caller's.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

__all__ = ["METADATA", "Connection", "Database"]

T = TypeVar("T")
Connection = sa.Connection

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's `store.py` puts its tables here; `migrations/` makes them."""

_MOST_IN_ONE_COMMIT = 256


class Database:
    """Reads and durable writes.

    >>> database = Database.open("sqlite://")  # in memory, for tests
    >>> database.write(lambda tx: tx.execute(sa.text("select 1")).scalar_one())
    1
    >>> database.close()
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._closed = False
        self._writer = threading.Thread(target=self._write_forever, name="database-writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///path`, `sqlite://` (memory) or `postgresql+psycopg://…`. Nothing is loaded."""
        return cls(_engine(url))

    @property
    def engine(self) -> sa.Engine:
        """For migrations only."""
        return self._engine

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection that sees one consistent state."""
        with self._engine.connect() as connection:
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its answer once it is on disk; an exception undoes only this work."""
        if self._closed:
            raise RuntimeError("the database is closed")
        item = _Work(work)
        self._waiting.put(item)
        answer: T = item.future.result()
        return answer

    def close(self) -> None:
        """Finish what is waiting, then close every connection."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._writer.join()
            self._engine.dispose()

    def _write_forever(self) -> None:
        running = True
        while running:
            batch = [self._waiting.get()]
            while len(batch) < _MOST_IN_ONE_COMMIT and not self._waiting.empty():
                batch.append(self._waiting.get())
            running = None not in batch
            self._commit([item for item in batch if item is not None])

    def _commit(self, batch: list[_Work]) -> None:
        if not batch:
            return
        try:
            with self._engine.begin() as connection:
                for item in batch:
                    item.run(connection)
        except BaseException as error:  # noqa: BLE001 # whatever it is, every caller of this commit must hear of it
            for item in batch:
                item.fail(error)
        else:
            for item in batch:
                item.settle()


class _Work:
    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._error: BaseException | None = None
        self.future: Future[Any] = Future()

    def run(self, connection: Connection) -> None:
        try:
            with connection.begin_nested():
                self._answer = self._work(connection)
        except Exception as error:  # noqa: BLE001 # the caller gets it; the others' work goes on
            self._error = error

    def settle(self) -> None:
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._answer)

    def fail(self, error: BaseException) -> None:
        self.future.set_exception(self._error or error)


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if not parsed.drivername.startswith("sqlite"):
        return sa.create_engine(parsed, pool_pre_ping=True)
    in_memory = not parsed.database
    engine = sa.create_engine(
        parsed,
        connect_args={"check_same_thread": False, "timeout": 30},
        poolclass=sa.pool.StaticPool if in_memory else sa.pool.QueuePool,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"
