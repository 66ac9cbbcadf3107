"""The life of clusters, apart from the API: starting, ending, recovering, and what other rooms ask for."""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from wheelyard.compute.engine import Compute, Engine
from wheelyard.control.caller import Caller
from wheelyard.control.clusters import store
from wheelyard.control.clusters.access import ClusterAccess
from wheelyard.control.clusters.details import size_of
from wheelyard.control.clusters.launch import Prepared, Preparer
from wheelyard.control.clusters.log_files import LogFolder
from wheelyard.control.clusters.ports import Clock, People, Permissions, SecretReader, SessionTokens
from wheelyard.control.clusters.records import PREPARING, Records
from wheelyard.control.clusters.sessions import Sessions
from wheelyard.control.clusters.spec import check
from wheelyard.control.clusters.states import LIVE, Action, ClusterState, Termination, termination
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.supervisor import ClusterListener, Supervisor, caller_of
from wheelyard.control.clusters.wire import Document
from wheelyard.core.errors import InvalidState, NotFound
from wheelyard.core.redaction import Secret
from wheelyard.core.rules.defaults import PackageRepositorySwitches
from wheelyard.storage.database import Database

__all__ = ["ClusterLife", "refuse_job_cluster"]

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ON_THE_WAY_UP = frozenset({ClusterState.PENDING, ClusterState.RESTARTING})


