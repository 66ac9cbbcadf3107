"""Wanted libraries on disk, and a bell that rings after each change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from wheelyard.control.libraries import store
from wheelyard.control.libraries.spec import canonical
from wheelyard.control.libraries.states import SETTLED, Action, Status, after
from wheelyard.control.libraries.store import LibraryRow
from wheelyard.storage.database import Connection, Database

__all__ = ["Records"]

_WAIT_SLICE_SECONDS = 1.0
T = TypeVar("T")


class Records:
    """Every change goes through the table of `states.py`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bell = threading.Condition()

    def ask(self, cluster_id: str, libraries: Iterable[Mapping[str, Any]], asked_by: str) -> None:
        """Want these libraries from now on; what is there already, and did not fail, stays as it is."""
        wanted = list(libraries)

        def work(tx: Connection) -> None:
            known = {row.key: row for row in store.of_cluster(tx, cluster_id)}
            for library in wanted:
                key = canonical(library)
                row = known.get(key)
                if row is None:
                    known[key] = LibraryRow(cluster_id, key, library, after(Status.REMOVED, Action.ASK), asked_by)
                    store.insert(tx, known[key])
                elif after(row.status, Action.ASK) is not row.status:
                    asked = replace(row, status=after(row.status, Action.ASK), asked_by=asked_by, message="")
                    store.update(tx, asked)

        self._write(work)

    def act(self, row: LibraryRow, action: Action, message: str = "") -> LibraryRow | None:
        """Let something happen to one library; None when it has left the list meanwhile."""

        def work(tx: Connection) -> LibraryRow | None:
            rows = store.of_cluster(tx, row.cluster_id)
            found = next((known for known in rows if known.library_id == row.library_id), None)
            return None if found is None else _moved(tx, found, action, message)

        return self._write(work)

    def act_on(self, cluster_id: str, action: Action, keys: frozenset[str] | None = None) -> None:
        """Let something happen to these libraries of a cluster, or to all of them; unknown ones are ignored."""

        def work(tx: Connection) -> None:
            for row in store.of_cluster(tx, cluster_id):
                if keys is None or row.key in keys:
                    _moved(tx, row, action, "")

        self._write(work)

    def forget(self, cluster_id: str) -> None:
        self._write(lambda tx: store.delete_all(tx, cluster_id))

    def of_cluster(self, cluster_id: str) -> list[LibraryRow]:
        return self._database.read(lambda tx: store.of_cluster(tx, cluster_id))

    def of_all_clusters(self) -> list[LibraryRow]:
        return self._database.read(store.of_all_clusters)

    def next_pending(self, cluster_id: str) -> LibraryRow | None:
        return next((row for row in self.of_cluster(cluster_id) if row.status is Status.PENDING), None)

    def wait_until_settled(
        self, cluster_id: str, keys: frozenset[str], cancelled: Callable[[], bool]
    ) -> list[LibraryRow]:
        """Sleep until none of these libraries is on its way, or the wait is cancelled."""
        while True:
            with self._bell:
                rows = [row for row in self.of_cluster(cluster_id) if row.key in keys]
                if cancelled() or all(row.status in SETTLED for row in rows):
                    return rows
                self._bell.wait(_WAIT_SLICE_SECONDS)

    def _write(self, work: Callable[[Connection], T]) -> T:
        answer = self._database.write(work)
        with self._bell:
            self._bell.notify_all()
        return answer


def _moved(tx: Connection, row: LibraryRow, action: Action, message: str) -> LibraryRow:
    status = after(row.status, action)
    moved = replace(row, status=status, message=message if status is not row.status else row.message)
    if status is Status.REMOVED:
        store.remove(tx, row)
    elif moved != row:
        store.update(tx, moved)
    return moved
