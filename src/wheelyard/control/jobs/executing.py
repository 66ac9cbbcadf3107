"""One task's user code, run to its end on compute that is ready for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from wheelyard.compute.engine import Compute, Output, Session
from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import Notebook, WorkspaceFiles
from wheelyard.control.clusters.sessions import Sessions
from wheelyard.control.clusters.staging import Staging, workspace_path
from wheelyard.control.jobs import store
from wheelyard.control.jobs.outcomes import SUCCESS, Outcome, cluster_failed, code_failed, invalid_run
from wheelyard.control.jobs.output import TailBuffer, cut, error_of, plain
from wheelyard.control.jobs.parameters import Overrides, program_arguments, wheel_arguments, widgets
from wheelyard.control.jobs.stopping import Stop, TaskFailed
from wheelyard.control.jobs.wheel_entry import WHEEL_ENTRY
from wheelyard.control.jobs.wire import NotebookTask, Task
from wheelyard.core.errors import NotFound, PermissionDenied, WheelyardError

__all__ = ["TaskEnd", "TaskExecutor", "TaskValues"]

_LOG = logging.getLogger(__name__)
_LONGEST_RUN = 20_000_000
"""Characters of all cells' outputs that are kept of one notebook run. A limit of this workspace."""

_WENT_AWAY = "The compute of the task went away while it ran"


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """How a task ended, and what it left."""

    outcome: Outcome
    output: store.Output


@dataclass(frozen=True, slots=True)
class TaskValues:
    """Parameters of one task run: the job's, this run's overrides, and what `{{…}}` stands for."""

    parameters: Mapping[str, str]
    overrides: Overrides
    known: Mapping[str, str]


class TaskExecutor:
    """Runs the three kinds of tasks that are Python."""

    def __init__(self, *, sessions: Sessions, workspace: WorkspaceFiles, caller: Caller) -> None:
        self._sessions = sessions
        self._workspace = workspace
        self._caller = caller

    def execute(self, task: Task, compute: Compute, values: TaskValues, stop: Stop, logs: TailBuffer) -> TaskEnd:
        """Run the task; never raises for what user code does."""
        try:
            end = self._kind(task)(task, compute, values, stop, logs)
        except TaskFailed as error:
            end = TaskEnd(error.outcome, store.Output(logs=logs.text or None, logs_truncated=logs.truncated))
        except WheelyardError as error:
            end = TaskEnd(cluster_failed(error.what), store.Output(logs=logs.text or None))
        except Exception:  # noqa: BLE001 # a thread that ends silently would leave its work open for ever
            _LOG.exception("task %s broke off", task.task_key)
            end = TaskEnd(cluster_failed(_WENT_AWAY), store.Output(logs=logs.text or None))
        return TaskEnd(stop.outcome, end.output) if stop.outcome is not None else end

    def _kind(self, task: Task) -> Callable[[Task, Compute, TaskValues, Stop, TailBuffer], TaskEnd]:
        kinds = {
            "notebook_task": self._notebook,
            "spark_python_task": self._python_file,
            "python_wheel_task": self._wheel,
        }
        kind = next((run for name, run in kinds.items() if getattr(task, name) is not None), None)
        if kind is None:
            raise TaskFailed(
                invalid_run(
                    f"Task {task.task_key} is of a type this workspace does not run; it runs notebook_task, "
                    "spark_python_task and python_wheel_task",
                    "FEATURE_DISABLED",
                )
            )
        return kind

    # -- notebooks

    def _notebook(self, task: Task, compute: Compute, values: TaskValues, stop: Stop, _logs: TailBuffer) -> TaskEnd:
        what = task.notebook_task
        assert what is not None
        source = self._read_notebook(what)
        found = widgets(what.base_parameters, values.parameters, values.overrides, values.known)
        folder = str(PurePosixPath(workspace_path(what.notebook_path)).parent)
        with self._sessions.identity(compute, self._caller) as identity:
            staging = Staging(self._workspace, self._caller)
            session = compute.open_session(
                identity, parameters=MappingProxyType(found), cwd=folder, files=staging.files()
            )
            try:
                with stop.calling(session.interrupt):
                    return _run_cells(session, source, stop, staging)
            finally:
                session.close()

    def _read_notebook(self, what: NotebookTask) -> Notebook:
        if what.source == "GIT":
            raise TaskFailed(invalid_run("Notebooks from Git are not run by this workspace", "FEATURE_DISABLED"))
        try:
            source = self._workspace.read_notebook(self._caller, what.notebook_path)
        except (NotFound, PermissionDenied) as error:
            raise TaskFailed(
                invalid_run(f'Unable to access the notebook "{what.notebook_path}": {error.what}', "RESOURCE_NOT_FOUND")
            ) from error
        if source.language.upper() != "PYTHON":
            raise TaskFailed(
                invalid_run(f"Notebook {what.notebook_path} is {source.language}: only Python is run here")
            )
        return source

    # -- programs

    def _python_file(self, task: Task, compute: Compute, values: TaskValues, stop: Stop, logs: TailBuffer) -> TaskEnd:
        what = task.spark_python_task
        assert what is not None
        path = self._checked_file(what.python_file, what.source)
        arguments = program_arguments(what.parameters, values.overrides, values.known)
        return self._program([path, *arguments], compute, stop, logs)

    def _checked_file(self, python_file: str, source: str) -> str:
        if source == "GIT" or not python_file.startswith("/") or python_file.startswith("/Volumes/"):
            raise TaskFailed(
                invalid_run(
                    f"Python file {python_file} cannot be read here: it must lie in the workspace", "FEATURE_DISABLED"
                )
            )
        try:
            self._workspace.read_file(self._caller, python_file)
        except (NotFound, PermissionDenied) as error:
            raise TaskFailed(
                invalid_run(f"Cannot read the python file {python_file}: {error.what}", "RESOURCE_NOT_FOUND")
            ) from error
        return workspace_path(python_file)

    def _wheel(self, task: Task, compute: Compute, values: TaskValues, stop: Stop, logs: TailBuffer) -> TaskEnd:
        what = task.python_wheel_task
        assert what is not None
        arguments = wheel_arguments(what, values.parameters, values.overrides, values.known)
        program = ["-c", WHEEL_ENTRY, what.package_name, what.entry_point, *arguments]
        return self._program(program, compute, stop, logs)

    def _program(self, program: list[str], compute: Compute, stop: Stop, logs: TailBuffer) -> TaskEnd:
        with self._sessions.identity(compute, self._caller) as identity:
            files = Staging(self._workspace, self._caller).files()
            result = compute.run(identity, program, on_line=logs.line, cancelled=stop.is_ordered, files=files)
        text = logs.text
        if result.exit_code == 0:
            return TaskEnd(SUCCESS, store.Output(logs=text, logs_truncated=logs.truncated))
        error, trace = error_of(text)
        return TaskEnd(
            code_failed(),
            store.Output(logs=text, logs_truncated=logs.truncated, error=error, error_trace=trace),
        )