class ClusterLife:
    """The part of the clusters service that is about their life.

    Args:
        engine: what runs compute.
        clock: seconds since the epoch.
        log_folder: start-up and library logs, one folder a cluster.
        host: base URL that user code on compute reaches this workspace at; asked at each session, for the port may be
            chosen late.
        switches: how the workspace has set the default repositories' switches.
    """

    def __init__(
        self,
        *,
        database: Database,
        engine: Engine,
        secrets: SecretReader,
        directory: People,
        tokens: SessionTokens,
        permissions: Permissions,
        log_folder: Path,
        host: Callable[[], str],
        workspace_id: str,
        clock: Clock = time.time,
        switches: Callable[[], PackageRepositorySwitches] = PackageRepositorySwitches,
    ) -> None:
        self.engine = engine
        self.directory = directory
        self.preparer = Preparer(secrets, switches)
        self.sessions = Sessions(tokens=tokens, host=host, workspace_id=workspace_id)
        self.logs = LogFolder(log_folder, clock)
        self.records = Records(database, clock)
        self.access = ClusterAccess(permissions)
        self._permissions = permissions
        self._supervisor = Supervisor(
            engine=engine, records=self.records, logs=self.logs, prepare=self._prepared, forget=self._forget_removed
        )

    # -- life of the service

    def subscribe(self, listener: ClusterListener) -> None:
        """Tell `listener` what becomes of clusters from now on."""
        self._supervisor.subscribe(listener)

    def recover(self) -> None:
        """After a crash: end what was left running, and say so of every cluster that was live."""
        self.engine.sweep()
        lost = termination("COMMUNICATION_LOST", "The workspace was restarted; the compute of this cluster is gone")
        for cluster in self.records.live():
            if cluster.removed:
                self._forget_removed(cluster.cluster_id)
            else:
                self.records.act(cluster.cluster_id, Action.RECOVER, reason=lost)

    def close(self) -> None:
        """Stop all compute and record it."""
        reason = termination("MAINTENANCE_MODE", "The workspace was shut down")
        for cluster in self.records.live():
            self._terminate(cluster.cluster_id, reason)
        self._supervisor.close()

    def hide(self, caller: Caller, value: Secret[bytes]) -> None:
        """Fits `Secrets(on_read=…)`."""
        self.sessions.hide(caller, value)

    # -- for other rooms

    def require(self, caller: Caller, cluster_id: str, level: str) -> Cluster:
        """The cluster, if the caller holds `level` on it.

        Raises:
            NotFound: there is no such cluster.
            PermissionDenied: the caller holds less.
        """
        cluster = self.records.get(cluster_id)
        self.access.require(caller, cluster, level)
        return cluster

    def running_compute(self, cluster_id: str) -> Compute:
        """The compute of a running cluster.

        Raises:
            NotFound: there is no such cluster.
            InvalidState: it is not running.
        """
        cluster = self.records.get(cluster_id)
        compute = self._supervisor.compute(cluster_id)
        if compute is None or cluster.state is not ClusterState.RUNNING:
            raise InvalidState(
                f"Cluster {cluster_id} is in unexpected state {cluster.state.value.capitalize()}.",
                reference="cluster-not-running",
                hint=f"databricks clusters start {cluster_id}",
            )
        return compute

    def wait_until_settled(self, cluster_id: str, cancelled: Callable[[], bool] = lambda: False) -> Cluster:
        """Sleep until the cluster is neither starting nor restarting, or the wait is cancelled."""
        return self.records.wait_while(cluster_id, _ON_THE_WAY_UP, cancelled)

    def wait_until_ended(self, cluster_id: str, cancelled: Callable[[], bool] = lambda: False) -> Cluster:
        """Sleep until nothing of the cluster runs."""
        return self.records.wait_while(cluster_id, LIVE, cancelled)

    def create_for_job(self, owner: Caller, spec: Document, tags: Mapping[str, str]) -> str:
        """Start a cluster that belongs to a job's run; returns its id."""
        check(spec)
        return self._created(owner, spec, "JOB", tags)

    def terminate_for_job(self, cluster_id: str) -> None:
        self._terminate(cluster_id, termination("JOB_FINISHED"))

    def start_as(self, caller: Caller, cluster_id: str) -> None:
        refuse_job_cluster(self.records.get(cluster_id), "started")
        told = {"user": caller.name, "cause": "USER_REQUEST"}
        _, moved = self.records.act(cluster_id, Action.START, details=told)
        if moved:
            self._supervisor.launch(cluster_id)

    # -- inside

    def _prepared(self, cluster: Cluster) -> Prepared:
        return self.preparer.cluster(cluster, caller_of(self.directory.caller, cluster.owner_id))

    def _created(self, owner: Caller, spec: Document, source: str, tags: Mapping[str, str]) -> str:
        now = self.records.now()
        cluster = Cluster(
            cluster_id=_new_id(now),
            spec=spec,
            creator_id=owner.principal_id,
            creator_name=owner.name,
            owner_id=owner.principal_id,
            source=source,
            state=ClusterState.PENDING,
            state_message=PREPARING,
            created_at=now,
            started_at=now,
            tags=tags,
        )
        self._permissions.created("cluster", cluster.cluster_id, owner)
        self.records.add(cluster, {"cluster_size": size_of(spec), "user": owner.name})
        self._supervisor.launch(cluster.cluster_id)
        return cluster.cluster_id

    def _terminate(self, cluster_id: str, reason: Termination) -> None:
        """End what there is of it; a cluster that was permanently deleted meanwhile has ended."""
        user = reason.parameters.get("username")
        told: Document = {"user": user} if user else {}
        with suppress(NotFound):
            cluster, _ = self.records.act(cluster_id, Action.TERMINATE, reason=reason, details=told)
            if cluster.is_live and not self._supervisor.order(cluster_id, "terminate"):
                self.records.act(cluster_id, Action.STOPPED)

    def _forget_removed(self, cluster_id: str) -> None:
        """Delete what is left of a permanently deleted cluster, once nothing of it runs."""
        cluster = self.records.database.read(lambda tx: store.find(tx, cluster_id))
        if cluster is None or not cluster.removed or self._supervisor.holds(cluster_id):
            return
        self.records.forget(cluster_id)
        self._permissions.forget("cluster", cluster_id)
        self.logs.forget(cluster_id)
        for listener in self._supervisor.listeners:
            listener.forgotten(cluster_id)


def _new_id(now: int) -> str:
    stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%m%d-%H%M%S")
    return f"{stamp}-{''.join(randomness.choice(_ID_LETTERS) for _ in range(8))}"


def refuse_job_cluster(cluster: Cluster, word: str) -> None:
    """Refuse what a job's cluster does not allow."""
    if cluster.source == "JOB":
        raise InvalidState(
            f"Cluster {cluster.cluster_id} belongs to a job and cannot be {word}.", reference="job-cluster"
        )
