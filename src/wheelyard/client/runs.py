"""A file run on compute, start to end: put it into the workspace, submit it, follow it, collect what it printed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from wheelyard.core.errors import InvalidParameter, Unavailable

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = [
    "Program",
    "TaskOutput",
    "follow_run",
    "put_program",
    "remove_program",
    "run_result",
    "submit",
    "task_outputs",
]

Tell = Callable[[str], None]

NOTEBOOK_HEADER = "# Databricks notebook source"
_ENDED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}


@dataclass(frozen=True, slots=True)
class Program:
    """A file in the workspace that a run can start."""

    path: str
    is_notebook: bool
    folder: str


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """What one task of a run left: its result state, what it printed or returned, and its error."""

    task_key: str
    run_id: int
    result_state: str
    text: str = ""
    error: str = ""
    trace: str = ""


def put_program(client: WorkspaceClient, file: Path, *, folder_name: str = "") -> Program:
    """Copy a local `.py` or `.ipynb` file into a fresh folder below the caller's home.

    Raises:
        InvalidParameter: the file is neither.
    """
    if file.suffix not in {".py", ".ipynb"}:
        raise InvalidParameter(
            f"`{file.name}` cannot be run",
            reference="file-kind-unknown",
            because=f"its name ends in `{file.suffix}`; runs take `.py` and `.ipynb`",
            unchanged="nothing was sent",
        )
    content = file.read_bytes()
    is_notebook = file.suffix == ".ipynb" or content.decode("utf-8", "replace").startswith(NOTEBOOK_HEADER)
    home = f"/Users/{client.current_user.me().user_name}"
    folder = f"{home}/.wheelyard/{folder_name or secrets.token_hex(4)}"
    client.workspace.mkdirs(folder)
    path = str(PurePosixPath(folder) / (file.stem if is_notebook else file.name))
    _upload(client, path, content, file.suffix if is_notebook else "")
    return Program(path, is_notebook, folder)


def _upload(client: WorkspaceClient, path: str, content: bytes, notebook_suffix: str) -> None:
    from databricks.sdk.service.workspace import ImportFormat, Language  # noqa: PLC0415 - the SDK is loaded with the client

    if notebook_suffix == ".ipynb":
        client.workspace.upload(path, content, format=ImportFormat.JUPYTER, overwrite=True)
    elif notebook_suffix == ".py":
        client.workspace.upload(path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    else:
        client.workspace.upload(path, content, format=ImportFormat.RAW, overwrite=True)


def remove_program(client: WorkspaceClient, program: Program) -> None:
    """Take the copy out of the workspace again."""
    client.workspace.delete(program.folder, recursive=True)


def submit(
    client: WorkspaceClient,
    program: Program,
    *,
    cluster_id: str = "",
    environment: Mapping[str, Any] | None = None,
    parameters: Sequence[str] = (),
    name: str = "wheelyard run",
) -> int:
    """Submit one task and return the id of its run; without a cluster id it runs on serverless.

    `environment` is a serverless environment's spec (`environment_version`, `dependencies`). A notebook takes
    parameters as `name=value`, a Python file takes them as they are.

    Raises:
        InvalidParameter: a notebook parameter without `=`.
    """
    task: dict[str, Any] = {"task_key": "main", **_task_of(program, parameters)}
    request: dict[str, Any] = {"run_name": name, "tasks": [task]}
    if cluster_id:
        task["existing_cluster_id"] = cluster_id
    elif environment is not None or not program.is_notebook:
        task["environment_key"] = "default"
        request["environments"] = [{"environment_key": "default", "spec": dict(environment or {})}]
    answer = client.api_client.do("POST", "/api/2.2/jobs/runs/submit", body=request)
    return int(answer["run_id"])


def _task_of(program: Program, parameters: Sequence[str]) -> dict[str, Any]:
    if not program.is_notebook:
        return {"spark_python_task": {"python_file": f"/Workspace{program.path}", "parameters": list(parameters)}}
    wrong = next((one for one in parameters if "=" not in one), None)
    if wrong is not None:
        raise InvalidParameter(
            f"`{wrong}` is no parameter of a notebook",
            reference="notebook-parameter-form",
            because="a notebook takes its parameters as NAME=VALUE",
            unchanged="nothing was submitted",
        )
    named = dict(one.split("=", 1) for one in parameters)
    return {"notebook_task": {"notebook_path": program.path, "base_parameters": named}}


def follow_run(
    client: WorkspaceClient,
    run_id: int,
    tell: Tell,
    deadline_seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Wait until the run has ended and return it.

    Raises:
        Unavailable: the deadline passed; the run goes on.
    """
    end = clock() + deadline_seconds
    pause = 0.2
    while True:
        run: dict[str, Any] = client.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id})
        state = run.get("state") or {}
        tell(f"run {run_id}: {state.get('life_cycle_state', 'PENDING')} {state.get('state_message') or ''}".rstrip())
        if state.get("life_cycle_state") in _ENDED:
            return run
        if clock() > end:
            raise Unavailable(
                f"Run `{run_id}` has not ended after {deadline_seconds:.0f} seconds",
                reference="run-wait-over",
                because=f"it is {state.get('life_cycle_state')}",
                unchanged="it goes on; only the waiting ended",
                hint=f"wheelyard jobs get-run {run_id}",
            )
        sleep(pause)
        pause = min(pause * 1.5, 5.0)


def run_result(run: Mapping[str, Any]) -> tuple[str, str]:
    """How a run ended: its result state (or life cycle state where there is none) and the workspace's message."""
    state = run.get("state") or {}
    return str(state.get("result_state") or state.get("life_cycle_state") or "UNKNOWN"), str(
        state.get("state_message") or ""
    )


def task_outputs(client: WorkspaceClient, run: Mapping[str, Any]) -> tuple[TaskOutput, ...]:
    """What each task of an ended run left, in the run's order."""
    return tuple(_output_of(client, task) for task in run.get("tasks") or ())


def _output_of(client: WorkspaceClient, task: Mapping[str, Any]) -> TaskOutput:
    run_id = int(task["run_id"])
    answer = client.api_client.do("GET", "/api/2.2/jobs/runs/get-output", query={"run_id": run_id})
    returned = (answer.get("notebook_output") or {}).get("result")
    return TaskOutput(
        task_key=str(task.get("task_key", "")),
        run_id=run_id,
        result_state=run_result(task)[0],
        text="".join(str(part) for part in (answer.get("logs"), returned) if part),
        error=str(answer.get("error") or ""),
        trace=str(answer.get("error_trace") or ""),
    )
