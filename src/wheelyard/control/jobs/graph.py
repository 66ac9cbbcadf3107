"""Which task may run when: `depends_on` and `run_if`, as tables over the ends of upstream tasks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from wheelyard.control.jobs.outcomes import EXCLUDED, UPSTREAM_CANCELED, UPSTREAM_FAILED, Outcome
from wheelyard.control.jobs.wire import Task

__all__ = ["RUN_IF", "cycle_in", "decide", "leaves"]

_FAILED = frozenset({"FAILED", "TIMEDOUT", "UPSTREAM_FAILED"})
_CANCELED = frozenset({"CANCELED", "UPSTREAM_CANCELED"})
_NOT_COUNTED = frozenset({"EXCLUDED", "DISABLED"})

Results = Sequence[str]

RUN_IF: Mapping[str, Callable[[Results], bool]] = MappingProxyType(
    {
        "ALL_SUCCESS": lambda results: all(result == "SUCCESS" for result in results),
        "ALL_DONE": lambda _results: True,
        "NONE_FAILED": lambda results: not any(result in _FAILED | _CANCELED for result in results),
        "AT_LEAST_ONE_SUCCESS": lambda results: any(result == "SUCCESS" for result in results),
        "ALL_FAILED": lambda results: bool(results) and all(result in _FAILED for result in results),
        "AT_LEAST_ONE_FAILED": lambda results: any(result in _FAILED for result in results),
    }
)
"""Condition over the results of the upstream tasks that count. Source: databricks-sdk-py `jobs.RunIf`."""


def decide(task: Task, ended: Mapping[str, Outcome], present: Collection[str]) -> Literal["wait", "run"] | Outcome:
    """What becomes of a task now: it waits, runs, or ends without running.

    Args:
        task: the task that is asked about.
        ended: the tasks that have ended.
        present: the tasks of this run; a dependency on a task that `only` left out is no dependency.
    """
    upstream = [dependency.task_key for dependency in task.depends_on if dependency.task_key in present]
    if any(key not in ended for key in upstream):
        return "wait"
    results = [ended[key].result for key in upstream if ended[key].result not in _NOT_COUNTED]
    if not upstream or RUN_IF[task.run_if](results):
        return "run"
    if task.run_if != "ALL_SUCCESS":
        return EXCLUDED
    return UPSTREAM_CANCELED if not _FAILED.intersection(results) else UPSTREAM_FAILED


def leaves(tasks: Sequence[Task]) -> frozenset[str]:
    """The tasks that no other task waits for."""
    waited_for = {dependency.task_key for task in tasks for dependency in task.depends_on}
    return frozenset(task.task_key for task in tasks) - waited_for


def cycle_in(tasks: Sequence[Task]) -> str:
    """A task that waits for itself through others; empty when there is none."""
    waiting = {task.task_key: {dependency.task_key for dependency in task.depends_on} for task in tasks}
    while waiting:
        ready = [key for key, upstream in waiting.items() if not upstream & waiting.keys()]
        if not ready:
            return min(waiting)
        for key in ready:
            del waiting[key]
    return ""
