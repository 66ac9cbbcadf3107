"""Tables of principals, their entitlements and group memberships; every function is given one open transaction.

A principal's `name` is what ACLs hold: userName, applicationId or the group's displayName. Names are unique over all
three kinds, whatever their case, so that an ACL entry never means two principals. Membership of `users` is implicit
and not stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "PrincipalRow",
    "add_member",
    "delete_principal",
    "entitlements_of",
    "find_by_name",
    "find_principal",
    "insert_principal",
    "memberships",
    "principals",
    "replace_entitlements",
    "replace_members",
    "update_principal",
]

_PRINCIPALS = sa.Table(
    "principal",
    METADATA,
    sa.Column("principal_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("folded", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("external_id", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

_ENTITLEMENTS = sa.Table(
    "principal_entitlement",
    METADATA,
    sa.Column("principal_id", sa.ForeignKey("principal.principal_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("value", sa.Text, primary_key=True),
)

_MEMBERS = sa.Table(
    "group_member",
    METADATA,
    sa.Column("group_id", sa.ForeignKey("principal.principal_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("member_id", sa.ForeignKey("principal.principal_id", ondelete="CASCADE"), primary_key=True, index=True),
)


@dataclass(frozen=True, slots=True)
class PrincipalRow:
    """One principal. `details` is JSON of what is only shown back: name, e-mail addresses, roles."""

    principal_id: str
    kind: str
    name: str
    display_name: str
    active: bool
    external_id: str
    details: str
    created_at: int


_ROW = [_PRINCIPALS.c[name] for name in PrincipalRow.__dataclass_fields__]


def insert_principal(tx: Connection, row: PrincipalRow) -> None:
    """Add one; the database refuses a name that is taken."""
    tx.execute(_PRINCIPALS.insert().values(folded=row.name.casefold(), **_values(row)))


def update_principal(tx: Connection, row: PrincipalRow) -> None:
    """Write all columns of one."""
    changed = _PRINCIPALS.update().where(_PRINCIPALS.c.principal_id == row.principal_id)
    tx.execute(changed.values(folded=row.name.casefold(), **_values(row)))


def delete_principal(tx: Connection, principal_id: str) -> None:
    """Remove one principal with its memberships, members and entitlements."""
    tx.execute(_PRINCIPALS.delete().where(_PRINCIPALS.c.principal_id == principal_id))


def find_principal(tx: Connection, principal_id: str) -> PrincipalRow | None:
    """Find one by its id."""
    return _one(tx, _PRINCIPALS.c.principal_id == principal_id)


def find_by_name(tx: Connection, name: str) -> PrincipalRow | None:
    """Find one by its name, whatever the case."""
    return _one(tx, _PRINCIPALS.c.folded == name.casefold())


def principals(tx: Connection, kinds: Iterable[str]) -> list[PrincipalRow]:
    """All principals of some kinds, oldest first."""
    chosen = sa.select(*_ROW).where(_PRINCIPALS.c.kind.in_(list(kinds)))
    rows = tx.execute(chosen.order_by(_PRINCIPALS.c.created_at, _PRINCIPALS.c.principal_id))
    return [PrincipalRow(*row) for row in rows]


def memberships(tx: Connection) -> list[tuple[str, str]]:
    """Every stored (group id, member id)."""
    rows = tx.execute(sa.select(_MEMBERS.c.group_id, _MEMBERS.c.member_id))
    return [(group_id, member_id) for group_id, member_id in rows]


def add_member(tx: Connection, group_id: str, member_id: str) -> None:
    """Add one member; adding it again changes nothing."""
    here = (_MEMBERS.c.group_id == group_id) & (_MEMBERS.c.member_id == member_id)
    if tx.execute(sa.select(_MEMBERS.c.group_id).where(here)).first() is None:
        tx.execute(_MEMBERS.insert().values(group_id=group_id, member_id=member_id))


def replace_members(tx: Connection, group_id: str, member_ids: Iterable[str]) -> None:
    """Make these the members; what is named twice counts once."""
    tx.execute(_MEMBERS.delete().where(_MEMBERS.c.group_id == group_id))
    rows = [{"group_id": group_id, "member_id": member_id} for member_id in dict.fromkeys(member_ids)]
    if rows:
        tx.execute(_MEMBERS.insert(), rows)


def entitlements_of(tx: Connection, principal_ids: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """Directly assigned entitlements by principal; `None` asks for everybody's."""
    chosen = sa.select(_ENTITLEMENTS.c.principal_id, _ENTITLEMENTS.c.value).order_by(_ENTITLEMENTS.c.value)
    if principal_ids is not None:
        chosen = chosen.where(_ENTITLEMENTS.c.principal_id.in_(list(principal_ids)))
    found: dict[str, tuple[str, ...]] = {}
    for principal_id, value in tx.execute(chosen):
        found[principal_id] = (*found.get(principal_id, ()), value)
    return found


def replace_entitlements(tx: Connection, principal_id: str, values: Iterable[str]) -> None:
    """Make these the directly assigned entitlements."""
    tx.execute(_ENTITLEMENTS.delete().where(_ENTITLEMENTS.c.principal_id == principal_id))
    rows = [{"principal_id": principal_id, "value": value} for value in dict.fromkeys(values)]
    if rows:
        tx.execute(_ENTITLEMENTS.insert(), rows)


def _one(tx: Connection, where: sa.ColumnElement[bool]) -> PrincipalRow | None:
    row = tx.execute(sa.select(*_ROW).where(where)).first()
    return None if row is None else PrincipalRow(*row)


def _values(row: PrincipalRow) -> Mapping[str, Any]:
    return {name: getattr(row, name) for name in PrincipalRow.__dataclass_fields__}
