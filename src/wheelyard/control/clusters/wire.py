"""Bodies of the clusters API.

A specification itself stays a mapping: it is echoed word for word, unknown fields included.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wheelyard.control.operation import Empty

__all__ = ["Document", "Empty"]

Document = dict[str, Any]
"""A JSON object that is stored and given back as it came."""


class OnCluster(msgspec.Struct):
    cluster_id: str


class CreatedCluster(msgspec.Struct):
    cluster_id: str


class UpdateCluster(msgspec.Struct):
    cluster_id: str
    update_mask: str
    cluster: Document = msgspec.field(default_factory=dict)


class ResizeCluster(msgspec.Struct):
    cluster_id: str
    num_workers: int | None = None
    autoscale: Document | None = None


class RestartCluster(msgspec.Struct):
    cluster_id: str
    restart_user: str = ""


class ChangeOwner(msgspec.Struct):
    cluster_id: str
    owner_username: str


class ListFilter(msgspec.Struct):
    cluster_sources: list[str] = []
    cluster_states: list[str] = []
    is_pinned: bool | None = None
    policy_id: str = ""


class ListSort(msgspec.Struct):
    field: str = "DEFAULT"
    direction: str = ""


class ListClusters(msgspec.Struct):
    page_size: int = 20
    page_token: str = ""
    filter_by: ListFilter = msgspec.field(default_factory=ListFilter)
    sort_by: ListSort = msgspec.field(default_factory=ListSort)
    can_use_client: str = ""


class Clusters(msgspec.Struct, omit_defaults=True):
    clusters: list[Document] = []
    next_page_token: str = ""
    prev_page_token: str = ""


class ListEvents(msgspec.Struct, omit_defaults=True):
    """Also the shape of `next_page`: what to send for the next page."""

    cluster_id: str
    start_time: int = 0
    end_time: int = 0
    order: str = "DESC"
    event_types: list[str] = []
    page_size: int = 0
    page_token: str = ""
    offset: int = 0
    limit: int = 0


class ClusterEvent(msgspec.Struct):
    cluster_id: str
    timestamp: int
    type: str
    details: Document


class Events(msgspec.Struct, omit_defaults=True):
    events: list[ClusterEvent] = []
    next_page: ListEvents | None = None
    next_page_token: str = ""
    prev_page_token: str = ""
    total_count: int = 0


class NodeTypes(msgspec.Struct):
    node_types: list[Document]


class SparkVersions(msgspec.Struct):
    versions: list[dict[str, str]]


class Zones(msgspec.Struct):
    zones: list[str]
    default_zone: str
