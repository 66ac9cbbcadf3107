"""How far a start or restart has come, from the steps that really exist.

A step is over or it is not; how long one takes is not known beforehand, so a fraction counts steps and promises no
time. What goes on inside the long one is told by the last line of the start-up log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from wheelyard.control.clusters.records import PREPARING
from wheelyard.control.clusters.states import TERMINATION_TYPES, ClusterState
from wheelyard.control.clusters.store import Cluster

__all__ = ["Progress", "Step", "progress_of"]


class Step(StrEnum):
    """What a cluster's thread does on the way up, in words for a reader."""

    STOPPING = "Stopping what ran until now"
    READING = "Reading secrets and the workspace default"
    PREPARING = PREPARING


_STEPS: Mapping[ClusterState, tuple[Step, ...]] = MappingProxyType(
    {
        ClusterState.PENDING: (Step.READING, Step.PREPARING),
        ClusterState.RESTARTING: (Step.STOPPING, Step.READING, Step.PREPARING),
    }
)
"""The steps to RUNNING, in order. The thread begins with the first one, so it is also meant where none is known."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a cluster stands.

    Args:
        state: as the API spells it.
        stage: what happens now, in words.
        fraction: finished steps of all steps of a start or restart; 1 when it runs; None when it ends or has ended.
        has_old_default: it runs with another workspace default than a start would take now. Not judged before it runs.
        failed: why it did not start or did not stay up; empty otherwise, also when somebody ended it.
        last_line: the newest line of the start-up log, redacted when it was written; empty before there is one of this
            start, once it runs, and for a caller who may not read the logs.
    """

    state: str
    state_message: str
    stage: str
    fraction: float | None = None
    has_old_default: bool = False
    failed: str = ""
    last_line: str = ""

    @property
    def is_settled(self) -> bool:
        """Nothing changes any more unless somebody asks for it."""
        return self.state in {ClusterState.RUNNING, ClusterState.TERMINATED}


def progress_of(cluster: Cluster, step: Step | None, *, has_old_default: bool = False, last_line: str = "") -> Progress:
    """Describe one moment; `step` is what the cluster's thread is at, None when it has not begun."""
    stage, fraction = _stage(cluster, step)
    return Progress(
        state=cluster.state.value,
        state_message=cluster.state_message,
        stage=stage,
        fraction=fraction,
        has_old_default=has_old_default and cluster.state is ClusterState.RUNNING,
        failed=_failure(cluster),
        last_line=last_line if cluster.state in _STEPS and step is not None else "",
    )


def _stage(cluster: Cluster, step: Step | None) -> tuple[str, float | None]:
    steps = _STEPS.get(cluster.state)
    if steps is not None:
        at = step if step in steps else steps[0]
        return at.value, steps.index(at) / len(steps)
    if cluster.state is ClusterState.RUNNING:
        return "Running", 1.0
    if cluster.state is ClusterState.TERMINATING:
        return "Ending", None
    return "Ended with a failure" if _failure(cluster) else "Ended", None


def _failure(cluster: Cluster) -> str:
    reason = cluster.termination
    if cluster.state is not ClusterState.TERMINATED or reason is None:
        return ""
    if TERMINATION_TYPES.get(reason.code, "SERVICE_FAULT") == "SUCCESS":
        return ""
    return f"{reason.code}: {reason.message}" if reason.message else reason.code
