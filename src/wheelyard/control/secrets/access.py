"""Finding a scope, and whether a caller may do something with it; the refusals of the whole room."""

from __future__ import annotations

from collections.abc import Iterable

from wheelyard.control.caller import Caller
from wheelyard.control.secrets import store
from wheelyard.control.secrets.recent import ScopeAccess
from wheelyard.core.errors import BadRequest, NotFound, PermissionDenied
from wheelyard.core.names import ScopeName
from wheelyard.core.permissions import covers
from wheelyard.storage.database import Connection

__all__ = [
    "existing_scope",
    "holds",
    "no_entry",
    "no_secret",
    "own_scope",
    "permitted_scope",
    "refuse_vault",
    "refuse_weak",
]


def existing_scope(tx: Connection, name: ScopeName) -> store.ScopeRow:
    """The scope, or `NotFound`."""
    row = store.find_scope(tx, name)
    if row is None:
        raise NotFound(
            f"Scope {name} does not exist", reference="scope-not-found", hint="databricks secrets list-scopes"
        )
    return row


def permitted_scope(tx: Connection, caller: Caller, name: ScopeName, permission: str) -> store.ScopeRow:
    """The scope when the caller holds at least `permission` on it, or `NotFound` or `PermissionDenied`."""
    row = existing_scope(tx, name)
    refuse_weak(ScopeAccess(row, tuple(store.acl_entries(tx, row.scope_id))), caller, permission)
    return row


def refuse_weak(access: ScopeAccess, caller: Caller, permission: str) -> None:
    """Raise `PermissionDenied` for a caller who holds less than `permission` on the scope."""
    if not holds(caller, access.entries, permission):
        name = access.scope.name
        raise PermissionDenied(
            f"{caller.name} does not have {permission} permission on scope {name} to perform this action.",
            reference="scope-permission-denied",
            hint=f"databricks secrets put-acl {name} {caller.name} {permission}",
        )


def holds(caller: Caller, acl: Iterable[store.AclEntry], permission: str) -> bool:
    """Whether a caller holds at least `permission` on the scope with these entries; admins hold everything."""
    if caller.is_admin:
        return True
    principals = caller.principals
    return any(covers("scope", entry.permission, permission) for entry in acl if entry.principal in principals)


def own_scope(tx: Connection, name: ScopeName, unchanged: str) -> store.ScopeRow:
    """The scope when its values live here and not in a key vault."""
    row = existing_scope(tx, name)
    refuse_vault(row, unchanged)
    return row


def refuse_vault(row: store.ScopeRow, what: str) -> None:
    """Raise `BadRequest` for a scope whose values live in a key vault."""
    if row.backend_type != "DATABRICKS":
        raise BadRequest(
            f"{what}: scope {row.name} is backed by Azure Key Vault and read-only here.",
            reference="scope-is-a-keyvault",
            hint="change the secret in the key vault itself",
        )


def no_secret(scope: str, key: str) -> NotFound:
    """The error for a key that is not there, in the words dbutils shows."""
    return NotFound(
        f"Secret does not exist with scope: {scope} and key: {key}",
        reference="secret-not-found",
        hint=f"databricks secrets list-secrets {scope}",
    )


def no_entry(scope: ScopeName, principal: str) -> NotFound:
    """The error for a principal without an entry."""
    return NotFound(
        f"Principal {principal} has no permission on scope {scope}",
        reference="acl-not-found",
        hint=f"databricks secrets list-acls {scope}",
    )
