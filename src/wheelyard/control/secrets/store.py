"""Tables of scopes, ACL entries, sealed values and the audit trail; every function is given one open transaction.

A scope and a key are found by their folded (lower-case) name and keep the spelling they were made with. Values are
bytes that only the barrier can open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from wheelyard.core.names import ScopeName, SecretKey
from wheelyard.storage.database import METADATA, Connection
from wheelyard.storage.many_rows import ManyRows

__all__ = [
    "AclEntry",
    "AuditEntry",
    "ScopeRow",
    "SecretRow",
    "acl_entries",
    "audit_entries",
    "audited_writes",
    "count_scopes",
    "count_secrets",
    "delete_acl",
    "delete_scope",
    "delete_secret",
    "find_scope",
    "find_secret",
    "forget_principal",
    "insert_audit",
    "insert_scope",
    "last_audited",
    "put_acl",
    "put_secret",
    "rename_principal",
    "replace_sealed",
    "scopes",
    "secrets_after",
    "secrets_of",
]

_SCOPES = sa.Table(
    "secret_scope",
    METADATA,
    sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("folded", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("backend_type", sa.Text, nullable=False),
    sa.Column("vault_resource_id", sa.Text, nullable=False),
    sa.Column("vault_dns_name", sa.Text, nullable=False),
    sa.Column("vault_tenant_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)

_ACL = sa.Table(
    "secret_acl",
    METADATA,
    sa.Column("scope_id", sa.ForeignKey("secret_scope.scope_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("permission", sa.Text, nullable=False),
)

_SECRETS = sa.Table(
    "secret",
    METADATA,
    sa.Column("scope_id", sa.ForeignKey("secret_scope.scope_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("folded", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("updated_by", sa.Text, nullable=False),
)

_AUDIT = sa.Table(
    "secret_audit",
    METADATA,
    sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("value_hash", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One scope; `scope_id` is 0 before it is stored."""

    name: str
    backend_type: str
    vault_resource_id: str
    vault_dns_name: str
    vault_tenant_id: str
    created_at: int
    created_by: str
    scope_id: int = 0


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One principal's permission; `principal` is the spelling that callers carry."""

    principal: str
    permission: str


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One sealed value with the spelling of the key it was made with."""

    scope_id: int
    key: str
    sealed: bytes
    updated_at: int
    updated_by: str


class AuditEntry(msgspec.Struct, frozen=True):
    """Who did what to which secret. `value_hash` is keyed, so equal values show and no value does."""

    at: int
    principal: str
    action: str
    scope: str
    key: str
    value_hash: str
    session_id: str
    request_id: str


_SCOPE_COLUMNS = tuple(_SCOPES.c[name] for name in ScopeRow.__dataclass_fields__)
_SECRET_COLUMNS = tuple(_SECRETS.c[name] for name in SecretRow.__dataclass_fields__)
_AUDIT_COLUMNS = tuple(_AUDIT.c[name] for name in AuditEntry.__struct_fields__)

# What every read and write of a secret asks, built once: building a statement costs more than running it.
_FIND_SCOPE = sa.select(*_SCOPE_COLUMNS).where(_SCOPES.c.folded == sa.bindparam("folded"))
_ENTRIES = (
    sa.select(_ACL.c.principal, _ACL.c.permission)
    .where(_ACL.c.scope_id == sa.bindparam("scope_id"))
    .order_by(_ACL.c.principal)
)
_FIND_SECRET = sa.select(*_SECRET_COLUMNS).where(
    _SECRETS.c.scope_id == sa.bindparam("scope_id"), _SECRETS.c.folded == sa.bindparam("folded")
)
_UPDATE_SECRET = (
    sa.update(_SECRETS)
    .where(_SECRETS.c.scope_id == sa.bindparam("in_scope"), _SECRETS.c.folded == sa.bindparam("of_key"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("key", "sealed", "updated_at", "updated_by")})
)
_INSERT_SECRET = sa.insert(_SECRETS)
_INSERT_AUDIT = ManyRows(_AUDIT, AuditEntry.__struct_fields__)


def insert_scope(tx: Connection, name: ScopeName, row: ScopeRow) -> int | None:
    """Add a scope and return its id; `None` when the name is taken, in whatever case."""
    if find_scope(tx, name) is not None:
        return None
    values = {field: getattr(row, field) for field in ScopeRow.__dataclass_fields__ if field != "scope_id"}
    answer = tx.execute(sa.insert(_SCOPES).values(folded=name.folded, **values))
    return int(answer.inserted_primary_key[0])  # type: ignore[index] # an insert of one row always has one


def find_scope(tx: Connection, name: ScopeName) -> ScopeRow | None:
    """The scope of this name in whatever case."""
    row = tx.execute(_FIND_SCOPE, {"folded": name.folded}).first()
    return None if row is None else ScopeRow(*row)


def scopes(tx: Connection) -> list[ScopeRow]:
    """Every scope, by folded name."""
    return [ScopeRow(*row) for row in tx.execute(sa.select(*_SCOPE_COLUMNS).order_by(_SCOPES.c.folded))]


def count_scopes(tx: Connection) -> int:
    """How many scopes the workspace has."""
    return tx.execute(sa.select(sa.func.count()).select_from(_SCOPES)).scalar_one()


def delete_scope(tx: Connection, scope_id: int) -> None:
    """Remove a scope with its secrets and ACL entries."""
    for table in (_SECRETS, _ACL, _SCOPES):
        tx.execute(sa.delete(table).where(table.c.scope_id == scope_id))


def acl_entries(tx: Connection, scope_id: int) -> list[AclEntry]:
    """A scope's entries, by principal."""
    return [AclEntry(*row) for row in tx.execute(_ENTRIES, {"scope_id": scope_id})]


