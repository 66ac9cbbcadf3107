"""Bodies of the libraries API. A library object is echoed word for word: Terraform matches libraries by their text."""

from __future__ import annotations

from typing import Any

import msgspec

from wheelyard.control.operation import Empty

__all__ = ["Empty"]

Library = dict[str, Any]


class OnCluster(msgspec.Struct):
    cluster_id: str


class ChangeLibraries(msgspec.Struct):
    cluster_id: str
    libraries: list[Library]


class LibraryStatus(msgspec.Struct):
    library: Library
    status: str
    messages: list[str] = []
    is_library_for_all_clusters: bool = False


class ClusterStatus(msgspec.Struct):
    cluster_id: str
    library_statuses: list[LibraryStatus] = []


class AllStatuses(msgspec.Struct):
    statuses: list[ClusterStatus] = []
