"""What a token opens, and for how long."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator

import pytest
from databricks.sdk.service import compute
from tests.conftest import Workspace

from wheelyard.control.operation import ANYONE, Operation
from wheelyard.embedded import ROOMS

ME = "/api/2.0/preview/scim/v2/Me"
ROWS = [row for room in ROOMS for row in room.operations if row.needs is not ANYONE]


@pytest.fixture(scope="module")
def feed(workspace: Workspace) -> str:
    body = {"name": "walls", "organization": "acme"}
    return str(workspace.request("POST", "/api/2.0/wheelyard/feeds", body=body).json["feed_id"])


@pytest.fixture(scope="module")
def feed_token(workspace: Workspace, feed: str) -> str:
    answer = workspace.request("POST", f"/api/2.0/wheelyard/feeds/{feed}/tokens", body={"scope": "read"})
    return str(answer.json["token_value"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_a_feed_token_opens_no_endpoint(
    workspace: Workspace, feed_token: str, row: Operation[object, object, object]
) -> None:
    path = re.sub(r"\{[^}]*\}", "1", row.path)
    answer = workspace.request(row.method, path, token=feed_token, body={} if row.method != "GET" else None)
    assert answer.status == 403, answer.content


def test_a_feed_token_opens_its_feed_and_no_other(workspace: Workspace, feed_token: str) -> None:
    workspace.request("POST", "/api/2.0/wheelyard/feeds", body={"name": "other-walls", "organization": "acme"})
    basic = base64.b64encode(f"build:{feed_token}".encode()).decode()
    found = [
        workspace.request(
            method, f"/acme/_packaging/{name}/pypi/{tail}", token="", headers={"Authorization": f"Basic {basic}"}
        ).status
        for method, name, tail in [
            ("GET", "walls", "simple/"),
            ("GET", "other-walls", "simple/"),
            ("POST", "walls", "upload/"),
        ]
    ]
    assert found == [200, 403, 403]


@pytest.fixture(scope="module")
def cluster_id(workspace: Workspace) -> Iterator[str]:
    client = workspace.client()
    started = client.clusters.create(spark_version="15.4.x-scala2.12", num_workers=0, cluster_name="walls").result()
    assert started.cluster_id
    yield started.cluster_id
    client.clusters.permanent_delete(started.cluster_id)


def test_a_sessions_token_is_its_users_and_ends_with_it(workspace: Workspace, cluster_id: str) -> None:
    commands = workspace.client().command_execution
    python = compute.Language.PYTHON
    context = commands.create(cluster_id=cluster_id, language=python).result()
    letters = "' '.join(dbutils.notebook.entry_point.getDbutils().notebook().getContext().apiToken().get())"
    done = commands.execute(cluster_id=cluster_id, context_id=context.id, language=python, command=f"print({letters})")
    results = done.result().results
    assert results is not None
    token = str(results.data).replace(" ", "").strip()
    assert workspace.request("GET", ME, token=token).json["userName"] == workspace.client().current_user.me().user_name
    commands.destroy(cluster_id=cluster_id, context_id=str(context.id))
    deadline = time.monotonic() + 30
    while workspace.request("GET", ME, token=token).status != 401:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_nobody_else_finds_a_context(workspace: Workspace, cluster_id: str) -> None:
    context = workspace.client().command_execution.create(cluster_id=cluster_id, language=compute.Language.PYTHON)
    _name, other = workspace.user()
    where = f"?clusterId={cluster_id}&contextId={context.result().id}"
    assert workspace.request("GET", f"/api/1.2/contexts/status{where}").status == 200
    assert workspace.request("GET", f"/api/1.2/contexts/status{where}", token=other).status == 404
