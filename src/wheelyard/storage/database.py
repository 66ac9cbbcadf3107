"""Transactions on one SQL database: SQLite in the data folder, or PostgreSQL by URL.

What was answered 2xx must survive `kill -9`, so SQLite commits with `synchronous=FULL`; that costs a disk sync a
commit. All writes therefore go through one writer thread that takes whatever is waiting and commits it together: a
caller returns only after the commit that holds its work. Only where some of it fails does all of it run again, each
piece in its own savepoint, so that the others' is kept. Readers have their own connections, see one consistent state
and never wait for the writer (WAL; repeatable read on PostgreSQL). Only a database in memory has a single connection,
which readers and the writer take in turn.

Work is a function of one connection. It must not keep the connection, and must not do anything but SQL: it runs in the
writer's thread, and runs again when another's that was to be committed with it fails.

A broken rule of the tables arrives as SQLAlchemy's `IntegrityError`; a database that cannot be reached, or whose disk
is full or read-only, as `Unavailable`.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event

from wheelyard.core.errors import Bug, Unavailable
from wheelyard.storage.database_errors import in_our_words, unavailable
from wheelyard.storage.waiting import refuse_to_wait

__all__ = ["METADATA", "Connection", "Database", "sqlite_url"]

T = TypeVar("T")
Connection = sa.Connection

METADATA = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's `store.py` puts its tables here; `migrations/` makes them."""

_MOST_IN_ONE_COMMIT: Final = 256
_WRITES: Final = "wheelyard_writes"
_PATIENCE_SECONDS: Final = 30
_PAUSE_SECONDS: Final = 0.01

_CACHE_KB: Final = 512
"""Of each SQLite connection. There are as many as threads that read; behind them is the system's own cache."""


class Database:
    """Reads and durable writes. Safe to share between threads.

    >>> database = Database.open("sqlite://")  # in memory, for tests
    >>> database.write(lambda tx: tx.execute(sa.text("select 1")).scalar_one())
    1
    >>> database.close()
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._turns = _turns(engine)
        self._waiting: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._here = threading.local()
        self._writer = threading.Thread(target=self._write_forever, name="database-writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, url: str) -> Database:
        """Open `sqlite:///path`, `sqlite://` (memory) or `postgresql+psycopg://…`. Nothing is loaded."""
        return cls(_engine(url))

    @property
    def engine(self) -> sa.Engine:
        """For making tables where no migration runs."""
        return self._engine

    @contextmanager
    def change_schema(self) -> Iterator[Connection]:
        """One transaction for migrations, beside the writer's; not for anything else."""
        with unavailable(), self._transaction() as connection:
            yield connection

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection that sees one consistent state. A read inside another uses the same connection."""
        current: Connection | None = getattr(self._here, "connection", None)
        if current is not None:
            return work(current)
        refuse_to_wait()
        if self._closed:
            raise _closed()
        with unavailable(), self._turns, self._engine.connect() as connection, self._as_current(connection):
            return work(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its answer once it is on disk; an exception undoes only this work.

        Raises:
            Bug: called from inside another read or write, which would wait for itself.
            Unavailable: nothing was written.
            WouldWait: the caller must not wait (`waiting.at_once`).
        """
        if getattr(self._here, "connection", None) is not None:
            raise Bug("A write was asked for inside another transaction", reference="nested-write")
        refuse_to_wait()
        item = _Work(work)
        with self._lock:
            if self._closed:
                raise _closed()
            self._waiting.put(item)
        answer: T = item.future.result()
        return answer

    def close(self) -> None:
        """Finish what is waiting, then close every connection. Closing twice is fine."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        if threading.current_thread() is not self._writer:
            self._writer.join()
            self._engine.dispose()

    @contextmanager
    def _as_current(self, connection: Connection) -> Iterator[None]:
        self._here.connection = connection
        try:
            yield
        finally:
            self._here.connection = None

    def _write_forever(self) -> None:
        running = True
        while running:
            batch = [self._waiting.get()]
            while len(batch) < _MOST_IN_ONE_COMMIT and not self._waiting.empty():
                batch.append(self._waiting.get())
            running = None not in batch
            self._commit([item for item in batch if item is not None])

    def _commit(self, batch: list[_Work]) -> None:
        try:
            with unavailable():
                self._run_together(batch)
        except sa.exc.IntegrityError as error:
            self._commit_apart(batch, error)
        except BaseException as error:  # noqa: BLE001 # whatever it is, every caller of this commit must hear of it
            for item in batch:
                item.fail(error)
        else:
            for item in batch:
                item.settle()

    def _commit_apart(self, batch: list[_Work], error: sa.exc.IntegrityError) -> None:
        """A deferred constraint failed at commit: find whose it was, so that the others' work is kept."""
        if len(batch) == 1:
            batch[0].fail(error)
            return
        for item in batch:
            self._commit([item])

    def _run_together(self, batch: list[_Work]) -> None:
        if batch and not self._run_plainly(batch) and len(batch) > 1:
            with self._transaction() as connection, self._as_current(connection):
                for item in batch:
                    item.run(connection)

    def _run_plainly(self, batch: list[_Work]) -> bool:
        """Run and commit without savepoints, which cost as much as a small write; false when nothing was written."""
        try:
            with self._transaction() as connection, self._as_current(connection):
                for item in batch:
                    item.run_plainly(connection)
        except _WorkFailed:
            return False
        return True

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._turns, self._engine.connect() as plain:
            connection = plain.execution_options(**{_WRITES: True})
            with connection.begin():
                yield connection


