"""What decides which index compute asks, read from a workspace: the step before `core.explanation`.

Only what the caller may read can be seen. Everything that decides and stays hidden is named in
`ComputeView.unreadable`, so that an explanation says what it does not know instead of guessing.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from databricks.sdk.errors import NotFound, PermissionDenied

from wheelyard.client import defaults
from wheelyard.client.clusters import find_cluster
from wheelyard.core import errors
from wheelyard.core.compute import ComputeView
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.runtimes import ENVIRONMENT_VERSIONS, runtime_of
from wheelyard.core.secret_refs import SecretReference, parse_reference

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["NotebookCell", "observe_cluster", "observe_job", "observe_serverless", "pip_cells", "read_requirements"]


@dataclass(frozen=True, slots=True)
class NotebookCell:
    """One line of a notebook that installs: the installer's own words, `install six --index-url URL`."""

    installer: Literal["pip", "uv"]
    line: str
    words: tuple[str, ...]


def _with_default(client: WorkspaceClient, view: ComputeView) -> ComputeView:
    stored = defaults.read(client, with_acl=False)
    hidden = tuple(f"{what} ({why})" for what, why in stored.unreadable.items())
    return replace(view, workspace_default=stored.sources, unreadable=(*view.unreadable, *hidden))


def _is_embedded(client: WorkspaceClient) -> bool:
    """Whether the workspace is one of ours, which hands package sources to uv too; a Databricks host may not."""
    try:
        client.api_client.do("GET", "/api/2.0/wheelyard/feeds")
    except (NotFound, PermissionDenied):
        return False
    return True


def observe_cluster(client: WorkspaceClient, id_or_name: str, installer: Installer | None = None) -> ComputeView:
    """A cluster: its runtime, its variables with secret references resolved, and the workspace default."""
    details = find_cluster(client, id_or_name)
    name = str(details.get("cluster_name") or details["cluster_id"])
    view = _classic(client, name, details, installer)
    return _with_default(client, view)


def _classic(client: WorkspaceClient, name: str, spec: Mapping[str, Any], installer: Installer | None) -> ComputeView:
    key = str(spec.get("spark_version") or "")
    runtime = runtime_of(key)
    variables, references, hidden = _variables(client, spec.get("spark_env_vars") or {})
    return ComputeView(
        name=name,
        kind="classic",
        installer=installer or Installer.parse(f"pip=={runtime.pip}" if runtime else "pip"),
        runtime_version=runtime.version if runtime else (key.partition(".x")[0] or None),
        access_mode=spec.get("data_security_mode"),
        created_through="UI" if spec.get("cluster_source") == "UI" else "API",
        variables=variables,
        references=references,
        unreadable=hidden,
        uv_form=_is_embedded(client),
    )


def _variables(
    client: WorkspaceClient, written: Mapping[str, str]
) -> tuple[dict[str, Secret[str]], dict[str, SecretReference], tuple[str, ...]]:
    resolved: dict[str, Secret[str]] = {}
    references: dict[str, SecretReference] = {}
    hidden = []
    for name, text in written.items():
        try:
            reference = parse_reference(text)
            if reference is None:
                resolved[name] = Secret(text)
                continue
            references[name] = reference
            answer = client.secrets.get_secret(reference.scope, reference.key)
        except (NotFound, PermissionDenied, errors.InvalidParameter) as problem:
            hidden.append(f"{name} ({str(problem).partition('. Config:')[0].rstrip('.')})")
        else:
            resolved[name] = Secret(base64.b64decode(answer.value or "").decode("utf-8", "replace"))
    return resolved, references, tuple(hidden)


def observe_serverless(
    client: WorkspaceClient,
    *,
    environment_version: str = "",
    dependencies: Sequence[str] = (),
    installer: Installer | None = None,
    name: str = "serverless",
) -> ComputeView:
    """Serverless compute with this environment; without a version the newest one."""
    rows = {row.version: row for row in ENVIRONMENT_VERSIONS}
    if environment_version and environment_version not in rows:
        raise errors.InvalidParameter(
            f"There is no serverless environment version `{environment_version}`",
            reference="environment-version-unknown",
            because=f"known are {', '.join(rows)}",
        )
    row = rows[environment_version] if environment_version else ENVIRONMENT_VERSIONS[0]
    view = ComputeView(
        name=name,
        kind="serverless",
        installer=installer or Installer.parse(f"pip=={row.pip}"),
        runtime_version=row.version,
        dependencies=tuple(dependencies),
        uv_form=_is_embedded(client),
    )
    return _with_default(client, view)


