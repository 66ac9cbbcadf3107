"""One thread for each live cluster: it starts the compute, watches it, and is the only one that stops it.

Requests change the record first (durably) and then leave an order here. The thread takes the newest order when it can;
a termination always beats a restart, and calls off a start that is under way.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from wheelyard.compute.engine import Compute, Engine
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.launch import Prepared
from wheelyard.control.clusters.log_files import LogFolder
from wheelyard.control.clusters.progress import Step
from wheelyard.control.clusters.records import Records
from wheelyard.control.clusters.start import Start
from wheelyard.control.clusters.states import Action, ClusterState, Termination, termination
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.views import FAILED_TO_FETCH
from wheelyard.core.errors import LaunchFailed, LibraryFailed, WheelyardError
from wheelyard.core.redaction import mask_urls

__all__ = ["ClusterListener", "Supervisor"]

_LOG = logging.getLogger(__name__)
_PATIENCE_SECONDS = 30.0
"""How long a shutdown waits for compute to stop by itself."""

Order = Literal["restart", "terminate"]


class ClusterListener(Protocol):
    """Who wants to know what becomes of clusters: libraries are installed on them, contexts die with them."""

    def started(self, cluster_id: str, compute: Compute) -> None:
        """User code can run now. Must return at once."""

    def stopped(self, cluster_id: str) -> None:
        """The compute is about to be stopped. Must return at once."""

    def forgotten(self, cluster_id: str) -> None:
        """The cluster is permanently deleted."""


@dataclass
class _Live:
    """One live cluster, as its thread leaves word of it.

    `prepared` is what its compute was last started with; while a restart stops that compute, still the old one. `step`
    is what the thread is at on the way up, None before it begins and once user code can run.
    """

    cluster_id: str
    wake: threading.Condition = field(default_factory=threading.Condition)
    order: Order | None = None
    start: Start | None = None
    compute: Compute | None = None
    prepared: Prepared | None = None
    step: Step | None = None

    def redact(self, text: str) -> str:
        """Hide what it was started with."""
        return mask_urls(text) if self.prepared is None else self.prepared.redactor.redact(text)

    def give(self, order: Order) -> None:
        with self.wake:
            if self.order != "terminate":
                self.order = order
            start = self.start
            self.wake.notify_all()
        if start is not None and order == "terminate":
            start.call_off()

    def begin(self, start: Start) -> None:
        """From now on a termination calls this start off; one that was ordered before does so now."""
        with self.wake:
            self.start = start
            ordered = self.order == "terminate"
        if ordered:
            start.call_off()


class Supervisor:
    """The threads of live clusters."""

    def __init__(
        self,
        *,
        engine: Engine,
        records: Records,
        logs: LogFolder,
        prepare: Callable[[Cluster], Prepared],
        forget: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._records = records
        self._logs = logs
        self._prepare = prepare
        self._forget = forget
        self._lock = threading.Lock()
        self._live: dict[str, _Live] = {}
        self._threads: set[threading.Thread] = set()
        self._listeners: list[ClusterListener] = []

    def subscribe(self, listener: ClusterListener) -> None:
        self._listeners.append(listener)

    @property
    def listeners(self) -> tuple[ClusterListener, ...]:
        return tuple(self._listeners)

    def launch(self, cluster_id: str) -> None:
        """Begin the life of a cluster whose record says PENDING."""
        live = _Live(cluster_id)
        thread = threading.Thread(target=self._lead, args=(live,), name=f"cluster-{cluster_id}", daemon=True)
        with self._lock:
            self._live[cluster_id] = live
            self._threads.add(thread)
        thread.start()

    def order(self, cluster_id: str, order: Order) -> bool:
        """Leave an order; false when no thread holds the cluster."""
        with self._lock:
            live = self._live.get(cluster_id)
        if live is not None:
            live.give(order)
        return live is not None

    def holds(self, cluster_id: str) -> bool:
        """Whether a thread still has this cluster."""
        with self._lock:
            return cluster_id in self._live

    def compute(self, cluster_id: str) -> Compute | None:
        """The compute of a cluster that runs."""
        with self._lock:
            live = self._live.get(cluster_id)
        return None if live is None else live.compute

    def prepared(self, cluster_id: str) -> Prepared | None:
        """What a live cluster's compute was started with, or is being started with; None before that is known."""
        with self._lock:
            live = self._live.get(cluster_id)
        return None if live is None else live.prepared

    def step(self, cluster_id: str) -> Step | None:
        """What the thread of a cluster is at on the way up."""
        with self._lock:
            live = self._live.get(cluster_id)
        return None if live is None else live.step

    def close(self) -> None:
        """End every thread and wait for it; compute that does not stop by itself is ended by the engine."""
        with self._lock:
            lives, threads = list(self._live.values()), list(self._threads)
        for live in lives:
            live.give("terminate")
        for thread in threads:
            thread.join(_PATIENCE_SECONDS / max(1, len(threads)))
        self._engine.stop_all()
        for thread in threads:
            thread.join(_PATIENCE_SECONDS / max(1, len(threads)))

    def _lead(self, live: _Live) -> None:
        try:
            while self._one_life(live) == "restart":
                pass
        except Exception:  # noqa: BLE001 # a thread that ends silently would leave its work open for ever
            _LOG.exception("cluster %s was given up", live.cluster_id)
            self._fail(live, termination("INTERNAL_ERROR", "Internal error, see the log of the workspace"))
        finally:
            with self._lock:
                if self._live.get(live.cluster_id) is live:
                    del self._live[live.cluster_id]
            try:
                self._forget(live.cluster_id)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

    def _one_life(self, live: _Live) -> Order:
        """From launch to stop; the answer says whether another life follows."""
        order: Order
        compute = self._launched(live)
        if compute is None:
            return "terminate"
        minutes = self._opened(live, compute)
        order = "terminate" if minutes is None else self._next_order(live, compute, minutes)
        with live.wake:
            live.compute = None
        for listener in self._listeners:
            listener.stopped(live.cluster_id)
        compute.stop()
        if order == "terminate":
            self._records.act(live.cluster_id, Action.STOPPED)
        return order

    def _opened(self, live: _Live, compute: Compute) -> int | None:
        """Say that user code can run.

        Returns:
            the minutes of idleness after which the cluster ends, 0 for never; None when it was terminated while it
            started.
        """
        with live.wake:
            live.compute = compute
        cluster, _ = self._records.act(live.cluster_id, Action.LAUNCHED)
        if cluster.state is not ClusterState.RUNNING:
            return None
        live.step = None
        self._records.note(live.cluster_id, "DRIVER_HEALTHY")
        for listener in self._listeners:
            listener.started(live.cluster_id, compute)
        return int(cluster.spec.get("autotermination_minutes") or 0)

    def _launched(self, live: _Live) -> Compute | None:
        start = Start(self._engine, live.cluster_id)
        live.begin(start)
        log = self._logs.open(live.cluster_id, "startup")
        log.start_over()
        live.step = Step.READING
        try:
            cluster = self._records.get(live.cluster_id)
            log.line(f"starting cluster {live.cluster_id} with runtime {cluster.spec.get('spark_version')}")
            prepared = live.prepared = self._prepare(cluster)
            live.step = Step.PREPARING
            for line in prepared.lines:
                log.line(line, prepared.redactor.redact)
            return start.run(prepared.spec, lambda line: log.line(line, prepared.redactor.redact))
        except WheelyardError as error:
            if start.called_off:
                log.line("terminated while it was starting")
                self._records.act(live.cluster_id, Action.STOPPED)
            else:
                reason = _reason_of(error, live.redact)
                log.line(f"launch failed: {reason.code}: {reason.message}")
                self._fail(live, reason)
        return None

    def _fail(self, live: _Live, reason: Termination) -> None:
        if self._records.exists(live.cluster_id):
            self._records.act(live.cluster_id, Action.FAIL, reason=reason)

    def _next_order(self, live: _Live, compute: Compute, minutes: int) -> Order:
        """Sleep until there is an order, or nobody has used the cluster for `minutes`."""
        with live.wake:
            while live.order is None:
                left = minutes * 60 - compute.idle_seconds() if minutes else None
                if left is not None and left <= 0:
                    self._records.act(live.cluster_id, Action.TERMINATE, reason=_inactivity(minutes))
                    return "terminate"
                live.wake.wait(None if left is None else max(1.0, left))
            order, live.order = live.order, None
            return order


def _inactivity(minutes: int) -> Termination:
    return termination(
        "INACTIVITY",
        f"Inactive cluster terminated (inactive for {minutes} minutes).",
        inactivity_duration_min=str(minutes),
    )


def caller_of(caller: Callable[[str], Caller], owner_id: str) -> Caller:
    """The owner as they are now.

    Raises:
        LaunchFailed: the owner is gone, so nobody's READ can resolve anything.
    """
    try:
        return caller(owner_id)
    except WheelyardError as error:
        raise LaunchFailed(
            f"The owner of the cluster does not exist any more: {error.what}", code="INVALID_ARGUMENT"
        ) from error


def _reason_of(error: WheelyardError, redact: Callable[[str], str]) -> Termination:
    """Why a cluster ended; what an engine says is redacted there, and once more here."""
    what = redact(error.what)
    code = "INVALID_ARGUMENT"
    if isinstance(error, LaunchFailed):
        code = error.code
    elif isinstance(error, LibraryFailed):
        code = "UNEXPECTED_LAUNCH_FAILURE"
    told = FAILED_TO_FETCH if code.startswith("SECRET_") else what
    return termination(code, what, databricks_error_message=told)
