"""The workspace API through the official SDK, and its uploads as the official CLI sends them."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

if TYPE_CHECKING:
    from tests.conftest import Workspace

NOTEBOOK = "# Databricks notebook source\n# MAGIC %pip install acme\n\n# COMMAND ----------\n\nimport acme\n"
IMPORT_FILE = "/api/2.0/workspace-files/import-file"


@pytest.fixture
def folder(client: WorkspaceClient, unique: str) -> str:
    """A directory of this test's own, in the admin's home."""
    path = f"/Users/{client.current_user.me().user_name}/{unique}"
    client.workspace.mkdirs(path)
    return path


def _escaped(path: str) -> str:
    """As the official CLI does it: the leading slash cut off, then all others escaped in one go."""
    return f"{IMPORT_FILE}/{quote(path.lstrip('/'), safe='')}"


def test_directories(client: WorkspaceClient, folder: str) -> None:
    """POST /api/2.0/workspace/mkdirs, GET /api/2.0/workspace/list, GET /api/2.0/workspace/get-status,
    POST /api/2.0/workspace/delete"""
    for _ in range(2):
        client.workspace.mkdirs(f"{folder}/a/b")
    assert [(each.path, each.object_type) for each in client.workspace.list(folder)] == [
        (f"{folder}/a", ObjectType.DIRECTORY)
    ]
    found = client.workspace.get_status(f"{folder}/a")
    assert isinstance(found.object_id, int)
    assert found.resource_id == str(found.object_id)
    with pytest.raises(BadRequest, match="is not empty") as caught:
        client.workspace.delete(f"{folder}/a")
    assert caught.value.error_code == "DIRECTORY_NOT_EMPTY"
    client.workspace.delete(f"{folder}/a", recursive=True)
    for call in (client.workspace.get_status, client.workspace.delete):
        with pytest.raises(ResourceDoesNotExist, match=rf"^Path \({folder}/a\) doesn't exist\.$"):
            call(f"{folder}/a")
    assert list(client.workspace.list(folder)) == []


def test_a_notebook_in_and_out(client: WorkspaceClient, folder: str) -> None:
    """POST /api/2.0/workspace/import, GET /api/2.0/workspace/export"""
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    client.workspace.import_(f"{folder}/n", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    found = client.workspace.get_status(f"{folder}/n")
    assert (found.object_type, found.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    with pytest.raises(ResourceAlreadyExists, match=r"already exists\.$"):
        client.workspace.import_(f"{folder}/n", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    exported = client.workspace.export(f"{folder}/n")
    assert exported.content is not None
    assert base64.b64decode(exported.content).decode() == NOTEBOOK
    assert exported.file_type == "py"
    jupyter = json.loads(
        base64.b64decode(client.workspace.export(f"{folder}/n", format=ExportFormat.JUPYTER).content or "")
    )
    assert [cell["source"] for cell in jupyter["cells"]] == ["%pip install acme", "import acme"]
    with client.workspace.download(f"{folder}/n") as download:
        assert download.read().decode() == NOTEBOOK


@pytest.mark.parametrize(
    ("name", "becomes", "kind"),
    [("n.py", "n", "NOTEBOOK"), ("m.py", "m.py", "FILE"), ("d.bin", "d.bin", "FILE"), ("j.ipynb", "j", "NOTEBOOK")],
)
def test_uploads_as_multipart(client: WorkspaceClient, folder: str, name: str, becomes: str, kind: str) -> None:
    contents = {"n.py": NOTEBOOK.encode(), "j.ipynb": b'{"nbformat": 4, "cells": []}', "d.bin": bytes(range(256))}
    content = contents.get(name, b"print(1)")
    client.workspace.upload(f"{folder}/{name}", io.BytesIO(content), format=ImportFormat.AUTO)
    assert client.workspace.get_status(f"{folder}/{becomes}").object_type is ObjectType(kind)
    with client.workspace.download(f"{folder}/{becomes}", format=ExportFormat.AUTO) as download:
        assert download.read() == content
    client.workspace.upload(f"{folder}/{name}", io.BytesIO(content), format=ImportFormat.AUTO, overwrite=True)


def test_import_file_as_a_bundle_sends_it(workspace: Workspace, client: WorkspaceClient, folder: str) -> None:
    """POST /api/2.0/workspace-files/import-file/{path...}, GET /api/2.0/workspace-files/{path...}"""
    path = f"/Workspace{folder}/files/my lib-1.0%2B.whl"
    target = f"{_escaped(path)}?overwrite=false"
    first = workspace.request("POST", target, body=b"PK\x00", headers={"Content-Type": "application/octet-stream"})
    assert (first.status, first.json["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    client.workspace.mkdirs(f"/Workspace{folder}/files")
    assert workspace.request("POST", target, body=b"PK\x00").status == 200
    again = workspace.request("POST", target, body=b"PK\x01")
    assert (again.status, again.json["message"]) == (409, f"Path ({path[10:]}) already exists.")
    assert workspace.request("POST", target.replace("false", "true"), body=b"PK\x02").status == 200
    read = workspace.request("GET", f"/api/2.0/workspace-files/{quote(path.lstrip('/'), safe='')}")
    assert read.content == b"PK\x02"
    (listed,) = client.workspace.list(f"/Workspace{folder}/files")
    assert (listed.path, listed.size) == (path, 3)


def test_import_file_over_a_notebook(workspace: Workspace, folder: str) -> None:
    target = f"{_escaped(f'{folder}/n.py')}?overwrite=false"
    assert workspace.request("POST", target, body=NOTEBOOK.encode()).status == 200
    again = workspace.request("POST", target, body=NOTEBOOK.encode())
    assert (again.status, again.json["message"]) == (400, f"Path ({folder}/n) already exists.")


def test_plain_slashes_reach_the_same_row(workspace: Workspace, folder: str) -> None:
    assert workspace.request("POST", f"{IMPORT_FILE}{folder}/f?overwrite=True", body=b"1").status == 200
    assert workspace.request("GET", f"/api/2.0/workspace-files{folder}/f").content == b"1"


def test_homes_are_there_as_soon_as_their_owners(workspace: Workspace, client: WorkspaceClient) -> None:
    for name, token in (workspace.user(), workspace.service_principal()):
        assert client.workspace.get_status(f"/Users/{name}").object_type is ObjectType.DIRECTORY
        theirs = workspace.client(token)
        theirs.workspace.mkdirs(f"/Users/{name}/mine")
        me = client.current_user.me().user_name
        with pytest.raises(PermissionDenied):
            theirs.workspace.get_status(f"/Users/{me}")
        with pytest.raises(PermissionDenied):
            theirs.workspace.mkdirs(f"/Users/{me}/theirs")


def test_shared_is_everybodys(workspace: Workspace, unique: str) -> None:
    for _name, token in (workspace.user(), workspace.user()):
        theirs = workspace.client(token)
        theirs.workspace.upload(f"/Shared/{unique}.txt", io.BytesIO(b"1"), format=ImportFormat.AUTO, overwrite=True)


def test_a_grant_on_a_directory_holds_below(workspace: Workspace, client: WorkspaceClient, folder: str) -> None:
    client.workspace.mkdirs(f"{folder}/a")
    client.workspace.upload(f"{folder}/a/f.txt", io.BytesIO(b"1"), format=ImportFormat.AUTO)
    name, token = workspace.user()
    theirs = workspace.client(token)
    with pytest.raises(PermissionDenied):
        theirs.workspace.get_status(f"{folder}/a/f.txt")
    entry = {"access_control_list": [{"user_name": name, "permission_level": "CAN_READ"}]}
    object_id = client.workspace.get_status(f"{folder}/a").object_id
    client.api_client.do("PATCH", f"/api/2.0/permissions/directories/{object_id}", body=entry)
    assert theirs.workspace.get_status(f"{folder}/a/f.txt").size == 1
    with pytest.raises(PermissionDenied):
        theirs.workspace.upload(f"{folder}/a/f.txt", io.BytesIO(b"2"), format=ImportFormat.AUTO, overwrite=True)


def test_refusals(client: WorkspaceClient, folder: str) -> None:
    with pytest.raises(NotFound):
        client.workspace.upload(f"{folder}/no/f", io.BytesIO(b"1"), format=ImportFormat.AUTO)
    with pytest.raises(InvalidParameterValue, match="language"):
        client.workspace.import_(f"{folder}/n", content="YQ==", format=ImportFormat.SOURCE)
    with pytest.raises(InvalidParameterValue):
        client.workspace.import_(f"{folder}/n", content="no base64", format=ImportFormat.AUTO)
    with pytest.raises(InvalidParameterValue):
        client.workspace.get_status("relative")
    with pytest.raises(BadRequest) as caught:
        client.workspace.delete("/Shared", recursive=True)
    assert caught.value.error_code == "DIRECTORY_PROTECTED"
    big = base64.b64encode(b"# Databricks notebook source\n" + b"#" * 10 * 1024 * 1024).decode()
    with pytest.raises(BadRequest) as caught:
        client.workspace.import_(f"{folder}/n.py", content=big, format=ImportFormat.SOURCE)
    assert caught.value.error_code == "MAX_NOTEBOOK_SIZE_EXCEEDED"
    assert list(client.workspace.list(folder)) == []


def test_a_name_cannot_make_a_client_repeat_its_request(workspace: Workspace) -> None:
    """The SDKs repeat a request for minutes when an error's text holds one of these."""
    for phrase in ("Timed out after 5", "deadline exceeded", "Unexpected error"):
        answer = workspace.request("GET", f"/api/2.0/workspace/get-status?path={quote(f'/Shared/{phrase}')}")
        assert answer.status == 404
        assert phrase not in answer.json["message"]


def test_a_wheel_of_twenty_megabytes(workspace: Workspace, client: WorkspaceClient, folder: str) -> None:
    content = bytes(range(256)) * 80_000
    assert workspace.request("POST", _escaped(f"{folder}/big.whl"), body=content).status == 200
    with client.workspace.download(f"{folder}/big.whl", format=ExportFormat.AUTO) as download:
        assert download.read() == content
