"""Clusters: the use cases.

A request changes the record durably and answers; what follows happens in the cluster's own thread (`supervisor.py`).
Source: facts/workspace-api.md 6.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from wheelyard.control.caller import Caller
from wheelyard.control.clusters import catalog, store, wire
from wheelyard.control.clusters.details import details, event_json, size_of
from wheelyard.control.clusters.lifecycle import refuse_job_cluster
from wheelyard.control.clusters.listing import chosen, offset_of, page_of, token_of
from wheelyard.control.clusters.questions import ClusterQuestions
from wheelyard.control.clusters.spec import check, echoed, reference_fields
from wheelyard.control.clusters.states import Action, termination
from wheelyard.control.clusters.store import Cluster
from wheelyard.control.clusters.wire import Document, Empty
from wheelyard.core.errors import InvalidParameter, InvalidState, LimitExceeded, PermissionDenied

__all__ = ["Clusters"]

_SHOWN_AFTER_END_MS = 30 * 24 * 3600 * 1000
_MOST_ON_A_PAGE = 100
_MOST_EVENTS = 500
_MOST_PINNED = 100


class Clusters(ClusterQuestions):
    """The clusters service: its endpoints."""

    def create(self, caller: Caller, body: Document) -> wire.CreatedCluster:
        """Start a new cluster of the caller's; answers before it runs.

        Raises:
            PermissionDenied: the caller is no admin and lacks the entitlement `allow-cluster-create`.
            InvalidParameter: see `spec.check`.
        """
        return self.create_through(caller, body, "API")

    def create_through(self, caller: Caller, body: Document, source: str) -> wire.CreatedCluster:
        """Create with `source` `UI` or `API`.

        The settings page creates through the UI, and its own switch lets the default in.
        """
        self.access.require_create(caller)
        spec = echoed(self._cloned(caller, body))
        check(spec)
        return wire.CreatedCluster(self._created(caller, spec, source, {}))

    def edit(self, caller: Caller, body: Document) -> Empty:
        """Replace the specification; a running cluster restarts with it, a terminated one stays so.

        Raises:
            InvalidState: the cluster is neither running nor terminated, or belongs to a job.
            PermissionDenied: somebody else than the owner adds or changes a secret reference.
        """
        self._edited(caller, str(body.get("cluster_id") or ""), lambda _old: echoed(body))
        return Empty()

    def update(self, caller: Caller, body: wire.UpdateCluster) -> Empty:
        """Change the fields that `update_mask` names (dotted paths, comma-separated; `*` for all that are given)."""
        names = [name.strip() for name in body.update_mask.split(",") if name.strip()]
        if not names:
            raise InvalidParameter("Missing required field: update_mask", reference="update-mask-missing")
        if names == ["*"]:
            names = list(body.cluster)
        self._edited(caller, body.cluster_id, lambda old: _masked(old, body.cluster, names))
        return Empty()

    def resize(self, caller: Caller, body: wire.ResizeCluster) -> Empty:
        """Change the number of workers of a running cluster, without a restart."""
        cluster = self.records.get(body.cluster_id)
        self.running_compute(body.cluster_id)
        size: Document = {"num_workers": body.num_workers} if body.autoscale is None else {"autoscale": body.autoscale}
        kept = {key: value for key, value in cluster.spec.items() if key not in {"num_workers", "autoscale"}}
        check({**kept, **size})
        self.records.change(
            body.cluster_id,
            lambda old: replace(old, spec={**kept, **size}),
            "RESIZING",
            user=caller.name,
            cause="USER_REQUEST",
        )
        self.records.note(body.cluster_id, "UPSIZE_COMPLETED", cluster_size=size_of(size))
        return Empty()

    def get(self, _caller: Caller, body: wire.OnCluster) -> Document:
        return details(self.records.get(body.cluster_id))

    def start(self, caller: Caller, body: wire.OnCluster) -> Empty:
        """Start a terminated cluster; one that is up, or on its way up, stays as it is.

        Raises:
            InvalidState: it is terminating, or belongs to a job that has ended.
        """
        self.start_as(caller, body.cluster_id)
        return Empty()

    def restart(self, caller: Caller, body: wire.RestartCluster) -> Empty:
        """Stop and start a running cluster: new secret values and a new workspace default take effect."""
        told = {"user": body.restart_user or caller.name, "cause": "USER_REQUEST"}
        _, moved = self.records.act(body.cluster_id, Action.RESTART, details=told)
        if moved:
            self._supervisor.order(body.cluster_id, "restart")
        return Empty()

    def terminate(self, caller: Caller, body: wire.OnCluster) -> Empty:
        """`clusters/delete`: the compute ends, the cluster can be started again."""
        self._terminate(body.cluster_id, termination("USER_REQUEST", username=caller.name))
        return Empty()

    def permanent_delete(self, caller: Caller, body: wire.OnCluster) -> Empty:
        """The cluster is gone from every list at once; its compute ends in the background."""
        self.records.change(body.cluster_id, lambda cluster: replace(cluster, removed=True, pinned=False))
        self._terminate(body.cluster_id, termination("USER_REQUEST", username=caller.name))
        self._forget_removed(body.cluster_id)
        return Empty()

    def list_clusters(self, caller: Caller, body: wire.ListClusters) -> wire.Clusters:
        """The clusters the caller may attach to; terminated ones of the last 30 days, and pinned ones, included."""
        since = self.records.now() - _SHOWN_AFTER_END_MS
        rows = self.records.database.read(
            lambda tx: store.all_clusters(tx, terminated_after=since, sources=body.filter_by.cluster_sources)
        )
        seen = [cluster for cluster in chosen(rows, body) if self.access.sees(caller, cluster)]
        size = min(body.page_size, _MOST_ON_A_PAGE) if body.page_size > 0 else 20
        page = page_of(seen, offset_of(body.page_token), size)
        return wire.Clusters([details(cluster) for cluster in page.items], page.next_token, page.previous_token)

    def events(self, _caller: Caller, body: wire.ListEvents) -> wire.Events:
        """One page of events; `page_token`, or the older `offset` and `limit`, choose it."""
        if body.order not in {"ASC", "DESC"}:
            raise InvalidParameter(f"order must be ASC or DESC, not {body.order}", reference="invalid-order")
        wanted = body.page_size or body.limit or 50
        size = min(max(1, wanted), _MOST_EVENTS)
        offset = offset_of(body.page_token) if body.page_token else max(0, body.offset)
        found, total = self.records.database.read(
            lambda tx: store.events(
                tx,
                body.cluster_id,
                types=body.event_types,
                since=body.start_time,
                until=body.end_time,
                newest_first=body.order == "DESC",
                offset=offset,
                limit=size,
            )
        )
        answer = wire.Events([wire.ClusterEvent(**event_json(event)) for event in found], total_count=total)
        if offset + size < total:
            answer.next_page_token = token_of(offset + size)
            answer.next_page = _next_request(body, offset + size, size)
        if offset > 0:
            answer.prev_page_token = token_of(max(0, offset - size))
        return answer

    def pin(self, _caller: Caller, body: wire.OnCluster) -> Empty:
        """Keep a cluster in the list for good; at most 100 are.

        Raises:
            LimitExceeded: 100 are pinned.
        """
        if self.records.database.read(store.count_pinned) >= _MOST_PINNED:
            raise LimitExceeded(f"At most {_MOST_PINNED} clusters can be pinned.", reference="too-many-pinned")
        self.records.change(body.cluster_id, lambda cluster: replace(cluster, pinned=True), "PINNED", user=_caller.name)
        return Empty()

    def unpin(self, caller: Caller, body: wire.OnCluster) -> Empty:
        self.records.change(
            body.cluster_id, lambda cluster: replace(cluster, pinned=False), "UNPINNED", user=caller.name
        )
        return Empty()

    def change_owner(self, _caller: Caller, body: wire.ChangeOwner) -> Empty:
        """Make somebody else the owner, whose READ resolves secret references from the next start on.

        Raises:
            InvalidParameter: there is no such user or service principal.
            InvalidState: the cluster is not terminated.
        """
        owner = self.directory.find_principal(body.owner_username)
        if owner is None or owner.kind == "group":
            raise InvalidParameter(f"User {body.owner_username} does not exist.", reference="owner-not-found")
        if self.records.get(body.cluster_id).is_live:
            raise InvalidState(
                f"Cluster {body.cluster_id} must be terminated before its owner is changed.",
                reference="cluster-not-terminated",
                hint=f"databricks clusters delete {body.cluster_id}",
            )
        self.records.change(
            body.cluster_id,
            lambda cluster: replace(cluster, owner_id=owner.principal_id, creator_name=owner.name),
        )
        self._permissions.created("cluster", body.cluster_id, self.directory.caller(owner.principal_id))
        return Empty()

    def list_node_types(self, _caller: Caller, _body: Empty) -> wire.NodeTypes:
        return wire.NodeTypes([row.to_json(order) for order, row in enumerate(catalog.NODE_TYPES)])

    def spark_versions(self, _caller: Caller, _body: Empty) -> wire.SparkVersions:
        return wire.SparkVersions(catalog.versions())

    def list_zones(self, _caller: Caller, _body: Empty) -> wire.Zones:
        return wire.Zones(list(catalog.ZONES), catalog.ZONES[0])

    # -- inside

    def _cloned(self, caller: Caller, body: Document) -> Document:
        source = body.get("clone_from")
        if not isinstance(source, Mapping):
            return body
        original = self.require(caller, str(source.get("source_cluster_id") or ""), "CAN_ATTACH_TO")
        return {**original.spec, **{key: value for key, value in body.items() if key != "clone_from"}}

    def _edited(self, caller: Caller, cluster_id: str, new_spec: Callable[[Document], Document]) -> None:
        cluster = self.records.get(cluster_id)
        refuse_job_cluster(cluster, "edited")
        spec = new_spec(dict(cluster.spec))
        check(spec)
        _refuse_foreign_references(cluster, caller, spec)
        _, moved = self.records.act(
            cluster_id,
            Action.EDIT,
            details={"user": caller.name, "cause": "USER_REQUEST"},
            changed=lambda old: replace(old, spec=spec),
        )
        self.records.note(
            cluster_id, "EDITED", user=caller.name, attributes=spec, previous_attributes=dict(cluster.spec)
        )
        if moved:
            self._supervisor.order(cluster_id, "restart")


def _refuse_foreign_references(cluster: Cluster, caller: Caller, spec: Document) -> None:
    """Only the owner may add or change a secret reference. Source: facts/delivery.md 3.2."""
    before, wanted = reference_fields(cluster.spec), reference_fields(spec)
    added = sorted(place for place, text in wanted.items() if before.get(place) != text)
    if added and caller.principal_id != cluster.owner_id:
        raise PermissionDenied(
            f"Only the owner of cluster {cluster.cluster_id} can add or change the secret reference in {added[0]}.",
            reference="reference-by-owner-only",
            unchanged="the cluster was not changed",
        )


def _masked(old: Document, new: Document, names: list[str]) -> Document:
    """Take the named fields from `new`; a named field that `new` lacks is dropped."""
    answer = dict(old)
    for name in names:
        head, _, rest = name.partition(".")
        if rest:
            inner, wanted = answer.get(head), new.get(head)
            answer[head] = _masked(
                inner if isinstance(inner, dict) else {}, wanted if isinstance(wanted, dict) else {}, [rest]
            )
        elif head in new:
            answer[head] = new[head]
        else:
            answer.pop(head, None)
    return answer


def _next_request(body: wire.ListEvents, offset: int, size: int) -> wire.ListEvents:
    request = wire.ListEvents(
        cluster_id=body.cluster_id,
        start_time=body.start_time,
        end_time=body.end_time,
        order=body.order,
        event_types=body.event_types,
    )
    if body.offset or (body.limit and not body.page_size):
        request.offset, request.limit = offset, size
    else:
        request.page_size, request.page_token = size, token_of(offset)
    return request
