"""Alembic, run without any configuration file: how revisions are made, compared and gone through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from wheelyard.core.errors import InvalidState
from wheelyard.storage.database import METADATA, Connection, Database

__all__ = ["COMPARING", "differences", "settings", "upgrade"]

COMPARING: dict[str, Any] = {
    "compare_type": True,
    "compare_server_default": True,
    "render_as_batch": True,
    "transactional_ddl": True,
}
"""How Alembic looks at our databases; SQLite changes its schema in transactions as PostgreSQL does."""

_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(7743658)")


def upgrade(database: Database) -> None:
    """Run every revision the database has not seen; see `migrate`."""
    with database.change_schema() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_ONE_AT_A_TIME)
        config = settings(connection)
        _refuse_a_newer_schema(connection, ScriptDirectory.from_config(config))
        command.upgrade(config, "head")


def differences(database: Database) -> list[Any]:
    """What `METADATA` holds and the database does not, or the other way round; empty when they agree.

    Only the tables of rooms that have been imported are in `METADATA`: import `wheelyard.embedded` first.
    """
    with database.change_schema() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=dict(COMPARING)), METADATA))


def settings(connection: Connection) -> Config:
    """Alembic's configuration; `env.py` takes the connection from it."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _refuse_a_newer_schema(connection: Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise InvalidState(
                f"The database was not opened: this version does not know its schema `{revision}`",
                reference="database-of-newer-version",
                because="a newer version of the program has used this data folder",
                unchanged="nothing was changed",
                hint="use the newer version: pip install --upgrade wheelyard",
            )
