"""The statuses of a library on a cluster, as one table. Source: facts/workspace-api.md 8."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = ["SETTLED", "TRANSITIONS", "Action", "Status", "after"]


class Status(StrEnum):
    """As on the wire. `REMOVED` is no status of the API: the library leaves the list."""

    PENDING = "PENDING"
    RESOLVING = "RESOLVING"
    INSTALLING = "INSTALLING"
    INSTALLED = "INSTALLED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    UNINSTALL_ON_RESTART = "UNINSTALL_ON_RESTART"
    REMOVED = "REMOVED"


class Action(StrEnum):
    """`STOP`: the cluster's compute ends, so everything on it is gone and what is wanted waits for the next start."""

    ASK = "ask"
    BEGIN = "begin"
    PLACE = "place"
    SUCCEED = "succeed"
    SKIP = "skip"
    FAIL = "fail"
    UNINSTALL = "uninstall"
    UNINSTALL_STOPPED = "uninstall while stopped"
    STOP = "stop"


_S, _A = Status, Action
_ON_THE_LIST = tuple(status for status in Status if status is not Status.REMOVED)

TRANSITIONS: Mapping[tuple[Status, Action], Status] = MappingProxyType(
    {
        (_S.REMOVED, _A.ASK): _S.PENDING,
        (_S.FAILED, _A.ASK): _S.PENDING,
        (_S.SKIPPED, _A.ASK): _S.PENDING,
        # It was never taken off the compute, so asking for it again only takes the mark away.
        (_S.UNINSTALL_ON_RESTART, _A.ASK): _S.INSTALLED,
        (_S.PENDING, _A.BEGIN): _S.RESOLVING,
        (_S.PENDING, _A.SKIP): _S.SKIPPED,
        (_S.RESOLVING, _A.SKIP): _S.SKIPPED,
        (_S.RESOLVING, _A.PLACE): _S.INSTALLING,
        (_S.RESOLVING, _A.FAIL): _S.FAILED,
        (_S.INSTALLING, _A.SUCCEED): _S.INSTALLED,
        (_S.INSTALLING, _A.FAIL): _S.FAILED,
        **{(status, _A.UNINSTALL): _S.UNINSTALL_ON_RESTART for status in _ON_THE_LIST},
        **{(status, _A.UNINSTALL_STOPPED): _S.REMOVED for status in _ON_THE_LIST},
        **{(status, _A.STOP): _S.PENDING for status in _ON_THE_LIST},
        (_S.UNINSTALL_ON_RESTART, _A.STOP): _S.REMOVED,
    }
)

SETTLED = frozenset({_S.INSTALLED, _S.SKIPPED, _S.FAILED, _S.UNINSTALL_ON_RESTART, _S.REMOVED})
"""Statuses that nothing but a request or the cluster's end changes."""


def after(status: Status, action: Action) -> Status:
    """The status that follows; the same one where the action changes nothing."""
    return TRANSITIONS.get((status, action), status)
