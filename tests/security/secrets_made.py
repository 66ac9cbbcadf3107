"""Every secret value the test-suite made, remembered so that the sweep can look for it afterwards."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

from wheelyard.core.errors import WheelyardError
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier, KeyRing

__all__ = ["SHORTEST", "forget_all", "remember", "remembered", "stored_in"]

SHORTEST = 12
"""Values below this length, or of few different characters, are words that stand in many files for other reasons."""

_lock = threading.Lock()
_made: set[bytes] = set()


def remember(*secrets: Secret[str] | Secret[bytes] | str | bytes) -> None:
    """Have the sweep look for these. For a URL it looks for its password or token, for anything else for the whole."""
    for secret in secrets:
        value = secret.reveal() if isinstance(secret, Secret) else secret
        parts = set(_parts(value.encode() if isinstance(value, str) else value))
        with _lock:
            _made.update(parts)


def remembered() -> frozenset[bytes]:
    with _lock:
        return frozenset(_made)


def forget_all() -> None:
    with _lock:
        _made.clear()


def stored_in(data_dir: Path) -> list[bytes]:
    """The values of every secret that a workspace's data folder holds now, opened with its key ring."""
    database, ring, identity = data_dir / "wheelyard.db", data_dir / "key-ring.json", data_dir / "workspace.json"
    if not (database.exists() and ring.exists() and identity.exists()):
        return []
    workspace_id = re.sub(r"\D", "", identity.read_text())
    query = "SELECT scope.name, secret.key, secret.sealed FROM secret JOIN secret_scope AS scope USING (scope_id)"
    try:
        barrier = Barrier(KeyRing.open(ring))
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute(query).fetchall()
        finally:
            connection.close()
        return [barrier.open(sealed, f"{workspace_id}/{scope}/{key}").reveal() for scope, key, sealed in rows]
    except (sqlite3.Error, WheelyardError):
        return []  # being written, damaged on purpose, or of another version


_USER_INFO = re.compile(rb"://([^\s/?#\"'<>]*)@")


def _parts(value: bytes) -> Iterator[bytes]:
    value = value.strip()
    found = _USER_INFO.findall(value)
    for user_info in found:
        user, _colon, password = user_info.partition(b":")
        for part in (password or user, unquote_to_bytes(password or user)):
            if _is_telling(part):
                yield part
    public = b"BEGIN CERTIFICATE" in value and b"PRIVATE" not in value
    if not found and not public and b"://" not in value and _is_telling(value):
        yield value
        yield from (line.strip() for line in value.splitlines() if len(line) > 40 and b"-----" not in line)


def _is_telling(value: bytes) -> bool:
    return len(value) >= SHORTEST and len(set(value)) >= 8