class _WorkFailed(Exception):
    """Some work of a batch failed: its transaction is to be undone."""


class _Work:
    """One caller's work, its answer or error, and the caller waiting for it."""

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self._work = work
        self._answer: Any = None
        self._errors: list[BaseException] = []
        self.future: Future[Any] = Future()

    def run_plainly(self, connection: Connection) -> None:
        """Raise `_WorkFailed` for whatever the work raises, and when it lost the transaction and hid that.

        The error is kept for the caller.
        """
        self._errors.clear()
        try:
            self._attempt(connection)
        except BaseException:  # noqa: BLE001 # the caller gets it, if this work fails again
            raise _WorkFailed from None
        if _is_lost(connection):
            self._errors.append(_lost())
            raise _WorkFailed

    def run(self, connection: Connection) -> None:
        """Raise only when the whole transaction is lost; otherwise an error is this work's own affair."""
        self._errors.clear()
        try:
            with connection.begin_nested():
                self._attempt(connection)
        except BaseException as error:  # noqa: BLE001 # the caller gets it; the others' work goes on
            self._errors.append(error)
            if _is_lost(connection):
                raise self._errors[0] from None

    def _attempt(self, connection: Connection) -> None:
        """Keep the work's own error first: undoing the savepoint fails too once the transaction is lost."""
        try:
            self._answer = self._work(connection)
        except BaseException as error:
            self._errors.append(error)
            raise

    def settle(self) -> None:
        if self._errors:
            self.fail(self._errors[0])
        else:
            self.future.set_result(self._answer)

    def fail(self, error: BaseException) -> None:
        """Tell the caller; what its own work met goes before what the commit met."""
        self.future.set_exception(in_our_words((self._errors or [error])[0]))


def _is_lost(connection: Connection) -> bool:
    """SQLite ends the whole transaction when the disk is full or fails; PostgreSQL when the connection breaks.

    Source: SQLite documentation, "Response To Errors Within A Transaction".
    """
    if connection.invalidated:
        return True
    return getattr(connection.connection.dbapi_connection, "in_transaction", True) is False


def _lost() -> Unavailable:
    return Unavailable("The transaction was lost", reference="transaction-lost", unchanged="nothing was written")


def _closed() -> Unavailable:
    return Unavailable("The database is closed", reference="storage-closed", unchanged="nothing was written")


def _turns(engine: sa.Engine) -> AbstractContextManager[Any]:
    """A database in memory is one connection; its users take turns."""
    return threading.RLock() if isinstance(engine.pool, sa.pool.StaticPool) else nullcontext()


def _engine(url: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(parsed)
    engine = sa.create_engine(
        parsed, pool_pre_ping=True, pool_size=16, max_overflow=48, connect_args={"connect_timeout": 10}
    )
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    connect_args = {"check_same_thread": False, "timeout": 30}
    if url.database in {None, "", ":memory:"}:
        engine = sa.create_engine(url, connect_args=connect_args, poolclass=sa.pool.StaticPool)
    else:
        _make_private(url)
        engine = sa.create_engine(url, connect_args=connect_args, pool_size=16, max_overflow=48)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(url: sa.URL) -> None:
    """Only its owner reads a new database; SQLite gives its other files the same mode."""
    if url.database and not url.database.startswith("file:"):
        with suppress(OSError):  # SQLite says what is wrong, when it is asked for something
            os.close(os.open(url.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_PATIENCE_SECONDS * 1000}")
    _write_ahead(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"cache_size=-{_CACHE_KB}"):
        connection.execute(f"PRAGMA {pragma}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Two who open a new file may both want to do this; here SQLite refuses one of them, whatever its busy timeout."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """The writer takes the lock at once: a transaction that begins as a reader could be refused when it writes."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if not _writes(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_WRITES, False))


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file.

    >>> sqlite_url(Path("/data/wheelyard.db"))
    'sqlite:////data/wheelyard.db'
    """
    return f"sqlite:///{path}"
