"""Libraries of clusters: the use cases.

What is wanted is durable when a request is answered; installing happens in a thread (`installing.py`) while the cluster
runs, and again from the beginning at each start. Source: facts/workspace-api.md 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from wheelyard.compute.engine import Compute
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.access import ATTACH
from wheelyard.control.clusters.ports import WorkspaceFiles
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.libraries import wire
from wheelyard.control.libraries.installing import Installers
from wheelyard.control.libraries.records import Records
from wheelyard.control.libraries.spec import canonical, check
from wheelyard.control.libraries.states import Action, Status
from wheelyard.control.libraries.store import LibraryRow
from wheelyard.core.errors import NotFound, PermissionDenied
from wheelyard.storage.database import Database

__all__ = ["Libraries"]

_LISTED_LAST = Status.UNINSTALL_ON_RESTART


class Libraries:
    """The libraries service; it subscribes itself to `clusters`."""

    def __init__(self, *, database: Database, clusters: Clusters, workspace: WorkspaceFiles) -> None:
        self._clusters = clusters
        self._records = Records(database)
        self._installers = Installers(
            records=self._records, logs=clusters.logs, workspace=workspace, caller=clusters.directory.caller
        )
        clusters.subscribe(self)

    # -- life of the service, and of clusters

    def recover(self) -> None:
        """After a crash no compute is left: every library waits for its cluster's next start."""
        for cluster_id in {row.cluster_id for row in self._records.of_all_clusters()}:
            self._records.act_on(cluster_id, Action.STOP)

    def close(self) -> None:
        """Wait for the installing threads; call after the clusters were stopped."""
        self._installers.close()

    def started(self, cluster_id: str, compute: Compute) -> None:
        self._installers.opened(cluster_id, compute)

    def stopped(self, cluster_id: str) -> None:
        self._installers.closed(cluster_id)
        self._records.act_on(cluster_id, Action.STOP)

    def forgotten(self, cluster_id: str) -> None:
        self._records.forget(cluster_id)

    # -- for jobs

    def require(self, caller: Caller, cluster_id: str, level: str) -> None:
        self._clusters.require(caller, cluster_id, level)

    def want(self, caller: Caller, cluster_id: str, libraries: Iterable[Mapping[str, Any]]) -> None:
        """Add libraries to a cluster's list and install them as soon as it runs."""
        wanted = list(libraries)
        version = str(self._clusters.records.get(cluster_id).spec.get("spark_version") or "")
        for library in wanted:
            check(library, version)
        self._records.ask(cluster_id, wanted, caller.principal_id)
        self._installers.wake(cluster_id)

    def wait(
        self, cluster_id: str, libraries: Iterable[Mapping[str, Any]], cancelled: Callable[[], bool]
    ) -> list[LibraryRow]:
        """Sleep until these libraries are installed or have failed."""
        keys = frozenset(canonical(library) for library in libraries)
        return self._records.wait_until_settled(cluster_id, keys, cancelled)

    # -- endpoints

    def install(self, caller: Caller, body: wire.ChangeLibraries) -> wire.Empty:
        """Want these libraries on the cluster; nothing is stored when one of them is refused.

        Raises:
            InvalidParameter, BadRequest: see `spec.check`.
        """
        self.want(caller, body.cluster_id, body.libraries)
        return wire.Empty()

    def uninstall(self, _caller: Caller, body: wire.ChangeLibraries) -> wire.Empty:
        """Take libraries off: at the next restart of a live cluster, at once from a terminated one."""
        live = self._clusters.records.get(body.cluster_id).is_live
        action = Action.UNINSTALL if live else Action.UNINSTALL_STOPPED
        keys = frozenset(canonical(library) for library in body.libraries)
        self._records.act_on(body.cluster_id, action, keys)
        return wire.Empty()

    def cluster_status(self, _caller: Caller, body: wire.OnCluster) -> wire.ClusterStatus:
        return _status(body.cluster_id, self._records.of_cluster(body.cluster_id))

    def all_cluster_statuses(self, caller: Caller, _body: wire.Empty) -> wire.AllStatuses:
        """The libraries of every cluster the caller may attach to."""
        grouped = groupby(self._records.of_all_clusters(), key=lambda row: row.cluster_id)
        return wire.AllStatuses(
            [_status(cluster_id, list(rows)) for cluster_id, rows in grouped if self._sees(caller, cluster_id)]
        )

    def _sees(self, caller: Caller, cluster_id: str) -> bool:
        try:
            self._clusters.require(caller, cluster_id, ATTACH)
        except (NotFound, PermissionDenied):
            return False
        return True


def _status(cluster_id: str, rows: list[LibraryRow]) -> wire.ClusterStatus:
    """Wanted ones in the order they were asked for, then those marked for removal."""
    ordered = sorted(rows, key=lambda row: (row.status is _LISTED_LAST, row.library_id))
    return wire.ClusterStatus(
        cluster_id,
        [
            wire.LibraryStatus(dict(row.library), row.status.value, [row.message] if row.message else [])
            for row in ordered
        ],
    )
