"""Data folder, database and blob store of one workspace know each other by its id.

The keys lie in the folder, the sealed values in the database, the bytes that rows name in the blob store. With a piece
of another workspace nothing could be decrypted, and what this database does not name would be swept away as left
behind. So each piece keeps the id from the first start on, and pieces that do not match are refused.
"""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa

from wheelyard.core.errors import InvalidState, NotFound
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import METADATA, Connection, Database

__all__ = ["bind", "check_database"]

_KEY = "workspace-id"
_IDENTITY = sa.Table("workspace_identity", METADATA, sa.Column("workspace_id", sa.Text, primary_key=True))


def bind(workspace_id: str, database: Database, blobs: Blobs) -> None:
    """Make the pieces of a new workspace know each other, or check that those of an old one do.

    Raises:
        InvalidState: the database or the blob store is another workspace's, or the database is empty and the blob
            store is not. No data is changed.
    """
    known = check_database(workspace_id, database)
    kept = _kept_in(blobs)
    if kept not in {None, workspace_id}:
        raise _belongs_elsewhere("blob store", kept or "", "start with another --blobs, or with a prefix of its own")
    if not known and kept is not None:
        raise InvalidState(
            "The database was not used: it is empty, and the blob store of this workspace is not",
            reference="database-of-another-workspace",
            because="this workspace has been started with another database before",
            unchanged="no data was changed",
            hint="start with the --database that it was made with",
        )
    if not known:
        database.write(lambda tx: tx.execute(sa.insert(_IDENTITY), {"workspace_id": workspace_id}))
    if kept is None:
        blobs.put(_KEY, workspace_id.encode())


def check_database(workspace_id: str, database: Database) -> bool:
    """Whether the database is this workspace's; False when it is nobody's yet.

    Raises:
        InvalidState: it is another one's.
    """
    found = database.read(_stored_id)
    if found not in {None, workspace_id}:
        raise _belongs_elsewhere("database", found or "", "start with the --data-dir that it was made with")
    return found is not None


def _stored_id(tx: Connection) -> str | None:
    return tx.execute(sa.select(_IDENTITY.c.workspace_id)).scalars().first()


def _kept_in(blobs: Blobs) -> str | None:
    with suppress(NotFound):
        return blobs.get(_KEY).decode(errors="replace")
    return None


def _belongs_elsewhere(piece: str, found: str, hint: str) -> InvalidState:
    return InvalidState(
        f"The {piece} was not used: it belongs to the workspace `{found[:40]}`, not to the one in this data folder",
        reference=f"{piece.replace(' ', '-')}-of-another-workspace",
        unchanged="no data was changed",
        hint=hint,
    )
