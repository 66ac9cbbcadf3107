"""Jobs and runs through the official SDK, on serverless compute."""

from __future__ import annotations

import io
import uuid
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import OperationFailed, ResourceDoesNotExist
from databricks.sdk.service.compute import Environment
from databricks.sdk.service.jobs import (
    JobEnvironment,
    JobParameterDefinition,
    JobSettings,
    NotebookTask,
    Run,
    RunResultState,
    SparkPythonTask,
    SubmitTask,
    Task,
    ViewsToExport,
)
from databricks.sdk.service.workspace import ImportFormat

PATIENCE = timedelta(minutes=8)
ENVIRONMENT = JobEnvironment(environment_key="default", spec=Environment(environment_version="2"))
PROGRAM = b"import sys\nprint('arguments', sys.argv[1:])\n"
NOTEBOOK = b"# Databricks notebook source\ndbutils.notebook.exit('done ' + dbutils.widgets.get('who'))\n"


@pytest.fixture
def program(client: WorkspaceClient, unique: str) -> str:
    """A Python file in /Shared."""
    path = f"/Shared/{unique}.py"
    client.workspace.upload(path, io.BytesIO(PROGRAM), format=ImportFormat.RAW)
    return path


def _job(client: WorkspaceClient, name: str, program: str) -> int:
    task = Task(
        task_key="main",
        environment_key="default",
        spark_python_task=SparkPythonTask(python_file=program, parameters=["a b"]),
    )
    made = client.jobs.create(name=name, tasks=[task], environments=[ENVIRONMENT], tags={"team": "a"})
    assert made.job_id is not None
    return made.job_id


def _result(run: Run) -> RunResultState | None:
    assert run.state is not None
    return run.state.result_state


def test_the_life_of_a_job(client: WorkspaceClient, unique: str, program: str) -> None:
    """POST /api/2.2/jobs/create, GET /api/2.2/jobs/get, GET /api/2.2/jobs/list, POST /api/2.2/jobs/update,
    POST /api/2.2/jobs/reset, POST /api/2.2/jobs/delete"""
    job_id = _job(client, unique, program)
    got = client.jobs.get(job_id)
    assert got.settings is not None
    assert (got.job_id, got.settings.name, got.settings.tags) == (job_id, unique, {"team": "a"})
    assert [each.job_id for each in client.jobs.list(name=unique)] == [job_id]
    client.jobs.update(job_id, new_settings=JobSettings(name=f"{unique}-2"), fields_to_remove=["tags"])
    changed = client.jobs.get(job_id).settings
    assert changed is not None
    assert (changed.name, changed.tags or {}) == (f"{unique}-2", {})
    parameters = [JobParameterDefinition(name="p", default="1")]
    tasks = (client.jobs.get(job_id).settings or JobSettings()).tasks
    client.jobs.reset(job_id, JobSettings(name=unique, tasks=tasks, environments=[ENVIRONMENT], parameters=parameters))
    again = client.jobs.get(job_id).settings
    assert again is not None
    assert [each.name for each in again.parameters or ()] == ["p"]
    client.jobs.delete(job_id)
    with pytest.raises(ResourceDoesNotExist, match=rf"^Job {job_id} does not exist"):
        client.jobs.get(job_id)


def test_running_a_job(client: WorkspaceClient, unique: str, program: str) -> None:
    """POST /api/2.2/jobs/run-now, GET /api/2.2/jobs/runs/get, GET /api/2.2/jobs/runs/list,
    GET /api/2.2/jobs/runs/get-output, GET /api/2.0/wheelyard/runs/{run_id}/logs,
    POST /api/2.2/jobs/runs/delete"""
    job_id = _job(client, unique, program)
    started = client.jobs.run_now(job_id)
    run_id = int(started.run_id)
    first = client.jobs.get_run(run_id)
    assert first.state is not None
    assert first.status is not None
    run = started.result(PATIENCE)
    assert _result(run) is RunResultState.SUCCESS
    task_run_id = (run.tasks or [])[0].run_id
    assert task_run_id is not None
    assert client.jobs.get_run_output(task_run_id).logs == "arguments ['a b']\n"
    log = client.api_client.do("GET", f"/api/2.0/wheelyard/runs/{task_run_id}/logs", raw=True)
    assert b"arguments ['a b']" in log["contents"].read()
    assert run_id in {each.run_id for each in client.jobs.list_runs(job_id=job_id)}
    client.jobs.delete_run(run_id)
    with pytest.raises(ResourceDoesNotExist, match=rf"^Run {run_id} does not exist"):
        client.jobs.get_run(run_id)
    client.jobs.delete(job_id)


