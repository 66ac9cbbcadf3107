"""`wheelyard clusters`: the official CLI's grammar for clusters, and `logs` for embedded workspaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from wheelyard.cli.grammar import Call, Field, Listing, family, flag
from wheelyard.cli.render import screen
from wheelyard.cli.settings import Leaf, connect
from wheelyard.client.clusters import find_cluster, read_log, wait_for_state

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["command"]

_CLUSTERS = "/api/2.1/clusters"
_CLUSTER = Field("cluster_id", "id of the cluster")
_VERSION = Field("spark_version", "runtime, as in 15.4.x-scala2.12; `clusters spark-versions` lists them")


def _wait(state: str) -> Callable[[WorkspaceClient, Mapping[str, Any], Any, Callable[[str], None], float], Any]:
    def wait(
        client: WorkspaceClient,
        request: Mapping[str, Any],
        answer: Any,
        tell: Callable[[str], None],
        deadline_seconds: float,
    ) -> Any:
        cluster_id = (answer or {}).get("cluster_id") or request["cluster_id"]
        return wait_for_state(client, cluster_id, state, tell, deadline_seconds)

    return wait


def _when(item: Any) -> str:
    return datetime.fromtimestamp(int(item.get("timestamp") or 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _event_words(item: Any) -> str:
    details = item.get("details") or {}
    reason = details.get("reason") or {}
    message = (reason.get("parameters") or {}).get("databricks_error_message")
    parts = [details.get("user"), details.get("cause"), reason.get("code"), message]
    return " ".join(str(part) for part in parts if part)


_SPEC = (
    flag("cluster_name", "Name; it need not be unique."),
    flag("num_workers", "Number of workers; 0 is a single node.", "number"),
    flag("node_type_id", "Node type; `clusters list-node-types` lists them."),
    flag("driver_node_type_id", "Node type of the driver."),
    flag("autotermination_minutes", "Stop after so many idle minutes; 0 is never.", "number"),
    flag("data_security_mode", "Access mode, as in SINGLE_USER or USER_ISOLATION."),
    flag("single_user_name", "Who may use a cluster in dedicated access mode."),
    flag("policy_id", "Cluster policy the spec is checked against."),
    flag("apply_policy_default_values", "Fill missing fields from the policy.", "switch"),
    flag("runtime_engine", "Engine.", choices=("NULL", "STANDARD", "PHOTON")),
    flag("enable_elastic_disk", "Grow disks when they fill up.", "switch"),
)

_CALLS = (
    Call(
        "create",
        "Create a cluster and wait until it runs.",
        "POST",
        f"{_CLUSTERS}/create",
        (_VERSION,),
        _SPEC,
        body="may",
        after=_wait("RUNNING"),
        until="RUNNING",
    ),
    Call(
        "edit",
        "Replace a cluster's spec; a running one restarts.",
        "POST",
        f"{_CLUSTERS}/edit",
        (_CLUSTER, _VERSION),
        _SPEC,
        body="may",
    ),
    Call("get", "Show a cluster.", "GET", f"{_CLUSTERS}/get", (_CLUSTER,)),
    Call(
        "list",
        "List clusters, terminated ones of the last 30 days included.",
        "GET",
        f"{_CLUSTERS}/list",
        flags=(
            flag("filter_by.is_pinned", "Only pinned ones.", "switch"),
            flag("filter_by.policy_id", "Only those of this policy."),
            flag("filter_by.cluster_sources", "Only those made through UI, API, JOB …; may be repeated.", "list"),
            flag("filter_by.cluster_states", "Only those in this state; may be repeated.", "list"),
        ),
        show=Listing(
            "clusters",
            (("ID", "cluster_id"), ("Name", "cluster_name"), ("State", "state"), ("Runtime", "spark_version")),
            page=True,
            empty="no clusters",
        ),
    ),
    Call(
        "list-node-types",
        "List node types.",
        "GET",
        f"{_CLUSTERS}/list-node-types",
        show=Listing(
            "node_types",
            (("ID", "node_type_id"), ("Cores", "num_cores"), ("Memory MB", "memory_mb"), ("Category", "category")),
        ),
    ),
    Call(
        "spark-versions",
        "List runtime versions.",
        "GET",
        f"{_CLUSTERS}/spark-versions",
        show=Listing("versions", (("Key", "key"), ("Name", "name"))),
    ),
    Call(
        "events",
        "List what happened to a cluster, newest first.",
        "POST",
        f"{_CLUSTERS}/events",
        (_CLUSTER,),
        (
            flag("limit", "At most so many.", "number"),
            flag("order", "Which end first.", choices=("ASC", "DESC")),
            flag("start_time", "From, in ms since the epoch.", "number"),
            flag("end_time", "To, in ms since the epoch.", "number"),
        ),
        body="may",
        show=Listing(
            "events", (("When", _when), ("Event", "type"), ("Details", _event_words)), page=True, empty="no events"
        ),
    ),
    Call(
        "start",
        "Start a terminated cluster.",
        "POST",
        f"{_CLUSTERS}/start",
        (_CLUSTER,),
        after=_wait("RUNNING"),
        until="RUNNING",
    ),
    Call(
        "restart",
        "Restart a running cluster; new package sources take effect here.",
        "POST",
        f"{_CLUSTERS}/restart",
        (_CLUSTER,),
        (flag("restart_user", "On whose behalf."),),
        after=_wait("RUNNING"),
        until="RUNNING",
    ),
    Call(
        "delete",
        "Terminate a cluster; its spec is kept.",
        "POST",
        f"{_CLUSTERS}/delete",
        (_CLUSTER,),
        after=_wait("TERMINATED"),
        until="TERMINATED",
    ),
    Call("permanent-delete", "Delete a cluster for good.", "POST", f"{_CLUSTERS}/permanent-delete", (_CLUSTER,)),
    Call("pin", "Keep a cluster in the list.", "POST", f"{_CLUSTERS}/pin", (_CLUSTER,)),
    Call("unpin", "Undo `pin`.", "POST", f"{_CLUSTERS}/unpin", (_CLUSTER,)),
    Call("list-zones", "List availability zones.", "GET", f"{_CLUSTERS}/list-zones"),
)


def _logs(cluster: str, name: str) -> None:
    client, out = connect(), screen()
    log = read_log(client, str(find_cluster(client, cluster)["cluster_id"]), name)
    if out.wants_json:
        out.json({"name": name, "lines": log.splitlines()})
    elif log:
        out.raw(log)
    else:
        out.note(f"the {name} log is empty")


_LOGS = Leaf(
    "logs",
    params=[
        click.Argument(["cluster"], metavar="CLUSTER"),
        click.Argument(["name"], type=click.Choice(["startup", "libraries"]), default="startup"),
    ],
    argument_help={"CLUSTER": "id or name of the cluster", "NAME": "startup (the default) or libraries"},
    short_help="Print a cluster's start-up or library log, redacted.",
    help="""Print a log of a cluster of an embedded workspace, secrets redacted.

    CLUSTER is an id or a name. `startup` (the default) tells how the cluster came up and where pip's settings came
    from, `libraries` what pip and uv said while its libraries were installed.""",
    callback=_logs,
)

command = family("clusters", "Clusters, in the grammar of `databricks clusters`.", _CALLS, [_LOGS])
