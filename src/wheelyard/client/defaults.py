"""The workspace default as it is stored: a secret scope with three keys and an ACL."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists

from wheelyard.core.names import RESERVED_SCOPE
from wheelyard.core.package_sources import (
    INDEX_URL_KEY,
    KEYS,
    PackageSources,
    check_value,
    problems_of,
)
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["ACL", "CHECKS", "Check", "Finding", "StoredDefault", "check", "delete_scope", "read", "unset", "write"]

ACL = (("admins", "MANAGE"), ("users", "READ"))
"""Who may do what, as the documentation's recipe has it. Source: facts/delivery.md 1.4."""

_LEVELS = ("READ", "WRITE", "MANAGE")


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about the scope itself: its id, its words with names to fill in, how bad it is, and the next command."""

    rule_id: str
    words: str
    level: Literal["error", "warning"]
    hint: str = ""


_PUT_ACL = f"databricks secrets put-acl {RESERVED_SCOPE}"

CHECKS: tuple[Check, ...] = (
    Check(
        "default-scope-missing",
        "scope `{scope}` does not exist, so installs without settings of their own ask the public index",
        "error",
        "wheelyard default set",
    ),
    Check(
        "default-index-missing",
        f"`{INDEX_URL_KEY}` is not set, so installers ask the public index beside any extra index",
        "error",
        "wheelyard default set",
    ),
    Check(
        "default-key-unknown",
        "key `{key}` is none of the three that compute reads, so it has no effect",
        "warning",
        f"databricks secrets delete-secret {RESERVED_SCOPE} KEY",
    ),
    Check(
        "default-users-cannot-read",
        "`users` has no READ on the scope, so jobs and people that are no admins do not get the default",
        "error",
        f"{_PUT_ACL} users READ",
    ),
    Check(
        "default-users-can-write",
        "`users` has {permission} on the scope, so every user can send all installs elsewhere",
        "error",
        f"{_PUT_ACL} users READ",
    ),
    Check(
        "default-admins-cannot-manage",
        "`admins` has no MANAGE in the ACL, which the documented recipe gives it",
        "warning",
        f"{_PUT_ACL} admins MANAGE",
    ),
    Check("default-unreadable", "{what} could not be read: {because}", "error"),
)
"""What `default check` looks for besides the values themselves. Source: facts/delivery.md 1.1, 1.4, 1.7."""

_CHECKS = {row.rule_id: row for row in CHECKS}


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that the stored default breaks: which, how bad, where, in which words, and the next command."""

    rule_id: str
    level: Literal["error", "warning"]
    text: str
    where: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class StoredDefault:
    """What the caller may see of the reserved scope.

    Args:
        exists: whether the scope is there.
        values: the known keys whose values the caller may read, as stored.
        updated_at: every key in the scope with its time of last change, in milliseconds.
        acl: permission by principal; None when the caller may not see it.
        unreadable: what exists and could not be read, and why.
    """

    exists: bool
    values: Mapping[str, Secret[str]] = field(default_factory=lambda: MappingProxyType({}))
    updated_at: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    acl: Mapping[str, str] | None = None
    unreadable: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def sources(self) -> PackageSources | None:
        """The package sources, None when there is no default or it could not be read."""
        if not self.values:
            return None
        return PackageSources.from_keys({key: value.reveal() for key, value in self.values.items()})


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
    missing = [(who, level) for who, level in ACL if _LEVELS.index(level) > _rank(held.get(who))]
    for who, level in missing:
        client.secrets.put_acl(RESERVED_SCOPE, who, AclPermission(level))
    return [f"gave {who} {level}" for who, level in missing]


def _rank(level: str | None) -> int:
    return _LEVELS.index(level) if level in _LEVELS else -1


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


def check(stored: StoredDefault) -> tuple[Finding, ...]:
    """Every rule that the stored default breaks: its values first, then its ACL."""
    if not stored.exists:
        return (_finding("default-scope-missing", scope=RESERVED_SCOPE),)
    findings = [
        Finding(problem.rule_id, problem.level, problem.text, key, problem.hint)
        for key, value in stored.values.items()
        for problem in problems_of(key, value.reveal())
    ]
    findings += [
        _finding("default-key-unknown", key, key=key) for key in stored.updated_at if key.casefold() not in KEYS
    ]
    if INDEX_URL_KEY not in stored.values and not stored.unreadable:
        findings.append(_finding("default-index-missing", INDEX_URL_KEY))
    findings += [_finding("default-unreadable", what=what, because=why) for what, why in stored.unreadable.items()]
    return (*findings, *_check_acl(stored.acl))


def _check_acl(acl: Mapping[str, str] | None) -> list[Finding]:
    if acl is None:
        return []
    found = []
    if _rank(acl.get("users")) < 0:
        found.append(_finding("default-users-cannot-read", "acl"))
    if _rank(acl.get("users")) > 0:
        found.append(_finding("default-users-can-write", "acl", permission=acl["users"]))
    if acl.get("admins") != "MANAGE":
        found.append(_finding("default-admins-cannot-manage", "acl"))
    return found


def _finding(rule_id: str, where: str = "", **named: object) -> Finding:
    row = _CHECKS[rule_id]
    return Finding(rule_id, row.level, row.words.format(**named), where, row.hint)
