"""Bodies of the jobs API.

Settings are echoed word for word, so requests carry them as mappings (`Document`). `JobSettings` and `Task` are the
same settings read with types: what a run needs of them. Unknown fields stay in the mapping.
"""

from __future__ import annotations

from typing import Any

import msgspec

from wheelyard.control.operation import Empty

__all__ = ["Document", "Empty"]

Document = dict[str, Any]

# -- settings, read with types


class NotebookTask(msgspec.Struct):
    notebook_path: str
    base_parameters: dict[str, str] = {}
    source: str = "WORKSPACE"


class SparkPythonTask(msgspec.Struct):
    python_file: str
    parameters: list[str] = []
    source: str = "WORKSPACE"


class PythonWheelTask(msgspec.Struct):
    package_name: str
    entry_point: str
    parameters: list[str] = []
    named_parameters: dict[str, str] = {}


class Dependency(msgspec.Struct):
    task_key: str
    outcome: str = ""


class Task(msgspec.Struct):
    task_key: str
    notebook_task: NotebookTask | None = None
    spark_python_task: SparkPythonTask | None = None
    python_wheel_task: PythonWheelTask | None = None
    job_cluster_key: str = ""
    new_cluster: Document | None = None
    existing_cluster_id: str = ""
    environment_key: str = ""
    libraries: list[Document] = []
    depends_on: list[Dependency] = []
    run_if: str = "ALL_SUCCESS"
    timeout_seconds: int = 0
    max_retries: int = 0
    min_retry_interval_millis: int = 0
    retry_on_timeout: bool = False
    disabled: bool = False


class JobCluster(msgspec.Struct):
    job_cluster_key: str
    new_cluster: Document


class EnvironmentSpec(msgspec.Struct):
    environment_version: str = ""
    client: str = ""
    dependencies: list[str] = []
    base_environment: str = ""


class Environment(msgspec.Struct):
    environment_key: str
    spec: EnvironmentSpec = msgspec.field(default_factory=EnvironmentSpec)


class Parameter(msgspec.Struct):
    name: str
    default: str = ""


class Queue(msgspec.Struct):
    enabled: bool = False


class RunAs(msgspec.Struct):
    user_name: str = ""
    service_principal_name: str = ""

    @property
    def name(self) -> str:
        return self.user_name or self.service_principal_name


class JobSettings(msgspec.Struct):
    name: str = "Untitled"
    tasks: list[Task] = []
    job_clusters: list[JobCluster] = []
    environments: list[Environment] = []
    parameters: list[Parameter] = []
    tags: dict[str, str] = {}
    max_concurrent_runs: int = 1
    timeout_seconds: int = 0
    queue: Queue = msgspec.field(default_factory=Queue)
    run_as: RunAs | None = None


# -- requests and answers


class CreatedJob(msgspec.Struct):
    job_id: int


class OnJob(msgspec.Struct):
    job_id: int


class GetJob(msgspec.Struct):
    job_id: int
    page_token: str = ""


class ListJobs(msgspec.Struct):
    limit: int = 20
    offset: int = 0
    page_token: str = ""
    name: str = ""
    expand_tasks: bool = False


class Jobs(msgspec.Struct, omit_defaults=True):
    jobs: list[Document] = []
    has_more: bool | None = None
    next_page_token: str = ""
    prev_page_token: str = ""


class UpdateJob(msgspec.Struct):
    job_id: int
    new_settings: Document = {}
    fields_to_remove: list[str] = []


class ResetJob(msgspec.Struct):
    job_id: int
    new_settings: Document


class RunNow(msgspec.Struct):
    job_id: int
    job_parameters: dict[str, str] = {}
    notebook_params: dict[str, str] = {}
    python_params: list[str] = []
    python_named_params: dict[str, str] = {}
    only: list[str] = []
    idempotency_token: str = ""
    queue: Queue | None = None


class StartedRun(msgspec.Struct):
    run_id: int
    number_in_job: int


class SubmittedRun(msgspec.Struct):
    run_id: int


class OnRun(msgspec.Struct):
    run_id: int


class GetRun(msgspec.Struct):
    run_id: int
    include_history: bool = False
    include_resolved_values: bool = False
    page_token: str = ""


class ListRuns(msgspec.Struct):
    job_id: int = 0
    active_only: bool = False
    completed_only: bool = False
    limit: int = 20
    offset: int = 0
    page_token: str = ""
    run_type: str = ""
    expand_tasks: bool = False
    start_time_from: int = 0
    start_time_to: int = 0


class Runs(msgspec.Struct, omit_defaults=True):
    runs: list[Document] = []
    has_more: bool | None = None
    next_page_token: str = ""
    prev_page_token: str = ""


class CancelAll(msgspec.Struct):
    job_id: int = 0
    all_queued_runs: bool = False


class ExportRun(msgspec.Struct):
    run_id: int
    views_to_export: str = "CODE"


class View(msgspec.Struct):
    content: str
    name: str
    type: str = "NOTEBOOK"


class ExportedRun(msgspec.Struct):
    views: list[View] = []
