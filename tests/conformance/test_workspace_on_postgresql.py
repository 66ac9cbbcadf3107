"""One embedded workspace on PostgreSQL, its blobs in a folder or on S3: everything through the SDK, and a restart.

The tests of the single services run there too: `pytest tests/control tests/clients tests/feed --postgresql`.
"""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, PermissionDenied
from databricks.sdk.service.compute import State
from databricks.sdk.service.jobs import NotebookTask, RunResultState, Task
from databricks.sdk.service.workspace import AclPermission, ImportFormat, ObjectType
from tests.conftest import Workspace, as_workspace, settings_for
from tests.control.instant_engine import InstantEngine
from tests.databases import new_database
from tests.feed.conftest import multipart, upload_fields, wheel

from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Secret
from wheelyard.embedded import Settings
from wheelyard.serving import RunningWorkspace

FEEDS = "/api/2.0/wheelyard/feeds"
LARGE, SMALL = os.urandom(9_000_000), b"small"


@pytest.fixture(params=["folder", "s3"])
def settings(request: pytest.FixtureRequest, postgresql: str, tmp_path: Path) -> Settings:
    blobs_url = request.getfixturevalue("s3")() if request.param == "s3" else ""
    return settings_for(tmp_path / "data", database_url=Secret(new_database(postgresql)), blobs_url=blobs_url)


@contextmanager
def serving(settings: Settings) -> Iterator[Workspace]:
    with RunningWorkspace(settings, engine=lambda _settings: InstantEngine()) as running:
        yield as_workspace(running, settings.data_dir)


@dataclass
class Made:
    """What was put into the workspace."""

    user: str
    user_token: str
    pat: str
    feed: str
    feed_token: str
    cluster_id: str
    job_id: int
    run_id: int


def fill(workspace: Workspace) -> Made:
    client = workspace.client()
    user, user_token = workspace.user(groups=("team-a",))
    workspace.service_principal()
    pat = str(client.tokens.create(comment="ci").token_value)
    client.secrets.create_scope("team-a")
    client.secrets.put_secret("team-a", "index", string_value="s3cret-on-postgresql")
    client.secrets.put_secret("team-a", "index-2", bytes_value=base64.b64encode(b"\x00\xff").decode())
    client.secrets.put_acl("team-a", "team-a", AclPermission.READ)
    client.secrets.create_scope("closed")
    client.workspace.mkdirs("/Shared/a/b")
    client.workspace.upload("/Shared/a/b/large.bin", io.BytesIO(b"first"), format=ImportFormat.RAW)
    client.workspace.upload("/Shared/a/b/large.bin", io.BytesIO(LARGE), format=ImportFormat.RAW, overwrite=True)
    client.workspace.upload("/Shared/a/small.txt", io.BytesIO(SMALL), format=ImportFormat.RAW)
    client.workspace.upload("/Shared/n.py", io.BytesIO(b"# Databricks notebook source\nleave('bye')\n"))
    feed, feed_token = fill_a_feed(workspace)
    cluster_id = str(client.clusters.create_and_wait(spark_version="15.4.x-scala2.12", num_workers=0).cluster_id)
    task = Task(task_key="only", existing_cluster_id=cluster_id, notebook_task=NotebookTask(notebook_path="/Shared/n"))
    job_id = int(client.jobs.create(name="nightly", tasks=[task]).job_id or 0)
    run_id = int(client.jobs.run_now(job_id).result().run_id or 0)
    return Made(user, user_token, pat, feed, feed_token, cluster_id, job_id, run_id)


def fill_a_feed(workspace: Workspace) -> tuple[str, str]:
    feed = workspace.request("POST", FEEDS, body={"name": "wheels"}).json
    for filename, content in (
        wheel("acme-app", "1.0", extra="Requires-Dist: acme-lib\n"),
        wheel("acme-lib", "1.0", more={"acme_lib/large.bin": LARGE}),
    ):
        kind, body = multipart(upload_fields(filename, content), filename, content)
        address = urlsplit(feed["upload_url"]).path
        assert workspace.request("POST", address, body=body, headers={"Content-Type": kind}).status == 200
    token = workspace.request("POST", f"{FEEDS}/{feed['feed_id']}/tokens", body={}).json["token_value"]
    return urlsplit(feed["index_url"]).path, token


def check(workspace: Workspace, made: Made, target: Path) -> None:
    client, user = workspace.client(), workspace.client(made.user_token)
    assert user.current_user.me().user_name == made.user
    assert workspace.client(made.pat).current_user.me().user_name == "admin@wheelyard.example"
    check_secrets(client, user)
    for path, content in (("/Shared/a/b/large.bin", LARGE), ("/Shared/a/small.txt", SMALL)):
        with client.workspace.download(path) as stream:
            assert stream.read() == content
    assert client.workspace.get_status("/Shared/n").object_type is ObjectType.NOTEBOOK
    assert [each.path for each in client.workspace.list("/Shared/a/b")] == ["/Shared/a/b/large.bin"]
    assert client.clusters.get(made.cluster_id).num_workers == 0
    assert [event.type.value for event in client.clusters.events(made.cluster_id) if event.type].count("CREATING") == 1
    run = client.jobs.get_run(made.run_id)
    assert run.state
    assert run.state.result_state is RunResultState.SUCCESS
    assert [each.job_id for each in client.jobs.list(name="nightly")] == [made.job_id]
    install(workspace, made, target)


