"""Our own endpoints for feeds, called through the official SDK's `api_client`: a real workspace has none of them."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.request
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceAlreadyExists

if TYPE_CHECKING:
    from tests.conftest import Workspace

FEEDS = "/api/2.0/wheelyard/feeds"
VERSIONS = "packages/acme/versions"


def _do(client: WorkspaceClient, method: str, path: str = "", body: dict[str, Any] | None = None) -> Any:
    return client.api_client.do(method, f"{FEEDS}{path}", body=body)


@pytest.fixture
def feed(client: WorkspaceClient) -> dict[str, str]:
    """A feed of this test's own."""
    made: dict[str, str] = _do(client, "POST", body={"name": f"feed-{uuid.uuid4().hex[:8]}"})
    return made


def _wheel(name: str, version: str) -> tuple[str, bytes]:
    """A pure wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_record_hash(content)},{len(content)}" for path, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return f"{name}-{version}-py3-none-any.whl", target.getvalue()


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _upload(feed: dict[str, str], token: str, version: str) -> None:
    """As twine does it: the legacy upload form."""
    filename, content = _wheel("acme", version)
    fields = {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": "acme",
        "version": version,
        "filetype": "bdist_wheel",
        "pyversion": "py3",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
    }
    mark = uuid.uuid4().hex
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="content"; filename="{filename}"\r\n\r\n'
    body = b"".join([*parts, head.encode(), content, f"\r\n--{mark}--\r\n".encode()])
    credentials = base64.b64encode(f"build:{token}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": f"multipart/form-data; boundary={mark}"}
    request = urllib.request.Request(feed["upload_url"], data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_the_life_of_a_feed(client: WorkspaceClient) -> None:
    """POST /api/2.0/wheelyard/feeds, GET /api/2.0/wheelyard/feeds, GET /api/2.0/wheelyard/feeds/{feed_id},
    DELETE /api/2.0/wheelyard/feeds/{feed_id}"""
    name = f"feed-{uuid.uuid4().hex[:8]}"
    made = _do(client, "POST", body={"name": name, "description": "for tests"})
    assert made["index_url"].endswith(f"/_packaging/{name}/pypi/simple/")
    assert made["feed_id"] in {each["feed_id"] for each in _do(client, "GET")["feeds"]}
    assert _do(client, "GET", f"/{made['feed_id']}")["description"] == "for tests"
    with pytest.raises(ResourceAlreadyExists):
        _do(client, "POST", body={"name": name})
    _do(client, "DELETE", f"/{made['feed_id']}")
    with pytest.raises(NotFound):
        _do(client, "GET", f"/{made['feed_id']}")


def test_roles(workspace: Workspace, client: WorkspaceClient, feed: dict[str, str]) -> None:
    """GET /api/2.0/wheelyard/feeds/{feed_id}/permissions, PUT /api/2.0/wheelyard/feeds/{feed_id}/permissions,
    DELETE /api/2.0/wheelyard/feeds/{feed_id}/permissions"""
    permissions = f"/{feed['feed_id']}/permissions"
    name, token = workspace.user()
    theirs = workspace.client(token)
    with pytest.raises((PermissionDenied, NotFound)):
        _do(theirs, "GET", f"/{feed['feed_id']}")
    _do(client, "PUT", permissions, {"principal": name, "role": "READER"})
    assert _do(theirs, "GET", f"/{feed['feed_id']}")["role"] == "READER"
    with pytest.raises(PermissionDenied):
        _do(theirs, "PUT", permissions, {"principal": name, "role": "OWNER"})
    assert {"principal": name, "role": "READER"} in _do(client, "GET", permissions)["permissions"]
    client.api_client.do("DELETE", f"{FEEDS}{permissions}", query={"principal": name})
    with pytest.raises((PermissionDenied, NotFound)):
        _do(theirs, "GET", f"/{feed['feed_id']}")


def test_feed_tokens(workspace: Workspace, client: WorkspaceClient, feed: dict[str, str]) -> None:
    """POST /api/2.0/wheelyard/feeds/{feed_id}/tokens, GET /api/2.0/wheelyard/feeds/{feed_id}/tokens,
    DELETE /api/2.0/wheelyard/feeds/{feed_id}/tokens/{token_id}"""
    tokens = f"/{feed['feed_id']}/tokens"
    made = _do(client, "POST", tokens, {"scope": "read", "comment": "for tests"})
    token_id = made["token_info"]["token_id"]
    assert token_id in {each["token_id"] for each in _do(client, "GET", tokens)["token_infos"]}
    refused = workspace.request("GET", "/api/2.0/secrets/scopes/list", token=made["token_value"])
    assert refused.status in {401, 403}, "a feed token opens no REST call"
    _do(client, "DELETE", f"{tokens}/{token_id}")
    assert token_id not in {each["token_id"] for each in _do(client, "GET", tokens)["token_infos"]}


def test_packages(client: WorkspaceClient, feed: dict[str, str]) -> None:
    """GET /api/2.0/wheelyard/feeds/{feed_id}/packages, GET /api/2.0/wheelyard/feeds/{feed_id}/packages/{package},
    POST /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}/yank,
    POST /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}/unyank,
    DELETE /api/2.0/wheelyard/feeds/{feed_id}/packages/{package}/versions/{version}"""
    here = f"/{feed['feed_id']}"
    token = _do(client, "POST", f"{here}/tokens", {"scope": "write"})["token_value"]
    for version in ("1.0", "1.10", "1.9"):
        _upload(feed, token, version)
    (package,) = _do(client, "GET", f"{here}/packages")["packages"]
    assert (package["name"], package["latest_version"], package["versions"]) == ("acme", "1.10", 3)
    _do(client, "POST", f"{here}/{VERSIONS}/1.9/yank", {"reason": "broken"})
    versions = _do(client, "GET", f"{here}/packages/Acme")["versions"]
    assert [each["version"] for each in versions] == ["1.10", "1.9", "1.0"]
    assert [each.get("yanked_reason", "") for each in versions] == ["", "broken", ""]
    _do(client, "POST", f"{here}/{VERSIONS}/1.9/unyank")
    _do(client, "DELETE", f"{here}/{VERSIONS}/1.0")
    versions = _do(client, "GET", f"{here}/packages/acme")["versions"]
    assert [(each["version"], each.get("yanked", False)) for each in versions] == [("1.10", False), ("1.9", False)]
