"""Ends in the middle of work, with real pip and an index that never answers: called off, cancelled, shut down."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import Environment, Library, LibraryInstallStatus, PythonPyPiLibrary, State
from databricks.sdk.service.jobs import JobEnvironment, NotebookTask, Run, SparkPythonTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from tests.compute.loopback_index import LoopbackIndex
from tests.conftest import Workspace, as_workspace, settings_for
from tests.control.real_server import Process, alive
from tests.databases import served_database

from wheelyard.core.redaction import Secret
from wheelyard.embedded import Settings
from wheelyard.serving import RunningWorkspace

RUNTIME = "15.4.x-scala2.12"
SCOPE = "databricks-package-management"
HOURS = "import time\ntime.sleep(36000)"


@pytest.fixture
def silent() -> Iterator[LoopbackIndex]:
    """An index that takes every request and answers none."""
    made = LoopbackIndex()
    made.delay_seconds = 36000
    yield made
    made.close()


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.02)


def set_default(client: WorkspaceClient, index: LoopbackIndex) -> None:
    client.secrets.create_scope(SCOPE)
    client.secrets.put_secret(SCOPE, "pip-index-url", string_value=index.url)


def serverless_run(client: WorkspaceClient) -> int:
    """A run that needs a dependency of the index."""
    client.workspace.upload("/Shared/never.py", b"print('never')", format=ImportFormat.RAW, overwrite=True)
    task = SubmitTask(
        task_key="s", environment_key="e", spark_python_task=SparkPythonTask(python_file="/Shared/never.py")
    )
    spec = Environment(environment_version="2", dependencies=["silent-dependency"])
    environments = [JobEnvironment(environment_key="e", spec=spec)]
    return int(client.jobs.submit(run_name="serverless", tasks=[task], environments=environments).run_id)


def life(run: Run) -> str:
    assert run.state
    assert run.state.life_cycle_state
    return run.state.life_cycle_state.value


def test_terminating_a_cluster_while_its_image_is_built(tmp_path: Path, silent: LoopbackIndex) -> None:
    folder = tmp_path / "data"
    settings = Settings(
        data_dir=folder,
        cache_dir=tmp_path / "cache",
        database_url=served_database(folder / "wheelyard.db"),
        machine_index=Secret(silent.url),
    )
    before = psutil.Process().children(recursive=True)
    with RunningWorkspace(settings) as running:
        client = as_workspace(running, folder).client()
        cluster_id = str(client.clusters.create(spark_version=RUNTIME, num_workers=0).cluster_id)
        until(lambda: bool(silent.asked))
        client.clusters.delete(cluster_id)
        until(lambda: client.clusters.get(cluster_id).state is State.TERMINATED)
        reason = client.clusters.get(cluster_id).termination_reason
        assert reason
        assert reason.code
        assert reason.code.value == "USER_REQUEST"
    assert alive([child for child in psutil.Process().children(recursive=True) if child not in before]) == []


def test_cancelling_a_run_whose_dependencies_hang(
    start_workspace: Callable[..., Workspace], silent: LoopbackIndex
) -> None:
    workspace = start_workspace()
    client = workspace.client()
    set_default(client, silent)
    run_id = serverless_run(client)
    until(lambda: bool(silent.asked))
    compute = workspace.data_dir / "compute" / f"serverless-{run_id}-1"
    assert compute.is_dir()
    run = client.jobs.cancel_run(run_id).result()
    assert run.state
    assert run.state.result_state
    assert run.state.result_state.value == "CANCELED"
    until(lambda: not compute.exists())


@dataclass(frozen=True)
class Busy:
    """A cluster that installs a library and runs a notebook for hours, and a run whose dependencies hang."""

    cluster_id: str
    notebook_run: int
    serverless_run: int


def keep_busy(client: WorkspaceClient, silent: LoopbackIndex) -> Busy:
    set_default(client, silent)
    cluster_id = str(client.clusters.create(spark_version=RUNTIME, num_workers=0).result().cluster_id)
    client.workspace.upload(
        "/Shared/hours", HOURS.encode(), format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
    )
    task = SubmitTask(
        task_key="n", existing_cluster_id=cluster_id, notebook_task=NotebookTask(notebook_path="/Shared/hours")
    )
    notebook_run = int(client.jobs.submit(run_name="hours", tasks=[task]).run_id)
    until(lambda: "RUNNING" in str([one.state for one in client.jobs.get_run(notebook_run).tasks or ()]))
    client.libraries.install(cluster_id, [Library(pypi=PythonPyPiLibrary(package="silent-library"))])
    until(lambda: any("silent-library" in path for _, path in silent.asked))
    waiting = serverless_run(client)
    until(lambda: any("silent-dependency" in path for _, path in silent.asked))
    return Busy(cluster_id, notebook_run, waiting)


def check_ended(client: WorkspaceClient, busy: Busy, data_dir: Path) -> None:
    """After the next start the records tell what happened."""
    cluster = client.clusters.get(busy.cluster_id)
    assert cluster.state is State.TERMINATED
    assert cluster.termination_reason
    assert cluster.termination_reason.code
    assert cluster.termination_reason.code.value == "MAINTENANCE_MODE"
    [library] = client.libraries.cluster_status(busy.cluster_id)
    assert library.status is LibraryInstallStatus.PENDING
    for run_id in (busy.notebook_run, busy.serverless_run):
        run = client.jobs.get_run(run_id)
        assert life(run) == "INTERNAL_ERROR"
        assert [life_of.state.life_cycle_state.value for life_of in run.tasks or ()] == ["INTERNAL_ERROR"]  # type: ignore[union-attr]
        assert run.status
        assert run.status.termination_details
    assert [path.name for path in (data_dir / "compute").iterdir()] == [".engine"]


def test_sigterm_in_the_middle_of_everything(tmp_path: Path, silent: LoopbackIndex) -> None:
    first = Process(tmp_path)
    busy = keep_busy(first.client, silent)
    children = first.children()
    assert children
    first.end(signal.SIGTERM)
    assert first.process.returncode == 0
    assert alive(children) == []
    assert [path.name for path in (tmp_path / "data" / "compute").iterdir()] == [".engine"]
    second = Process(tmp_path)
    check_ended(second.client, busy, tmp_path / "data")
    second.end(signal.SIGTERM)
    assert second.process.returncode == 0


def test_closing_a_workspace_in_the_middle_of_everything(tmp_path: Path, silent: LoopbackIndex) -> None:
    before = psutil.Process().children(recursive=True)
    settings = settings_for(tmp_path / "data")
    with RunningWorkspace(settings) as running:
        client = as_workspace(running, settings.data_dir).client()
        busy = keep_busy(client, silent)
    assert alive([child for child in psutil.Process().children(recursive=True) if child not in before]) == []
    with RunningWorkspace(settings) as running:
        client = as_workspace(running, settings.data_dir).client()
        check_ended(client, busy, settings.data_dir)