def _run_cells(session: Session, source: Notebook, stop: Stop, staging: Staging) -> TaskEnd:
    """Cell by cell until one fails, one exits, or there are no more."""
    cells: list[Mapping[str, Any]] = []
    room = _LONGEST_RUN
    for cell in source.cells:
        stop.check()
        staging.refresh(session)
        result = session.execute(cell)
        outputs, room = _kept_outputs(result.outputs, room)
        cells.append({"source": cell, "status": result.status, "outputs": outputs, "error": plain(result.traceback)})
        if result.status != "ok":
            return TaskEnd(
                code_failed(),
                store.Output(
                    error=plain(f"{result.error_name}: {result.error_value}".strip(": ")),
                    error_trace=plain(result.traceback),
                    cells=tuple(cells),
                ),
            )
        if result.exit_value is not None:
            value, truncated = cut(result.exit_value)
            return TaskEnd(SUCCESS, store.Output(result=value, truncated=truncated, cells=tuple(cells)))
    return TaskEnd(SUCCESS, store.Output(cells=tuple(cells)))


def _kept_outputs(pieces: Sequence[Output], room: int) -> tuple[list[Mapping[str, Any]], int]:
    """A cell's outputs as they are kept, and how much room they leave to the next cells'."""
    kept: list[Mapping[str, Any]] = [_kept_output(piece) for piece in pieces]
    size = sum(len(piece["text"]) + sum(map(len, piece["data"].values())) for piece in kept)
    if size <= room:
        return kept, room - size
    note = f"*** left out: the cells of a run keep {_LONGEST_RUN:,} characters of output ***\n"
    return [{"kind": "stdout", "text": note, "data": {}}], room


def _kept_output(piece: Output) -> Mapping[str, Any]:
    data = {kind: value for kind, value in piece.data.items() if isinstance(value, str)}
    return {"kind": piece.kind, "text": piece.text, "data": data}
