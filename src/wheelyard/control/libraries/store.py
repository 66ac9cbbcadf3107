"""The table of wanted libraries; every function is given one open transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from wheelyard.control.libraries.states import Status
from wheelyard.storage.database import METADATA, Connection

__all__ = ["LibraryRow", "delete_all", "insert", "of_all_clusters", "of_cluster", "remove", "update"]

_LIBRARIES = sa.Table(
    "cluster_library",
    METADATA,
    sa.Column("library_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("cluster_id", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("library", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("asked_by", sa.Text, nullable=False),
    sa.UniqueConstraint("cluster_id", "key"),
)


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """One library wanted on one cluster. `asked_by` is the principal id whose workspace files it is read with."""

    cluster_id: str
    key: str
    library: Mapping[str, Any]
    status: Status
    asked_by: str
    message: str = ""
    library_id: int = 0


_NAMES = tuple(field.name for field in fields(LibraryRow))
_COLUMNS = tuple(_LIBRARIES.c[name] for name in _NAMES)


def insert(tx: Connection, row: LibraryRow) -> None:
    """Store a newly wanted library."""
    values = _encoded(row)
    del values["library_id"]
    tx.execute(sa.insert(_LIBRARIES).values(**values))


def update(tx: Connection, row: LibraryRow) -> None:
    """Store a library in place of the one with its id."""
    tx.execute(sa.update(_LIBRARIES).where(_LIBRARIES.c.library_id == row.library_id).values(**_encoded(row)))


def remove(tx: Connection, row: LibraryRow) -> None:
    """Take a library off its list."""
    tx.execute(sa.delete(_LIBRARIES).where(_LIBRARIES.c.library_id == row.library_id))


def delete_all(tx: Connection, cluster_id: str) -> None:
    """Forget every library of a cluster."""
    tx.execute(sa.delete(_LIBRARIES).where(_LIBRARIES.c.cluster_id == cluster_id))


def of_cluster(tx: Connection, cluster_id: str) -> list[LibraryRow]:
    """In the order they were asked for."""
    query = sa.select(*_COLUMNS).where(_LIBRARIES.c.cluster_id == cluster_id).order_by(_LIBRARIES.c.library_id)
    return [_decoded(row) for row in tx.execute(query)]


def of_all_clusters(tx: Connection) -> list[LibraryRow]:
    """Grouped by cluster, in the order they were asked for."""
    query = sa.select(*_COLUMNS).order_by(_LIBRARIES.c.cluster_id, _LIBRARIES.c.library_id)
    return [_decoded(row) for row in tx.execute(query)]


def _encoded(row: LibraryRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _NAMES}
    return {**values, "library": json.dumps(dict(row.library)), "status": row.status.value}


def _decoded(row: sa.Row[Any]) -> LibraryRow:
    values = dict(zip(_NAMES, row, strict=True))
    return LibraryRow(**{**values, "library": json.loads(values["library"]), "status": Status(values["status"])})
