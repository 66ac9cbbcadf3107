"""Tables of securables and of who holds which level on them; every function is given one open transaction.

A principal holds at most one direct level on a securable. A securable is known from its creation on, also while nobody
holds a direct level.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "entries",
    "forget_principal",
    "forget_securable",
    "held_by",
    "is_known",
    "remember_securable",
    "rename_principal",
    "replace_entries",
]

_SECURABLES = sa.Table(
    "securable",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True),
)

_ENTRIES = sa.Table(
    "object_permission",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("object_id", sa.Text, primary_key=True),
    sa.Column("principal", sa.Text, primary_key=True, index=True),
    sa.Column("level", sa.Text, nullable=False),
    sa.ForeignKeyConstraint(["kind", "object_id"], ["securable.kind", "securable.object_id"], ondelete="CASCADE"),
)


def remember_securable(tx: Connection, kind: str, object_id: str) -> None:
    """Make a securable known; doing it again changes nothing."""
    if not is_known(tx, kind, object_id):
        tx.execute(_SECURABLES.insert().values(kind=kind, object_id=object_id))


def forget_securable(tx: Connection, kind: str, object_id: str) -> None:
    """Remove a securable with its entries."""
    tx.execute(_SECURABLES.delete().where(_SECURABLES.c.kind == kind, _SECURABLES.c.object_id == object_id))


def is_known(tx: Connection, kind: str, object_id: str) -> bool:
    """Whether the securable was created and not forgotten."""
    here = sa.select(_SECURABLES.c.kind).where(_SECURABLES.c.kind == kind, _SECURABLES.c.object_id == object_id)
    return tx.execute(here).first() is not None


def entries(tx: Connection, kind: str, object_id: str) -> dict[str, str]:
    """Principal to level, by name."""
    here = (_ENTRIES.c.kind == kind) & (_ENTRIES.c.object_id == object_id)
    rows = tx.execute(sa.select(_ENTRIES.c.principal, _ENTRIES.c.level).where(here).order_by(_ENTRIES.c.principal))
    return {principal: level for principal, level in rows}  # noqa: C416 # rows are no pairs to the type checker


def held_by(tx: Connection, principals: Iterable[str], kinds: Iterable[str]) -> list[tuple[str, str, str]]:
    """Every (kind, object id, level) that one of some principals holds directly."""
    here = _ENTRIES.c.principal.in_(list(principals)) & _ENTRIES.c.kind.in_(list(kinds))
    rows = tx.execute(sa.select(_ENTRIES.c.kind, _ENTRIES.c.object_id, _ENTRIES.c.level).where(here))
    return [(kind, object_id, level) for kind, object_id, level in rows]


def replace_entries(tx: Connection, kind: str, object_id: str, wanted: Mapping[str, str]) -> None:
    """Make these the direct entries."""
    tx.execute(_ENTRIES.delete().where(_ENTRIES.c.kind == kind, _ENTRIES.c.object_id == object_id))
    rows = [
        {"kind": kind, "object_id": object_id, "principal": principal, "level": level}
        for principal, level in wanted.items()
    ]
    if rows:
        tx.execute(_ENTRIES.insert(), rows)


def forget_principal(tx: Connection, principal: str) -> None:
    """Remove every entry of a principal, so that a later one of the same name does not inherit it."""
    tx.execute(_ENTRIES.delete().where(_ENTRIES.c.principal == principal))


def rename_principal(tx: Connection, before: str, after: str) -> None:
    """Follow a group to its new name."""
    tx.execute(_ENTRIES.update().where(_ENTRIES.c.principal == before).values(principal=after))
