"""One-time sign-in links through the official SDK's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from tests.security.secrets_made import remember

if TYPE_CHECKING:
    from tests.conftest import Workspace

LINKS = "/api/2.0/wheelyard/sign-in-links"


def test_an_admin_makes_links(workspace: Workspace, client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.0/wheelyard/sign-in-links"""
    name = client.users.create(user_name=f"{unique}@example.com").user_name
    for body, user_name in (({}, client.current_user.me().user_name), ({"user_name": name}, name)):
        answer = client.api_client.do("POST", LINKS, body=body)
        assert isinstance(answer, dict)
        assert answer.keys() == {"url", "user_name", "expiry_time"}
        assert answer["user_name"] == user_name
        page, _, link = answer["url"].partition("?link=")
        assert page == f"{workspace.host}/sign-in/link"
        remember(link)
    with pytest.raises(NotFound, match=r"User nobody@example\.com does not exist\."):
        client.api_client.do("POST", LINKS, body={"user_name": "nobody@example.com"})


def test_nobody_else_does(workspace: Workspace) -> None:
    name, token = workspace.user()
    for body in ({}, {"user_name": name}, {"user_name": "admin@wheelyard.example"}):
        with pytest.raises(PermissionDenied, match="Only workspace admins"):
            workspace.client(token).api_client.do("POST", LINKS, body=body)
    assert workspace.request("POST", LINKS, token="", body={}).status == 401