def put_acl(tx: Connection, scope_id: int, entry: AclEntry) -> None:
    """Store one entry in place of the principal's earlier one."""
    delete_acl(tx, scope_id, entry.principal)
    tx.execute(sa.insert(_ACL).values(scope_id=scope_id, principal=entry.principal, permission=entry.permission))


def delete_acl(tx: Connection, scope_id: int, principal: str) -> bool:
    """Remove one entry; false when there was none."""
    answer = tx.execute(sa.delete(_ACL).where(_ACL.c.scope_id == scope_id, _ACL.c.principal == principal))
    return answer.rowcount > 0


def forget_principal(tx: Connection, principal: str) -> None:
    """Remove a principal's entries everywhere, so that whoever gets the name next starts with nothing."""
    tx.execute(sa.delete(_ACL).where(_ACL.c.principal == principal))


def rename_principal(tx: Connection, old: str, new: str) -> None:
    """Let a principal's entries follow its new name."""
    forget_principal(tx, new)
    tx.execute(sa.update(_ACL).where(_ACL.c.principal == old).values(principal=new))


def find_secret(tx: Connection, scope_id: int, key: SecretKey) -> SecretRow | None:
    """The secret of this key in whatever case."""
    row = tx.execute(_FIND_SECRET, {"scope_id": scope_id, "folded": key.folded}).first()
    return None if row is None else SecretRow(*row)


def secrets_of(tx: Connection, scope_id: int) -> list[SecretRow]:
    """A scope's secrets, by folded key."""
    rows = tx.execute(sa.select(*_SECRET_COLUMNS).where(_SECRETS.c.scope_id == scope_id).order_by(_SECRETS.c.folded))
    return [SecretRow(*row) for row in rows]


def count_secrets(tx: Connection, scope_id: int) -> int:
    """How many secrets the scope holds."""
    return tx.execute(
        sa.select(sa.func.count()).select_from(_SECRETS).where(_SECRETS.c.scope_id == scope_id)
    ).scalar_one()


