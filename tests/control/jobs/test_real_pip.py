"""The main job, end to end: a default stored once reaches a cluster, a notebook and a serverless job by real pip.

The private index wants its token; the token must be nowhere in what anybody can read.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service.compute import (
    Environment,
    Language,
    Library,
    LibraryFullStatus,
    LibraryInstallStatus,
    PythonPyPiLibrary,
    State,
)
from databricks.sdk.service.jobs import JobEnvironment, NotebookTask, PythonWheelTask, Run, SparkPythonTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat
from databricks.sdk.service.workspace import Language as NotebookLanguage
from tests.compute.loopback_index import TOKEN, LoopbackIndex
from tests.compute.packages import wheel
from tests.conftest import Workspace
from tests.control.real_server import Process, alive

RUNTIME = "15.4.x-scala2.12"
SCOPE = "databricks-package-management"


@pytest.fixture(scope="module")
def index() -> Iterator[LoopbackIndex]:
    made = LoopbackIndex()
    main = {"acme_private/__init__.py": "def main():\n    import sys\n    print('acme', sys.argv[1:])\n"}
    app = {"acme_app.py": "from acme_private import main\n"}
    made.add(wheel("acme_private", "1.2", files=main))
    made.add(wheel("acme_app", "1.0", requires=["acme-private"], files=app))
    yield made
    made.close()


@pytest.fixture(scope="module")
def own(start_workspace: Callable[..., Workspace], index: LoopbackIndex) -> Workspace:
    """A workspace whose default is the private index."""
    workspace = start_workspace()
    client = workspace.client()
    client.secrets.create_scope(SCOPE)
    client.secrets.put_secret(SCOPE, "pip-index-url", string_value=index.url)
    return workspace


@pytest.fixture(scope="module")
def cluster_id(own: Workspace) -> str:
    details = own.client().clusters.create(cluster_name="e2e", spark_version=RUNTIME, num_workers=0).result()
    assert details.state is State.RUNNING
    return str(details.cluster_id)


def installed(client: WorkspaceClient, cluster_id: str) -> list[LibraryFullStatus]:
    """The libraries of a cluster once none is on its way."""
    settled = {LibraryInstallStatus.INSTALLED, LibraryInstallStatus.FAILED}
    while True:
        found = list(client.libraries.cluster_status(cluster_id))
        if all(row.status in settled for row in found):
            return found
        time.sleep(0.1)


def submitted(client: WorkspaceClient, task: SubmitTask, *environments: JobEnvironment) -> Run:
    return client.jobs.submit(run_name="e2e", tasks=[task], environments=list(environments) or None).result()


def task_output(client: WorkspaceClient, run: Run) -> Any:
    assert run.tasks
    return client.jobs.get_run_output(int(run.tasks[0].run_id or 0))


def upload_notebook(client: WorkspaceClient, path: str, *cells: str) -> str:
    source = "# Databricks notebook source\n" + "\n\n# COMMAND ----------\n\n".join(cells)
    client.workspace.upload(
        path, source.encode(), format=ImportFormat.SOURCE, language=NotebookLanguage.PYTHON, overwrite=True
    )
    return path


def test_a_cluster_library_comes_from_the_default(own: Workspace, cluster_id: str) -> None:
    client = own.client()
    client.libraries.install(cluster_id, [Library(pypi=PythonPyPiLibrary(package="acme-app"))])
    (status,) = installed(client, cluster_id)
    assert status.status is LibraryInstallStatus.INSTALLED, status.messages
    context = client.command_execution.create(cluster_id=cluster_id, language=Language.PYTHON).result()
    ran = client.command_execution.execute(
        cluster_id=cluster_id,
        context_id=context.id,
        language=Language.PYTHON,
        command="import acme_app\nfrom databricks.sdk import WorkspaceClient\n"
        "print(acme_app.main.__module__, WorkspaceClient().current_user.me().user_name)",
    ).result()
    assert ran.results
    assert ran.results.data == "acme_private admin@wheelyard.example\n", ran.results


def test_a_notebook_installs_with_pip_and_a_wheel_runs(own: Workspace, cluster_id: str) -> None:
    client = own.client()
    path = upload_notebook(
        client, "/Shared/e2e", "%pip install acme-private", "import acme_private\ndbutils.notebook.exit('imported')"
    )
    task = SubmitTask(task_key="n", existing_cluster_id=cluster_id, notebook_task=NotebookTask(notebook_path=path))
    assert task_output(client, submitted(client, task)).notebook_output.result == "imported"
    task = SubmitTask(
        task_key="w",
        existing_cluster_id=cluster_id,
        python_wheel_task=PythonWheelTask(package_name="acme-private", entry_point="main", parameters=["a", "b c"]),
        libraries=[Library(pypi=PythonPyPiLibrary(package="acme-private==1.2"))],
    )
    assert task_output(client, submitted(client, task)).logs == "acme ['a', 'b c']\n"


def test_a_serverless_job_installs_its_dependencies(own: Workspace) -> None:
    client = own.client()
    client.workspace.upload(
        "/Shared/e2e.py", b"import acme_app, sys\nprint('ran', sys.argv[1:])\n", format=ImportFormat.RAW, overwrite=True
    )
    environment = JobEnvironment(
        environment_key="env", spec=Environment(environment_version="2", dependencies=["acme-app==1.0"])
    )
    task = SubmitTask(
        task_key="s",
        environment_key="env",
        spark_python_task=SparkPythonTask(python_file="/Shared/e2e.py", parameters=["x"]),
    )
    assert task_output(client, submitted(client, task, environment)).logs == "ran ['x']\n"


def test_what_cannot_be_installed_says_so(own: Workspace, cluster_id: str) -> None:
    client = own.client()
    environment = JobEnvironment(
        environment_key="env", spec=Environment(environment_version="2", dependencies=["acme-nothing==9"])
    )
    path = upload_notebook(client, "/Shared/e2e-bad", "pass")
    task = SubmitTask(task_key="s", environment_key="env", notebook_task=NotebookTask(notebook_path=path))
    with pytest.raises(OperationFailed, match=r"Library installation failed.*acme-nothing==9"):
        submitted(client, task, environment)
    task = SubmitTask(
        task_key="c",
        existing_cluster_id=cluster_id,
        notebook_task=NotebookTask(notebook_path=path),
        libraries=[Library(pypi=PythonPyPiLibrary(package="acme-nothing==9"))],
    )
    with pytest.raises(OperationFailed, match=r'pypi: "acme-nothing==9"'):
        submitted(client, task)


def test_a_restart_picks_up_a_changed_default(own: Workspace, cluster_id: str, index: LoopbackIndex) -> None:
    client = own.client()
    before = len(index.asked)
    other = LoopbackIndex()
    other.add(wheel("acme_app", "2.0"))
    other.add(wheel("acme_private", "1.2"))
    client.secrets.put_secret(SCOPE, "pip-index-url", string_value=other.url)
    client.clusters.restart(cluster_id).result()
    statuses = installed(client, cluster_id)
    client.secrets.put_secret(SCOPE, "pip-index-url", string_value=index.url)
    by_package = {row.library.pypi.package: row.status for row in statuses if row.library and row.library.pypi}
    assert by_package["acme-app"] is LibraryInstallStatus.INSTALLED
    assert other.asked
    assert len(index.asked) == before
    other.close()


def test_the_token_is_nowhere(own: Workspace, cluster_id: str) -> None:
    client = own.client()
    texts = [json.dumps(client.clusters.get(cluster_id).as_dict())]
    texts += [json.dumps(event.as_dict()) for event in client.clusters.events(cluster_id)]
    texts += [json.dumps(status.as_dict()) for status in client.libraries.cluster_status(cluster_id)]
    for run in client.jobs.list_runs(expand_tasks=True):
        texts.append(json.dumps(run.as_dict()))
        texts.append(own.request("GET", f"/api/2.0/wheelyard/runs/{run.run_id}/logs").content.decode())
        texts += [json.dumps(task_output(client, client.jobs.get_run(int(run.run_id or 0))).as_dict())]
    for name in ("startup", "libraries"):
        texts.append(own.request("GET", f"/api/2.0/wheelyard/clusters/{cluster_id}/logs/{name}").content.decode())
    assert any("reader:****@127.0.0.1" in text for text in texts)
    assert not [text for text in texts if TOKEN in text]
    stored = [path for path in (own.data_dir / "logs").rglob("*") if path.is_file()]
    stored += list(own.data_dir.glob("wheelyard.db*"))
    assert not [path for path in stored if TOKEN.encode() in path.read_bytes()]


def test_kill_9_leaves_nothing_running_and_loses_nothing(tmp_path: Path) -> None:
    first = Process(tmp_path)
    client = first.client
    cluster_id = str(client.clusters.create(spark_version=RUNTIME, num_workers=0).result().cluster_id)
    path = upload_notebook(client, "/Shared/sleep", "import time\ntime.sleep(600)")
    task = SubmitTask(task_key="t", existing_cluster_id=cluster_id, notebook_task=NotebookTask(notebook_path=path))
    run_id = client.jobs.submit(run_name="long", tasks=[task]).run_id
    while "RUNNING" not in str([task.state for task in client.jobs.get_run(run_id).tasks or ()]):
        time.sleep(0.05)
    children = first.children()
    first.end(signal.SIGKILL)
    second = Process(tmp_path)
    client = second.client
    details = client.clusters.get(cluster_id)
    assert details.state is State.TERMINATED
    assert details.termination_reason
    assert details.termination_reason.code
    assert details.termination_reason.code.value == "COMMUNICATION_LOST"
    run = client.jobs.get_run(run_id)
    assert run.state
    assert run.state.life_cycle_state
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert alive(children) == []
    assert client.clusters.start(cluster_id).result().state is State.RUNNING
    second.end(signal.SIGTERM)
    assert second.process.returncode == 0
