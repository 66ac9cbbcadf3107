from __future__ import annotations

from typing import Any

import pytest
from databricks.sdk.errors import NotFound

Workspace = Any


def test_first_request_of_every_client_needs_no_token(identity: Workspace) -> None:
    for headers in ({}, {"Authorization": "Bearer expired"}, {"Authorization": "Basic eDp5"}):
        answer = identity.request("GET", "/.well-known/databricks-config", token="", headers=headers)
        assert answer.status == 200
        assert answer.json == {"oidc_endpoint": f"{identity.url}/oidc", "workspace_id": "7405605123456789"}
        assert answer.headers["x-databricks-org-id"] == "7405605123456789"


def test_sdk_learns_the_workspace(identity: Workspace) -> None:
    client = identity.client()
    client.current_user.me()
    assert client.config.workspace_id == "7405605123456789"


@pytest.mark.parametrize("logs", [[], ["{}"], ["{}", '{"a": 1}']])
def test_telemetry_is_counted(identity: Workspace, logs: list[str]) -> None:
    body = {"uploadTime": 1, "items": [], "protoLogs": logs}
    answer = identity.request("POST", "/telemetry-ext", body=body)
    assert answer.json == {"errors": [], "numProtoSuccess": len(logs)}
    assert identity.request("POST", "/telemetry-ext", token="", body=body).status == 401


def test_download_url_is_documented_as_absent(identity: Workspace) -> None:
    with pytest.raises(NotFound) as refused:
        identity.client().api_client.do("POST", "/api/2.0/fs/create-download-url", query={"path": "/Volumes/a"})
    assert "No API found for 'POST /api/2.0/fs/create-download-url'" in str(refused.value)
