"""The states of a cluster, and what moves it from one to the next.

All state logic of clusters is in the two tables below; everything else asks `after`. An action that is not in the table
for a state does nothing there: that is how "start what is starting" and "terminate what is terminated" are allowed, and
how a launch that ends after somebody terminated the cluster cannot bring it back. What must be refused instead is in
`REFUSED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal

from wheelyard.core.errors import InvalidState

__all__ = [
    "LIVE",
    "TERMINATION_TYPES",
    "TRANSITIONS",
    "Action",
    "ClusterState",
    "Termination",
    "after",
    "termination",
]


class ClusterState(StrEnum):
    """Source: facts/workspace-api.md 6.5. `ERROR` and `UNKNOWN` exist in the API and never here."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"


class Action(StrEnum):
    """What can happen to a cluster. `RECOVER`: the control plane starts again and no compute is left."""

    START = "start"
    LAUNCHED = "launched"
    FAIL = "fail"
    RESTART = "restart"
    EDIT = "edit"
    TERMINATE = "terminate"
    STOPPED = "stopped"
    RECOVER = "recover"


_S, _A = ClusterState, Action

TRANSITIONS: Mapping[tuple[ClusterState, Action], ClusterState] = MappingProxyType(
    {
        (_S.TERMINATED, _A.START): _S.PENDING,
        (_S.PENDING, _A.LAUNCHED): _S.RUNNING,
        (_S.RESTARTING, _A.LAUNCHED): _S.RUNNING,
        (_S.PENDING, _A.FAIL): _S.TERMINATED,
        (_S.RESTARTING, _A.FAIL): _S.TERMINATED,
        (_S.TERMINATING, _A.FAIL): _S.TERMINATED,
        (_S.RUNNING, _A.RESTART): _S.RESTARTING,
        (_S.RUNNING, _A.EDIT): _S.RESTARTING,
        (_S.PENDING, _A.TERMINATE): _S.TERMINATING,
        (_S.RUNNING, _A.TERMINATE): _S.TERMINATING,
        (_S.RESTARTING, _A.TERMINATE): _S.TERMINATING,
        (_S.TERMINATING, _A.STOPPED): _S.TERMINATED,
        (_S.PENDING, _A.RECOVER): _S.TERMINATED,
        (_S.RUNNING, _A.RECOVER): _S.TERMINATED,
        (_S.RESTARTING, _A.RECOVER): _S.TERMINATED,
        (_S.TERMINATING, _A.RECOVER): _S.TERMINATED,
    }
)

REFUSED: frozenset[tuple[ClusterState, Action]] = frozenset(
    {
        (_S.TERMINATING, _A.START),
        (_S.PENDING, _A.EDIT),
        (_S.RESTARTING, _A.EDIT),
        (_S.TERMINATING, _A.EDIT),
    }
)

LIVE: frozenset[ClusterState] = frozenset({_S.PENDING, _S.RUNNING, _S.RESTARTING, _S.TERMINATING})
"""States in which a thread of ours holds the cluster."""


def after(cluster_id: str, state: ClusterState, action: Action) -> ClusterState:
    """The state that follows; the same one where the action changes nothing.

    Raises:
        InvalidState: the action is refused in this state; clients know the text and wait.
    """
    if (state, action) in REFUSED:
        raise InvalidState(
            f"Cluster {cluster_id} is in unexpected state {state.value.capitalize()}.",
            reference="cluster-in-unexpected-state",
            unchanged="nothing was changed",
            hint=f"wait until `databricks clusters get {cluster_id}` says RUNNING or TERMINATED",
        )
    return TRANSITIONS.get((state, action), state)


TerminationType = Literal["SUCCESS", "CLIENT_ERROR", "SERVICE_FAULT", "CLOUD_FAILURE"]

TERMINATION_TYPES: Mapping[str, TerminationType] = MappingProxyType(
    {
        "USER_REQUEST": "SUCCESS",
        "INACTIVITY": "SUCCESS",
        "JOB_FINISHED": "SUCCESS",
        # Recorded when the workspace is shut down in order, and when it finds after a crash that compute is gone.
        "MAINTENANCE_MODE": "SERVICE_FAULT",
        "COMMUNICATION_LOST": "SERVICE_FAULT",
        "SECRET_RESOLUTION_ERROR": "SERVICE_FAULT",
        "SECRET_PERMISSION_DENIED": "CLIENT_ERROR",
        "SECRET_CREATION_FAILURE": "CLIENT_ERROR",
        "INVALID_ARGUMENT": "CLIENT_ERROR",
        "INIT_SCRIPT_FAILURE": "CLIENT_ERROR",
        "SPARK_STARTUP_FAILURE": "SERVICE_FAULT",
        "DRIVER_UNREACHABLE": "SERVICE_FAULT",
        "UNEXPECTED_LAUNCH_FAILURE": "SERVICE_FAULT",
        "INTERNAL_ERROR": "SERVICE_FAULT",
    }
)
"""Source: facts/workspace-api.md 6.5 and 19 #7; the types of the codes without a recorded live answer are inferred."""


@dataclass(frozen=True, slots=True)
class Termination:
    """Why a cluster ended: what `termination_reason` and `state_message` say."""

    code: str
    message: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, Any]:
        """The wire's `termination_reason`."""
        answer: dict[str, Any] = {"code": self.code, "type": TERMINATION_TYPES.get(self.code, "SERVICE_FAULT")}
        if self.parameters:
            answer["parameters"] = dict(self.parameters)
        return answer


def termination(code: str, message: str = "", **parameters: str) -> Termination:
    """Name a reason; every failure carries its text as `databricks_error_message` too, as the live service does."""
    return Termination(code, message, MappingProxyType(parameters))
