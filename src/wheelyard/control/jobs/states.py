"""The states of runs and of task runs, and how they show in the API's two spellings.

One table for both: a run is a task run that waits for its tasks. `life` is the first spelling's `life_cycle_state`; the
second spelling is derived from it. Source: facts/workspace-api.md 10.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["ACTIVE", "TRANSITIONS", "V2_STATE", "Action", "Life", "after"]


class Life(StrEnum):
    """`life_cycle_state`."""

    QUEUED = "QUEUED"
    BLOCKED = "BLOCKED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Action(StrEnum):
    """What can happen to a run. `END`, `SKIP` and `BREAK` differ only in the word a run ends with."""

    ADMIT = "admit"
    UNBLOCK = "unblock"
    EXECUTE = "execute"
    RETRY = "retry"
    CANCEL = "cancel"
    END = "end"
    SKIP = "skip"
    BREAK = "break"


_L, _A = Life, Action

ACTIVE = frozenset({_L.QUEUED, _L.BLOCKED, _L.PENDING, _L.RUNNING, _L.WAITING_FOR_RETRY, _L.TERMINATING})

TRANSITIONS: Mapping[tuple[Life, Action], Life] = MappingProxyType(
    {
        (_L.QUEUED, _A.ADMIT): _L.PENDING,
        (_L.BLOCKED, _A.UNBLOCK): _L.PENDING,
        (_L.PENDING, _A.EXECUTE): _L.RUNNING,
        (_L.PENDING, _A.RETRY): _L.WAITING_FOR_RETRY,
        (_L.RUNNING, _A.RETRY): _L.WAITING_FOR_RETRY,
        (_L.WAITING_FOR_RETRY, _A.UNBLOCK): _L.PENDING,
        **{(life, _A.CANCEL): _L.TERMINATING for life in ACTIVE},
        **{(life, _A.END): _L.TERMINATED for life in ACTIVE},
        **{(life, _A.SKIP): _L.SKIPPED for life in ACTIVE},
        **{(life, _A.BREAK): _L.INTERNAL_ERROR for life in ACTIVE},
    }
)


def after(life: Life, action: Action) -> Life:
    """The state that follows; the same one where the action changes nothing. What has ended stays ended."""
    return TRANSITIONS.get((life, action), life)


V2_STATE: Mapping[Life, str] = MappingProxyType(
    {
        _L.QUEUED: "QUEUED",
        _L.BLOCKED: "BLOCKED",
        _L.PENDING: "PENDING",
        _L.RUNNING: "RUNNING",
        _L.WAITING_FOR_RETRY: "WAITING",
        _L.TERMINATING: "TERMINATING",
        _L.TERMINATED: "TERMINATED",
        _L.SKIPPED: "TERMINATED",
        _L.INTERNAL_ERROR: "TERMINATED",
    }
)
"""The second spelling's `state`."""
