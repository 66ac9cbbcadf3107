"""Runs: looking at them, their output, cancelling and deleting them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.listing import offset_of, page_of, token_of
from wheelyard.control.clusters.ports import Permissions
from wheelyard.control.jobs import store, wire
from wheelyard.control.jobs.export import notebook_html
from wheelyard.control.jobs.records import Records
from wheelyard.control.jobs.running import Runner
from wheelyard.control.jobs.states import ACTIVE, Life
from wheelyard.control.jobs.store import Output, Run
from wheelyard.control.jobs.view import RunFamily, latest, run_json
from wheelyard.control.jobs.wire import Document, Empty
from wheelyard.core.errors import InvalidParameter

__all__ = ["RunsService"]

_PAGE = 100
_MOST_RUNS = 25
_NOTHING = Output()


class RunsService:
    """The part of the jobs service that is about runs."""

    def __init__(
        self, *, records: Records, runner: Runner, permissions: Permissions, host: Callable[[], str], workspace_id: str
    ) -> None:
        self._records = records
        self._runner = runner
        self._permissions = permissions
        self._host = host
        self._workspace_id = workspace_id

    # -- who may

    def require(self, caller: Caller, job_id: int, level: str, action: str = "") -> None:
        """Refuse a caller who holds less than `level` on the job.

        Raises:
            NotFound: there is no such job.
            PermissionDenied: names the level.
        """
        self._records.job(job_id)
        self._permissions.require(caller, "job", str(job_id), level, action=action)

    def require_on_run(self, caller: Caller, run_id: int, level: str) -> None:
        """As `require`, of the job the run belongs to; a deleted job's runs stay visible to whoever could see them."""
        run = self._records.run(run_id)
        self._permissions.require(caller, "job", str(run.job_id), level)

    # -- endpoints

    def get_run(self, caller: Caller, body: wire.GetRun) -> Document:
        """One run with its tasks, or one task run. More than 100 tasks come in pages."""
        run = self._records.run(body.run_id)
        offset = offset_of(body.page_token)
        family = self._family(caller, run)
        answer = run_json(family, offset=offset)
        if offset + _PAGE < len(family.tasks):
            answer |= {"has_more": True, "next_page_token": token_of(offset + _PAGE)}
        return answer

    def list_runs(self, caller: Caller, body: wire.ListRuns) -> wire.Runs:
        """The runs of the jobs the caller may see, newest first.

        Raises:
            InvalidParameter: both `active_only` and `completed_only`, or a limit outside 1 to 25.
        """
        if body.active_only and body.completed_only:
            raise InvalidParameter("active_only and completed_only exclude each other.", reference="invalid-filter")
        if not 0 <= body.limit <= _MOST_RUNS:
            raise InvalidParameter(
                f"limit must be from 1 to {_MOST_RUNS}, not {body.limit}.", reference="invalid-limit"
            )
        if body.job_id:
            self.require(caller, body.job_id, "CAN_VIEW")
        active = True if body.active_only else False if body.completed_only else None
        rows = self._records.database.read(
            lambda tx: store.runs(
                tx, job_id=body.job_id, active=active, since=body.start_time_from, until=body.start_time_to
            )
        )
        seen = self._visible(caller, [run for run in rows if _is_of_type(run, body.run_type)])
        offset = offset_of(body.page_token) if body.page_token else max(0, body.offset)
        page = page_of(seen, offset, body.limit or 20)
        found = [run_json(self._family(caller, run), with_tasks=body.expand_tasks) for run in page.items]
        return wire.Runs(found, bool(page.next_token), page.next_token, page.previous_token)

    def get_output(self, caller: Caller, body: wire.OnRun) -> Document:
        """What one task run left. The id of a run with one task stands for that task.

        Raises:
            InvalidParameter: the run has several tasks.
        """
        task_run = self._only_task_run(self._records.run(body.run_id))
        output = self._records.output(task_run.run_id) or _NOTHING
        answer: Document = {"metadata": run_json(self._family(caller, task_run))}
        if "notebook_task" in (task_run.data.get("task") or {}):
            answer["notebook_output"] = {"result": output.result, "truncated": output.truncated}
            if output.result is None:
                answer["notebook_output"] = {"truncated": False}
        elif output.logs is not None:
            answer |= {"logs": output.logs, "logs_truncated": output.logs_truncated}
        if output.error:
            answer |= {"error": output.error, "error_trace": output.error_trace or output.error}
        elif task_run.life not in ACTIVE and task_run.result not in {"SUCCESS", ""}:
            answer["error"] = task_run.message
        return answer

    def cancel_run(self, _caller: Caller, body: wire.OnRun) -> Empty:
        """Cancel a run; the answer comes before it has ended. One that has ended stays as it is."""
        run = self._records.run(body.run_id)
        self._runner.stop(self._records.run(run.parent_run_id) if run.parent_run_id else run)
        return Empty()

    def cancel_all(self, caller: Caller, body: wire.CancelAll) -> Empty:
        """Cancel the active runs of a job, or with `all_queued_runs` its queued ones, of all jobs if none is named.

        Raises:
            InvalidParameter: neither is given.
        """
        if not body.job_id and not body.all_queued_runs:
            raise InvalidParameter("Either job_id or all_queued_runs is needed.", reference="missing-field")
        if body.job_id:
            self.require(caller, body.job_id, "CAN_MANAGE_RUN")
        rows = self._records.database.read(lambda tx: store.runs(tx, job_id=body.job_id, active=True))
        for run in rows:
            chosen = run.life is Life.QUEUED or not body.all_queued_runs
            if chosen and self._permissions.holds(caller, "job", str(run.job_id), "CAN_MANAGE_RUN"):
                self._runner.stop(run)
        return Empty()

    def delete_run(self, _caller: Caller, body: wire.OnRun) -> Empty:
        """Forget a run that has ended.

        Raises:
            InvalidParameter: it is active.
        """
        run = self._records.run(body.run_id)
        if run.is_active:
            raise InvalidParameter(
                f"Run {run.run_id} is active and cannot be deleted.",
                reference="run-active",
                hint=f"databricks jobs cancel-run {run.run_id}",
            )
        self._records.database.write(lambda tx: store.delete_run(tx, run.run_id))
        return Empty()

    def export_run(self, _caller: Caller, body: wire.ExportRun) -> wire.ExportedRun:
        """A notebook task's cells with their outputs, as a page that needs nothing else.

        Raises:
            InvalidParameter: the run has several tasks, or is no notebook's.
        """
        task_run = self._only_task_run(self._records.run(body.run_id))
        task = task_run.data.get("task") or {}
        if "notebook_task" not in task:
            raise InvalidParameter(f"Run {body.run_id} is not a notebook run.", reference="not-a-notebook-run")
        output = self._records.output(task_run.run_id) or _NOTHING
        path = str(task["notebook_task"].get("notebook_path") or "")
        name = path.rpartition("/")[2]
        return wire.ExportedRun([wire.View(notebook_html(name, output.cells), name)])

    # -- for the logs room

    def log_of(self, run_id: int) -> str:
        """What a task run has written so far: its start-up, then its output.

        Of a run, all its tasks one after the other.
        """
        run = self._records.run(run_id)
        if run.parent_run_id:
            return self._log_of_task(run)
        parts = [f"== task {task.task_key}\n{self._log_of_task(task)}" for task in self._records.attempts(run_id)]
        return "\n".join(parts)

    def _log_of_task(self, task_run: Run) -> str:
        live = self._runner.live_task(task_run)
        if live is not None:
            return live.setup.text + live.logs.text
        output = self._records.output(task_run.run_id) or _NOTHING
        cells = "".join(
            str(piece.get("text") or piece.get("data", {}).get("text/plain", ""))
            for cell in output.cells
            for piece in cell.get("outputs", ())
        )
        trace = f"{output.error_trace}\n" if output.error_trace and output.logs is None else ""
        return output.setup_log + (output.logs or "") + cells + trace

    # -- inside

    def _family(self, caller: Caller, run: Run) -> RunFamily:
        tasks = (run,) if run.parent_run_id else latest(self._records.attempts(run.run_id))
        base = caller.request.base_url or self._host()
        shown_id = run.parent_run_id or run.run_id
        return RunFamily(run, tasks, f"{base}/?o={self._workspace_id}#job/{run.job_id}/run/{shown_id}")

    def _visible(self, caller: Caller, rows: Sequence[Run]) -> list[Run]:
        allowed: dict[int, bool] = {}
        for run in rows:
            if run.job_id not in allowed:
                allowed[run.job_id] = self._permissions.holds(caller, "job", str(run.job_id), "CAN_VIEW")
        return [run for run in rows if allowed[run.job_id]]

    def _only_task_run(self, run: Run) -> Run:
        if run.parent_run_id:
            return run
        tasks = latest(self._records.attempts(run.run_id))
        if len(tasks) != 1:
            raise InvalidParameter(
                "Retrieving the output of runs with multiple tasks is not supported. "
                "Please retrieve the output of each individual task run instead.",
                reference="several-tasks",
                hint=f"databricks jobs get-run {run.run_id} lists the task runs",
            )
        return tasks[0]


def _is_of_type(run: Run, run_type: str) -> bool:
    return not run_type or run.data.get("run_type") == run_type
