"""Order, filters and pages of lists. Pure; a page token is an offset that clients must not read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from wheelyard.control.clusters.states import LIVE
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.wire import ListClusters
from wheelyard.core.errors import InvalidParameter

__all__ = ["Page", "chosen", "offset_of", "page_of", "token_of"]

T = TypeVar("T")
_OFFSET = re.compile(r"offset:([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page with the tokens of its neighbours, empty where there is none."""

    items: Sequence[T]
    next_token: str
    previous_token: str


def token_of(offset: int) -> str:
    """Make a page token.

    >>> offset_of(token_of(40))
    40
    """
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode().rstrip("=")


def offset_of(token: str) -> int:
    """Read a page token back; the empty one is the first page.

    Raises:
        InvalidParameter: it was not made here.
    """
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (ValueError, binascii.Error):
        text = ""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise InvalidParameter(f"Invalid page token: {token[:64]}", reference="invalid-page-token")
    return int(found[1])


def page_of(items: Sequence[T], offset: int, size: int) -> Page[T]:
    """Cut a page out of a complete list."""
    return Page(
        items[offset : offset + size],
        token_of(offset + size) if offset + size < len(items) else "",
        token_of(max(0, offset - size)) if offset > 0 else "",
    )


def chosen(clusters: Sequence[Cluster], request: ListClusters) -> list[Cluster]:
    """Filter and sort. The default order: pinned ones, then live ones, then the one last started."""
    found = [cluster for cluster in clusters if _fits(cluster, request)]
    if request.sort_by.field == "CLUSTER_NAME":
        found.sort(key=lambda cluster: (cluster.name.casefold(), cluster.cluster_id))
    else:
        found.sort(key=_default_order)
    if request.sort_by.direction == "DESC":
        found.reverse()
    return found


def _default_order(cluster: Cluster) -> tuple[bool, bool, int, str]:
    return (not cluster.pinned, cluster.state not in LIVE, -cluster.started_at, cluster.cluster_id)


def _fits(cluster: Cluster, request: ListClusters) -> bool:
    wanted = request.filter_by
    return (
        (not wanted.cluster_sources or cluster.source in wanted.cluster_sources)
        and (not wanted.cluster_states or cluster.state.value in wanted.cluster_states)
        and (wanted.is_pinned is None or cluster.pinned == wanted.is_pinned)
        and (not wanted.policy_id or cluster.spec.get("policy_id") == wanted.policy_id)
    )
