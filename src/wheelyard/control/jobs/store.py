"""Tables of jobs, runs and their outputs; every function is given one open transaction.

Runs and task runs share one table and one row of ids: a task run names its run as `parent_run_id`. A run that was
submitted without a job has a job of its own that no list shows, so that permissions work the same for both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from wheelyard.control.jobs.states import ACTIVE, Life
from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "Job",
    "Output",
    "Run",
    "active_runs",
    "delete_job",
    "delete_run",
    "find_by_token",
    "find_job",
    "find_output",
    "find_run",
    "insert_job",
    "insert_run",
    "jobs",
    "put_output",
    "runs",
    "task_runs",
    "update_job",
    "update_run",
]

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")

_JOBS = sa.Table(
    "job",
    METADATA,
    sa.Column("job_id", _ID, primary_key=True, autoincrement=True),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("creator_id", sa.Text, nullable=False),
    sa.Column("creator_name", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("one_time", sa.Boolean, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sqlite_autoincrement=True,
)

_RUNS = sa.Table(
    "job_run",
    METADATA,
    sa.Column("run_id", _ID, primary_key=True, autoincrement=True),
    sa.Column("job_id", sa.BigInteger, nullable=False),
    sa.Column("parent_run_id", sa.BigInteger, nullable=False),
    sa.Column("task_key", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("original_run_id", sa.BigInteger, nullable=False),
    sa.Column("life", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("code_type", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("creator_id", sa.Text, nullable=False),
    sa.Column("creator_name", sa.Text, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("admitted_at", sa.BigInteger, nullable=False),
    sa.Column("executing_at", sa.BigInteger, nullable=False),
    sa.Column("executed_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger, nullable=False),
    sa.Column("cluster_id", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=True, unique=True),
    sa.Index("ix_job_run_job_id", "job_id"),
    sa.Index("ix_job_run_parent_run_id", "parent_run_id"),
    sa.Index("ix_job_run_life", "life"),
    sqlite_autoincrement=True,
)

_OUTPUTS = sa.Table(
    "job_run_output",
    METADATA,
    sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("document", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `job_id` is 0 before it is stored; `one_time` belongs to a submitted run."""

    settings: Mapping[str, Any]
    creator_id: str
    creator_name: str
    created_at: int
    one_time: bool = False
    deleted: bool = False
    job_id: int = 0

    @property
    def name(self) -> str:
        return str(self.settings.get("name") or "Untitled")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, or one attempt of one task of it. Times are milliseconds, 0 for "not yet".

    `data` of a run is the snapshot it follows (`settings`, `job_parameters`, `overriding_parameters`, …), of a task run
    the task's definition under `task`. `started_at` to `admitted_at` is time in the queue, then set-up until
    `executing_at`, then user code until `executed_at`, then cleaning up until `ended_at`.
    """

    job_id: int
    life: Life
    creator_id: str
    creator_name: str
    started_at: int
    parent_run_id: int = 0
    task_key: str = ""
    attempt: int = 0
    original_run_id: int = 0
    result: str = ""
    code: str = ""
    code_type: str = ""
    message: str = ""
    admitted_at: int = 0
    executing_at: int = 0
    executed_at: int = 0
    ended_at: int = 0
    cluster_id: str = ""
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    token: str | None = None
    run_id: int = 0

    @property
    def is_active(self) -> bool:
        return self.life in ACTIVE


@dataclass(frozen=True, slots=True)
class Output:
    """What a task run left, redacted.

    `cells` are a notebook's, each with its source and outputs; `setup_log` is the start-up's.
    """

    result: str | None = None
    truncated: bool = False
    logs: str | None = None
    logs_truncated: bool = False
    error: str = ""
    error_trace: str = ""
    setup_log: str = ""
    cells: tuple[Mapping[str, Any], ...] = ()


_JOB_NAMES = tuple(field.name for field in fields(Job))
_RUN_NAMES = tuple(field.name for field in fields(Run))
_JOB_COLUMNS = tuple(_JOBS.c[name] for name in _JOB_NAMES)
_RUN_COLUMNS = tuple(_RUNS.c[name] for name in _RUN_NAMES)
_ACTIVE = [life.value for life in ACTIVE]


def insert_job(tx: Connection, job: Job) -> int:
    """Store a new job and return its id, which is never given again."""
    values = _encoded_job(job)
    del values["job_id"]
    answer = tx.execute(sa.insert(_JOBS).values(**values))
    return int(answer.inserted_primary_key[0])  # type: ignore[index] # an insert of one row always has one


def update_job(tx: Connection, job: Job) -> None:
    """Store a job in place of the one with its id."""
    tx.execute(sa.update(_JOBS).where(_JOBS.c.job_id == job.job_id).values(**_encoded_job(job)))


def find_job(tx: Connection, job_id: int) -> Job | None:
    """One job that is not deleted; jobs of submitted runs included."""
    query = sa.select(*_JOB_COLUMNS).where(_JOBS.c.job_id == job_id, sa.not_(_JOBS.c.deleted))
    row = tx.execute(query).first()
    return None if row is None else _decoded_job(row)


def jobs(tx: Connection, name: str = "") -> list[Job]:
    """All jobs, newest first; with `name` those of this name, whatever its case."""
    query = sa.select(*_JOB_COLUMNS).where(sa.not_(_JOBS.c.deleted), sa.not_(_JOBS.c.one_time))
    if name:
        query = query.where(sa.func.lower(_JOBS.c.name) == name.lower())
    return [_decoded_job(row) for row in tx.execute(query.order_by(_JOBS.c.job_id.desc()))]


def delete_job(tx: Connection, job: Job) -> None:
    """A deleted job keeps its row: its runs are still shown."""
    tx.execute(sa.update(_JOBS).where(_JOBS.c.job_id == job.job_id).values(deleted=True))


def insert_run(tx: Connection, run: Run) -> int:
    """Store a new run and return its id, which is never given again."""
    values = _encoded_run(run)
    del values["run_id"]
    answer = tx.execute(sa.insert(_RUNS).values(**values))
    return int(answer.inserted_primary_key[0])  # type: ignore[index] # an insert of one row always has one


def update_run(tx: Connection, run: Run) -> None:
    """Store a run in place of the one with its id."""
    tx.execute(sa.update(_RUNS).where(_RUNS.c.run_id == run.run_id).values(**_encoded_run(run)))


def find_run(tx: Connection, run_id: int) -> Run | None:
    """One run or task run."""
    row = tx.execute(sa.select(*_RUN_COLUMNS).where(_RUNS.c.run_id == run_id)).first()
    return None if row is None else _decoded_run(row)


def find_by_token(tx: Connection, token: str) -> Run | None:
    """The run that was started with this idempotency token."""
    row = tx.execute(sa.select(*_RUN_COLUMNS).where(_RUNS.c.token == token)).first()
    return None if row is None else _decoded_run(row)


def task_runs(tx: Connection, run_id: int) -> list[Run]:
    """Every attempt of every task of a run, in the order they were made."""
    query = sa.select(*_RUN_COLUMNS).where(_RUNS.c.parent_run_id == run_id).order_by(_RUNS.c.run_id)
    return [_decoded_run(row) for row in tx.execute(query)]


def runs(
    tx: Connection,
    *,
    job_id: int = 0,
    active: bool | None = None,
    since: int = 0,
    until: int = 0,
) -> list[Run]:
    """Runs, newest first, without task runs. `until` 0 means no limit."""
    query = sa.select(*_RUN_COLUMNS).where(_RUNS.c.parent_run_id == 0, _RUNS.c.started_at >= since)
    if job_id:
        query = query.where(_RUNS.c.job_id == job_id)
    if active is not None:
        query = query.where(_RUNS.c.life.in_(_ACTIVE) if active else _RUNS.c.life.not_in(_ACTIVE))
    if until:
        query = query.where(_RUNS.c.started_at <= until)
    return [_decoded_run(row) for row in tx.execute(query.order_by(_RUNS.c.run_id.desc()))]


def active_runs(tx: Connection, job_id: int) -> list[Run]:
    """The active runs of a job, oldest first, queued ones included."""
    return list(reversed(runs(tx, job_id=job_id, active=True)))


def delete_run(tx: Connection, run_id: int) -> None:
    """Forget a run with its task runs and outputs."""
    family = [run.run_id for run in task_runs(tx, run_id)] + [run_id]
    tx.execute(sa.delete(_OUTPUTS).where(_OUTPUTS.c.run_id.in_(family)))
    tx.execute(sa.delete(_RUNS).where(_RUNS.c.run_id.in_(family)))


def put_output(tx: Connection, run_id: int, output: Output) -> None:
    """Store what a task run left, in place of what was there."""
    document = json.dumps({name: getattr(output, name) for name in _OUTPUT_NAMES})
    tx.execute(sa.delete(_OUTPUTS).where(_OUTPUTS.c.run_id == run_id))
    tx.execute(sa.insert(_OUTPUTS).values(run_id=run_id, document=document))


def find_output(tx: Connection, run_id: int) -> Output | None:
    """What a task run left; None while it runs."""
    text = tx.execute(sa.select(_OUTPUTS.c.document).where(_OUTPUTS.c.run_id == run_id)).scalar_one_or_none()
    if text is None:
        return None
    values = json.loads(text)
    return Output(**{**values, "cells": tuple(values["cells"])})


_OUTPUT_NAMES = tuple(field.name for field in fields(Output))


def _encoded_job(job: Job) -> dict[str, Any]:
    values = {name: getattr(job, name) for name in _JOB_NAMES}
    return {**values, "settings": json.dumps(dict(job.settings)), "name": job.name}


def _decoded_job(row: sa.Row[Any]) -> Job:
    values = dict(zip(_JOB_NAMES, row, strict=True))
    return Job(**{**values, "settings": json.loads(values["settings"])})


def _encoded_run(run: Run) -> dict[str, Any]:
    values = {name: getattr(run, name) for name in _RUN_NAMES}
    return {**values, "life": run.life.value, "data": json.dumps(dict(run.data))}


def _decoded_run(row: sa.Row[Any]) -> Run:
    values = dict(zip(_RUN_NAMES, row, strict=True))
    return Run(**{**values, "life": Life(values["life"]), "data": json.loads(values["data"])})
