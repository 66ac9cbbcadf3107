"""One thread for each active run: it decides which task may start, watches the time, and says how the run ended.

Each task has a thread of its own that prepares compute, runs the code and reports back through the run's inbox. The
run's thread never blocks on anything but that inbox, so an order to stop and a timeout are always seen.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.jobs import graph, store
from wheelyard.control.jobs.executing import TaskEnd, TaskExecutor, TaskValues
from wheelyard.control.jobs.outcomes import CANCELED, DISABLED, INTERRUPTED, TIMED_OUT, Outcome, invalid_run, of_run
from wheelyard.control.jobs.output import TailBuffer
from wheelyard.control.jobs.parameters import Overrides, references
from wheelyard.control.jobs.records import Records
from wheelyard.control.jobs.settings import read
from wheelyard.control.jobs.states import Action, Life
from wheelyard.control.jobs.stopping import Stop, TaskFailed
from wheelyard.control.jobs.store import Run
from wheelyard.control.jobs.supply import ComputeSupply
from wheelyard.control.jobs.wire import JobSettings, Task
from wheelyard.core.errors import WheelyardError

__all__ = ["LiveTask", "RunDriver", "RunTools"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunTools:
    """What a run needs: the record, and how to make its helpers once the identity is known."""

    records: Records
    identity: Callable[[Run], Caller]
    supply: Callable[[Run, JobSettings, Caller], ComputeSupply]
    executor: Callable[[Caller], TaskExecutor]


@dataclass
class LiveTask:
    """One attempt that runs now. `deadline` is in monotonic seconds, None for no limit."""

    task: Task
    run: Run
    deadline: float | None
    stop: Stop = field(default_factory=Stop)
    setup: TailBuffer = field(default_factory=TailBuffer)
    logs: TailBuffer = field(default_factory=TailBuffer)


class RunDriver:
    """See the module's opening."""

    def __init__(self, run: Run, tools: RunTools, on_end: Callable[[Run], None]) -> None:
        self._run = run
        self._tools = tools
        self._records = tools.records
        self._on_end = on_end
        self._inbox: queue.SimpleQueue[tuple[str, TaskEnd] | None] = queue.SimpleQueue()
        self._stop: Outcome | None = None
        self._stopping = False
        self._tasks: dict[str, Task] = {}
        self._rows: dict[str, Run] = {}
        self._ended: dict[str, Outcome] = {}
        self._live: dict[str, LiveTask] = {}
        self._retry_at: dict[str, float] = {}
        self._thread = threading.Thread(target=self._lead, name=f"run-{run.run_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, outcome: Outcome = CANCELED) -> None:
        """Ask the run to end like this; the first reason stands."""
        self._stop = self._stop or outcome
        self._inbox.put(None)

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def live_task(self, run_id: int) -> LiveTask | None:
        """The attempt of this id, while it runs."""
        return next((live for live in list(self._live.values()) if live.run.run_id == run_id), None)

    # -- the run's thread

    def _lead(self) -> None:
        supply: ComputeSupply | None = None
        try:
            job = read(self._run.data["settings"])
            caller = self._tools.identity(self._run)
            supply = self._tools.supply(self._run, job, caller)
            outcome = self._drive(job, supply, self._tools.executor(caller))
        except WheelyardError as error:
            outcome = invalid_run(error.what, "UNAUTHORIZED_ERROR")
            self._end_open_tasks(outcome)
        except Exception:  # noqa: BLE001 # a thread that ends silently would leave its work open for ever
            _LOG.exception("run %s was given up", self._run.run_id)
            outcome = replace(INTERRUPTED, message="Internal error, see the log of the workspace")
            self._end_open_tasks(outcome)
        self._records.note(self._run.run_id, executed_at=self._records.now())
        ended = self._records.end(self._run.run_id, outcome)
        if supply is not None:
            supply.close()
        self._on_end(ended)

    def _drive(self, job: JobSettings, supply: ComputeSupply, executor: TaskExecutor) -> Outcome:
        self._rows = {row.task_key: row for row in self._records.attempts(self._run.run_id)}
        self._tasks = {task.task_key: task for task in job.tasks if task.task_key in self._rows}
        end_of_run = _deadline(job.timeout_seconds)
        while len(self._ended) < len(self._tasks):
            if self._stop is None:
                self._start_ready(job, supply, executor)
            if len(self._ended) == len(self._tasks):
                break
            self._take(self._inbox_item(end_of_run))
            self._see_to_deadlines(end_of_run)
        return self._stop or of_run(self._ended, graph.leaves(list(self._tasks.values())))

    def _inbox_item(self, end_of_run: float | None) -> tuple[str, TaskEnd] | None:
        moments = [live.deadline for live in self._live.values() if not live.stop.is_ordered()]
        moments += [end_of_run if self._stop is None else None, *self._retry_at.values()]
        times = [moment for moment in moments if moment is not None]
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        try:
            return self._inbox.get(timeout=timeout)
        except queue.Empty:
            return None

    def _see_to_deadlines(self, end_of_run: float | None) -> None:
        now = time.monotonic()
        if self._stop is None and end_of_run is not None and now >= end_of_run:
            self._stop = TIMED_OUT
        for live in self._live.values():
            if live.deadline is not None and now >= live.deadline:
                live.stop.order(TIMED_OUT)
        if self._stop is not None:
            self._stop_everything(self._stop)

    def _stop_everything(self, outcome: Outcome) -> None:
        if not self._stopping:
            self._stopping = True
            self._records.act(self._run.run_id, Action.CANCEL)
        self._retry_at.clear()
        for live in self._live.values():
            if not live.stop.is_ordered():
                self._records.act(live.run.run_id, Action.CANCEL)
                live.stop.order(outcome)
        for key in self._tasks.keys() - self._ended.keys() - self._live.keys():
            self._finish(key, outcome)

    def _start_ready(self, job: JobSettings, supply: ComputeSupply, executor: TaskExecutor) -> None:
        """Start what may start, end what will not run.

        One end may decide another task, so look until nothing changes.
        """
        changed = True
        while changed:
            changed = False
            for key, task in self._tasks.items():
                if key in self._ended or key in self._live or self._waits_for_retry(key):
                    continue
                decision = DISABLED if task.disabled else graph.decide(task, self._ended, self._tasks.keys())
                if isinstance(decision, Outcome):
                    self._finish(key, decision)
                    changed = True
                elif decision == "run":
                    self._begin(key, job, supply, executor)

    def _waits_for_retry(self, key: str) -> bool:
        moment = self._retry_at.get(key)
        if moment is None:
            return False
        if time.monotonic() < moment:
            return True
        del self._retry_at[key]
        return False

    def _begin(self, key: str, job: JobSettings, supply: ComputeSupply, executor: TaskExecutor) -> None:
        task = self._tasks[key]
        row = self._records.act(self._rows[key].run_id, Action.UNBLOCK)
        live = LiveTask(task, row, _deadline(task.timeout_seconds))
        self._live[key] = live
        values = self._values(job, live)
        threading.Thread(
            target=self._run_task,
            args=(live, values, supply, executor),
            name=f"run-{self._run.run_id}-{key}",
            daemon=True,
        ).start()

    def _values(self, job: JobSettings, live: LiveTask) -> TaskValues:
        parameters = {
            str(entry["name"]): str(entry.get("value", "")) for entry in self._run.data.get("job_parameters") or ()
        }
        given: dict[str, Any] = self._run.data.get("overriding_parameters") or {}
        overrides = Overrides(
            given.get("notebook_params", {}), given.get("python_params", ()), given.get("python_named_params", {})
        )
        known = references(
            job_id=self._run.job_id,
            run_id=self._run.run_id,
            task=live.task,
            task_run_id=live.run.run_id,
            job_name=job.name,
            parameters=parameters,
        )
        return TaskValues(parameters, overrides, known)

    def _take(self, item: tuple[str, TaskEnd] | None) -> None:
        if item is None:
            return
        key, end = item
        live = self._live.pop(key)
        output = replace(end.output, setup_log=live.setup.text)
        row = self._records.end(live.run.run_id, end.outcome, output)
        if self._stop is None and _wants_retry(live, end.outcome):
            self._retry(key, row)
        else:
            self._ended[key] = end.outcome

    def _retry(self, key: str, failed: Run) -> None:
        attempt = self._records.add_run(
            Run(
                job_id=failed.job_id,
                life=Life.WAITING_FOR_RETRY,
                creator_id=failed.creator_id,
                creator_name=failed.creator_name,
                started_at=self._records.now(),
                parent_run_id=failed.parent_run_id,
                task_key=key,
                attempt=failed.attempt + 1,
                original_run_id=failed.original_run_id or failed.run_id,
                data=failed.data,
            )
        )
        self._rows[key] = attempt
        self._retry_at[key] = time.monotonic() + self._tasks[key].min_retry_interval_millis / 1000

    def _finish(self, key: str, outcome: Outcome) -> None:
        self._records.end(self._rows[key].run_id, outcome)
        self._ended[key] = outcome

    def _end_open_tasks(self, outcome: Outcome) -> None:
        for live in self._live.values():
            live.stop.order(outcome)
        for row in self._records.attempts(self._run.run_id):
            self._records.end(row.run_id, outcome)

    # -- a task's thread

    def _run_task(self, live: LiveTask, values: TaskValues, supply: ComputeSupply, executor: TaskExecutor) -> None:
        try:
            end = self._task_end(live, values, supply, executor)
        except Exception:  # noqa: BLE001 # a thread that ends silently would leave its work open for ever
            _LOG.exception("task %s of run %s was given up", live.task.task_key, self._run.run_id)
            broken = replace(INTERRUPTED, message="Internal error, see the log of the workspace")
            end = TaskEnd(broken, store.Output())
        self._inbox.put((live.task.task_key, end))

    def _task_end(self, live: LiveTask, values: TaskValues, supply: ComputeSupply, executor: TaskExecutor) -> TaskEnd:
        def note_cluster(cluster_id: str) -> None:
            self._records.note(live.run.run_id, cluster_id=cluster_id)

        try:
            lease = supply.acquire(live.task, live.stop, note_cluster, live.setup.line)
            live.stop.check()
        except TaskFailed as error:
            return TaskEnd(error.outcome, store.Output())
        self._records.act(live.run.run_id, Action.EXECUTE)
        self._records.act(self._run.run_id, Action.EXECUTE)
        end = executor.execute(live.task, lease.compute, values, live.stop, live.logs)
        self._records.note(live.run.run_id, executed_at=self._records.now())
        return end


def _deadline(seconds: int) -> float | None:
    return time.monotonic() + seconds if seconds > 0 else None


def _wants_retry(live: LiveTask, outcome: Outcome) -> bool:
    """Source: databricks-sdk-py `jobs.Task.max_retries`, `retry_on_timeout`."""
    if outcome.succeeded or outcome.result == "CANCELED":
        return False
    if outcome.result == "TIMEDOUT" and not live.task.retry_on_timeout:
        return False
    return live.task.max_retries < 0 or live.run.attempt < live.task.max_retries
