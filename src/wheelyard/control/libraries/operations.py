"""The endpoints of the libraries API."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.access import ATTACH, MANAGE
from wheelyard.control.libraries import wire
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.operation import SIGNED_IN, Need, Operation, Quirks
from wheelyard.core.errors import NotFound

__all__ = ["OPERATIONS"]


def _on_cluster(level: str) -> Need:
    def check(service: Libraries, caller: Caller, body: Any) -> None:
        service.require(caller, body.cluster_id, level)

    return Need(f"{level} on the cluster", check)


_QUIRKS: Quirks = MappingProxyType({NotFound: (400, "INVALID_PARAMETER_VALUE")})
_BASE = "/api/2.0/libraries"
_ATTACH, _MANAGE = _on_cluster(ATTACH), _on_cluster(MANAGE)

OPERATIONS: tuple[Operation[Any, Any, Any], ...] = (
    Operation("POST", f"{_BASE}/install", wire.ChangeLibraries, wire.Empty, Libraries.install, _MANAGE, _QUIRKS),
    Operation("POST", f"{_BASE}/uninstall", wire.ChangeLibraries, wire.Empty, Libraries.uninstall, _MANAGE, _QUIRKS),
    Operation(
        "GET", f"{_BASE}/cluster-status", wire.OnCluster, wire.ClusterStatus, Libraries.cluster_status, _ATTACH, _QUIRKS
    ),
    Operation(
        "GET",
        f"{_BASE}/all-cluster-statuses",
        wire.Empty,
        wire.AllStatuses,
        Libraries.all_cluster_statuses,
        SIGNED_IN,
        _QUIRKS,
    ),
)
