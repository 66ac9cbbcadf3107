"""The compute of one run: existing clusters, clusters made for the run, and serverless environments.

A job cluster or an environment is made once a run, at its first use, and goes with the run. Which index it uses is read
anew each time, because each run starts new compute.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, replace

from wheelyard.compute.engine import Compute
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.access import RESTART
from wheelyard.control.clusters.launch import Prepared, environment_version
from wheelyard.control.clusters.ports import WorkspaceFiles
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.clusters.staging import files_named
from wheelyard.control.clusters.start import Start
from wheelyard.control.clusters.states import TERMINATION_TYPES, ClusterState
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.jobs.outcomes import Outcome, cluster_failed, invalid_run, library_failed
from wheelyard.control.jobs.stopping import Stop, TaskFailed
from wheelyard.control.jobs.wire import Document, EnvironmentSpec, JobSettings, Task
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.libraries.spec import described
from wheelyard.control.libraries.states import Status
from wheelyard.core.errors import LaunchFailed, LibraryFailed, NotFound, WheelyardError
from wheelyard.core.redaction import mask_urls

__all__ = ["ComputeSupply", "Lease"]

_SLICE_SECONDS = 0.5
OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Lease:
    """Compute that a task may use; `cluster_id` is empty for serverless."""

    compute: Compute
    cluster_id: str = ""


class ComputeSupply:
    """See the module's opening. `caller` is the identity the run runs as."""

    def __init__(
        self,
        *,
        clusters: Clusters,
        libraries: Libraries,
        workspace: WorkspaceFiles,
        caller: Caller,
        job_id: int,
        run_id: int,
        run_name: str,
        settings: JobSettings,
    ) -> None:
        self._clusters = clusters
        self._libraries = libraries
        self._workspace = workspace
        self._caller = caller
        self._job_id = job_id
        self._run_id = run_id
        self._run_name = run_name
        self._settings = settings
        self._lock = threading.Lock()
        self._made: dict[str, str] = {}
        self._serverless: dict[str, Future[Compute]] = {}
        self._starts: list[Start] = []

    def acquire(self, task: Task, stop: Stop, note_cluster: Callable[[str], None], on_line: OnLine) -> Lease:
        """Return when the task's code could run: compute up, libraries installed.

        Raises:
            TaskFailed: it will never be; or the order to stop came.
        """
        cluster_id = self._cluster_for(task, stop)
        if not cluster_id:
            return Lease(self._environment_for(task, stop, on_line))
        note_cluster(cluster_id)
        self._wait_for_cluster(cluster_id, stop)
        self._install(task, cluster_id, stop)
        return Lease(self._compute(cluster_id), cluster_id)

    def close(self) -> None:
        """Give back what was made for the run; what is still starting ends at once."""
        with self._lock:
            made, environments = list(self._made.values()), list(self._serverless.values())
            starts = list(self._starts)
        for start in starts:
            start.call_off()
        for cluster_id in made:
            try:
                self._clusters.terminate_for_job(cluster_id)
            except NotFound:
                continue  # somebody has deleted it for good meanwhile
        for environment in environments:
            environment.add_done_callback(_stop_compute)

    # -- clusters

    def _cluster_for(self, task: Task, stop: Stop) -> str:
        """The id of the task's cluster, started if need be; empty for serverless."""
        if task.existing_cluster_id:
            return self._existing(task.existing_cluster_id, stop)
        if task.new_cluster is not None:
            return self._made_once(task.task_key, task.new_cluster)
        if task.job_cluster_key:
            known = {cluster.job_cluster_key: cluster.new_cluster for cluster in self._settings.job_clusters}
            return self._made_once(task.job_cluster_key, known[task.job_cluster_key])
        return ""

    def _existing(self, cluster_id: str, stop: Stop) -> str:
        try:
            cluster = self._clusters.records.get(cluster_id)
            self._clusters.access.require_code(self._caller, cluster)
            if cluster.state is ClusterState.TERMINATING:
                cluster = self._clusters.wait_until_ended(cluster_id, stop.is_ordered)
            if cluster.state is ClusterState.TERMINATED:
                self._clusters.access.require(self._caller, cluster, RESTART)
                self._clusters.start_as(self._caller, cluster_id)
        except WheelyardError as error:
            raise TaskFailed(cluster_failed(error.what)) from error
        return cluster_id

    def _made_once(self, key: str, spec: Document) -> str:
        with self._lock:
            if key not in self._made:
                named = {**spec, "cluster_name": f"job-{self._job_id}-run-{self._run_id}-{key}"}
                tags = {"RunName": self._run_name, "JobId": str(self._job_id)}
                try:
                    self._made[key] = self._clusters.create_for_job(self._caller, named, tags)
                except WheelyardError as error:
                    raise TaskFailed(invalid_run(error.what, "INVALID_CLUSTER_REQUEST")) from error
            return self._made[key]

    def _wait_for_cluster(self, cluster_id: str, stop: Stop) -> None:
        try:
            cluster: Cluster = self._clusters.wait_until_settled(cluster_id, stop.is_ordered)
        except NotFound as error:
            raise TaskFailed(cluster_failed(error.what)) from error
        stop.check()
        if cluster.state is not ClusterState.RUNNING:
            raise TaskFailed(cluster_failed(_why_not(cluster)))

    def _install(self, task: Task, cluster_id: str, stop: Stop) -> None:
        if not task.libraries:
            return
        try:
            self._libraries.want(self._caller, cluster_id, task.libraries)
        except WheelyardError as error:
            words = [described(library) for library in task.libraries]
            raise TaskFailed(library_failed(words, [error.what])) from error
        rows = self._libraries.wait(cluster_id, task.libraries, stop.is_ordered)
        stop.check()
        failed = [row for row in rows if row.status is Status.FAILED]
        if failed:
            words = [described(row.library) for row in failed]
            raise TaskFailed(library_failed(words, [row.message for row in failed]))

    def _compute(self, cluster_id: str) -> Compute:
        try:
            return self._clusters.running_compute(cluster_id)
        except WheelyardError as error:
            raise TaskFailed(cluster_failed(error.what)) from error

    # -- serverless

    def _environment_for(self, task: Task, stop: Stop, on_line: OnLine) -> Compute:
        future = self._environment(task.environment_key, on_line)
        while not stop.is_ordered():
            try:
                return future.result(timeout=_SLICE_SECONDS)
            except NotYet:
                continue
        stop.check()
        raise AssertionError("an order to stop has a reason")

    def _environment(self, key: str, on_line: OnLine) -> Future[Compute]:
        with self._lock:
            future = self._serverless.get(key)
            if future is None:
                future = self._serverless[key] = Future()
                number = len(self._serverless)
                start = Start(self._clusters.engine, f"serverless-{self._run_id}-{number}")
                self._starts.append(start)
                threading.Thread(
                    target=self._start_environment,
                    args=(future, key, start, on_line),
                    name=f"serverless-{self._run_id}-{number}",
                    daemon=True,
                ).start()
            return future

    def _start_environment(self, future: Future[Compute], key: str, start: Start, on_line: OnLine) -> None:
        try:
            future.set_result(self._started(key, start, on_line))
        except BaseException as error:  # noqa: BLE001 # every task that waits for this environment must hear of it
            future.set_exception(error)

    def _started(self, key: str, start: Start, on_line: OnLine) -> Compute:
        spec = self._environment_spec(key)
        try:
            prepared = self._prepared(spec, key, start.compute_id)
        except LaunchFailed as error:
            raise TaskFailed(cluster_failed(error.what)) from error
        redact = prepared.redactor.redact
        for line in prepared.lines:
            on_line(redact(line))
        files = files_named(self._workspace, self._caller, spec.dependencies)
        try:
            return start.run(replace(prepared.spec, files=files), lambda line: on_line(redact(line)))
        except LibraryFailed as error:
            raise TaskFailed(_dependencies_failed(spec, redact(error.what), redact)) from error
        except LaunchFailed as error:
            if error.code not in TERMINATION_TYPES:  # an engine passes on the code of the dependency that failed
                raise TaskFailed(_dependencies_failed(spec, redact(error.what), redact)) from error
            raise TaskFailed(cluster_failed(redact(error.what))) from error

    def _environment_spec(self, key: str) -> EnvironmentSpec:
        known = {environment.environment_key: environment.spec for environment in self._settings.environments}
        return known[key] if key else EnvironmentSpec()

    def _prepared(self, spec: EnvironmentSpec, key: str, compute_id: str) -> Prepared:
        if spec.base_environment:
            raise TaskFailed(
                invalid_run("base_environment is not available in this workspace; list the dependencies instead")
            )
        wanted = spec.environment_version or spec.client
        version = environment_version(wanted)
        if version is None:
            raise TaskFailed(invalid_run(f"Environment version {wanted} is not known here"))
        name = f"serverless environment {key}" if key else "serverless"
        return self._clusters.preparer.serverless(compute_id, name, version, tuple(spec.dependencies), self._caller)


def _stop_compute(environment: Future[Compute]) -> None:
    if environment.exception() is None:
        environment.result().stop()


def _dependencies_failed(spec: EnvironmentSpec, message: str, redact: Callable[[str], str]) -> Outcome:
    words = [f'environment: "{mask_urls(redact(line))}"' for line in spec.dependencies]
    return library_failed(words, [message])


def _why_not(cluster: Cluster) -> str:
    """What a task says of a cluster that did not come up: the cluster's own words."""
    code = cluster.termination.code if cluster.termination else cluster.state.value
    return f"Cluster '{cluster.cluster_id}' was terminated. Reason: {code}. {cluster.state_message}".rstrip()