def put_secret(tx: Connection, key: SecretKey, row: SecretRow) -> None:
    """Store one value in place of the one under the same folded key."""
    values = {field: getattr(row, field) for field in SecretRow.__dataclass_fields__}
    new = {f"new_{field}": value for field, value in values.items() if field != "scope_id"}
    updated = tx.execute(_UPDATE_SECRET, {"in_scope": row.scope_id, "of_key": key.folded, **new})
    if updated.rowcount == 0:
        tx.execute(_INSERT_SECRET, {"folded": key.folded, **values})


def delete_secret(tx: Connection, scope_id: int, key: SecretKey) -> bool:
    """Remove one secret; false when there was none."""
    answer = tx.execute(sa.delete(_SECRETS).where(_SECRETS.c.scope_id == scope_id, _SECRETS.c.folded == key.folded))
    return answer.rowcount > 0


def secrets_after(tx: Connection, after: tuple[int, str], limit: int) -> Sequence[tuple[ScopeRow, SecretRow]]:
    """The next `limit` secrets of the whole workspace, in the order of (scope id, folded key), each with its scope."""
    scope_id, folded = after
    later = sa.or_(_SECRETS.c.scope_id > scope_id, sa.and_(_SECRETS.c.scope_id == scope_id, _SECRETS.c.folded > folded))
    rows = tx.execute(
        sa.select(*_SCOPE_COLUMNS, *_SECRET_COLUMNS)
        .join_from(_SECRETS, _SCOPES)
        .where(later)
        .order_by(_SECRETS.c.scope_id, _SECRETS.c.folded)
        .limit(limit)
    )
    split = len(_SCOPE_COLUMNS)
    return [(ScopeRow(*row[:split]), SecretRow(*row[split:])) for row in rows]


def replace_sealed(tx: Connection, row: SecretRow, sealed: bytes) -> bool:
    """Put `sealed` in place of the bytes that `row` was read with; false when somebody has written in between."""
    answer = tx.execute(
        sa.update(_SECRETS)
        .where(
            _SECRETS.c.scope_id == row.scope_id,
            _SECRETS.c.folded == SecretKey(row.key).folded,
            _SECRETS.c.sealed == row.sealed,
        )
        .values(sealed=sealed)
    )
    return answer.rowcount > 0


def insert_audit(tx: Connection, entries: Iterable[AuditEntry]) -> None:
    """Append to the audit trail."""
    _INSERT_AUDIT.insert(tx, list(entries))


def audit_entries(tx: Connection, scope: ScopeName, limit: int) -> list[AuditEntry]:
    """The newest entries of one scope, newest first."""
    rows = tx.execute(
        sa.select(*_AUDIT_COLUMNS)
        .where(sa.func.lower(_AUDIT.c.scope) == scope.folded)
        .order_by(_AUDIT.c.entry_id.desc())
        .limit(limit)
    )
    return [AuditEntry(*row) for row in rows]


def audited_writes(tx: Connection, scope: ScopeName, limit: int) -> list[AuditEntry]:
    """The newest entries of one scope that are no reads, newest first.

    No index serves this: it goes back through the trail until it has enough, 100 ms for a million entries.
    """
    rows = tx.execute(
        sa.select(*_AUDIT_COLUMNS)
        .where(_AUDIT.c.action != "get", sa.func.lower(_AUDIT.c.scope) == scope.folded)
        .order_by(_AUDIT.c.entry_id.desc())
        .limit(limit)
    )
    return [AuditEntry(*row) for row in rows]


def last_audited(tx: Connection, scope: ScopeName, what: Iterable[tuple[str, SecretKey | None]]) -> AuditEntry | None:
    """The newest entry of one scope that is one of these actions, on this key where one is given."""
    any_of = [
        sa.and_(_AUDIT.c.action == action, sa.func.lower(_AUDIT.c.key) == ("" if key is None else key.folded))
        for action, key in what
    ]
    row = tx.execute(
        sa.select(*_AUDIT_COLUMNS)
        .where(sa.func.lower(_AUDIT.c.scope) == scope.folded, sa.or_(*any_of))
        .order_by(_AUDIT.c.entry_id.desc())
        .limit(1)
    ).first()
    return None if row is None else AuditEntry(*row)
