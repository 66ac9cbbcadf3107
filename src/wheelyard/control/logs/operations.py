"""The endpoints of the logs API. The answer is plain text."""

from __future__ import annotations

from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.logs import wire
from wheelyard.control.logs.service import Logs
from wheelyard.control.operation import Need, Operation

__all__ = ["OPERATIONS"]


def _on_cluster(service: Logs, caller: Caller, body: wire.ClusterLog) -> None:
    service.require_cluster(caller, body.cluster_id, "CAN_ATTACH_TO")


def _on_run(service: Logs, caller: Caller, body: wire.RunLog) -> None:
    service.require_run(caller, body.run_id, "CAN_VIEW")


_BASE = "/api/2.0/wheelyard"

OPERATIONS: tuple[Operation[Any, Any, Any], ...] = (
    Operation(
        "GET",
        f"{_BASE}/clusters/{{cluster_id}}/logs/{{name}}",
        wire.ClusterLog,
        wire.Empty,
        Logs.of_cluster,
        Need("CAN_ATTACH_TO on the cluster", _on_cluster),
        media_type="text/plain",
    ),
    Operation(
        "GET",
        f"{_BASE}/runs/{{run_id}}/logs",
        wire.RunLog,
        wire.Empty,
        Logs.of_run,
        Need("CAN_VIEW on the run's job", _on_run),
        media_type="text/plain",
    ),
)
