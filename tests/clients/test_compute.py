"""Clusters, libraries, commands and logs through the official SDK, on one cluster that really runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service.compute import (
    ClusterDetails,
    CommandStatus,
    ContextStatus,
    EventType,
    Language,
    Library,
    ListClustersFilterBy,
    PythonPyPiLibrary,
    ResultType,
    State,
    UpdateClusterResource,
)

if TYPE_CHECKING:
    from tests.conftest import Workspace

PATIENCE = timedelta(minutes=8)
RUNTIME = "15.4.x-scala2.12"
MISSING = "0101-000000-missing0"


@pytest.fixture(scope="module")
def cluster(workspace: Workspace) -> Iterator[ClusterDetails]:
    """A running cluster that the tests of this module share."""
    client = workspace.client()
    made = client.clusters.create(
        spark_version=RUNTIME,
        cluster_name=f"clients-{uuid.uuid4().hex[:6]}",
        node_type_id=client.clusters.select_node_type(local_disk=True),
        num_workers=0,
        autotermination_minutes=60,
        spark_env_vars={"GREETING": "hello"},
        custom_tags={"RemoveAfter": "2030010100"},
    ).result(PATIENCE)
    yield made
    client.clusters.permanent_delete(made.cluster_id or "")


@pytest.fixture
def cluster_id(cluster: ClusterDetails) -> str:
    assert cluster.cluster_id is not None
    return cluster.cluster_id


def test_choosing_a_node_type_and_a_runtime(client: WorkspaceClient) -> None:
    """GET /api/2.1/clusters/list-node-types, GET /api/2.1/clusters/spark-versions,
    GET /api/2.1/clusters/list-zones"""
    assert client.clusters.select_node_type(local_disk=True, min_memory_gb=16)
    assert client.clusters.select_spark_version(long_term_support=True, latest=True)
    assert client.clusters.list_zones().zones


def test_a_cluster_as_it_is_seen(client: WorkspaceClient, cluster: ClusterDetails, cluster_id: str) -> None:
    """POST /api/2.1/clusters/create, GET /api/2.1/clusters/get, GET /api/2.1/clusters/list"""
    got = client.clusters.get(cluster_id)
    assert (got.state, got.cluster_name) == (State.RUNNING, cluster.cluster_name)
    assert got.spark_env_vars == {"GREETING": "hello"}
    assert got.custom_tags == {"RemoveAfter": "2030010100"}
    assert got.creator_user_name == client.current_user.me().user_name
    assert cluster_id in {each.cluster_id for each in client.clusters.list()}
    second = client.clusters.create(
        spark_version=RUNTIME,
        cluster_name=f"short-{uuid.uuid4().hex[:6]}",
        node_type_id=client.clusters.select_node_type(local_disk=True),
        num_workers=0,
    )
    client.clusters.permanent_delete(str(second.cluster_id))


def test_events(client: WorkspaceClient, cluster_id: str) -> None:
    """POST /api/2.1/clusters/events"""
    kinds = {event.type for event in client.clusters.events(cluster_id)}
    assert {EventType.CREATING, EventType.RUNNING} <= kinds


def test_pinning(client: WorkspaceClient, cluster_id: str) -> None:
    """POST /api/2.1/clusters/pin, POST /api/2.1/clusters/unpin"""
    client.clusters.pin(cluster_id)
    pinned = client.clusters.list(filter_by=ListClustersFilterBy(is_pinned=True))
    assert cluster_id in {each.cluster_id for each in pinned}
    client.clusters.unpin(cluster_id)
    pinned = client.clusters.list(filter_by=ListClustersFilterBy(is_pinned=True))
    assert cluster_id not in {each.cluster_id for each in pinned}


def test_commands_in_a_context(client: WorkspaceClient, cluster_id: str) -> None:
    """POST /api/1.2/contexts/create, GET /api/1.2/contexts/status, POST /api/1.2/commands/execute,
    GET /api/1.2/commands/status, POST /api/1.2/contexts/destroy"""
    commands = client.command_execution
    context = commands.create(cluster_id=cluster_id, language=Language.PYTHON).result(PATIENCE)
    context_id = context.id or ""
    assert commands.context_status(cluster_id, context_id).status is ContextStatus.RUNNING
    for command, kind, expected in (
        ("import os; print(os.environ['GREETING'])", ResultType.TEXT, "hello"),
        ("1 / 0", ResultType.ERROR, "ZeroDivisionError"),
    ):
        done = commands.execute(
            cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command=command
        ).result(PATIENCE)
        assert done.status is CommandStatus.FINISHED
        assert done.results is not None
        assert done.results.result_type is kind
        assert expected in f"{done.results.data} {done.results.cause} {done.results.summary}"
    commands.destroy(cluster_id, context_id)


def test_cancelling_a_command(client: WorkspaceClient, cluster_id: str) -> None:
    """POST /api/1.2/commands/cancel"""
    commands = client.command_execution
    context_id = commands.create(cluster_id=cluster_id, language=Language.PYTHON).result(PATIENCE).id or ""
    sleeping = commands.execute(
        cluster_id=cluster_id, context_id=context_id, language=Language.PYTHON, command="import time; time.sleep(600)"
    )
    command_id = str(sleeping.command_id)
    commands.cancel(cluster_id=cluster_id, context_id=context_id, command_id=command_id).result(PATIENCE)
    assert commands.command_status(cluster_id, context_id, command_id).status is CommandStatus.CANCELLED
    commands.destroy(cluster_id, context_id)


def test_libraries(client: WorkspaceClient, cluster_id: str) -> None:
    """POST /api/2.0/libraries/install, POST /api/2.0/libraries/uninstall, GET /api/2.0/libraries/cluster-status,
    GET /api/2.0/libraries/all-cluster-statuses"""
    library = Library(
        pypi=PythonPyPiLibrary(package="surely-not-a-package-of-anybody", repo="http://127.0.0.1:9/simple")
    )
    client.libraries.install(cluster_id, [library])
    assert [each.library for each in client.libraries.cluster_status(cluster_id)] == [library]
    statuses = {each.cluster_id: each.library_statuses for each in client.libraries.all_cluster_statuses()}
    assert [each.library for each in statuses[cluster_id] or ()] == [library]
    client.libraries.uninstall(cluster_id, [library])
    left = list(client.libraries.cluster_status(cluster_id))
    assert all(each.status is not None and each.status.value == "UNINSTALL_ON_RESTART" for each in left)


def test_logs(client: WorkspaceClient, cluster_id: str) -> None:
    """GET /api/2.0/wheelyard/clusters/{cluster_id}/logs/{name}"""
    for name in ("startup", "libraries"):
        answer = client.api_client.do("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/{name}", raw=True)
        assert isinstance(answer["contents"].read(), bytes)


def test_who_may(workspace: Workspace, client: WorkspaceClient, cluster_id: str) -> None:
    name, token = workspace.user()
    theirs = workspace.client(token)
    with pytest.raises(PermissionDenied):
        theirs.clusters.get(cluster_id)
    entry = {"access_control_list": [{"user_name": name, "permission_level": "CAN_ATTACH_TO"}]}
    client.api_client.do("PATCH", f"/api/2.0/permissions/clusters/{cluster_id}", body=entry)
    assert theirs.clusters.get(cluster_id).state is State.RUNNING
    for call in (theirs.clusters.delete, theirs.clusters.permanent_delete, theirs.clusters.restart):
        with pytest.raises(PermissionDenied):
            call(cluster_id)


def test_a_missing_cluster_is_told_apart(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match=rf"^Cluster {MISSING} does not exist"):
        client.clusters.get(MISSING)


def test_changing_stopping_and_starting(client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.1/clusters/edit, POST /api/2.1/clusters/update, POST /api/2.1/clusters/resize,
    POST /api/2.1/clusters/start, POST /api/2.1/clusters/restart, POST /api/2.1/clusters/delete,
    POST /api/2.1/clusters/permanent-delete, POST /api/2.1/clusters/change-owner"""
    node_type = client.clusters.select_node_type(local_disk=True)
    made = client.clusters.create(
        spark_version=RUNTIME, cluster_name=unique, node_type_id=node_type, num_workers=0
    ).result(PATIENCE)
    cluster_id = made.cluster_id or ""
    client.clusters.restart(cluster_id).result(PATIENCE)
    client.clusters.edit(
        cluster_id,
        RUNTIME,
        cluster_name=unique,
        node_type_id=node_type,
        num_workers=0,
        spark_env_vars={"EDITED": "1"},
    ).result(PATIENCE)
    assert client.clusters.get(cluster_id).spark_env_vars == {"EDITED": "1"}
    resource = UpdateClusterResource(cluster_name=f"{unique}-2")
    client.clusters.update(cluster_id, "cluster_name", cluster=resource).result(PATIENCE)
    assert client.clusters.get(cluster_id).cluster_name == f"{unique}-2"
    client.clusters.resize(cluster_id, num_workers=0).result(PATIENCE)
    client.clusters.delete(cluster_id).result(PATIENCE)
    client.clusters.delete(cluster_id).result(PATIENCE)
    other = client.users.create(user_name=f"owner-{uuid.uuid4().hex[:6]}@example.com")
    client.clusters.change_owner(cluster_id, other.user_name or "")
    client.clusters.start(cluster_id).result(PATIENCE)
    client.clusters.permanent_delete(cluster_id)
    with pytest.raises(ResourceDoesNotExist):
        client.clusters.get(cluster_id)
