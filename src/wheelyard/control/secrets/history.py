"""The audit trail's writes in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from wheelyard.control.secrets import store
from wheelyard.core.names import RESERVED_SCOPE, SecretKey
from wheelyard.storage.database import Connection

__all__ = ["ReservedChange", "in_words", "who_changed"]

_WORDS: Mapping[str, str] = {
    "put": "set",
    "delete": "deleted",
    "create-scope": "created the scope",
    "delete-scope": "deleted the scope with everything in it",
}


@dataclass(frozen=True, slots=True)
class ReservedChange:
    """One write: `principal`, `action` and `key` read as a sentence. `key` is empty where the whole scope is meant.

    `at` is in milliseconds since the epoch.
    """

    at: int
    principal: str
    action: str
    key: str

    @classmethod
    def of(cls, entry: store.AuditEntry) -> ReservedChange:
        return cls(entry.at, entry.principal, in_words(entry.action), entry.key)


def in_words(action: str) -> str:
    """An action of the audit trail as the middle of a sentence.

    >>> in_words("put"), in_words("put-acl READ data readers"), in_words("delete-acl data readers")
    ('set', 'gave READ to data readers', 'took all permissions from data readers')
    """
    word, _, rest = action.partition(" ")
    if word == "put-acl":
        permission, _, principal = rest.partition(" ")
        return f"gave {permission} to {principal}"
    if word == "delete-acl":
        return f"took all permissions from {rest}"
    return _WORDS.get(word, word)


def who_changed(tx: Connection, keys: Iterable[str], rows: Mapping[str, store.SecretRow]) -> str:
    """Who set or deleted each of these keys of the reserved scope last, and when; never a value.

    Args:
        tx: for looking into the audit trail.
        keys: in the order of the answer.
        rows: the rows of those that are set.
    """
    return "; ".join(_was_set(key, rows[key]) if key in rows else _was_deleted(tx, key) for key in keys)


def _was_set(key: str, row: store.SecretRow) -> str:
    return f"{row.updated_by} set `{key}` at {_moment(row.updated_at)}"


def _was_deleted(tx: Connection, key: str) -> str:
    entry = store.last_audited(tx, RESERVED_SCOPE, (("delete", SecretKey(key)), ("delete-scope", None)))
    if entry is None:
        return f"`{key}` is not set"
    what = f"`{key}`" if entry.key else f"the whole scope, `{key}` with it,"
    return f"{entry.principal} deleted {what} at {_moment(entry.at)}"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
