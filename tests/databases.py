"""Which database the tests' workspaces stand on: SQLite in their folder or, with `--postgresql`, a private server.

The whole suite of services runs on either: `pytest tests/control tests/clients --postgresql`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from tests.conformance.postgres import find_binaries, postgresql_server

from wheelyard.core.redaction import Secret
from wheelyard.storage.database import METADATA, Database, sqlite_url

__all__ = ["database_with_tables", "new_database", "on_postgresql", "served_database"]

_server: list[str] = []
_databases: dict[Path, str] = {}


def database_with_tables(path: Path) -> Database:
    """Open the database that belongs to a file's name: this file, or one of the server's; twice is the same one."""
    served = served_database(path)
    database = Database.open(served.reveal() if served else sqlite_url(path))
    with database.change_schema() as connection:
        METADATA.create_all(connection)
    return database


def served_database(path: Path) -> Secret[str] | None:
    """The server's database of this name; None without `--postgresql`, as `Settings.database_url` has it."""
    if not _server:
        return None
    if path not in _databases:
        _databases[path] = new_database(_server[-1])
    return Secret(_databases[path])


def new_database(server: str) -> str:
    """Make an empty database on a server and return its URL."""
    name = f"d{uuid.uuid4().hex}"
    url = sa.make_url(server)
    with psycopg.connect(
        host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.replace("/postgres?", f"/{name}?")


@contextmanager
def on_postgresql() -> Iterator[None]:
    """Run a server for as long as the block lasts, and put every workspace of the tests on it."""
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    with postgresql_server(binaries) as server:
        _server.append(server)
        try:
            yield
        finally:
            _server.remove(server)
