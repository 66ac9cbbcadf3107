"""Openers by URL: which scheme leads to which database or blob store. A new backend is a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from obstore.store import MemoryStore, from_url
from sqlalchemy.exc import ArgumentError

from wheelyard.core.errors import InvalidParameter, InvalidState
from wheelyard.core.redaction import SafeUrl
from wheelyard.storage.blobs import Blobs, LocalBlobs, ObjectStoreBlobs
from wheelyard.storage.database import Database

__all__ = ["BLOB_STORES", "DATABASES", "open_blobs", "open_database"]


def _local(url: str) -> Blobs:
    return LocalBlobs(Path(unquote(urlsplit(url).path)))


def _memory(_url: str) -> Blobs:
    return ObjectStoreBlobs(MemoryStore())


def _object_store(url: str) -> Blobs:
    """Credentials come from the environment or the machine's role, as the store's own tools take them."""
    return ObjectStoreBlobs(from_url(url))


BLOB_STORES: Final[Mapping[str, Callable[[str], Blobs]]] = {
    "file": _local,
    "memory": _memory,
    "s3": _object_store,
    "az": _object_store,
    "abfss": _object_store,
    "gs": _object_store,
}

DATABASES: Final[Mapping[str, Callable[[str], Database]]] = {
    "sqlite": Database.open,
    "postgresql": lambda url: Database.open(url.replace("postgresql://", "postgresql+psycopg://", 1)),
    "postgresql+psycopg": Database.open,
}


def open_blobs(url: str) -> Blobs:
    """Open `file:///folder`, `memory://`, `s3://bucket/prefix`, `az://…`, `abfss://…` or `gs://…`.

    Raises:
        InvalidParameter: the scheme is none of these, or the store's settings are incomplete.
    """
    opener = BLOB_STORES.get(urlsplit(url).scheme)
    if opener is None:
        raise _unknown("blob store", url, BLOB_STORES)
    try:
        return opener(url)
    except ValueError as error:
        raise InvalidParameter(
            f"The blob store `{SafeUrl(url)}` cannot be opened", reference="invalid-storage-url", log=str(error)
        ) from error


def open_database(url: str) -> Database:
    """Open `sqlite:///path`, `sqlite://` (memory) or `postgresql://…`. No table is made: see `migrations.migrate`.

    Raises:
        InvalidParameter: the scheme is none of these, or the URL cannot be read.
        InvalidState: the driver is not installed.
    """
    opener = DATABASES.get(url.partition("://")[0])
    if opener is None:
        raise _unknown("database", url, DATABASES)
    try:
        return opener(url)
    except ImportError as error:
        raise InvalidState(
            "The database cannot be opened: the driver for PostgreSQL is not installed",
            reference="database-driver-missing",
            hint="pip install 'wheelyard[postgres]'",
            log=str(error),
        ) from error
    except (ArgumentError, ValueError):
        raise InvalidParameter(
            f"The database `{url.partition('://')[0]}://…` cannot be opened: its URL cannot be read",
            reference="invalid-storage-url",
            hint="postgresql://USER:PASSWORD@HOST/DATABASE, with special characters of the password percent-encoded",
        ) from None  # what the parser says may hold a piece of the password


def _shown(url: str) -> str:
    """Without user-info, and without a query, where libpq takes a password too; other text may be `password=…`."""
    return str(SafeUrl(url.partition("?")[0])) if "://" in url else "…"


def _unknown(noun: str, url: str, known: Mapping[str, object]) -> InvalidParameter:
    return InvalidParameter(
        f"The {noun} `{_shown(url)}` cannot be opened: its URL begins with none of {', '.join(sorted(known))}",
        reference="unknown-storage-scheme",
    )