def check_secrets(client: WorkspaceClient, user: WorkspaceClient) -> None:
    value = user.secrets.get_secret("team-a", "index").value
    assert base64.b64decode(str(value)) == b"s3cret-on-postgresql"
    assert {each.key for each in client.secrets.list_secrets("team-a")} == {"index", "index-2"}
    with pytest.raises(PermissionDenied):
        user.secrets.put_secret("team-a", "mine", string_value="x")
    with pytest.raises(PermissionDenied):
        list(user.secrets.list_secrets("closed"))
    with pytest.raises(InvalidParameterValue):
        client.secrets.put_secret("team-a", "a/b", string_value="x")


def install(workspace: Workspace, made: Made, target: Path) -> None:
    """With real pip, which asks for pages, metadata and files."""
    url = f"http://any:{made.feed_token}@{urlsplit(workspace.host).netloc}{made.feed}"
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-cache-dir", "--target", str(target)]
    configuration = target.with_suffix(".conf")
    configuration.write_text(f"[global]\nindex-url = {url}\n")
    environment = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": str(configuration), "HOME": str(target.parent)}
    subprocess.run([*command, "acme-app"], env=environment, check=True)
    assert (target / "acme_lib" / "large.bin").read_bytes() == LARGE


def test_everything_works_and_is_there_after_a_restart(settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as workspace:
        made = fill(workspace)
        check(workspace, made, tmp_path / "before")
        workspace_id, token = workspace.workspace_id, workspace.admin_token
    with serving(settings) as workspace:
        assert (workspace.workspace_id, workspace.admin_token) == (workspace_id, token)
        check(workspace, made, tmp_path / "after")
        client = workspace.client()
        assert client.clusters.get(made.cluster_id).state is State.TERMINATED
        client.clusters.start_and_wait(made.cluster_id)
        run = client.jobs.run_now(made.job_id).result()
        assert run.state
        assert run.state.result_state is RunResultState.SUCCESS
        client.workspace.delete("/Shared/a", recursive=True)
        client.secrets.delete_scope("team-a")
    assert not (settings.data_dir / "wheelyard.db").exists()


def test_another_folder_or_database_is_refused(settings: Settings, tmp_path: Path, postgresql: str) -> None:
    with serving(settings) as workspace:
        workspace.client().secrets.create_scope("kept")
    other = settings_for(tmp_path / "other", database_url=settings.database_url)
    with pytest.raises(InvalidState, match="belongs to the workspace") as refused, serving(other):
        pass
    assert refused.value.reference == "database-of-another-workspace"
    for database_url in (None, Secret(new_database(postgresql))):
        empty = settings_for(settings.data_dir, database_url=database_url, blobs_url=settings.blobs_url)
        with pytest.raises(InvalidState, match="is empty") as refused, serving(empty):
            pass
        assert refused.value.reference == "database-of-another-workspace"
    with serving(settings) as workspace:
        assert [scope.name for scope in workspace.client().secrets.list_scopes()] == ["kept"]


def test_two_workspaces_do_not_share_a_blob_store(s3: Callable[[], str], tmp_path: Path) -> None:
    url = s3()
    with serving(settings_for(tmp_path / "one", blobs_url=url)):
        pass
    with (
        pytest.raises(InvalidState, match="blob store was not used") as refused,
        serving(settings_for(tmp_path / "two", blobs_url=url)),
    ):
        pass
    assert refused.value.reference == "blob-store-of-another-workspace"
    with serving(settings_for(tmp_path / "two", blobs_url=f"{url}/below")):
        pass


def test_broken_connections_cost_a_503_and_no_restart(postgresql: str, tmp_path: Path) -> None:
    """As when the database server restarts: what was answered is there, and the next request works."""
    database_url = new_database(postgresql)
    with (
        serving(settings_for(tmp_path / "data", database_url=Secret(database_url))) as workspace,
        psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection,
    ):
        workspace.client().secrets.create_scope("team-a")
        stored = set()
        for number in range(200):
            if number % 5 == 0:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            body = {"scope": "team-a", "key": f"k{number}", "string_value": "x"}
            answer = workspace.request("POST", "/api/2.0/secrets/put", body=body)
            assert answer.status in {200, 503}, answer.content
            if answer.status == 200:
                stored.add(f"k{number}")
        assert len(stored) > 100
        assert stored <= {each.key for each in workspace.client().secrets.list_secrets("team-a")}
