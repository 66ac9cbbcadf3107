"""Runs as the API shows them: `state` and `status` on every run and every task, always. Pure.

Source: facts/workspace-api.md 10.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wheelyard.control.jobs.settings import shown_task
from wheelyard.control.jobs.states import V2_STATE, Life
from wheelyard.control.jobs.store import Run
from wheelyard.control.jobs.wire import Document

__all__ = ["RunFamily", "latest", "run_json", "state", "status", "task_json"]

_PAGE = 100
_NEEDS_RESULT = frozenset({Life.TERMINATED, Life.SKIPPED, Life.INTERNAL_ERROR})


@dataclass(frozen=True, slots=True)
class RunFamily:
    """A run, the newest attempt of each of its tasks, and the page it can be looked at on."""

    run: Run
    tasks: tuple[Run, ...]
    page_url: str


def latest(attempts: Sequence[Run]) -> tuple[Run, ...]:
    """The newest attempt of each task, in the order the tasks were made."""
    newest: dict[str, Run] = {}
    for attempt in attempts:
        newest[attempt.task_key] = attempt
    return tuple(newest.values())


def state(run: Run) -> Document:
    """The first spelling."""
    answer: Document = {
        "life_cycle_state": run.life.value,
        "state_message": run.message,
        "user_cancelled_or_timedout": run.result in {"CANCELED", "TIMEDOUT"},
    }
    if run.life in _NEEDS_RESULT:
        answer["result_state"] = run.result
    if run.life is Life.QUEUED:
        answer["queue_reason"] = "Queued due to reaching the maximum number of concurrent runs of the job."
    return answer


def status(run: Run) -> Document:
    """The second spelling."""
    answer: Document = {"state": V2_STATE[run.life]}
    if run.life in _NEEDS_RESULT:
        answer["termination_details"] = {"code": run.code, "type": run.code_type, "message": run.message}
    if run.life is Life.QUEUED:
        answer["queue_details"] = {
            "code": "MAX_CONCURRENT_RUNS_REACHED",
            "message": "The maximum number of concurrent runs of the job is reached.",
        }
    return answer


def durations(run: Run) -> Document:
    """Milliseconds of each phase; a phase that is not over counts as 0."""
    admitted = run.admitted_at or run.ended_at
    executing = run.executing_at or run.ended_at
    executed = run.executed_at or run.ended_at
    return {
        "queue_duration": max(0, admitted - run.started_at),
        "setup_duration": max(0, executing - admitted) if admitted else 0,
        "execution_duration": max(0, executed - run.executing_at) if run.executing_at else 0,
        "cleanup_duration": max(0, run.ended_at - run.executed_at) if run.executed_at else 0,
        "run_duration": max(0, run.ended_at - run.started_at),
    }


def _common(run: Run) -> Document:
    answer: Document = {
        "run_id": run.run_id,
        "attempt_number": run.attempt,
        "start_time": run.started_at,
        "end_time": run.ended_at,
        "state": state(run),
        "status": status(run),
        **durations(run),
    }
    if run.cluster_id:
        answer["cluster_instance"] = {"cluster_id": run.cluster_id, "spark_context_id": str(run.run_id)}
    return answer


def task_json(task: Run, page_url: str) -> Document:
    """One task of a run: its definition, and how it goes."""
    return {
        **shown_task(task.data.get("task") or {}),
        **_common(task),
        "run_page_url": f"{page_url}/task/{task.run_id}" if page_url else "",
    }


def run_json(family: RunFamily, *, with_tasks: bool = True, offset: int = 0) -> Document:
    """A run; more than 100 tasks come in pages, the tokens of which the caller adds."""
    run = family.run
    data = run.data
    answer: Document = {
        **_common(run),
        "job_id": run.job_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.original_run_id or run.run_id,
        "creator_user_name": run.creator_name,
        "run_name": str(data.get("run_name") or "Untitled"),
        "run_type": str(data.get("run_type") or "JOB_RUN"),
        "trigger": "ONE_TIME",
        "format": "MULTI_TASK",
        "run_page_url": family.page_url,
    }
    answer.update({name: data[name] for name in ("job_parameters", "overriding_parameters") if data.get(name)})
    if run.parent_run_id:
        answer["parent_run_id"] = run.parent_run_id
    if with_tasks:
        answer["tasks"] = [task_json(task, family.page_url) for task in family.tasks[offset : offset + _PAGE]]
        settings: Mapping[str, Any] = data.get("settings") or {}
        answer.update({name: settings[name] for name in ("job_clusters", "environments") if settings.get(name)})
    if len(family.tasks) == 1 and family.tasks[0].cluster_id and "cluster_instance" not in answer:
        only = family.tasks[0]
        answer["cluster_instance"] = {"cluster_id": only.cluster_id, "spark_context_id": str(only.run_id)}
    return answer
