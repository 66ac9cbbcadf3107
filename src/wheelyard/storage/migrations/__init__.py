"""Bring a database to the schema this program needs.

Revisions lie in `versions/`, one file a change, written by `scripts/make_migration.py`. They run in one transaction: a
migration that fails leaves the schema as it was. A database that a newer program has migrated is refused, because its
revisions are unknown here. Alembic runs them; it is loaded only when there is one to run, because that takes a tenth of
a start and of the server's memory.
"""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa

from wheelyard.storage.database import Connection, Database

__all__ = ["has_schema", "migrate"]

_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_FOLLOWED = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)
_VERSIONS = "alembic_version"


def migrate(database: Database) -> None:
    """Run every revision the database has not seen. Two processes may do so at once: the second finds nothing to do.

    Raises:
        InvalidState: the database belongs to a newer version of the program; nothing was changed.
        Unavailable: the database cannot be written.
    """
    if database.read(_revisions_of) != _newest():
        from wheelyard.storage.migrations.alembic_runs import upgrade  # noqa: PLC0415  # see the module's opening

        upgrade(database)


def has_schema(database: Database) -> bool:
    """Whether some version of the program has made its tables there. Nothing is written."""
    return bool(database.read(_revisions_of))


def _revisions_of(tx: Connection) -> set[str]:
    """Where the database stands; nothing when no revision ever ran."""
    if not sa.inspect(tx).has_table(_VERSIONS):
        return set()
    versions = sa.table(_VERSIONS, sa.column("version_num", sa.String))
    return set(tx.scalars(sa.select(versions.c.version_num)))


def _newest() -> set[str]:
    """The revision that no other one follows."""
    texts = [path.read_text("utf-8") for path in (Path(__file__).parent / "versions").glob("*.py")]
    return {one for text in texts for one in _REVISION.findall(text)} - {
        one for text in texts for one in _FOLLOWED.findall(text)
    }
