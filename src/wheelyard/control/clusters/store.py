"""Tables of clusters and their events; every function is given one open transaction.

A specification is kept as the JSON it arrived as. No secret value is ever in it: it holds references.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa

from wheelyard.control.clusters.states import LIVE, ClusterState, Termination
from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "Cluster",
    "Event",
    "all_clusters",
    "count_pinned",
    "delete",
    "events",
    "find",
    "insert",
    "insert_event",
    "live",
    "update",
]

_CLUSTERS = sa.Table(
    "cluster",
    METADATA,
    sa.Column("cluster_id", sa.Text, primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("creator_id", sa.Text, nullable=False),
    sa.Column("creator_name", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("state_message", sa.Text, nullable=False),
    sa.Column("termination", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("restarted_at", sa.BigInteger, nullable=False),
    sa.Column("terminated_at", sa.BigInteger, nullable=False),
    sa.Column("pinned", sa.Boolean, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("context_id", sa.BigInteger, nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Index("ix_cluster_state", "state"),
)

_EVENTS = sa.Table(
    "cluster_event",
    METADATA,
    sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("cluster_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Index("ix_cluster_event_cluster_id_at", "cluster_id", "at"),
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster. Times are milliseconds, 0 for "never".

    `source` is `API`, `UI` or `JOB`. `owner_id` is whose READ resolves secret references. `removed`: permanently
    deleted, the row waits for its compute to end. `tags` are default tags beyond the usual four.
    """

    cluster_id: str
    spec: Mapping[str, Any]
    creator_id: str
    creator_name: str
    owner_id: str
    source: str
    state: ClusterState
    created_at: int
    started_at: int
    state_message: str = ""
    termination: Termination | None = None
    restarted_at: int = 0
    terminated_at: int = 0
    pinned: bool = False
    removed: bool = False
    context_id: int = 0
    tags: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return str(self.spec.get("cluster_name") or "")

    @property
    def created_through(self) -> str:
        """`UI` or `API`: jobs, bundles and Terraform are the API. Source: facts/delivery.md 1.3."""
        return "UI" if self.source == "UI" else "API"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a cluster, at `at` (milliseconds)."""

    cluster_id: str
    at: int
    type: str
    details: Mapping[str, Any]


_NAMES = tuple(field.name for field in fields(Cluster))
_COLUMNS = tuple(_CLUSTERS.c[name] for name in _NAMES)


def insert(tx: Connection, cluster: Cluster) -> None:
    """Store a new cluster."""
    tx.execute(sa.insert(_CLUSTERS).values(**_encoded(cluster)))


def update(tx: Connection, cluster: Cluster) -> None:
    """Store a cluster in place of the one with its id."""
    tx.execute(sa.update(_CLUSTERS).where(_CLUSTERS.c.cluster_id == cluster.cluster_id).values(**_encoded(cluster)))


def find(tx: Connection, cluster_id: str) -> Cluster | None:
    """One cluster, permanently deleted ones included while they end."""
    row = tx.execute(sa.select(*_COLUMNS).where(_CLUSTERS.c.cluster_id == cluster_id)).first()
    return None if row is None else _decoded(row)


def all_clusters(tx: Connection, *, terminated_after: int, sources: Iterable[str] = ()) -> list[Cluster]:
    """Every cluster that is live, pinned or ended after this time, in no particular order."""
    shown = sa.or_(
        _CLUSTERS.c.state.in_([state.value for state in LIVE]),
        _CLUSTERS.c.pinned,
        _CLUSTERS.c.terminated_at >= terminated_after,
    )
    query = sa.select(*_COLUMNS).where(sa.not_(_CLUSTERS.c.removed), shown)
    wanted = list(sources)
    if wanted:
        query = query.where(_CLUSTERS.c.source.in_(wanted))
    return [_decoded(row) for row in tx.execute(query)]


def live(tx: Connection) -> list[Cluster]:
    """Clusters that had, or were about to have, compute; permanently deleted ones included."""
    states = [state.value for state in LIVE]
    query = sa.select(*_COLUMNS).where(sa.or_(_CLUSTERS.c.state.in_(states), _CLUSTERS.c.removed))
    return [_decoded(row) for row in tx.execute(query)]


def count_pinned(tx: Connection) -> int:
    """How many clusters are pinned."""
    return tx.execute(sa.select(sa.func.count()).select_from(_CLUSTERS).where(_CLUSTERS.c.pinned)).scalar_one()


def delete(tx: Connection, cluster_id: str) -> None:
    """Forget a cluster with its events."""
    for table in (_EVENTS, _CLUSTERS):
        tx.execute(sa.delete(table).where(table.c.cluster_id == cluster_id))


def insert_event(tx: Connection, event: Event) -> None:
    """Store one event."""
    tx.execute(
        sa.insert(_EVENTS).values(
            cluster_id=event.cluster_id, at=event.at, type=event.type, details=json.dumps(dict(event.details))
        )
    )


def events(
    tx: Connection,
    cluster_id: str,
    *,
    types: Sequence[str] = (),
    since: int = 0,
    until: int = 0,
    newest_first: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[Event], int]:
    """One page of events, and how many there are in all. `until` 0 means no limit."""
    chosen = [_EVENTS.c.cluster_id == cluster_id, _EVENTS.c.at >= since]
    if until:
        chosen.append(_EVENTS.c.at <= until)
    if types:
        chosen.append(_EVENTS.c.type.in_(list(types)))
    total = tx.execute(sa.select(sa.func.count()).select_from(_EVENTS).where(*chosen)).scalar_one()
    order = (_EVENTS.c.at, _EVENTS.c.event_id)
    query = (
        sa.select(_EVENTS.c.cluster_id, _EVENTS.c.at, _EVENTS.c.type, _EVENTS.c.details)
        .where(*chosen)
        .order_by(*((column.desc() for column in order) if newest_first else order))
        .offset(offset)
        .limit(limit)
    )
    return [Event(row[0], row[1], row[2], json.loads(row[3])) for row in tx.execute(query)], total


def _encoded(cluster: Cluster) -> dict[str, Any]:
    values = {name: getattr(cluster, name) for name in _NAMES}
    reason = cluster.termination
    values["spec"] = json.dumps(dict(cluster.spec))
    values["state"] = cluster.state.value
    values["tags"] = json.dumps(dict(cluster.tags or {}))
    values["termination"] = (
        json.dumps({"code": reason.code, "message": reason.message, "parameters": dict(reason.parameters)})
        if reason
        else ""
    )
    return values


def _decoded(row: sa.Row[Any]) -> Cluster:
    values = dict(zip(_NAMES, row, strict=True))
    stored = values.pop("termination")
    cluster = Cluster(
        **{
            **values,
            "spec": json.loads(values["spec"]),
            "state": ClusterState(values["state"]),
            "tags": json.loads(values["tags"]),
        }
    )
    return replace(cluster, termination=Termination(**json.loads(stored))) if stored else cluster
