"""Which live clusters run with another workspace default than a start would take now.

A cluster keeps what it took when it was started until it is restarted. What it took is remembered by its supervisor;
what it would take now is read as a launch reads it. The values are compared, never their times: a default that was
changed and changed back leaves no cluster behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.states import ClusterState
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.views import Views
from wheelyard.core.package_sources import KEYS, PackageSources

__all__ = ["DefaultsNow", "OldDefault", "changed_keys", "old_default_of", "why_no_restart"]


@dataclass(frozen=True, slots=True)
class OldDefault:
    """A live cluster whose workspace default is not the one a start would take now.

    Args:
        owner: the name it was created or last handed over with.
        state: as the API spells it: PENDING, RUNNING or RESTARTING.
        started_at: since when it has been up, or on its way up, in milliseconds.
        changed_keys: the keys of the reserved scope whose values differ, in their usual order; never a value.
        why_no_restart: why the caller cannot restart it now, in words; empty when they can.
    """

    cluster_id: str
    name: str
    owner: str
    state: str
    state_message: str
    started_at: int
    changed_keys: tuple[str, ...]
    why_no_restart: str = ""

    @property
    def can_restart(self) -> bool:
        return not self.why_no_restart


class DefaultsNow:
    """What clusters would take of the default if they started now; read once for each owner, however many they have."""

    def __init__(self, views: Views, owner_of: Callable[[Cluster], Caller | None]) -> None:
        self._views = views
        self._owner_of = owner_of
        self._known: dict[tuple[str, str], PackageSources | None] = {}

    def of(self, cluster: Cluster) -> PackageSources | None:
        """The sources; None when there are none for it, and when it could not start at all."""
        key = (cluster.owner_id, cluster.created_through)
        if key not in self._known:
            owner = self._owner_of(cluster)
            self._known[key] = self._views.default(cluster.created_through, owner, recorded=False).sources
        return self._known[key]


def changed_keys(before: PackageSources | None, now: PackageSources | None) -> tuple[str, ...]:
    """The keys of the reserved scope that two defaults give different values; no default is the same as an empty one.

    >>> from wheelyard.core.redaction import SafeUrl
    >>> changed_keys(None, PackageSources(SafeUrl("https://pkgs.example.com/simple")))
    ('pip-index-url',)
    >>> changed_keys(None, PackageSources())
    ()
    """
    old, new = (({} if sources is None else sources.to_keys()) for sources in (before, now))
    return tuple(key for key in KEYS if old.get(key) != new.get(key))


def old_default_of(cluster: Cluster, changed: tuple[str, ...], *, may_restart: bool) -> OldDefault:
    """The line about one cluster."""
    return OldDefault(
        cluster_id=cluster.cluster_id,
        name=cluster.name or cluster.cluster_id,
        owner=cluster.creator_name,
        state=cluster.state.value,
        state_message=cluster.state_message,
        started_at=max(cluster.started_at, cluster.restarted_at),
        changed_keys=changed,
        why_no_restart=why_no_restart(cluster, may_restart=may_restart),
    )


def why_no_restart(cluster: Cluster, *, may_restart: bool) -> str:
    """Why a cluster cannot be restarted now; empty when it can. A job's cluster ends with its run."""
    if cluster.source == "JOB":
        return "it belongs to a job and ends with its run"
    if not may_restart:
        return "you do not hold CAN_RESTART on it"
    if cluster.state is not ClusterState.RUNNING:
        return f"it is {cluster.state.value.lower()}"
    return ""
