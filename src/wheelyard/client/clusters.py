"""Clusters as a person names them, and waiting for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wheelyard.core.errors import InvalidState, LaunchFailed, NotFound, Unavailable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["find_cluster", "get_cluster", "read_log", "wait_for_state"]

Tell = Callable[[str], None]

_CLUSTERS = "/api/2.1/clusters"


def get_cluster(client: WorkspaceClient, cluster_id: str) -> dict[str, Any]:
    """A cluster's details as the workspace answers them."""
    answer: dict[str, Any] = client.clusters.get(cluster_id).as_dict()
    return answer


def find_cluster(client: WorkspaceClient, id_or_name: str) -> dict[str, Any]:
    """The details of the cluster with this id, or else with this name.

    Raises:
        NotFound: no cluster has the id or the name.
        InvalidState: several clusters share the name.
    """
    known = [cluster.as_dict() for cluster in client.clusters.list()]
    matches = [one for one in known if one["cluster_id"] == id_or_name]
    matches = matches or [one for one in known if one.get("cluster_name") == id_or_name]
    if not matches:
        raise NotFound(
            f"There is no cluster with id or name `{id_or_name}`",
            reference="cluster-not-found",
            because="no cluster that you may see has it",
            hint="wheelyard clusters list",
        )
    if len(matches) > 1:
        raise InvalidState(
            f"`{id_or_name}` names {len(matches)} clusters",
            reference="cluster-name-ambiguous",
            because="ids: " + ", ".join(str(one["cluster_id"]) for one in matches),
            hint="name the cluster by its id",
        )
    return matches[0]


def wait_for_state(
    client: WorkspaceClient,
    cluster_id: str,
    wanted: str,
    tell: Tell,
    deadline_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Wait until the cluster is in this state.

    Raises:
        LaunchFailed: it ended in a state from which it won't get there; the text carries the workspace's reason.
        Unavailable: the deadline passed.
    """
    end = clock() + deadline_seconds
    pause = 0.2
    while True:
        details = get_cluster(client, cluster_id)
        state = str(details.get("state", "UNKNOWN"))
        name, told = details.get("cluster_name") or cluster_id, details.get("state_message") or ""
        tell(f"cluster {name}: {state} {told}".rstrip())
        if state == wanted:
            return details
        if state in {"ERROR", "TERMINATED"}:
            raise _did_not_start(details, wanted)
        if clock() > end:
            raise Unavailable(
                f"Cluster `{cluster_id}` is not {wanted} after {deadline_seconds:.0f} seconds",
                reference="cluster-wait-over",
                because=f"it is {state}",
                unchanged="it goes on; only the waiting ended",
                hint=f"wheelyard clusters get {cluster_id}",
            )
        sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _did_not_start(details: Mapping[str, Any], wanted: str) -> LaunchFailed:
    reason = details.get("termination_reason") or {}
    code = str(reason.get("code") or details.get("state"))
    parameters = reason.get("parameters") or {}
    told = parameters.get("databricks_error_message") or details.get("state_message") or "no reason was given"
    name = details.get("cluster_name") or details.get("cluster_id")
    return LaunchFailed(
        f"Cluster `{name}` is not {wanted}: it is {details.get('state')}, {code}: {told}",
        code=code,
        hint=f"wheelyard clusters events {details.get('cluster_id')}",
    )


def read_log(client: WorkspaceClient, cluster_id: str, name: str) -> str:
    """A log of a cluster of an embedded workspace: `startup` or `libraries`, secrets redacted by the workspace."""
    answer = client.api_client.do(
        "GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/{name}", headers={"Accept": "text/plain"}, raw=True
    )
    with answer["contents"] as stream:
        content: bytes = stream.read()
    return content.decode("utf-8", errors="replace")
