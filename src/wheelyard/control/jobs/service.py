"""Jobs: the use cases.

Runs and their outputs are in `runs_service.py`, what happens while a run is active in `running.py`.
Source: facts/workspace-api.md 10.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.listing import offset_of, page_of, token_of
from wheelyard.control.clusters.ports import Clock, Permissions, WorkspaceFiles
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.jobs import store, wire
from wheelyard.control.jobs.merging import replaced, updated
from wheelyard.control.jobs.parameters import Overrides, job_parameters
from wheelyard.control.jobs.records import Records
from wheelyard.control.jobs.running import Runner
from wheelyard.control.jobs.runs_service import RunsService
from wheelyard.control.jobs.settings import checked, needs_new_clusters, read, shown
from wheelyard.control.jobs.store import Job
from wheelyard.control.jobs.wire import Document, Empty, JobSettings
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.permissions.wire import ChangePermissions
from wheelyard.core.errors import InvalidParameter, PermissionDenied
from wheelyard.storage.database import Database

__all__ = ["Jobs"]

VIEW, RUN, MANAGE = "CAN_VIEW", "CAN_MANAGE_RUN", "CAN_MANAGE"
_PAGED = ("tasks", "job_clusters", "environments", "parameters")
_PAGE = 100
_LONGEST_TOKEN = 64
_NOT_SETTINGS = ("access_control_list",)
_ONLY_OF_A_RUN = ("run_name", "idempotency_token", "access_control_list")


class Jobs(RunsService):
    """The jobs service.

    Args:
        clock: seconds since the epoch.
        host: base URL for `run_page_url` when a request did not bring one.
    """

    def __init__(
        self,
        *,
        database: Database,
        clusters: Clusters,
        libraries: Libraries,
        workspace: WorkspaceFiles,
        permissions: Permissions,
        host: Callable[[], str],
        workspace_id: str,
        clock: Clock = time.time,
    ) -> None:
        records = Records(database, clock)
        runner = Runner(records=records, clusters=clusters, libraries=libraries, workspace=workspace)
        super().__init__(records=records, runner=runner, permissions=permissions, host=host, workspace_id=workspace_id)
        self._clusters = clusters

    # -- life of the service

    def recover(self) -> None:
        """After a crash: every run that was active has ended with INTERNAL_ERROR; queued ones go on."""
        self._runner.recover()

    def close(self) -> None:
        """End active runs; call before the clusters are stopped."""
        self._runner.close()

    # -- endpoints

    def create(self, caller: Caller, body: Document) -> wire.CreatedJob:
        """Store a new job, owned by the caller.

        Raises:
            InvalidParameter: see `settings.checked`.
            PermissionDenied: it makes clusters, or runs as somebody else, and the caller may not do that.
        """
        settings = {key: value for key, value in body.items() if key not in _NOT_SETTINGS}
        self._check(caller, settings)
        return wire.CreatedJob(self._stored(caller, settings, body.get("access_control_list"), one_time=False))

    def get(self, _caller: Caller, body: wire.GetJob) -> Document:
        """One job with its settings; more than 100 tasks, clusters, environments or parameters come in pages."""
        job = self._records.job(body.job_id)
        answer = _job_json(job)
        offset = offset_of(body.page_token)
        settings = answer["settings"]
        if any(len(settings.get(name) or ()) > _PAGE for name in _PAGED):
            more = any(len(settings.get(name) or ()) > offset + _PAGE for name in _PAGED)
            for name in _PAGED:
                if name in settings:
                    settings[name] = settings[name][offset : offset + _PAGE]
            if more:
                answer |= {"has_more": True, "next_page_token": token_of(offset + _PAGE)}
        return answer

    def list_jobs(self, caller: Caller, body: wire.ListJobs) -> wire.Jobs:
        """The jobs the caller may see, newest first, without their tasks unless asked for."""
        if not 1 <= body.limit <= _PAGE:
            raise InvalidParameter(f"limit must be from 1 to {_PAGE}, not {body.limit}.", reference="invalid-limit")
        rows = self._records.database.read(lambda tx: store.jobs(tx, body.name))
        seen = [job for job in rows if self._permissions.holds(caller, "job", str(job.job_id), VIEW)]
        offset = offset_of(body.page_token) if body.page_token else max(0, body.offset)
        page = page_of(seen, offset, body.limit)
        found = [_job_json(job) for job in page.items]
        if not body.expand_tasks:
            for job in found:
                for name in ("tasks", "job_clusters"):
                    job["settings"].pop(name, None)
        return wire.Jobs(found, bool(page.next_token), page.next_token, page.previous_token)

    def update(self, caller: Caller, body: wire.UpdateJob) -> Empty:
        """Change some settings: top-level fields are replaced, tasks and job clusters merged by their keys."""
        new = {key: value for key, value in body.new_settings.items() if key not in _NOT_SETTINGS}
        self._change(caller, body.job_id, lambda old: updated(old, new, body.fields_to_remove))
        return Empty()

    def reset(self, caller: Caller, body: wire.ResetJob) -> Empty:
        """Replace all settings; a missing `run_as` keeps the old one."""
        new = {key: value for key, value in body.new_settings.items() if key not in _NOT_SETTINGS}
        self._change(caller, body.job_id, lambda old: replaced(old, new))
        return Empty()

    def delete(self, _caller: Caller, body: wire.OnJob) -> Empty:
        """Delete a job; its active runs are cancelled, its past ones stay."""
        job = self._records.job(body.job_id)
        for run in self._records.database.read(lambda tx: store.active_runs(tx, body.job_id)):
            self._runner.stop(run)
        self._records.database.write(lambda tx: store.delete_job(tx, job))
        return Empty()

    def run_now(self, caller: Caller, body: wire.RunNow) -> wire.StartedRun:
        """Start, queue or skip a run of a job; the same idempotency token answers the same run.

        Raises:
            InvalidParameter: `only` names a task the job has not, or the token is too long.
        """
        job = self._records.job(body.job_id)
        token = _token(body.idempotency_token, f"job {body.job_id}")
        settings = _with_only(job.settings, body.only)
        if body.queue is not None:
            settings["queue"] = {"enabled": body.queue.enabled}
        typed = read(settings)
        data = {
            "run_name": job.name,
            "run_type": "JOB_RUN",
            "run_as": _run_as(typed) or job.creator_name,
            "job_parameters": job_parameters(typed.parameters, body.job_parameters),
            "overriding_parameters": Overrides.of(body).to_json(),
        }
        run = self._runner.begin(caller, body.job_id, settings, data, token)
        return wire.StartedRun(run.run_id, run.run_id)

    def submit(self, caller: Caller, body: Document) -> wire.SubmittedRun:
        """Start a run without a job; the same idempotency token answers the same run."""
        token = _token(str(body.get("idempotency_token") or ""), f"submit {caller.principal_id}")
        known = self._records.database.read(lambda tx: store.find_by_token(tx, token)) if token else None
        if known is not None:
            return wire.SubmittedRun(known.run_id)
        name = str(body.get("run_name") or "Untitled")
        settings = {key: value for key, value in body.items() if key not in _ONLY_OF_A_RUN} | {"name": name}
        typed = self._check(caller, settings)
        if not typed.tasks:
            raise InvalidParameter("Missing required field: tasks", reference="missing-field")
        job_id = self._stored(caller, settings, body.get("access_control_list"), one_time=True)
        data = {
            "run_name": name,
            "run_type": "SUBMIT_RUN",
            "run_as": _run_as(typed) or caller.name,
            "job_parameters": job_parameters(typed.parameters, {}),
        }
        return wire.SubmittedRun(self._runner.begin(caller, job_id, settings, data, token).run_id)

    # -- inside

    def _check(self, caller: Caller, settings: Mapping[str, Any]) -> JobSettings:
        typed = checked(settings)
        if needs_new_clusters(typed):
            self._clusters.access.require_create(caller)
        self._check_run_as(caller, _run_as(typed))
        return typed

    def _check_run_as(self, caller: Caller, name: str) -> None:
        if not name or name == caller.name:
            return
        found = self._clusters.directory.find_principal(name)
        if found is None or found.kind == "group":
            raise InvalidParameter(f"Principal {name} in run_as does not exist.", reference="run-as-not-found")
        if not caller.is_admin:
            raise PermissionDenied(
                f"{caller.name} cannot make a job run as {name}.",
                reference="run-as-denied",
                unchanged="the job was not changed",
                hint="a workspace admin can",
            )

    def _stored(self, caller: Caller, settings: Document, access: Any, *, one_time: bool) -> int:
        job = Job(
            settings=settings,
            creator_id=caller.principal_id,
            creator_name=caller.name,
            created_at=self._records.now(),
            one_time=one_time,
        )
        job_id: int = self._records.database.write(lambda tx: store.insert_job(tx, job))
        self._permissions.created("job", str(job_id), caller)
        if access:
            try:
                self._permissions.update(caller, _access(job_id, access))
            except BaseException:
                self._records.database.write(lambda tx: store.delete_job(tx, replace(job, job_id=job_id)))
                self._permissions.forget("job", str(job_id))
                raise
        return job_id

    def _change(self, caller: Caller, job_id: int, changed: Callable[[Mapping[str, Any]], Document]) -> None:
        job = self._records.job(job_id)
        before = read(job.settings)
        settings = changed(job.settings)
        typed = checked(settings)
        if needs_new_clusters(typed):
            self._clusters.access.require_create(caller)
        if _run_as(typed) != _run_as(before):
            self._check_run_as(caller, _run_as(typed))
        self._records.change_job(job_id, lambda old: replace(old, settings=settings))


def _job_json(job: Job) -> Document:
    settings = shown(job.settings)
    return {
        "job_id": job.job_id,
        "creator_user_name": job.creator_name,
        "run_as_user_name": _run_as(read(job.settings)) or job.creator_name,
        "created_time": job.created_at,
        "settings": settings,
    }


def _run_as(settings: JobSettings) -> str:
    return settings.run_as.name if settings.run_as else ""


def _token(token: str, owner: str) -> str | None:
    if len(token) > _LONGEST_TOKEN:
        raise InvalidParameter(
            f"idempotency_token has at most {_LONGEST_TOKEN} characters.", reference="idempotency-token-too-long"
        )
    return f"{owner}: {token}" if token else None


def _with_only(settings: Mapping[str, Any], only: Sequence[str]) -> Document:
    """The settings with just the tasks that were asked for."""
    tasks = list(settings.get("tasks") or ())
    unknown = sorted(set(only) - {str(task.get("task_key")) for task in tasks})
    if unknown:
        raise InvalidParameter(f"The job has no task {unknown[0]}.", reference="unknown-task")
    kept = [task for task in tasks if not only or task.get("task_key") in only]
    return {**settings, "tasks": kept}


def _access(job_id: int, access: Any) -> ChangePermissions:
    try:
        return msgspec.convert(
            {"object_type": "jobs", "object_id": str(job_id), "access_control_list": access}, ChangePermissions
        )
    except msgspec.ValidationError as error:
        raise InvalidParameter(f"Invalid access_control_list: {error}", reference="invalid-access-list") from None
