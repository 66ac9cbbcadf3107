"""What the client sees of compute, against a running workspace."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from wheelyard.client import defaults
from wheelyard.client.explain import explain_compute
from wheelyard.client.observe import observe_cluster, observe_job, observe_serverless, pip_cells, read_requirements
from wheelyard.core import errors
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import Secret

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from tests.conftest import Workspace

INDEX = "https://build:s3cret-token@pkgs.example.com/simple/"
OTHER = "https://ana:other-token@other.example.com/simple/"


@pytest.fixture(scope="module")
def here(start_workspace: Callable[..., Workspace]) -> Workspace:
    """A workspace with a default that everybody may read."""
    workspace = start_workspace()
    defaults.write(workspace.client(), {"pip-index-url": Secret(INDEX)})
    return workspace


def cluster(client: WorkspaceClient, **spec: Any) -> str:
    body = {"spark_version": "15.4.x-scala2.12", "num_workers": 0, "cluster_name": uuid.uuid4().hex, **spec}
    made: Any = client.api_client.do("POST", "/api/2.1/clusters/create", body=body)
    cluster_id = str(made["cluster_id"])
    client.api_client.do("POST", "/api/2.1/clusters/delete", body={"cluster_id": cluster_id})
    return cluster_id


def test_a_cluster_has_its_runtimes_pip_and_the_default(here: Workspace) -> None:
    client = here.client()
    view = observe_cluster(client, cluster(client))
    assert (view.kind, str(view.installer), view.runtime_version) == ("classic", "pip==23.2.1", "15.4")
    assert view.workspace_default is not None
    assert view.created_through == "API"
    assert view.uv_form
    shown = explain_compute(view).to_json()
    assert shown["index_url"] == "https://build:****@pkgs.example.com/simple/"
    assert "s3cret-token" not in str(shown)


def test_references_are_resolved_where_the_caller_may_read(here: Workspace) -> None:
    client = here.client()
    client.secrets.create_scope("observed")
    client.secrets.put_secret("observed", "url", string_value=OTHER)
    variables = {
        "DATABRICKS_PIP_INDEX_URL": "{{secrets/observed/url}}",
        "MISSING": "{{secrets/observed/none}}",
        "MALFORMED": "x{{secrets/observed/url}}",
        "PLAIN": "value",
    }
    cluster_id = cluster(client)
    spec = {"spark_version": "15.4.x-scala2.12", "num_workers": 0, "spark_env_vars": variables}
    found = observe_cluster(client, cluster_id)
    from wheelyard.client import observe

    view = observe._classic(client, "c", spec, None)
    assert found.variables == {}
    assert view.variables["DATABRICKS_PIP_INDEX_URL"].reveal() == OTHER
    assert view.variables["PLAIN"].reveal() == "value"
    assert set(view.references) == {"DATABRICKS_PIP_INDEX_URL", "MISSING"}
    assert [text.partition(" ")[0] for text in view.unreadable] == ["MISSING", "MALFORMED"]


def test_what_may_not_be_read_is_named(here: Workspace) -> None:
    admin = here.client()
    _name, token = here.user()
    admin.secrets.delete_acl("databricks-package-management", "users")
    try:
        view = observe_serverless(here.client(token))
        assert view.workspace_default is None
        assert "databricks-package-management" in " ".join(view.unreadable)
    finally:
        defaults._repair_acl(admin)


def test_serverless_versions_and_dependencies(here: Workspace) -> None:
    view = observe_serverless(here.client(), environment_version="3", dependencies=["six", f"--index-url {OTHER}"])
    assert str(view.installer) == "pip==24.2"
    assert explain_compute(view).to_json()["index_url"] == "https://ana:****@other.example.com/simple/"
    with pytest.raises(errors.InvalidParameter) as raised:
        observe_serverless(here.client(), environment_version="99")
    assert raised.value.reference == "environment-version-unknown"


def job(client: WorkspaceClient, *tasks: dict[str, Any], **settings: Any) -> int:
    answer: Any = client.api_client.do("POST", "/api/2.2/jobs/create", body={"name": "j", "tasks": tasks, **settings})
    return int(answer["job_id"])


def test_a_jobs_task_on_a_job_cluster_with_a_library_repo(here: Workspace) -> None:
    client = here.client()
    task = {
        "task_key": "load",
        "notebook_task": {"notebook_path": "/Shared/none"},
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 0},
        "libraries": [{"pypi": {"package": "six", "repo": OTHER}}],
    }
    view = observe_job(client, job(client, task))
    assert str(view.installer) == "pip==24.2"
    assert view.library_repo is not None
    assert explain_compute(view).to_json()["index_url"] == "https://ana:****@other.example.com/simple/"


def test_a_job_with_several_tasks_asks_which(here: Workspace) -> None:
    client = here.client()
    tasks = [{"task_key": key, "notebook_task": {"notebook_path": "/Shared/none"}} for key in ("a", "b")]
    job_id = job(client, *tasks)
    with pytest.raises(errors.InvalidParameter) as several:
        observe_job(client, job_id)
    with pytest.raises(errors.NotFound) as unknown:
        observe_job(client, job_id, "c")
    assert several.value.reference == "task-needed"
    assert unknown.value.reference == "task-not-found"
    assert observe_job(client, job_id, "b", Installer.parse("uv")).installer.name == "uv"


NOTEBOOK = """# Databricks notebook source
# MAGIC %pip install six --index-url https://pkgs.example.com/simple
# COMMAND ----------
# MAGIC %sh pip install "ledger>=1"
# COMMAND ----------
# MAGIC %uv pip install -r /Workspace/Shared/needs.txt
# COMMAND ----------
%pip freeze
print("%pip install nothing")
"""


def test_the_lines_of_a_notebook_that_install(here: Workspace) -> None:
    client = here.client()
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    body = {"path": "/Shared/book", "content": content, "format": "SOURCE", "language": "PYTHON", "overwrite": True}
    client.api_client.do("POST", "/api/2.0/workspace/import", body=body)
    cells = pip_cells(client, "/Shared/book")
    assert [(cell.installer, cell.words[:2]) for cell in cells] == [
        ("pip", ("install", "six")),
        ("pip", ("install", "ledger>=1")),
        ("uv", ("install", "-r")),
    ]


def test_requirements_files_in_the_workspace_are_read(here: Workspace) -> None:
    client = here.client()
    body = {
        "path": "/Shared/needs.txt",
        "content": base64.b64encode(b"six\n").decode(),
        "format": "RAW",
        "overwrite": True,
    }
    client.api_client.do("POST", "/api/2.0/workspace/import", body=body)
    words = [
        "install",
        "-r",
        "/Workspace/Shared/needs.txt",
        "--requirement=/Workspace/Shared/missing.txt",
        "-r",
        "local.txt",
    ]
    assert read_requirements(client, words) == {"/Workspace/Shared/needs.txt": "six\n"}
