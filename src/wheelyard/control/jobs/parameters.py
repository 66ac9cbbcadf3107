"""Which parameters a task gets, and `{{…}}` references to values of the run. Pure.

Source: facts/workspace-api.md 10.1; databricks-sdk-py `JobsAPI.run_now`; documentation "Use dynamic value references".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from wheelyard.control.jobs.wire import Parameter, PythonWheelTask, RunNow, Task

__all__ = ["Overrides", "job_parameters", "program_arguments", "references", "widgets"]

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.-]*)\s*\}\}")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Overrides:
    """What `run-now` was given for this run only."""

    notebook: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    python: Sequence[str] = ()
    named: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @classmethod
    def of(cls, request: RunNow) -> Overrides:
        return cls(request.notebook_params, tuple(request.python_params), request.python_named_params)

    def to_json(self) -> dict[str, object]:
        """The run's `overriding_parameters`; only what was given."""
        given = {
            "notebook_params": dict(self.notebook),
            "python_params": list(self.python),
            "python_named_params": dict(self.named),
        }
        return {name: value for name, value in given.items() if value}


def job_parameters(defined: Sequence[Parameter], given: Mapping[str, str]) -> list[dict[str, str]]:
    """The run's `job_parameters`: defined ones with their value, then ones given without being defined."""
    known = {parameter.name for parameter in defined}
    answer = [
        {
            "name": parameter.name,
            "default": parameter.default,
            "value": given.get(parameter.name, parameter.default),
        }
        for parameter in defined
    ]
    return answer + [{"name": name, "value": value} for name, value in given.items() if name not in known]


def references(
    *, job_id: int, run_id: int, task: Task, task_run_id: int, job_name: str, parameters: Mapping[str, str]
) -> dict[str, str]:
    """What `{{name}}` may stand for in a task's parameters."""
    return {
        "job.id": str(job_id),
        "job.name": job_name,
        "job.run_id": str(run_id),
        "job_id": str(job_id),
        "run_id": str(task_run_id),
        "parent_run_id": str(run_id),
        "task.name": task.task_key,
        "task_key": task.task_key,
        "task.run_id": str(task_run_id),
        **{f"job.parameters.{name}": value for name, value in parameters.items()},
    }


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Replace known references; what is unknown stays as it is written.

    >>> _filled("run {{job.run_id}} of {{secrets/s/k}}", {"job.run_id": "7"})
    'run 7 of {{secrets/s/k}}'
    """
    return _REFERENCE.sub(lambda found: known.get(found[1], found[0]), text)


def widgets(
    base: Mapping[str, str], parameters: Mapping[str, str], overrides: Overrides, known: Mapping[str, str]
) -> dict[str, str]:
    """What `dbutils.widgets.get` finds: the task's own, job parameters over them, this run's overrides over all."""
    filled = {name: _filled(value, known) for name, value in base.items()}
    return {**filled, **parameters, **overrides.notebook}


def program_arguments(own: Sequence[str], overrides: Overrides, known: Mapping[str, str]) -> list[str]:
    """Arguments of a Python file; `python_params` replace them."""
    return [_filled(text, known) for text in (overrides.python or own)]


def wheel_arguments(
    task: PythonWheelTask, parameters: Mapping[str, str], overrides: Overrides, known: Mapping[str, str]
) -> list[str]:
    """Arguments of a wheel's entry point: `--name=value` for named ones, to which job parameters are added."""
    if overrides.python or (task.parameters and not overrides.named):
        return program_arguments(task.parameters, overrides, known)
    named = {name: _filled(value, known) for name, value in task.named_parameters.items()}
    pushed = parameters if task.named_parameters or overrides.named else {}
    return [f"--{name}={value}" for name, value in {**named, **pushed, **overrides.named}.items()]
