"""What can be chosen: node types, runtime versions and zones.

Every node type carries every field, because clients sort tuples of their values. Source: facts/workspace-api.md 6.7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wheelyard.core.rules.runtimes import RUNTIMES, Runtime

__all__ = ["NODE_TYPES", "SMALLEST_NODE_TYPE", "ZONES", "NodeType", "node_type_of", "versions"]


@dataclass(frozen=True, slots=True)
class NodeType:
    """One size of machine. All of them are this machine; the numbers are for clients that choose by them."""

    node_type_id: str
    cores: int
    memory_mb: int
    disks: int
    category: str = "General Purpose"

    def to_json(self, order: int) -> dict[str, Any]:
        return {
            "node_type_id": self.node_type_id,
            "memory_mb": self.memory_mb,
            "num_cores": float(self.cores),
            "description": self.node_type_id,
            "instance_type_id": self.node_type_id,
            "category": self.category,
            "is_deprecated": False,
            "is_hidden": False,
            "is_io_cache_enabled": self.disks > 0,
            "is_graviton": False,
            "is_encrypted_in_transit": False,
            "photon_driver_capable": True,
            "photon_worker_capable": True,
            "support_cluster_tags": True,
            "support_ebs_volumes": True,
            "support_port_forwarding": True,
            "num_gpus": 0,
            "display_order": order,
            "node_instance_type": {
                "instance_type_id": self.node_type_id,
                "local_disks": self.disks,
                "local_disk_size_gb": 100 * self.disks,
                "local_nvme_disks": 0,
                "local_nvme_disk_size_gb": 0,
            },
            "node_info": {"status": [], "available_core_quota": 64.0, "total_core_quota": 64.0},
        }


NODE_TYPES: tuple[NodeType, ...] = (
    NodeType("m.small", cores=2, memory_mb=8_192, disks=0),
    NodeType("m.medium", cores=4, memory_mb=16_384, disks=1),
    NodeType("m.large", cores=8, memory_mb=32_768, disks=1),
    NodeType("r.large", cores=8, memory_mb=65_536, disks=2, category="Memory Optimized"),
)
SMALLEST_NODE_TYPE = NODE_TYPES[0]
ZONES = ("local-a", "local-b")


def node_type_of(node_type_id: str) -> NodeType:
    """The row of this id; ids of a cloud, which are accepted and echoed, count as the smallest."""
    return next((row for row in NODE_TYPES if row.node_type_id == node_type_id), SMALLEST_NODE_TYPE)


def versions() -> list[dict[str, str]]:
    """Keys and names of every runtime in each of its flavours.

    Clients find photon, ML and GPU ones by the key's text.
    """
    return [
        {"key": key, "name": name}
        for row in RUNTIMES
        for scala in row.scala
        for key, name in _flavours(row, scala).items()
    ]


def _flavours(row: Runtime, scala: str) -> dict[str, str]:
    title = row.title(scala)
    before, bracket, after = title.partition(" (")
    return {
        f"{row.version}.x-scala{scala}": title,
        f"{row.version}.x-photon-scala{scala}": f"{before} Photon{bracket}{after}",
        f"{row.version}.x-cpu-ml-scala{scala}": f"{before} ML{bracket}{after}",
        f"{row.version}.x-gpu-ml-scala{scala}": f"{before} ML{bracket}{after.replace('includes ', 'includes GPU, ')}",
    }