def test_submitting_a_notebook(client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.2/jobs/runs/submit, GET /api/2.2/jobs/runs/export"""
    path = f"/Shared/{unique}"
    client.workspace.upload(f"{path}.py", io.BytesIO(NOTEBOOK), format=ImportFormat.AUTO)
    notebook = NotebookTask(notebook_path=path, base_parameters={"who": "ana"})
    task = SubmitTask(task_key="only", notebook_task=notebook, environment_key="default")
    run = client.jobs.submit(run_name=unique, tasks=[task], environments=[ENVIRONMENT]).result(PATIENCE)
    assert _result(run) is RunResultState.SUCCESS
    task_run_id = (run.tasks or [])[0].run_id or 0
    output = client.jobs.get_run_output(task_run_id)
    assert output.notebook_output is not None
    assert output.notebook_output.result == "done ana"
    views = client.jobs.export_run(task_run_id, views_to_export=ViewsToExport.ALL).views or []
    assert "dbutils.notebook.exit" in "".join(view.content or "" for view in views)


def test_cancelling(client: WorkspaceClient, unique: str) -> None:
    """POST /api/2.2/jobs/runs/cancel, POST /api/2.2/jobs/runs/cancel-all"""
    path = f"/Shared/{unique}.py"
    client.workspace.upload(path, io.BytesIO(b"import time\ntime.sleep(600)\n"), format=ImportFormat.RAW)
    job_id = _job(client, unique, path)
    first = client.jobs.run_now(job_id)
    client.jobs.cancel_run(int(first.run_id)).result(PATIENCE)
    assert _result(client.jobs.get_run(int(first.run_id))) is RunResultState.CANCELED
    second = client.jobs.run_now(job_id)
    client.jobs.cancel_all_runs(job_id=job_id)
    done = client.jobs.wait_get_run_job_terminated_or_skipped(int(second.run_id), PATIENCE)
    assert _result(done) is RunResultState.CANCELED
    client.jobs.delete(job_id)


def test_a_program_that_fails_says_why(client: WorkspaceClient, unique: str) -> None:
    path = f"/Shared/{unique}.py"
    client.workspace.upload(path, io.BytesIO(b"raise ValueError('no luck')\n"), format=ImportFormat.RAW)
    task = SubmitTask(task_key="only", spark_python_task=SparkPythonTask(python_file=path), environment_key="default")
    waiting = client.jobs.submit(run_name=unique, tasks=[task], environments=[ENVIRONMENT])
    run_id = int(waiting.run_id)
    try:
        run = waiting.result(PATIENCE)
    except OperationFailed:
        run = client.jobs.get_run(run_id)
    assert _result(run) is RunResultState.FAILED
    output = client.jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    assert "no luck" in f"{output.error} {output.error_trace} {output.logs}"


def test_missing_jobs_and_runs_are_told_apart(client: WorkspaceClient) -> None:
    missing = 4_000_000_000_000_000
    with pytest.raises(ResourceDoesNotExist, match=rf"^Job {missing} does not exist"):
        client.jobs.get(missing)
    with pytest.raises(ResourceDoesNotExist, match=rf"^Run {missing} does not exist"):
        client.jobs.get_run(missing)
    assert uuid.uuid4().hex not in {job.settings.name for job in client.jobs.list() if job.settings}
