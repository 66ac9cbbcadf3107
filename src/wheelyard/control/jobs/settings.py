"""Job settings: what is refused, and the few fields a server adds when it shows them. Pure.

Settings are stored as they were sent. Source: facts/workspace-api.md 10.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from wheelyard.control.clusters import spec as cluster_spec
from wheelyard.control.jobs.graph import RUN_IF, cycle_in
from wheelyard.control.jobs.wire import Document, JobSettings, Task
from wheelyard.control.libraries import spec as library_spec
from wheelyard.core.errors import InvalidParameter

__all__ = ["TASK_TYPES", "checked", "needs_new_clusters", "read", "shown"]

TASK_TYPES = (
    "notebook_task",
    "spark_python_task",
    "python_wheel_task",
    "spark_jar_task",
    "spark_submit_task",
    "sql_task",
    "dbt_task",
    "pipeline_task",
    "run_job_task",
    "condition_task",
    "for_each_task",
    "clean_rooms_notebook_task",
    "dashboard_task",
    "dbt_cloud_task",
    "dbt_platform_task",
    "gen_ai_compute_task",
    "power_bi_task",
    "python_operator_task",
    "alert_task",
)
_COMPUTE = ("job_cluster_key", "new_cluster", "existing_cluster_id", "environment_key")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MOST_TASKS = 1000
_MOST_TAGS = 25
_LONGEST_NAME_BYTES = 4096


def read(settings: Mapping[str, Any]) -> JobSettings:
    """Read settings with types.

    Raises:
        InvalidParameter: a field has the wrong type; the text names it.
    """
    try:
        return msgspec.convert(dict(settings), JobSettings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"Invalid job settings: {error}", reference="invalid-job-settings") from None


def checked(settings: Mapping[str, Any]) -> JobSettings:
    """Refuse settings that no run could follow; returns them read with types.

    Raises:
        InvalidParameter: the text names the task and the field.
    """
    job = read(settings)
    _check_job(job)
    documents = settings.get("tasks") or []
    for task, document in zip(job.tasks, documents, strict=True):
        _check_task(task, document, job)
    _check_graph(job)
    for cluster in job.job_clusters:
        _check_cluster(cluster.new_cluster, f"job cluster {cluster.job_cluster_key}")
    return job


def _check_job(job: JobSettings) -> None:
    if len(job.name.encode()) > _LONGEST_NAME_BYTES:
        raise _invalid(f"The name of a job has at most {_LONGEST_NAME_BYTES} bytes")
    if len(job.tasks) > _MOST_TASKS:
        raise _invalid(f"A job has at most {_MOST_TASKS} tasks")
    if len(job.tags) > _MOST_TAGS:
        raise _invalid(f"A job has at most {_MOST_TAGS} tags")
    if not 0 <= job.max_concurrent_runs <= 1000:
        raise _invalid(f"max_concurrent_runs must be from 0 to 1000, not {job.max_concurrent_runs}")
    _check_unique([task.task_key for task in job.tasks], "task_key")
    _check_unique([cluster.job_cluster_key for cluster in job.job_clusters], "job_cluster_key")
    _check_unique([environment.environment_key for environment in job.environments], "environment_key")
    _check_unique([parameter.name for parameter in job.parameters], "parameter name")


def _check_unique(keys: list[str], noun: str) -> None:
    double = next((key for key in keys if keys.count(key) > 1), None)
    if double is not None:
        raise _invalid(f"Duplicate {noun} {double!r}")


def _check_task(task: Task, document: Mapping[str, Any], job: JobSettings) -> None:
    if not _KEY.fullmatch(task.task_key):
        raise _invalid(f"Invalid task_key {task.task_key[:110]!r}: it has 1 to 100 letters, digits, '-' or '_'")
    types = [name for name in TASK_TYPES if document.get(name) is not None]
    if len(types) != 1:
        raise _invalid(f"Task {task.task_key} must have exactly one task type; found {', '.join(types) or 'none'}")
    if task.run_if not in RUN_IF:
        raise _invalid(f"Task {task.task_key} has unknown run_if {task.run_if!r}")
    if task.python_wheel_task and task.python_wheel_task.parameters and task.python_wheel_task.named_parameters:
        raise _invalid(f"Task {task.task_key} has both parameters and named_parameters")
    _check_compute(task, document, types[0], job)
    for library in task.libraries:
        library_spec.kind_of(library)


def _check_compute(task: Task, document: Mapping[str, Any], task_type: str, job: JobSettings) -> None:
    choices = [name for name in _COMPUTE if document.get(name)]
    if len(choices) > 1:
        raise _invalid(f"Task {task.task_key} has more than one compute: {', '.join(choices)}")
    if task.job_cluster_key and task.job_cluster_key not in {cluster.job_cluster_key for cluster in job.job_clusters}:
        raise _invalid(f"Task {task.task_key} refers to job cluster {task.job_cluster_key}, which is not defined")
    if task.environment_key and task.environment_key not in {known.environment_key for known in job.environments}:
        raise _invalid(f"Task {task.task_key} refers to environment {task.environment_key}, which is not defined")
    if not choices and task_type in {"spark_python_task", "python_wheel_task"}:
        raise _invalid(f"Task {task.task_key} needs a cluster or an environment_key")
    if task.libraries and choices in ([], ["environment_key"]):
        raise _invalid(
            f"Libraries field is not supported for serverless task {task.task_key}, "
            "please specify libraries in environment."
        )
    if task.new_cluster is not None:
        _check_cluster(task.new_cluster, f"task {task.task_key}")


def _check_cluster(new_cluster: Mapping[str, Any], where: str) -> None:
    if new_cluster.get("libraries"):
        raise _invalid(f"The new_cluster of {where} cannot have libraries: they belong to tasks")
    if new_cluster.get("cluster_name"):
        raise _invalid(f"The new_cluster of {where} cannot have a cluster_name: the run names it")
    cluster_spec.check(new_cluster)


def _check_graph(job: JobSettings) -> None:
    keys = {task.task_key for task in job.tasks}
    for task in job.tasks:
        unknown = next((known.task_key for known in task.depends_on if known.task_key not in keys), None)
        if unknown is not None:
            raise _invalid(f"Task {task.task_key} depends on task {unknown}, which is not defined")
    start = cycle_in(job.tasks)
    if start:
        raise _invalid(f"The dependencies of task {start} form a cycle")


def _invalid(text: str) -> InvalidParameter:
    return InvalidParameter(f"{text}.", reference="invalid-job-settings", unchanged="the job was not changed")


def needs_new_clusters(job: JobSettings) -> bool:
    """Whether a run makes clusters, which its author must be allowed to create."""
    return bool(job.job_clusters) or any(task.new_cluster is not None for task in job.tasks)


def shown(settings: Mapping[str, Any]) -> Document:
    """The settings as `jobs/get` shows them: as sent, plus the fields a server fills.

    >>> shown({"name": "nightly"})["format"]
    'MULTI_TASK'
    """
    answer: Document = {
        "name": "Untitled",
        "email_notifications": {},
        "webhook_notifications": {},
        "timeout_seconds": 0,
        "max_concurrent_runs": 1,
        **settings,
        "format": "MULTI_TASK",
    }
    if "tasks" in settings:
        answer["tasks"] = [shown_task(task) for task in settings["tasks"]]
    if "job_clusters" in settings:
        answer["job_clusters"] = [
            {**cluster, "new_cluster": _shown_cluster(cluster["new_cluster"])} for cluster in settings["job_clusters"]
        ]
    return answer


def shown_task(task: Mapping[str, Any]) -> Document:
    """One task as shown; `depends_on` comes sorted."""
    answer: Document = {"run_if": "ALL_SUCCESS", "timeout_seconds": 0, "email_notifications": {}, **task}
    if "notebook_task" in task:
        answer["notebook_task"] = {"source": "WORKSPACE", **task["notebook_task"]}
    if "new_cluster" in task:
        answer["new_cluster"] = _shown_cluster(task["new_cluster"])
    if "depends_on" in task:
        answer["depends_on"] = sorted(task["depends_on"], key=lambda dependency: str(dependency.get("task_key")))
    return answer


def _shown_cluster(spec: Mapping[str, Any]) -> Document:
    shown_spec = {"data_security_mode": "SINGLE_USER", **spec}
    return {key: value for key, value in shown_spec.items() if key != "apply_policy_default_values"}
