"""Rows that were read lately, so that the next reader of a secret need not ask the database.

The database stays the only truth: a change makes every older entry stale before whoever made it is answered, as in
`tokens/authenticated.py`. Values stay sealed; each read opens them anew, checks the caller and leaves its audit entry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from wheelyard.control.secrets import store
from wheelyard.core.names import ScopeName, SecretKey
from wheelyard.storage.database import Connection, Database

__all__ = ["RecentRows", "ScopeAccess"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MOST_ENTRIES: Final = 2000
_LARGEST_KEPT_BYTES: Final = 4096
"""With the number of entries this bounds what is kept: 8 MB of values. What is larger is read from the database."""


@dataclass(frozen=True, slots=True)
class ScopeAccess:
    """A scope and who may do what to it."""

    scope: store.ScopeRow
    entries: tuple[store.AclEntry, ...]


class RecentRows:
    """Reads and writes of scopes, entries and values. Every change of them goes through `change` or `change_values`.

    A generation is read *before* the database is: what was read while something changed is stale from the start.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._scope_changes = 0
        self._value_changes = 0
        self._scopes: _Kept[str, ScopeAccess] = _Kept()
        self._values: _Kept[tuple[str, str], tuple[store.ScopeRow, store.SecretRow]] = _Kept()

    def change(self, work: Callable[[Connection], T]) -> T:
        """Write; nothing that was read before counts any more."""
        try:
            return self._database.write(work)
        finally:
            with self._lock:
                self._scope_changes += 1

    def change_values(self, work: Callable[[Connection], T]) -> T:
        """Write values only: scopes and their entries stay as they were."""
        try:
            return self._database.write(work)
        finally:
            with self._lock:
                self._value_changes += 1

    def scope(self, name: ScopeName, read: Callable[[Connection], ScopeAccess]) -> ScopeAccess:
        """The scope of this name; `read` is asked when it is not known, and may raise."""
        generation = (self._scope_changes, 0)
        known = self._scopes.find(name.folded, generation)
        if known is None:
            known = self._database.read(read)
            self._scopes.keep(name.folded, known, generation)
        return known

    def value(
        self,
        scope: ScopeName,
        key: SecretKey,
        read: Callable[[Connection], tuple[store.ScopeRow, store.SecretRow]],
    ) -> tuple[store.ScopeRow, store.SecretRow]:
        """The sealed value of this place with its scope; `read` is asked when it is not known, and may raise."""
        generation, place = (self._scope_changes, self._value_changes), (scope.folded, key.folded)
        known = self._values.find(place, generation)
        if known is None:
            known = self._database.read(read)
            if len(known[1].sealed) <= _LARGEST_KEPT_BYTES:
                self._values.keep(place, known, generation)
        return known


class _Kept(Generic[K, V]):
    """Values with the generation they belong to; the oldest makes room."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[K, tuple[tuple[int, int], V]] = {}

    def find(self, key: K, generation: tuple[int, int]) -> V | None:
        entry = self._entries.get(key)
        return None if entry is None or entry[0] != generation else entry[1]

    def keep(self, key: K, value: V, generation: tuple[int, int]) -> None:
        with self._lock:
            self._entries.pop(key, None)
            while len(self._entries) >= _MOST_ENTRIES:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = (generation, value)
