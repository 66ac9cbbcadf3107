"""A feed as the workspace serves it, with its real tokens, users and groups: what ends, ends at the next request."""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

import pytest
from tests.conftest import Answer, Workspace
from tests.feed.conftest import multipart, upload_fields, wheel

FEEDS = "/api/2.0/wheelyard/feeds"


@pytest.fixture
def feed(workspace: Workspace) -> dict[str, Any]:
    made: dict[str, Any] = workspace.request("POST", FEEDS, body={"name": f"feed-{uuid.uuid4().hex[:8]}"}).json
    return made


def ask(workspace: Workspace, feed: dict[str, Any], token: str, path: str = "simple/") -> int:
    """The status of one request of an installer, twice: the second is answered from what the first left."""
    address = feed["index_url"].removeprefix(workspace.host).removesuffix("simple/") + path
    credentials = base64.b64encode(f"any:{token}".encode()).decode()
    statuses = {
        workspace.request("GET", address, headers={"Authorization": f"Basic {credentials}"}).status for _ in range(2)
    }
    (status,) = statuses
    return status


def upload(workspace: Workspace, feed: dict[str, Any], token: str, filename: str, content: bytes) -> Answer:
    kind, body = multipart(upload_fields(filename, content), filename, content)
    address = feed["upload_url"].removeprefix(workspace.host)
    return workspace.request("POST", address, token=token, body=body, headers={"Content-Type": kind})


def grant(workspace: Workspace, feed: dict[str, Any], principal: str, role: str) -> None:
    body = {"principal": principal, "role": role}
    assert workspace.request("PUT", f"{FEEDS}/{feed['feed_id']}/permissions", body=body).status == 200


def test_a_personal_access_token_is_a_password_until_it_is_revoked(workspace: Workspace, feed: dict[str, Any]) -> None:
    made = workspace.client().tokens.create(comment="feed", lifetime_seconds=600)
    assert made.token_value is not None
    assert made.token_info is not None
    assert ask(workspace, feed, made.token_value) == 200
    workspace.client().tokens.delete(str(made.token_info.token_id))
    assert ask(workspace, feed, made.token_value) == 401


def test_a_token_that_expires_ends_within_a_second(workspace: Workspace, feed: dict[str, Any]) -> None:
    made = workspace.client().tokens.create(lifetime_seconds=1)
    assert made.token_value is not None
    ask(workspace, feed, made.token_value)
    time.sleep(2.1)
    assert ask(workspace, feed, made.token_value) == 401


def test_a_feed_token_publishes_installs_and_opens_nothing_else(workspace: Workspace, feed: dict[str, Any]) -> None:
    tokens = f"{FEEDS}/{feed['feed_id']}/tokens"
    write = workspace.request("POST", tokens, body={"scope": "write", "comment": "ci"}).json
    read = workspace.request("POST", tokens, body={}).json
    assert upload(workspace, feed, write["token_value"], *wheel("acme-lib", "1.0")).status == 200
    assert upload(workspace, feed, read["token_value"], *wheel("acme-lib", "1.1")).status == 403
    assert ask(workspace, feed, read["token_value"], "simple/acme-lib/") == 200
    assert workspace.request("GET", FEEDS, token=read["token_value"]).status == 403
    assert workspace.request("GET", "/api/2.0/secrets/scopes/list", token=write["token_value"]).status == 403
    listed = workspace.request("GET", tokens).json["token_infos"]
    assert {one["scope"] for one in listed} == {"read", "write"}
    assert read["token_value"] not in str(listed)
    assert workspace.request("DELETE", f"{tokens}/{read['token_info']['token_id']}").status == 200
    assert ask(workspace, feed, read["token_value"]) == 401


def test_a_group_lets_in_and_its_removal_shuts_out(workspace: Workspace, feed: dict[str, Any]) -> None:
    group = f"group-{uuid.uuid4().hex[:8]}"
    _, token = workspace.user(groups=(group,))
    assert ask(workspace, feed, token) == 403
    grant(workspace, feed, group, "READER")
    assert ask(workspace, feed, token) == 200
    admin = workspace.client()
    (found,) = admin.groups.list(filter=f'displayName eq "{group}"')
    admin.groups.delete(str(found.id))
    assert ask(workspace, feed, token) == 403


def test_a_user_who_is_deleted_is_shut_out_with_every_token(workspace: Workspace, feed: dict[str, Any]) -> None:
    name, token = workspace.user()
    grant(workspace, feed, name, "CONTRIBUTOR")
    address = f"{FEEDS}/{feed['feed_id']}/tokens"
    issued = workspace.request("POST", address, token=token, body={"scope": "write"}).json["token_value"]
    assert ask(workspace, feed, issued) == 200
    admin = workspace.client()
    (found,) = admin.users.list(filter=f'userName eq "{name}"')
    admin.users.delete(str(found.id))
    assert ask(workspace, feed, token) == 401
    assert ask(workspace, feed, issued) == 401
    roles = workspace.request("GET", f"{FEEDS}/{feed['feed_id']}/permissions").json["permissions"]
    assert name not in str(roles)


def test_everything_over_rest(workspace: Workspace, feed: dict[str, Any]) -> None:
    base = f"{FEEDS}/{feed['feed_id']}"
    for version in ("1.0", "1.1"):
        assert upload(workspace, feed, workspace.admin_token, *wheel("acme-rest", version)).status == 200
    assert workspace.request("GET", f"{base}/packages").json["packages"][0]["latest_version"] == "1.1"
    assert workspace.request("POST", f"{base}/packages/acme-rest/versions/1.1/yank", body={"reason": "x"}).status == 200
    assert workspace.request("GET", f"{base}/packages/Acme_Rest").json["versions"][0]["yanked_reason"] == "x"
    assert workspace.request("POST", f"{base}/packages/acme-rest/versions/1.1/unyank", body={}).status == 200
    assert workspace.request("DELETE", f"{base}/packages/acme-rest/versions/1.1").status == 200
    missing = workspace.request("DELETE", f"{base}/packages/acme-rest/versions/1.1")
    assert (missing.status, missing.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    place = f"{feed['organization']}%2F{feed['name']}"
    assert workspace.request("GET", f"{FEEDS}/{place}").json["feed_id"] == feed["feed_id"]
    assert workspace.request("DELETE", base).status == 200
    assert workspace.request("GET", base).status == 404
    assert ask(workspace, feed, workspace.admin_token) == 404
