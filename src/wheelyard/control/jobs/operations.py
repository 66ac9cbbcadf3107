"""The endpoints of the jobs API.

A missing job or run is a 400 with the text that both SDKs turn into "does not exist".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.jobs import wire
from wheelyard.control.jobs.service import MANAGE, RUN, VIEW, Jobs
from wheelyard.control.jobs.wire import Document, Empty
from wheelyard.control.operation import SIGNED_IN, Need, Operation, Quirks
from wheelyard.core.errors import NotFound

__all__ = ["OPERATIONS"]


def _on_job(level: str) -> Need:
    def check(service: Jobs, caller: Caller, body: Any) -> None:
        service.require(caller, body.job_id, level)

    return Need(f"{level} on the job", check)


def _on_run(level: str) -> Need:
    def check(service: Jobs, caller: Caller, body: Any) -> None:
        service.require_on_run(caller, body.run_id, level)

    return Need(f"{level} on the run's job", check)


_QUIRKS: Quirks = MappingProxyType({NotFound: (400, "INVALID_PARAMETER_VALUE")})
_BASE = "/api/2.2/jobs"


def _get(path: str, body: Any, answer: Any, handler: Any, needs: Need) -> Operation[Any, Any, Any]:
    return Operation("GET", f"{_BASE}/{path}", body, answer, handler, needs, _QUIRKS)


def _post(path: str, body: Any, answer: Any, handler: Any, needs: Need) -> Operation[Any, Any, Any]:
    return Operation("POST", f"{_BASE}/{path}", body, answer, handler, needs, _QUIRKS)


OPERATIONS: tuple[Operation[Any, Any, Any], ...] = (
    _post("create", Document, wire.CreatedJob, Jobs.create, SIGNED_IN),
    _get("get", wire.GetJob, Document, Jobs.get, _on_job(VIEW)),
    _get("list", wire.ListJobs, wire.Jobs, Jobs.list_jobs, SIGNED_IN),
    _post("update", wire.UpdateJob, Empty, Jobs.update, _on_job(MANAGE)),
    _post("reset", wire.ResetJob, Empty, Jobs.reset, _on_job(MANAGE)),
    _post("delete", wire.OnJob, Empty, Jobs.delete, _on_job(MANAGE)),
    _post("run-now", wire.RunNow, wire.StartedRun, Jobs.run_now, _on_job(RUN)),
    _post("runs/submit", Document, wire.SubmittedRun, Jobs.submit, SIGNED_IN),
    _get("runs/get", wire.GetRun, Document, Jobs.get_run, _on_run(VIEW)),
    _get("runs/list", wire.ListRuns, wire.Runs, Jobs.list_runs, SIGNED_IN),
    _get("runs/get-output", wire.OnRun, Document, Jobs.get_output, _on_run(VIEW)),
    _get("runs/export", wire.ExportRun, wire.ExportedRun, Jobs.export_run, _on_run(VIEW)),
    _post("runs/cancel", wire.OnRun, Empty, Jobs.cancel_run, _on_run(RUN)),
    _post("runs/cancel-all", wire.CancelAll, Empty, Jobs.cancel_all, SIGNED_IN),
    _post("runs/delete", wire.OnRun, Empty, Jobs.delete_run, _on_run(MANAGE)),
)
