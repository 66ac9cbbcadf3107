"""One change of the reserved scope, inside one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import store
from wheelyard.control.secrets.access import permitted_scope, refuse_vault
from wheelyard.control.secrets.audit import AuditTrail
from wheelyard.control.secrets.sealing import Sealing
from wheelyard.control.secrets.writes import add_scope, put_value
from wheelyard.core.errors import PermissionDenied
from wheelyard.core.names import RESERVED_SCOPE, SecretKey
from wheelyard.core.package_sources import KEYS
from wheelyard.core.stored_default import missing_acl
from wheelyard.storage.database import Connection

__all__ = ["Change", "Seen", "Stale", "Tools", "refuse_unless_changeable", "revision_of", "see"]

_ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one transaction sees of the reserved scope."""

    scope: store.ScopeRow | None
    rows: tuple[store.SecretRow, ...] = ()
    acl: tuple[store.AclEntry, ...] = ()

    @property
    def known(self) -> dict[str, store.SecretRow]:
        """The rows of the three keys, in their order."""
        by_key = {SecretKey(row.key).folded: row for row in self.rows}
        return {key: by_key[key] for key in KEYS if key in by_key}


@dataclass(frozen=True, slots=True)
class Stale:
    """A change that was not made: the values of these keys are others by now."""

    seen: Seen
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tools:
    """What a change needs beside its transaction.

    Args:
        now: milliseconds since the epoch.
        most_scopes: how many scopes a workspace may have.
    """

    sealing: Sealing
    audit: AuditTrail
    now: Callable[[], int]
    most_scopes: int


def see(tx: Connection) -> Seen:
    """The scope with everything in it, values sealed."""
    scope = store.find_scope(tx, RESERVED_SCOPE)
    if scope is None:
        return Seen(None)
    return Seen(scope, tuple(store.secrets_of(tx, scope.scope_id)), tuple(store.acl_entries(tx, scope.scope_id)))


def revision_of(sealing: Sealing, held: Mapping[str, bytes]) -> str:
    """A keyed hash for each of the three keys: equal for equal values, and two of them tell which values differ."""
    return ".".join(sealing.place_hash(held[key], RESERVED_SCOPE, key) if key in held else _ABSENT for key in KEYS)


def refuse_unless_changeable(tx: Connection, caller: Caller) -> None:
    """Refuse a caller who may not change the scope, and a scope that cannot be changed here.

    Raises:
        PermissionDenied: the caller has no MANAGE on it, or it does not exist and they are no workspace admin.
        BadRequest: it is backed by Azure Key Vault.
    """
    if store.find_scope(tx, RESERVED_SCOPE) is not None:
        refuse_vault(permitted_scope(tx, caller, RESERVED_SCOPE, "MANAGE"), "The workspace default was not changed")
    elif not caller.is_admin:
        raise PermissionDenied(
            f"{caller.name} cannot set the workspace default: scope {RESERVED_SCOPE} does not exist yet",
            reference="default-needs-admin",
            because="the first default is set by a workspace admin",
            unchanged="nothing was written",
            hint="ask a workspace admin",
        )


@dataclass(frozen=True, slots=True)
class Change:
    """Runs once, then its transaction ends.

    Args:
        entries: of the audit trail, gathered while writing and committed with it.
    """

    tx: Connection
    caller: Caller
    tools: Tools
    entries: list[store.AuditEntry] = field(default_factory=list)

    def run(self, wanted: Mapping[str, bytes | None], revision: str) -> Seen | Stale:
        """Make stored what is wanted, None for absent; what is seen afterwards, or why nothing was done.

        Raises: as `refuse_unless_changeable`, and LimitExceeded.
        """
        refuse_unless_changeable(self.tx, self.caller)
        seen = see(self.tx)
        held = self._held(seen)
        differing = {key: value for key, value in wanted.items() if held.get(key) != value}
        others = _keys_between(revision, revision_of(self.tools.sealing, held))
        if others:
            return Stale(seen, others) if differing else seen
        if seen.scope is None and not any(value is not None for value in differing.values()):
            return seen
        scope = seen.scope or self._new_scope()
        if not wanted or any(value is not None for value in wanted.values()):
            self._repair_acl(scope)
        for key, value in differing.items():
            self._write(scope, SecretKey(key), value)
        store.insert_audit(self.tx, self.entries)
        return see(self.tx)

    def _held(self, seen: Seen) -> dict[str, bytes]:
        if seen.scope is None:
            return {}
        return {key: self.tools.sealing.open(seen.scope, row).reveal() for key, row in seen.known.items()}

    def _new_scope(self) -> store.ScopeRow:
        row = store.ScopeRow(str(RESERVED_SCOPE), "DATABRICKS", "", "", "", self.tools.now(), self.caller.name)
        self._audited("create-scope")
        return add_scope(self.tx, RESERVED_SCOPE, row, self.tools.most_scopes)

    def _repair_acl(self, scope: store.ScopeRow) -> None:
        held = {entry.principal: entry.permission for entry in store.acl_entries(self.tx, scope.scope_id)}
        for principal, permission in missing_acl(held):
            store.put_acl(self.tx, scope.scope_id, store.AclEntry(principal, permission))
            self._audited(f"put-acl {permission} {principal}")

    def _write(self, scope: store.ScopeRow, key: SecretKey, value: bytes | None) -> None:
        if value is None:
            store.delete_secret(self.tx, scope.scope_id, key)
            self._audited("delete", key)
            return
        put_value(self.tx, self.tools.sealing, scope, key, value, at=self.tools.now(), by=self.caller.name)
        self._audited("put", key, value)

    def _audited(self, action: str, key: str = "", value: bytes | None = None) -> None:
        self.entries.append(self.tools.audit.entry(self.caller, action, RESERVED_SCOPE, key, value))


def _keys_between(one: str, other: str) -> tuple[str, ...]:
    """The keys whose values differ between two revisions; all of them when one is no revision of ours."""
    left, right = one.split("."), other.split(".")
    if len(left) != len(right):
        return KEYS
    return tuple(key for key, before, now in zip(KEYS, left, right, strict=True) if before != now)
