"""Writes that more than one use case makes, each inside its caller's transaction."""

from __future__ import annotations

from dataclasses import replace

from wheelyard.control.secrets import store
from wheelyard.control.secrets.sealing import Sealing
from wheelyard.core.errors import AlreadyExists, LimitExceeded
from wheelyard.core.names import ScopeName, SecretKey
from wheelyard.storage.database import Connection

__all__ = ["SECRETS_PER_SCOPE", "add_scope", "put_value"]

SECRETS_PER_SCOPE = 1000
"""Source: workspace-api facts 4.2."""


def add_scope(tx: Connection, name: ScopeName, row: store.ScopeRow, most: int) -> store.ScopeRow:
    """Make a scope without any ACL entry, and answer it with its id.

    Raises:
        AlreadyExists: the name is taken, whatever its case.
        LimitExceeded: the workspace has `most` scopes already.
    """
    if store.count_scopes(tx) >= most and store.find_scope(tx, name) is None:
        raise LimitExceeded(
            f"Scope {name} was not created: the workspace already has {most} scopes.",
            reference="too-many-scopes",
            hint="databricks secrets delete-scope NAME",
        )
    scope_id = store.insert_scope(tx, name, row)
    if scope_id is None:
        raise AlreadyExists(
            f"Scope {name} already exists!", reference="scope-exists", hint="databricks secrets list-scopes"
        )
    return replace(row, scope_id=scope_id)


def put_value(
    tx: Connection, sealing: Sealing, scope: store.ScopeRow, key: SecretKey, value: bytes, *, at: int, by: str
) -> None:
    """Create or overwrite one secret; an existing key keeps its spelling.

    Raises:
        LimitExceeded: the scope is full.
    """
    existing = store.find_secret(tx, scope.scope_id, key)
    if existing is None and store.count_secrets(tx, scope.scope_id) >= SECRETS_PER_SCOPE:
        raise LimitExceeded(
            f"Secret {key} was not stored: scope {scope.name} already has {SECRETS_PER_SCOPE} secrets.",
            reference="too-many-secrets",
            hint=f"databricks secrets list-secrets {scope.name}",
        )
    spelling = str(key) if existing is None else existing.key
    sealed = sealing.seal(value, scope.name, spelling)
    store.put_secret(tx, key, store.SecretRow(scope.scope_id, spelling, sealed, at, by))
