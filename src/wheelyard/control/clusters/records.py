"""What is known of clusters, on disk: every change of state with its event, and a bell that rings after each.

All changes go through `act`, which asks the tables of `states.py`; nothing here starts or stops anything.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from wheelyard.control.clusters import store
from wheelyard.control.clusters.ports import Clock
from wheelyard.control.clusters.states import Action, ClusterState, Termination, after
from wheelyard.control.clusters.store import Cluster, Event
from wheelyard.core.errors import NotFound
from wheelyard.storage.database import Connection, Database

__all__ = ["EVENT_OF", "PREPARING", "Records"]

EVENT_OF: Mapping[Action, str] = MappingProxyType(
    {
        Action.START: "STARTING",
        Action.LAUNCHED: "RUNNING",
        Action.FAIL: "TERMINATING",
        Action.RESTART: "RESTARTING",
        Action.EDIT: "RESTARTING",
        Action.TERMINATE: "TERMINATING",
        Action.RECOVER: "TERMINATING",
    }
)
"""The event an action leaves; `STOPPED` leaves none, its `TERMINATING` stands already."""

PREPARING = "Preparing the Python environment"
_WAIT_SLICE_SECONDS = 1.0
"""How long a waiter sleeps at most before it looks whether it was cancelled."""


class Records:
    """Clusters and events in the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._bell = threading.Condition()

    @property
    def database(self) -> Database:
        return self._database

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock() * 1000)

    def get(self, cluster_id: str) -> Cluster:
        """One cluster that is not permanently deleted.

        Raises:
            NotFound: with the text clients match on.
        """
        return self._database.read(lambda tx: _present(tx, cluster_id))

    def exists(self, cluster_id: str) -> bool:
        """Whether there is still a row, permanently deleted or not."""
        return self._database.read(lambda tx: store.find(tx, cluster_id)) is not None

    def add(self, cluster: Cluster, details: Mapping[str, Any]) -> None:
        def work(tx: Connection) -> None:
            store.insert(tx, cluster)
            store.insert_event(tx, Event(cluster.cluster_id, cluster.created_at, "CREATING", details))

        self._database.write(work)
        self.ring()

    def change(
        self, cluster_id: str, changed: Callable[[Cluster], Cluster], event: str = "", **details: Any
    ) -> Cluster:
        """Change something other than the state."""

        def work(tx: Connection) -> Cluster:
            cluster = changed(_present(tx, cluster_id))
            store.update(tx, cluster)
            if event:
                store.insert_event(tx, Event(cluster_id, self.now(), event, details))
            return cluster

        return self._database.write(work)

    def act(
        self,
        cluster_id: str,
        action: Action,
        *,
        reason: Termination | None = None,
        details: Mapping[str, Any] | None = None,
        changed: Callable[[Cluster], Cluster] = lambda cluster: cluster,
    ) -> tuple[Cluster, bool]:
        """Let something happen to a cluster; `changed` is applied in the same transaction, whatever the state does.

        Returns:
            the cluster as it is now, and whether its state changed.

        Raises:
            NotFound: there is no such cluster.
            InvalidState: refused in its state.
        """

        def work(tx: Connection) -> tuple[Cluster, bool]:
            before = store.find(tx, cluster_id)
            if before is None:
                raise _missing(cluster_id)
            state = after(cluster_id, before.state, action)
            cluster = changed(before)
            if state != before.state:
                # Who asked for the end stays the reason, even when the launch fails meanwhile.
                told = None if before.state is ClusterState.TERMINATING else reason
                cluster = _moved(cluster, state, action, told, self.now())
                self._record(tx, cluster, action, details)
            store.update(tx, cluster)
            return cluster, state != before.state

        answer = self._database.write(work)
        self.ring()
        return answer

    def _record(self, tx: Connection, cluster: Cluster, action: Action, details: Mapping[str, Any] | None) -> None:
        event = EVENT_OF.get(action)
        if event is None:
            return
        told = dict(details or {})
        if event == "TERMINATING" and cluster.termination is not None:
            told["reason"] = cluster.termination.to_json()
        store.insert_event(tx, Event(cluster.cluster_id, self.now(), event, told))

    def note(self, cluster_id: str, event: str, **details: Any) -> None:
        """Leave an event."""
        at = self.now()
        self._database.write(lambda tx: store.insert_event(tx, Event(cluster_id, at, event, details)))

    def forget(self, cluster_id: str) -> None:
        self._database.write(lambda tx: store.delete(tx, cluster_id))
        self.ring()

    def live(self) -> list[Cluster]:
        return self._database.read(store.live)

    def ring(self) -> None:
        """Wake everybody who waits for a change."""
        with self._bell:
            self._bell.notify_all()

    def wait_while(
        self, cluster_id: str, states: frozenset[ClusterState], cancelled: Callable[[], bool] = lambda: False
    ) -> Cluster:
        """Sleep until the cluster is in none of these states, or the wait is cancelled.

        Raises:
            NotFound: the cluster was permanently deleted in between.
        """
        while True:
            with self._bell:
                cluster = self.get(cluster_id)
                if cluster.state not in states or cancelled():
                    return cluster
                self._bell.wait(_WAIT_SLICE_SECONDS)


def _present(tx: Connection, cluster_id: str) -> Cluster:
    cluster = store.find(tx, cluster_id)
    if cluster is None or cluster.removed:
        raise _missing(cluster_id)
    return cluster


def _missing(cluster_id: str) -> NotFound:
    return NotFound(
        f"Cluster {cluster_id} does not exist", reference="cluster-not-found", hint="databricks clusters list"
    )


def _moved(cluster: Cluster, state: ClusterState, action: Action, reason: Termination | None, now: int) -> Cluster:
    cluster = replace(cluster, state=state)
    if action is Action.START:
        return replace(cluster, started_at=now, terminated_at=0, termination=None, state_message=PREPARING)
    if state is ClusterState.RUNNING:
        return replace(cluster, restarted_at=now, termination=None, state_message="", context_id=now)
    if state is ClusterState.RESTARTING:
        return replace(cluster, state_message=PREPARING)
    if reason is not None:
        cluster = replace(cluster, termination=reason, state_message=reason.message)
    return replace(cluster, terminated_at=now) if state is ClusterState.TERMINATED else cluster
