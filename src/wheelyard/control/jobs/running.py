"""Runs that are active: starting them within a job's limit, queueing them, ending them.

Counting and starting are one step under one lock, so that two requests cannot both take a job's last place.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.ports import People, WorkspaceFiles
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.jobs import store
from wheelyard.control.jobs.executing import TaskExecutor
from wheelyard.control.jobs.orchestration import LiveTask, RunDriver, RunTools
from wheelyard.control.jobs.outcomes import CANCELED, INTERRUPTED, SKIPPED_FOR_LIMIT, Outcome
from wheelyard.control.jobs.records import Records
from wheelyard.control.jobs.settings import read
from wheelyard.control.jobs.states import Action, Life
from wheelyard.control.jobs.store import Run
from wheelyard.control.jobs.supply import ComputeSupply
from wheelyard.control.jobs.wire import JobSettings
from wheelyard.control.libraries.service import Libraries
from wheelyard.core.errors import PermissionDenied
from wheelyard.storage.database import Connection

__all__ = ["Runner"]

_PATIENCE_SECONDS = 20.0


class Runner:
    """The drivers of active runs."""

    def __init__(
        self, *, records: Records, clusters: Clusters, libraries: Libraries, workspace: WorkspaceFiles
    ) -> None:
        self._records = records
        self._people: People = clusters.directory
        self._tools = RunTools(
            records=records,
            identity=self._identity,
            supply=lambda run, job, caller: ComputeSupply(
                clusters=clusters,
                libraries=libraries,
                workspace=workspace,
                caller=caller,
                job_id=run.job_id,
                run_id=run.run_id,
                run_name=str(run.data.get("run_name") or ""),
                settings=job,
            ),
            executor=lambda caller: TaskExecutor(sessions=clusters.sessions, workspace=workspace, caller=caller),
        )
        self._lock = threading.RLock()
        self._drivers: dict[int, RunDriver] = {}
        self._closed = False

    def begin(
        self, caller: Caller, job_id: int, settings: Mapping[str, Any], data: Mapping[str, Any], token: str | None
    ) -> Run:
        """Store a run with its task runs, and start, queue or skip it; a known token answers the run it made.

        Args:
            caller: who starts it.
            job_id: whose run it is.
            settings: the settings the run follows, as stored; the tasks in them are the ones that run.
            data: further contents of the run's record.
            token: idempotency token, unique in the workspace; None for none.
        """
        job = read(settings)
        with self._lock:
            life = self._life_of_new(job_id, job)
            run = Run(
                job_id=job_id,
                life=life,
                creator_id=caller.principal_id,
                creator_name=caller.name,
                started_at=self._records.now(),
                admitted_at=self._records.now() if life is Life.PENDING else 0,
                data={**data, "settings": dict(settings)},
                token=token,
            )
            stored, is_new = self._records.database.write(lambda tx: _insert(tx, run))
            if is_new:
                self._go(stored)
        return stored

    def stop(self, run: Run, outcome: Outcome = CANCELED) -> None:
        """End a run; one that has ended stays as it is."""
        with self._lock:
            driver = self._drivers.get(run.run_id)
            if driver is None:
                for task in self._records.attempts(run.run_id):
                    self._records.end(task.run_id, outcome)
                self._records.end(run.run_id, outcome)
        if driver is not None:
            driver.stop(outcome)

    def live_task(self, task_run: Run) -> LiveTask | None:
        """The attempt, while it runs."""
        with self._lock:
            driver = self._drivers.get(task_run.parent_run_id)
        return driver.live_task(task_run.run_id) if driver else None

    def recover(self) -> None:
        """After a crash: what was active has ended; what was queued takes the places that are free now."""
        runs = self._records.database.read(lambda tx: store.runs(tx, active=True))
        for run in runs:
            if run.life is not Life.QUEUED:
                self.stop(run, INTERRUPTED)
        for job_id in {run.job_id for run in runs}:
            self._admit_next(job_id)

    def close(self) -> None:
        """End every active run and wait for it; queued ones stay queued."""
        with self._lock:
            self._closed = True
            drivers = list(self._drivers.values())
        for driver in drivers:
            driver.stop(INTERRUPTED)
        for driver in drivers:
            driver.join(_PATIENCE_SECONDS / max(1, len(drivers)))

    # -- inside

    def _identity(self, run: Run) -> Caller:
        """Who the run runs as: `run_as`, or the job's creator.

        Raises:
            PermissionDenied: that principal is gone.
        """
        name = str(run.data.get("run_as") or "")
        found = self._people.find_principal(name) if name else None
        if name and found is None:
            raise PermissionDenied(f"The run cannot run as {name}: there is no such user or service principal")
        return self._people.caller(found.principal_id if found else run.creator_id)

    def _life_of_new(self, job_id: int, job: JobSettings) -> Life:
        active = self._records.database.read(lambda tx: store.active_runs(tx, job_id))
        running = [run for run in active if run.life is not Life.QUEUED]
        if len(running) < job.max_concurrent_runs and len(running) == len(active):
            return Life.PENDING
        return Life.QUEUED if job.queue.enabled and job.max_concurrent_runs > 0 else Life.SKIPPED

    def _go(self, run: Run) -> None:
        if run.life is Life.PENDING:
            driver = RunDriver(run, self._tools, self._ended)
            self._drivers[run.run_id] = driver
            driver.start()

    def _ended(self, run: Run) -> None:
        with self._lock:
            self._drivers.pop(run.run_id, None)
        self._admit_next(run.job_id)

    def _admit_next(self, job_id: int) -> None:
        """Give free places to the runs that wait, oldest first."""
        with self._lock:
            active = self._records.database.read(lambda tx: store.active_runs(tx, job_id))
            waiting = [run for run in active if run.life is Life.QUEUED]
            running = len(active) - len(waiting)
            for run in waiting:
                if self._closed or running >= read(run.data["settings"]).max_concurrent_runs:
                    return
                running += 1
                self._go(self._records.act(run.run_id, Action.ADMIT))


def _insert(tx: Connection, run: Run) -> tuple[Run, bool]:
    """Store a run with one task run for each of its tasks, unless its token is known."""
    known = store.find_by_token(tx, run.token) if run.token else None
    if known is not None:
        return known, False
    skipped = run.life is Life.SKIPPED
    stored = _with_end(run, SKIPPED_FOR_LIMIT) if skipped else run
    run_id = store.insert_run(tx, stored)
    for task in run.data["settings"].get("tasks") or ():
        waits = run.life is not Life.PENDING or task.get("depends_on")
        row = Run(
            job_id=run.job_id,
            life=Life.BLOCKED if waits else Life.PENDING,
            creator_id=run.creator_id,
            creator_name=run.creator_name,
            started_at=run.started_at,
            parent_run_id=run_id,
            task_key=str(task["task_key"]),
            data={"task": task},
        )
        store.insert_run(tx, _with_end(row, SKIPPED_FOR_LIMIT) if skipped else row)
    return replace(stored, run_id=run_id), True


def _with_end(run: Run, outcome: Outcome) -> Run:
    return replace(
        run,
        life=Life.SKIPPED,
        result=outcome.result,
        code=outcome.code,
        code_type=outcome.type,
        message=outcome.message,
        ended_at=run.started_at,
    )
