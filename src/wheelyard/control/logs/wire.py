"""Bodies of the logs API."""

from __future__ import annotations

import msgspec

from wheelyard.control.operation import Empty

__all__ = ["Empty"]


class ClusterLog(msgspec.Struct):
    cluster_id: str
    name: str


class RunLog(msgspec.Struct):
    run_id: int
