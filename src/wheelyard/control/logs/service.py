"""Logs of ours: start-up and library logs of clusters, and what runs have written. Redacted when they were written."""

from __future__ import annotations

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.jobs.service import Jobs
from wheelyard.control.logs import wire
from wheelyard.control.operation import RawAnswer

__all__ = ["Logs"]

_TEXT = "text/plain; charset=utf-8"


class Logs:
    """The logs service."""

    def __init__(self, *, clusters: Clusters, jobs: Jobs) -> None:
        self._clusters = clusters
        self._jobs = jobs

    def require_cluster(self, caller: Caller, cluster_id: str, level: str) -> None:
        self._clusters.require(caller, cluster_id, level)

    def require_run(self, caller: Caller, run_id: int, level: str) -> None:
        self._jobs.require_on_run(caller, run_id, level)

    def of_cluster(self, _caller: Caller, body: wire.ClusterLog) -> RawAnswer:
        """The log `startup` or `libraries`, empty before the first start.

        Raises:
            NotFound: there is no log of this name.
        """
        return RawAnswer(self._clusters.logs.read(body.cluster_id, body.name).encode(), _TEXT)

    def of_run(self, _caller: Caller, body: wire.RunLog) -> RawAnswer:
        """What a run or task run has written so far."""
        return RawAnswer(self._jobs.log_of(body.run_id).encode(errors="replace"), _TEXT)
