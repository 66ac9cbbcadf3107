"""The table of workspace objects: a tree by `parent_id`, looked up by path. Every function is given one transaction.

Small contents stand in the row, so that they are durable with it; larger ones are a blob that the row names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "Content",
    "ObjectRow",
    "blob_keys",
    "children",
    "content_of",
    "delete",
    "every",
    "find",
    "find_all",
    "find_by_id",
    "insert",
    "tree",
    "update",
]

_OBJECTS = sa.Table(
    "workspace_object",
    METADATA,
    sa.Column("object_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("parent_id", sa.BigInteger, index=True),
    sa.Column("path", sa.Text, nullable=False, unique=True),
    sa.Column("object_type", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("form", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("modified_at", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
    sa.Column("blob_key", sa.Text, nullable=False),
    # An id is never given twice: permissions are kept by it.
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One object without its content.

    `form` is `SOURCE` or `JUPYTER` for a notebook, empty for others; `object_id` is 0 before it is stored.
    """

    path: str
    object_type: str
    created_at: int
    modified_at: int
    created_by: str
    parent_id: int | None = None
    language: str = ""
    form: str = ""
    size_bytes: int = 0
    blob_key: str = ""
    object_id: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes in the row, or the key of the blob that holds them."""

    inline: bytes | None
    blob_key: str


_FIELDS = tuple(ObjectRow.__dataclass_fields__)
_COLUMNS = tuple(_OBJECTS.c[name] for name in _FIELDS)


def find(tx: Connection, path: str) -> ObjectRow | None:
    """The object at exactly this path."""
    row = tx.execute(sa.select(*_COLUMNS).where(_OBJECTS.c.path == path)).first()
    return None if row is None else ObjectRow(*row)


def find_by_id(tx: Connection, object_id: int) -> ObjectRow | None:
    """The object of an id."""
    row = tx.execute(sa.select(*_COLUMNS).where(_OBJECTS.c.object_id == object_id)).first()
    return None if row is None else ObjectRow(*row)


def find_all(tx: Connection, paths: Iterable[str]) -> dict[str, ObjectRow]:
    """Those of the paths that exist."""
    rows = tx.execute(sa.select(*_COLUMNS).where(_OBJECTS.c.path.in_(list(paths))))
    return {row.path: ObjectRow(*row) for row in rows}


def children(tx: Connection, object_id: int) -> list[ObjectRow]:
    """What lies directly in a directory, by path."""
    rows = tx.execute(sa.select(*_COLUMNS).where(_OBJECTS.c.parent_id == object_id).order_by(_OBJECTS.c.path))
    return [ObjectRow(*row) for row in rows]


def every(tx: Connection) -> list[ObjectRow]:
    """All objects, parents before children."""
    rows = tx.execute(sa.select(*_COLUMNS).order_by(sa.func.length(_OBJECTS.c.path), _OBJECTS.c.path))
    return [ObjectRow(*row) for row in rows]


def tree(tx: Connection, object_id: int) -> list[ObjectRow]:
    """An object and everything below it."""
    below = sa.select(_OBJECTS.c.object_id).where(_OBJECTS.c.object_id == object_id).cte("below", recursive=True)
    below = below.union_all(
        sa.select(_OBJECTS.c.object_id).join_from(_OBJECTS, below, _OBJECTS.c.parent_id == below.c.object_id)
    )
    rows = tx.execute(sa.select(*_COLUMNS).where(_OBJECTS.c.object_id.in_(sa.select(below.c.object_id))))
    return [ObjectRow(*row) for row in rows]


def insert(tx: Connection, row: ObjectRow, inline: bytes | None = None) -> int:
    """Add an object and return its id."""
    values = {name: getattr(row, name) for name in _FIELDS if name != "object_id"}
    answer = tx.execute(sa.insert(_OBJECTS).values(content=inline, **values))
    return int(answer.inserted_primary_key[0])  # type: ignore[index] # an insert of one row always has one


def update(tx: Connection, row: ObjectRow, inline: bytes | None) -> None:
    """Replace an object's content and what depends on it; path, id and creation stay."""
    tx.execute(
        sa.update(_OBJECTS)
        .where(_OBJECTS.c.object_id == row.object_id)
        .values(
            content=inline,
            language=row.language,
            form=row.form,
            size_bytes=row.size_bytes,
            modified_at=row.modified_at,
            blob_key=row.blob_key,
        )
    )


def content_of(tx: Connection, object_id: int) -> Content | None:
    """Where an object's bytes are; `None` when it is gone."""
    row = tx.execute(
        sa.select(_OBJECTS.c.content, _OBJECTS.c.blob_key).where(_OBJECTS.c.object_id == object_id)
    ).first()
    return None if row is None else Content(*row)


def delete(tx: Connection, object_ids: Iterable[int]) -> None:
    """Remove objects in pieces that any database takes as parameters."""
    ids = list(object_ids)
    for start in range(0, len(ids), 500):
        tx.execute(sa.delete(_OBJECTS).where(_OBJECTS.c.object_id.in_(ids[start : start + 500])))


def blob_keys(tx: Connection) -> set[str]:
    """Every blob that some row names."""
    return set(tx.execute(sa.select(_OBJECTS.c.blob_key).where(_OBJECTS.c.blob_key != "")).scalars())
