"""The endpoints of the clusters API.

A missing cluster is a 400 with the text that both SDKs turn into "does not exist".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.clusters import wire
from wheelyard.control.clusters.access import ATTACH, MANAGE, RESTART
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.clusters.wire import Document, Empty
from wheelyard.control.operation import ADMIN, SIGNED_IN, Need, Operation, Quirks
from wheelyard.core.errors import InvalidParameter, NotFound

__all__ = ["OPERATIONS", "on_cluster"]


def on_cluster(level: str) -> Need:
    """The caller must hold at least `level` on the cluster that the body names."""

    def check(service: Clusters, caller: Caller, body: Any) -> None:
        cluster_id = body.get("cluster_id") if isinstance(body, dict) else body.cluster_id
        if not isinstance(cluster_id, str) or not cluster_id:
            raise InvalidParameter("Missing required field: cluster_id", reference="missing-field")
        service.require(caller, cluster_id, level)

    return Need(f"{level} on the cluster", check)


_QUIRKS: Quirks = MappingProxyType({NotFound: (400, "INVALID_PARAMETER_VALUE")})
_BASE = "/api/2.1/clusters"
_ATTACH, _RESTART, _MANAGE = on_cluster(ATTACH), on_cluster(RESTART), on_cluster(MANAGE)


def _get(path: str, body: Any, answer: Any, handler: Any, needs: Need) -> Operation[Any, Any, Any]:
    return Operation("GET", f"{_BASE}/{path}", body, answer, handler, needs, _QUIRKS)


def _post(path: str, body: Any, answer: Any, handler: Any, needs: Need) -> Operation[Any, Any, Any]:
    return Operation("POST", f"{_BASE}/{path}", body, answer, handler, needs, _QUIRKS)


OPERATIONS: tuple[Operation[Any, Any, Any], ...] = (
    _post("create", Document, wire.CreatedCluster, Clusters.create, SIGNED_IN),
    _post("edit", Document, Empty, Clusters.edit, _MANAGE),
    _post("update", wire.UpdateCluster, Empty, Clusters.update, _MANAGE),
    _post("resize", wire.ResizeCluster, Empty, Clusters.resize, _RESTART),
    _get("get", wire.OnCluster, Document, Clusters.get, _ATTACH),
    _post("start", wire.OnCluster, Empty, Clusters.start, _RESTART),
    _post("restart", wire.RestartCluster, Empty, Clusters.restart, _RESTART),
    _post("delete", wire.OnCluster, Empty, Clusters.terminate, _RESTART),
    _post("permanent-delete", wire.OnCluster, Empty, Clusters.permanent_delete, _MANAGE),
    _get("list", wire.ListClusters, wire.Clusters, Clusters.list_clusters, SIGNED_IN),
    _post("events", wire.ListEvents, wire.Events, Clusters.events, _ATTACH),
    _post("pin", wire.OnCluster, Empty, Clusters.pin, ADMIN),
    _post("unpin", wire.OnCluster, Empty, Clusters.unpin, ADMIN),
    _post("change-owner", wire.ChangeOwner, Empty, Clusters.change_owner, ADMIN),
    _get("list-node-types", Empty, wire.NodeTypes, Clusters.list_node_types, SIGNED_IN),
    _get("spark-versions", Empty, wire.SparkVersions, Clusters.spark_versions, SIGNED_IN),
    _get("list-zones", Empty, wire.Zones, Clusters.list_zones, SIGNED_IN),
)