def observe_job(
    client: WorkspaceClient, job_id: int, task_key: str = "", installer: Installer | None = None
) -> ComputeView:
    """The compute of one task of a job.

    Raises:
        NotFound: the job has no such task.
        InvalidParameter: it has several tasks and none is named.
    """
    job = client.api_client.do("GET", "/api/2.2/jobs/get", query={"job_id": job_id})
    settings: dict[str, Any] = job.get("settings") or {}
    task = _task(job_id, settings.get("tasks") or [], task_key)
    name = f"job {job_id} task {task['task_key']}"
    view = _task_compute(client, name, settings, task, installer)
    return replace(view, library_repo=_library_repo(task))


def _task(job_id: int, tasks: Sequence[dict[str, Any]], task_key: str) -> dict[str, Any]:
    keys = [str(task["task_key"]) for task in tasks]
    if task_key and task_key in keys:
        return tasks[keys.index(task_key)]
    if not task_key and len(tasks) == 1:
        return tasks[0]
    if task_key or not tasks:
        raise errors.NotFound(
            f"Job `{job_id}` has no task `{task_key}`",
            reference="task-not-found",
            because=f"its tasks are {', '.join(keys) or 'none'}",
            hint=f"wheelyard jobs get {job_id}",
        )
    raise errors.InvalidParameter(
        f"Job `{job_id}` has {len(tasks)} tasks",
        reference="task-needed",
        because="each may run on other compute",
        hint=f"name one with --task: {', '.join(keys)}",
    )


def _task_compute(
    client: WorkspaceClient,
    name: str,
    settings: Mapping[str, Any],
    task: Mapping[str, Any],
    installer: Installer | None,
) -> ComputeView:
    if task.get("existing_cluster_id"):
        return replace(observe_cluster(client, str(task["existing_cluster_id"]), installer), name=name)
    spec = task.get("new_cluster") or _by_key(settings, "job_clusters", "job_cluster_key", task).get("new_cluster")
    if spec is not None:
        return _with_default(client, _classic(client, name, spec, installer))
    environment = _by_key(settings, "environments", "environment_key", task).get("spec") or {}
    return observe_serverless(
        client,
        environment_version=str(environment.get("environment_version") or environment.get("client") or ""),
        dependencies=environment.get("dependencies") or (),
        installer=installer,
        name=name,
    )


def _by_key(settings: Mapping[str, Any], group: str, key: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = task.get(key)
    return next((one for one in settings.get(group) or () if wanted and one.get(key) == wanted), {})


def _library_repo(task: Mapping[str, Any]) -> SafeUrl | None:
    """The `repo` that the task's PyPI libraries name; libraries without one ask the compute's own index."""
    specs = [library.get("pypi") or {} for library in task.get("libraries") or ()]
    repo = next((str(spec["repo"]) for spec in specs if spec.get("repo")), None)
    return SafeUrl(repo) if repo else None


_MAGIC = re.compile(
    r"^\s*(?:# MAGIC\s+)?(?:%(uv)\s+pip|[%!](pip)3?|%sh\s+(?:python3?\s+-m\s+)?(pip)3?)\s+(.+)$", re.MULTILINE
)


def pip_cells(client: WorkspaceClient, path: str) -> tuple[NotebookCell, ...]:
    """The lines of a notebook in the workspace that install something, in order.

    `{name}` and `$name` are filled in by the notebook when it runs; here they stay as they are written.
    """
    answer = client.api_client.do("GET", "/api/2.0/workspace/export", query={"path": path, "format": "SOURCE"})
    source = base64.b64decode(answer.get("content") or "").decode("utf-8", "replace")
    return tuple(_cells(source))


def _cells(source: str) -> list[NotebookCell]:
    found = []
    for match in _MAGIC.finditer(source):
        line = match.group(4).strip()
        words = _split(line)
        if words and words[0] in {"install", "download", "wheel"}:
            found.append(NotebookCell("uv" if match.group(1) else "pip", line, words))
    return found


def _split(line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line, comments=True))
    except ValueError:
        return tuple(line.split())


def read_requirements(client: WorkspaceClient, words: Sequence[str]) -> dict[str, str]:
    """Text of the requirements and constraints files that a command names and that lie in the workspace."""
    flags = {"-r", "--requirement", "-c", "--constraint"}
    named = [after for word, after in pairwise(words) if word in flags]
    named += [word.partition("=")[2] for word in words if word.partition("=")[0] in flags and "=" in word]
    found: dict[str, str] = {}
    for path in named:
        if path.startswith(("/Workspace/", "/Users/", "/Shared/")):
            try:
                answer = client.api_client.do(
                    "GET", "/api/2.0/workspace/export", query={"path": path, "format": "AUTO"}
                )
            except (NotFound, PermissionDenied):
                continue
            found[path] = base64.b64decode(answer.get("content") or "").decode("utf-8", "replace")
    return found
