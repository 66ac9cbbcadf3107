"""Secret scopes, secrets and their ACLs: the use cases.

A caller's permission on a scope is the highest of their own entry and those of their groups; workspace admins reach
every scope. A scope's *name* is no secret: everybody who is signed in may list the scopes.
Source: workspace-api facts 4.1-4.4 and 19; databricks-sdk-py `SecretsAPI`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, cast

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import store, wire
from wheelyard.control.secrets.access import (
    existing_scope,
    no_entry,
    no_secret,
    own_scope,
    refuse_weak,
)
from wheelyard.control.secrets.audit import AuditTrail
from wheelyard.control.secrets.bodies import first_manager, value_of, vault_of
from wheelyard.control.secrets.recent import RecentRows, ScopeAccess
from wheelyard.control.secrets.reserved import ReservedChange, ReservedScope, ReservedState
from wheelyard.control.secrets.reserved_change import Tools
from wheelyard.control.secrets.sealing import Sealing
from wheelyard.control.secrets.writes import add_scope, put_value
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.names import ScopeName, SecretKey
from wheelyard.core.permissions import LEVELS
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database
from wheelyard.storage.waiting import refuse_to_wait

__all__ = ["Directory", "Secrets"]

_RESEAL_BATCH = 200


class NamedPrincipal(Protocol):
    @property
    def name(self) -> str: ...


class Directory(Protocol):
    """What the secrets room needs of the identity room."""

    def find_principal(self, name: str) -> NamedPrincipal | None: ...

    def on_removed(self, callback: Callable[[NamedPrincipal], None]) -> None: ...

    def on_renamed(self, callback: Callable[[str, str], None]) -> None: ...


def _no_hook(_caller: Caller, _value: Secret[bytes]) -> None:
    pass


class Secrets:
    """The secrets service.

    Args:
        workspace_id: part of each value's associated data: sealed bytes moved to another workspace do not open.
        clock: seconds since the epoch.
        on_read: called before a value is answered to a caller that is a compute session, so that its output hides it;
            it may wait.
        scopes_per_workspace: documented limit, 1000 today and 100 in older texts.
        keyvault_scopes: accept scopes backed by Azure Key Vault, kept as read-only names. Off, they are refused as the
            live service refuses a caller without a Microsoft Entra token.
    """

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        directory: Directory,
        workspace_id: str,
        clock: Callable[[], float] = time.time,
        on_read: Callable[[Caller, Secret[bytes]], None] = _no_hook,
        scopes_per_workspace: int = 1000,
        keyvault_scopes: bool = False,
    ) -> None:
        self._database = database
        self._rows = RecentRows(database)
        self._sealing = Sealing(barrier, workspace_id)
        self._directory = directory
        self._clock = clock
        self._on_read = on_read
        self._scopes_per_workspace = scopes_per_workspace
        self._keyvault_scopes = keyvault_scopes
        self._audit = AuditTrail(database, self._sealing, clock)
        tools = Tools(self._sealing, self._audit, self._now, scopes_per_workspace)
        self._reserved = ReservedScope(database=database, tools=tools, read=self._read, change=self._rows.change)
        directory.on_removed(lambda principal: self._rows.change(lambda tx: store.forget_principal(tx, principal.name)))
        directory.on_renamed(lambda old, new: self._rows.change(lambda tx: store.rename_principal(tx, old, new)))

    def close(self) -> None:
        """Write the audit entries that still wait."""
        self._audit.close()

    # -- who may

    def require(self, caller: Caller, scope: str, permission: wire.Permission) -> None:
        """Refuse a caller who holds less than `permission` on the scope.

        Raises:
            NotFound: the scope does not exist.
            PermissionDenied: too weak.
        """
        name = ScopeName.parse(scope)
        refuse_weak(self._rows.scope(name, lambda tx: _access(tx, name)), caller, permission)

    # -- scopes

    def create_scope(self, caller: Caller, body: wire.CreateScope) -> wire.Empty:
        """Make an empty scope; its creator, or with `initial_manage_principal=users` every user, may manage it.

        Raises:
            AlreadyExists: the name is taken, whatever its case.
            BadRequest: `initial_manage_principal` is something else than `users`.
            InvalidParameter: bad name, or the Azure Key Vault fields are missing.
            LimitExceeded: the workspace is full.
        """
        name = ScopeName.parse(body.scope)
        vault = vault_of(body, accepted=self._keyvault_scopes)
        manager = first_manager(caller, body.initial_manage_principal)
        row = store.ScopeRow(
            name=str(name),
            backend_type=body.scope_backend_type,
            vault_resource_id=vault.resource_id,
            vault_dns_name=vault.dns_name,
            vault_tenant_id=vault.tenant_id,
            created_at=self._now(),
            created_by=caller.name,
        )
        audit = self._audit.entry(caller, "create-scope", name)

        def work(tx: Connection) -> None:
            scope = add_scope(tx, name, row, self._scopes_per_workspace)
            store.put_acl(tx, scope.scope_id, store.AclEntry(manager, "MANAGE"))
            store.insert_audit(tx, [audit])

        self._rows.change(work)
        return wire.Empty()

    def list_scopes(self, _caller: Caller, _body: wire.Empty) -> wire.Scopes:
        """Every scope of the workspace, in the spelling it was made with."""
        return wire.Scopes([_scope_answer(row) for row in self._database.read(store.scopes)])

    def delete_scope(self, caller: Caller, body: wire.OnScope) -> wire.Empty:
        """Remove a scope with all its secrets and ACL entries.

        Raises:
            NotFound: the scope does not exist.
        """
        name = ScopeName.parse(body.scope)
        audit = self._audit.entry(caller, "delete-scope", name)

        def work(tx: Connection) -> None:
            store.delete_scope(tx, existing_scope(tx, name).scope_id)
            store.insert_audit(tx, [audit])

        self._rows.change(work)
        return wire.Empty()

    # -- secrets

    def put(self, caller: Caller, body: wire.PutSecret) -> wire.Empty:
        """Create or silently overwrite one secret.

        The value is at most 128 KB after decoding and may be empty; `string_value` is stored as UTF-8, `bytes_value`
        arrives base64-encoded. An existing key keeps its spelling. A running cluster keeps the old value until restart.

        Raises:
            NotFound: the scope does not exist. A missing key is created.
            InvalidParameter: neither or both values given, base64 that is none, a bad key, or a value above 128 KB.
            LimitExceeded: the scope already holds 1,000 secrets.
            BadRequest: the scope is backed by Azure Key Vault.
        Source: databricks-sdk-py `SecretsAPI.put_secret`; limits from workspace-api facts 4.2.
        """
        name, key = ScopeName.parse(body.scope), SecretKey.parse(body.key)
        value = value_of(body)
        audit = self._audit.entry(caller, "put", name, key, value)

        def work(tx: Connection) -> None:
            scope = own_scope(tx, name, f"Secret {key} was not stored")
            put_value(tx, self._sealing, scope, key, value, at=self._now(), by=caller.name)
            store.insert_audit(tx, [audit])

        self._rows.change_values(work)
        return wire.Empty()

    def get(self, caller: Caller, body: wire.OnSecret) -> wire.SecretValue:
        """One value, always as padded base64; an audit entry is written.

        Raises:
            NotFound: the scope or the key does not exist.
        """
        scope, row = self._found(body.scope, body.key)
        value = self._read(caller, scope, row)
        return wire.SecretValue(row.key, base64.b64encode(value.reveal()).decode("ascii"))

    def list_secrets(self, _caller: Caller, body: wire.OnScope) -> wire.Secrets:
        """Names and times of a scope's secrets, never a value.

        Raises:
            NotFound: the scope does not exist.
        """
        name = ScopeName.parse(body.scope)

        def work(tx: Connection) -> list[store.SecretRow]:
            return store.secrets_of(tx, own_scope(tx, name, "The secrets were not listed").scope_id)

        rows = self._database.read(work)
        return wire.Secrets([wire.SecretItem(row.key, row.updated_at) for row in rows])

    def delete(self, caller: Caller, body: wire.OnSecret) -> wire.Empty:
        """Remove one secret.

        Raises:
            NotFound: the scope or the key does not exist.
            BadRequest: the scope is backed by Azure Key Vault.
        """
        name, key = ScopeName.parse(body.scope), SecretKey.parse(body.key)
        audit = self._audit.entry(caller, "delete", name, key)

        def work(tx: Connection) -> None:
            scope = own_scope(tx, name, f"Secret {key} was not deleted")
            if not store.delete_secret(tx, scope.scope_id, key):
                raise no_secret(scope.name, key)
            store.insert_audit(tx, [audit])

        self._rows.change_values(work)
        return wire.Empty()

    # -- ACLs

    def put_acl(self, caller: Caller, body: wire.PutAcl) -> wire.Empty:
        """Give a principal one permission on a scope, in place of the one it had.

        Raises:
            NotFound: the scope does not exist.
            InvalidParameter: no such principal, or no such permission.
        """
        name = ScopeName.parse(body.scope)
        if body.permission not in LEVELS["scope"]:
            raise InvalidParameter(
                f"Invalid permission '{body.permission}': it is one of READ, WRITE, MANAGE.",
                reference="invalid-permission",
            )
        entry = store.AclEntry(self._principal(body.principal), body.permission)
        audit = self._audit.entry(caller, f"put-acl {entry.permission} {entry.principal}", name)

        def work(tx: Connection) -> None:
            store.put_acl(tx, existing_scope(tx, name).scope_id, entry)
            store.insert_audit(tx, [audit])

        self._rows.change(work)
        return wire.Empty()

    def get_acl(self, _caller: Caller, body: wire.OnAcl) -> wire.AclItem:
        """A principal's own entry, without what its groups hold.

        Raises:
            NotFound: the scope does not exist, or the principal has no entry on it.
        """
        name, principal = ScopeName.parse(body.scope), self._known_as(body.principal)
        entries = self._database.read(lambda tx: store.acl_entries(tx, existing_scope(tx, name).scope_id))
        for entry in entries:
            if entry.principal in (body.principal, principal):
                return _acl_answer(entry)
        raise no_entry(name, body.principal)

    def list_acls(self, _caller: Caller, body: wire.OnScope) -> wire.Acls:
        """Every entry of a scope.

        Raises:
            NotFound: the scope does not exist.
        """
        name = ScopeName.parse(body.scope)
        entries = self._database.read(lambda tx: store.acl_entries(tx, existing_scope(tx, name).scope_id))
        return wire.Acls([_acl_answer(entry) for entry in entries])

    def delete_acl(self, caller: Caller, body: wire.OnAcl) -> wire.Empty:
        """Remove a principal's entry, the last MANAGE included: an admin can repair it.

        Raises:
            NotFound: the scope does not exist, or the principal has no entry on it.
        """
        name, principal = ScopeName.parse(body.scope), self._known_as(body.principal)
        audit = self._audit.entry(caller, f"delete-acl {principal}", name)

        def work(tx: Connection) -> None:
            scope_id = existing_scope(tx, name).scope_id
            candidates = dict.fromkeys((body.principal, principal))
            if not any(store.delete_acl(tx, scope_id, candidate) for candidate in candidates):
                raise no_entry(name, body.principal)
            store.insert_audit(tx, [audit])

        self._rows.change(work)
        return wire.Empty()

    # -- for other rooms

    def read_value(self, caller: Caller, scope: str, key: str) -> Secret[bytes]:
        """The bytes of one secret, as `caller` may read them; an audit entry is written.

        Raises:
            NotFound: the scope or the key does not exist.
            PermissionDenied: the caller has no READ.
        """
        self.require(caller, scope, "READ")
        return self._read(caller, *self._found(scope, key))

    def reserved_values(self, caller: Caller, *, recorded: bool = True) -> Mapping[str, Secret[str]] | None:
        """The workspace default package sources' three keys, those that are set; `None` without the reserved scope.

        Values are text; a byte that is no UTF-8 shows as U+FFFD, so that whoever reads the sources can say so.
        Unrecorded only for a comparison, whose values reach nobody.

        Raises:
            PermissionDenied: the caller has no READ on the reserved scope.
        """
        state = self._reserved.state(caller, recorded=recorded)
        return {key: held.value for key, held in state.values.items()} if state.exists else None

    def reserved_state(self, caller: Caller) -> ReservedState:
        """The reserved scope as it is now, whoever has written it and by whatever client.

        No audit entry is left: the values are for comparing, masking and checking, and reach nobody.

        Raises:
            PermissionDenied: the caller has no READ on the reserved scope.
        """
        return self._reserved.state(caller)

    def change_reserved(
        self, caller: Caller, changes: Mapping[str, Secret[str] | None], *, revision: str
    ) -> ReservedState:
        """Store values of the three keys, and delete those that are None, all or nothing; see `ReservedScope.change`.

        Raises:
            PermissionDenied: the caller has no MANAGE on the scope, or it does not exist and they are no admin.
            InvalidParameter: a key that is none of the three, or a value that installers would choke on.
            Conflict: somebody has changed the values since `revision`.
            BadRequest: the scope is backed by Azure Key Vault.
            LimitExceeded: the workspace or the scope is full.
        """
        return self._reserved.change(caller, changes, revision)

    def reserved_history(self, limit: int = 20) -> list[ReservedChange]:
        """The last changes of the reserved scope, by whatever client, newest first; reads are not among them."""
        return self._reserved.history(limit)

    # -- upkeep

    def reseal(self) -> int:
        """Seal every value again that is not under the barrier's primary key, in batches; how many were changed.

        Safe to run while secrets are written and to run again after it was stopped: each batch is one transaction, and
        a value that somebody overwrote in between is left as they wrote it.
        """
        changed, after = 0, (0, "")
        while batch := self._database.read(lambda tx, after=after: store.secrets_after(tx, after, _RESEAL_BATCH)):  # type: ignore[misc] # a lambda's default is not inferred
            old = [(scope, row) for scope, row in batch if self._sealing.needs_reseal(row)]
            changed += self._reseal_batch(old)
            last = batch[-1][1]
            after = (last.scope_id, SecretKey(last.key).folded)
        return changed

    def audit_entries(self, scope: str, limit: int = 1000) -> list[store.AuditEntry]:
        """The newest entries of one scope, newest first."""
        self._audit.flush()
        name = ScopeName.parse(scope)
        return self._database.read(lambda tx: store.audit_entries(tx, name, limit))

    # -- inside

    def _reseal_batch(self, rows: Iterable[tuple[store.ScopeRow, store.SecretRow]]) -> int:
        resealed = [(row, self._sealing.reseal(scope, row)) for scope, row in rows]
        return self._rows.change_values(
            lambda tx: sum(store.replace_sealed(tx, row, sealed) for row, sealed in resealed)
        )

    def _found(self, scope: str, key: str) -> tuple[store.ScopeRow, store.SecretRow]:
        name, parsed = ScopeName.parse(scope), SecretKey.parse(key)

        def work(tx: Connection) -> tuple[store.ScopeRow, store.SecretRow]:
            found = own_scope(tx, name, f"Secret {parsed} was not read")
            row = store.find_secret(tx, found.scope_id, parsed)
            if row is None:
                raise no_secret(found.name, parsed)
            return found, row

        return self._rows.value(name, parsed, work)

    def _read(self, caller: Caller, scope: store.ScopeRow, row: store.SecretRow) -> Secret[bytes]:
        value = self._sealing.open(scope, row)
        if caller.session_id:
            refuse_to_wait()
            self._on_read(caller, value)
        self._audit.add(self._audit.entry(caller, "get", scope.name, row.key, value.reveal()))
        return value

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _principal(self, name: str) -> str:
        found = self._directory.find_principal(name) if name else None
        if found is None:
            raise InvalidParameter(
                f"Principal '{name}' does not exist.",
                reference="principal-not-found",
                unchanged="the ACL is as it was",
                hint="databricks users list, databricks groups list, databricks service-principals list",
            )
        return found.name

    def _known_as(self, name: str) -> str:
        """The spelling an entry has; a name that no longer exists stays as given, so that its entry can be removed."""
        found = self._directory.find_principal(name) if name else None
        return name if found is None else found.name


def _access(tx: Connection, name: ScopeName) -> ScopeAccess:
    row = existing_scope(tx, name)
    return ScopeAccess(row, tuple(store.acl_entries(tx, row.scope_id)))


def _scope_answer(row: store.ScopeRow) -> wire.Scope:
    backend = cast("wire.BackendType", row.backend_type)
    if backend == "DATABRICKS":
        return wire.Scope(row.name, backend)
    return wire.Scope(row.name, backend, wire.KeyVault(row.vault_resource_id, row.vault_dns_name, row.vault_tenant_id))


def _acl_answer(entry: store.AclEntry) -> wire.AclItem:
    return wire.AclItem(entry.principal, cast("wire.Permission", entry.permission))
