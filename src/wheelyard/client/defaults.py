"""The workspace default read and written through the SDK: a secret scope with three keys and an ACL."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists

from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import KEYS, check_value
from wheelyard.core.redaction import Secret
from wheelyard.core.stored_default import Finding, StoredDefault, check, missing_acl

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["Finding", "StoredDefault", "check", "delete_scope", "read", "unset", "write"]


def read(client: WorkspaceClient, *, with_acl: bool = True) -> StoredDefault:
    """Read the reserved scope as far as the caller may."""
    if RESERVED_SCOPE.folded not in {str(scope.name).casefold() for scope in client.secrets.list_scopes()}:
        return StoredDefault(exists=False)
    unreadable: dict[str, str] = {}
    values: dict[str, Secret[str]] = {}
    updated: dict[str, int] = {}
    try:
        for listed in client.secrets.list_secrets(RESERVED_SCOPE):
            updated[str(listed.key)] = int(listed.last_updated_timestamp or 0)
    except PermissionDenied as refused:
        unreadable[f"scope {RESERVED_SCOPE}"] = str(refused).partition(". Config:")[0]
    for key in (key for key in updated if key.casefold() in KEYS):
        answer = client.secrets.get_secret(RESERVED_SCOPE, key)
        values[key.casefold()] = Secret(base64.b64decode(answer.value or "").decode("utf-8", "replace"))
    return StoredDefault(True, values, updated, _acl(client) if with_acl else None, unreadable)


def _acl(client: WorkspaceClient) -> Mapping[str, str] | None:
    try:
        entries = list(client.secrets.list_acls(RESERVED_SCOPE))
    except PermissionDenied:
        return None
    return {str(entry.principal): entry.permission.value for entry in entries}


def write(client: WorkspaceClient, values: Mapping[str, Secret[str]]) -> tuple[str, ...]:
    """Store these keys, other keys stay. Makes the scope and its ACL where they are missing.

    Every value is checked before anything is written.

    Returns:
        what was done, in words without values.

    Raises:
        InvalidParameter: a value an installer would choke on; nothing was written.
    """
    for key, value in values.items():
        check_value(key, value.reveal())
    done: list[str] = []
    try:
        client.secrets.create_scope(RESERVED_SCOPE)
        done.append(f"created scope {RESERVED_SCOPE}")
    except ResourceAlreadyExists:
        pass
    done += _repair_acl(client)
    for key, value in values.items():
        client.secrets.put_secret(RESERVED_SCOPE, key, string_value=value.reveal())
        done.append(f"stored {key}")
    return tuple(done)


def _repair_acl(client: WorkspaceClient) -> list[str]:
    from databricks.sdk.service.workspace import AclPermission  # noqa: PLC0415 - a heavy module, needed here only

    held = _acl(client)
    if held is None:
        return []
    missing = missing_acl(held)
    for who, level in missing:
        client.secrets.put_acl(RESERVED_SCOPE, who, AclPermission(level))
    return [f"gave {who} {level}" for who, level in missing]


def unset(client: WorkspaceClient, keys: Iterable[str]) -> tuple[str, ...]:
    """Delete these keys; keys that are not there are passed over. Returns those that were."""
    gone = []
    for key in keys:
        try:
            client.secrets.delete_secret(RESERVED_SCOPE, key)
        except NotFound:
            continue
        gone.append(key)
    return tuple(gone)


def delete_scope(client: WorkspaceClient) -> bool:
    """Delete the reserved scope with all it holds; False when there was none."""
    try:
        client.secrets.delete_scope(RESERVED_SCOPE)
    except NotFound:
        return False
    return True
