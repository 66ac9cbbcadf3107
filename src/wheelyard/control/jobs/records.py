"""Jobs and runs on disk. Every change of a run goes through the table of `states.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wheelyard.control.clusters.ports import Clock
from wheelyard.control.jobs import store
from wheelyard.control.jobs.outcomes import Outcome
from wheelyard.control.jobs.states import ACTIVE, Action, after
from wheelyard.control.jobs.store import Job, Output, Run
from wheelyard.core.errors import NotFound
from wheelyard.storage.database import Connection, Database

__all__ = ["Records"]


class Records:
    """Reads and durable changes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @property
    def database(self) -> Database:
        return self._database

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._clock() * 1000)

    def job(self, job_id: int) -> Job:
        """One job.

        Raises:
            NotFound: with the text clients match on.
        """
        job = self._database.read(lambda tx: store.find_job(tx, job_id))
        if job is None:
            raise NotFound(f"Job {job_id} does not exist.", reference="job-not-found", hint="databricks jobs list")
        return job

    def change_job(self, job_id: int, changed: Callable[[Job], Job]) -> None:
        self.job(job_id)

        def work(tx: Connection) -> None:
            job = store.find_job(tx, job_id)
            if job is not None:
                store.update_job(tx, changed(job))

        self._database.write(work)

    def run(self, run_id: int) -> Run:
        """One run or task run.

        Raises:
            NotFound: with the text clients match on.
        """
        run = self._database.read(lambda tx: store.find_run(tx, run_id))
        if run is None:
            raise NotFound(f"Run {run_id} does not exist.", reference="run-not-found", hint="databricks jobs list-runs")
        return run

    def attempts(self, run_id: int) -> list[Run]:
        return self._database.read(lambda tx: store.task_runs(tx, run_id))

    def output(self, run_id: int) -> Output | None:
        return self._database.read(lambda tx: store.find_output(tx, run_id))

    def add_run(self, run: Run) -> Run:
        return self._database.write(lambda tx: replace(run, run_id=store.insert_run(tx, run)))

    def act(self, run_id: int, action: Action, **changes: Any) -> Run:
        """Let something happen to a run; `changes` are fields that change with it."""

        def work(tx: Connection) -> Run:
            run = _present(tx, run_id)
            life = after(run.life, action)
            if life is run.life and run.life not in ACTIVE:
                return run
            moved = replace(run, life=life, **{**self._times(run, action), **changes})
            store.update_run(tx, moved)
            return moved

        return self._database.write(work)

    def note(self, run_id: int, **changes: Any) -> Run:
        """Change fields of an active run, and not its state."""

        def work(tx: Connection) -> Run:
            run = _present(tx, run_id)
            moved = replace(run, **changes) if run.is_active else run
            store.update_run(tx, moved)
            return moved

        return self._database.write(work)

    def end(self, run_id: int, outcome: Outcome, output: Output | None = None) -> Run:
        """Write down how a run ended, together with what it left; one that has ended already stays as it is."""

        def work(tx: Connection) -> Run:
            run = _present(tx, run_id)
            if not run.is_active:
                return run
            ended = replace(
                run,
                life=after(run.life, outcome.action),
                result=outcome.result,
                code=outcome.code,
                code_type=outcome.type,
                message=outcome.message,
                ended_at=self.now(),
            )
            store.update_run(tx, ended)
            if output is not None:
                store.put_output(tx, run_id, output)
            return ended

        return self._database.write(work)

    def _times(self, run: Run, action: Action) -> Mapping[str, int]:
        if action in {Action.ADMIT, Action.UNBLOCK}:
            return {"admitted_at": run.admitted_at or self.now()}
        return {"executing_at": self.now()} if action is Action.EXECUTE else {}


def _present(tx: Connection, run_id: int) -> Run:
    run = store.find_run(tx, run_id)
    if run is None:
        raise NotFound(f"Run {run_id} does not exist.", reference="run-not-found")
    return run
