"""Where an object's bytes are kept: small ones in their row, larger ones as a blob that exists before the row names it.

A blob is never changed; overwriting an object makes a new one and removes the old one after the row is committed. What
a crash leaves in between is a blob that no row names, which `sweep` removes later.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from wheelyard.control.workspace import store
from wheelyard.control.workspace.access import no_path
from wheelyard.core.errors import NotFound
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database
from wheelyard.storage.sweeping import delete_or_leave

__all__ = ["Contents", "Kept"]

_INLINE_BYTES = 64 * 1024
_PREFIX = "workspace/"


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes on their way into a row."""

    inline: bytes | None
    blob_key: str


class Contents:
    """Puts bytes away and finds them again."""

    def __init__(
        self, database: Database, blobs: Blobs, new_name: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._new_name = new_name

    def keep(self, content: bytes) -> Kept:
        """Make the bytes ready for a row; a blob is durable when this returns."""
        if len(content) <= _INLINE_BYTES:
            return Kept(content, "")
        key = f"{_PREFIX}{self._new_name()}"
        self._blobs.put(key, content)
        return Kept(None, key)

    def read(self, row: store.ObjectRow) -> bytes:
        """An object's bytes as they are now.

        Raises:
            NotFound: it was deleted in between.
        """
        for last_try in (False, True):
            found = self._database.read(lambda tx: store.content_of(tx, row.object_id))
            if found is None:
                break
            if not found.blob_key:
                return found.inline or b""
            try:
                return self._blobs.get(found.blob_key)
            except NotFound:  # overwritten between the row and the blob
                if last_try:
                    raise
        raise no_path(row.path)

    def drop(self, blob_key: str) -> None:
        if blob_key:
            delete_or_leave(self._blobs, blob_key)

    def sweep(self, *, stored_before: float, stopped: Callable[[], bool]) -> int:
        """Remove blobs that are older than this and that no row names; how many. A key is never used twice."""
        old = list(self._blobs.keys(_PREFIX, stored_before=stored_before))
        named = self._database.read(store.blob_keys) if old else set()
        removed = 0
        for key in old:
            if stopped():
                break
            if key not in named:
                self._blobs.delete(key)
                removed += 1
        return removed
