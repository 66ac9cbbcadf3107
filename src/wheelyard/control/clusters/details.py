"""What `clusters/get` answers, from a record. Pure."""

from __future__ import annotations

from typing import Any

from wheelyard.control.clusters.catalog import node_type_of
from wheelyard.control.clusters.spec import default_tags, filled
from wheelyard.control.clusters.states import ClusterState
from wheelyard.control.clusters.store import Cluster, Event

__all__ = ["details", "event_json", "size_of"]

_TIMES = {
    "start_time": "started_at",
    "last_restarted_time": "restarted_at",
    "terminated_time": "terminated_at",
}


def details(cluster: Cluster) -> dict[str, Any]:
    """The specification as sent, with what the server knows beside it."""
    spec = filled(cluster.spec, cluster.creator_name, for_job=cluster.source == "JOB")
    node = node_type_of(str(spec.get("node_type_id") or ""))
    answer = {
        **spec,
        "cluster_id": cluster.cluster_id,
        "cluster_name": cluster.name,
        "creator_user_name": cluster.creator_name,
        "cluster_source": cluster.source,
        "state": cluster.state.value,
        "state_message": cluster.state_message,
        "default_tags": {
            **default_tags(cluster.cluster_id, cluster.spec, cluster.creator_name),
            **(cluster.tags or {}),
        },
        "spec": dict(cluster.spec),
        "last_state_loss_time": 0,
        "cluster_cores": float(node.cores),
        "cluster_memory_mb": node.memory_mb,
    }
    answer.update({name: getattr(cluster, field) for name, field in _TIMES.items() if getattr(cluster, field)})
    if cluster.termination is not None and not cluster.is_live:
        answer["termination_reason"] = cluster.termination.to_json()
    if cluster.state is ClusterState.RUNNING:
        answer.update(_driver(cluster))
    return answer


def _driver(cluster: Cluster) -> dict[str, Any]:
    node = {
        "node_id": f"{cluster.cluster_id}-driver",
        "private_ip": "127.0.0.1",
        "host_private_ip": "127.0.0.1",
        "public_dns": "",
        "instance_id": f"i-{cluster.cluster_id}",
        "start_timestamp": cluster.restarted_at or cluster.started_at,
    }
    return {"driver": node, "executors": [], "spark_context_id": cluster.context_id, "jdbc_port": 10_000}


def size_of(spec: dict[str, Any]) -> dict[str, Any]:
    """An event's `cluster_size`."""
    if spec.get("autoscale"):
        return {"autoscale": spec["autoscale"]}
    return {"num_workers": spec.get("num_workers", 0)}


def event_json(event: Event) -> dict[str, Any]:
    """An event as the wire carries it."""
    return {"cluster_id": event.cluster_id, "timestamp": event.at, "type": event.type, "details": dict(event.details)}
