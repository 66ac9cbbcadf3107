"""What a database says when it cannot work, in our words; everything else passes through untouched."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import sqlalchemy as sa

from wheelyard.core.errors import Unavailable

__all__ = ["in_our_words", "unavailable"]

_SQLITE: Final = (
    ("SQLITE_FULL", "storage-full", "the disk is full", "free some space in the data folder's file system"),
    ("SQLITE_READONLY", "storage-read-only", "it is read-only", "check the owner and the mode of the data folder"),
    ("SQLITE_CANTOPEN", "storage-unavailable", "its file cannot be opened", "check that the data folder is there"),
    ("SQLITE_IOERR", "storage-unavailable", "the disk reports an error", "look at the system's log"),
    ("SQLITE_BUSY", "storage-busy", "another process holds it", "stop the other process"),
    ("SQLITE_LOCKED", "storage-busy", "another process holds it", "stop the other process"),
    ("SQLITE_NOMEM", "storage-unavailable", "there is no memory left", ""),
    ("SQLITE_CORRUPT", "storage-damaged", "its file is damaged", "restore the data folder from a backup"),
    ("SQLITE_NOTADB", "storage-damaged", "its file is no database", "restore the data folder from a backup"),
)
"""Beginning of SQLite's error name, reference, words, hint."""

_POSTGRESQL: Final = (
    ("53100", "storage-full", "its disk is full", "free some space on the database server"),
    ("53", "storage-unavailable", "the server is out of resources", "look at the database server's log"),
    ("57P", "storage-unavailable", "the server is stopping or starting", "look at the database server's log"),
    ("08", "storage-unavailable", "the connection broke", "check that the database server is reachable"),
    ("25006", "storage-read-only", "the server takes no writes", "connect to the primary server"),
    ("28", "storage-unavailable", "it refuses the credentials", "check user and password of the database URL"),
    ("3D000", "storage-unavailable", "the named database does not exist", "create it: createdb NAME"),
)
"""Beginning of the SQLSTATE, reference, words, hint."""


@contextmanager
def unavailable() -> Iterator[None]:
    """Raise `Unavailable` instead of a database error that says the database cannot work now."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        told = in_our_words(error)
        if told is error:
            raise
        raise told from error


def in_our_words(error: BaseException) -> BaseException:
    """`Unavailable` for an error that says the database cannot work now; any other as it is."""
    if isinstance(error, sa.exc.TimeoutError):
        return _because("storage-busy", "every connection is in use", "", error)
    row = _row(error) if isinstance(error, sa.exc.DBAPIError) else None
    return _because(*row, error) if row else error


def _row(error: sa.exc.DBAPIError) -> tuple[str, str, str] | None:
    if isinstance(error.orig, sqlite3.Error):
        return _matching(_SQLITE, getattr(error.orig, "sqlite_errorname", None) or "")
    row = _matching(_POSTGRESQL, getattr(error.orig, "sqlstate", None) or "")
    if row is None and (error.connection_invalidated or _has_no_state(error)):
        return "storage-unavailable", "the server does not answer", "check that the database server is reachable"
    return row


def _matching(rows: tuple[tuple[str, str, str, str], ...], name: str) -> tuple[str, str, str] | None:
    return next((row[1:] for row in rows if name.startswith(row[0])), None)


def _has_no_state(error: sa.exc.DBAPIError) -> bool:
    """An operational error that the server did not send: it could not be reached."""
    return isinstance(error, sa.exc.OperationalError) and not getattr(error.orig, "sqlstate", None)


def _because(reference: str, fact: str, hint: str, error: BaseException) -> Unavailable:
    return Unavailable(
        f"The database cannot be used now: {fact}",
        reference=reference,
        because=fact,
        unchanged="nothing was written",
        hint=hint,
        log=str(getattr(error, "orig", error)),
    )
