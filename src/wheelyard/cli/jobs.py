"""`wheelyard jobs`: the official CLI's grammar for jobs and their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from wheelyard.cli.grammar import Call, Field, Listing, family, flag
from wheelyard.client.runs import follow_run, run_result
from wheelyard.core.errors import WheelyardError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

__all__ = ["RunFailed", "command"]

_JOBS = "/api/2.2/jobs"
_JOB = Field("job_id", "id of the job", "number")
_RUN = Field("run_id", "id of the run", "number")
_DONE = "TERMINATED or SKIPPED"


class RunFailed(WheelyardError):
    """The run ended, and not with success."""

    default_reference = "run-failed"

    def __init__(self, run_id: int, result: str, message: str) -> None:
        super().__init__(
            f"Run `{run_id}` ended {result}", because=message, hint=f"wheelyard jobs get-run {run_id} --output json"
        )


def _wait(
    client: WorkspaceClient,
    request: Mapping[str, Any],
    answer: Any,
    tell: Callable[[str], None],
    deadline_seconds: float,
) -> Any:
    del request
    run_id = int(answer["run_id"])
    run = follow_run(client, run_id, tell, deadline_seconds)
    result, message = run_result(run)
    if result not in {"SUCCESS", "SUCCESS_WITH_FAILURES"}:
        raise RunFailed(run_id, result, message)
    return run


def _wait_for_end(
    client: WorkspaceClient,
    request: Mapping[str, Any],
    answer: Any,
    tell: Callable[[str], None],
    deadline_seconds: float,
) -> Any:
    del answer
    return follow_run(client, int(request["run_id"]), tell, deadline_seconds)


_CALLS = (
    Call("create", "Create a job.", "POST", f"{_JOBS}/create", body="must"),
    Call("get", "Show a job.", "GET", f"{_JOBS}/get", (_JOB,)),
    Call(
        "list",
        "List jobs.",
        "GET",
        f"{_JOBS}/list",
        flags=(
            flag("name", "Only the job with this name, in any case."),
            flag("limit", "At most so many.", "number"),
            flag("expand_tasks", "With tasks and clusters.", "switch"),
        ),
        show=Listing(
            "jobs",
            (("ID", "job_id"), ("Name", "settings.name"), ("Creator", "creator_user_name")),
            page=True,
            empty="no jobs",
        ),
    ),
    Call("update", "Change some settings of a job.", "POST", f"{_JOBS}/update", (_JOB,), body="may"),
    Call("reset", "Replace all settings of a job.", "POST", f"{_JOBS}/reset", body="must"),
    Call("delete", "Delete a job.", "POST", f"{_JOBS}/delete", (_JOB,), body="may"),
    Call(
        "run-now",
        "Run a job and wait for its end.",
        "POST",
        f"{_JOBS}/run-now",
        (_JOB,),
        (
            flag("idempotency_token", "Ask twice with one token, run once."),
            flag("only", "Only these tasks; may be repeated.", "list"),
        ),
        body="may",
        after=_wait,
        until=_DONE,
        text="Ends with exit code 1 when the run does not succeed.",
    ),
    Call(
        "submit",
        "Run tasks once without a job and wait for their end.",
        "POST",
        f"{_JOBS}/runs/submit",
        body="must",
        after=_wait,
        until=_DONE,
        text="Ends with exit code 1 when the run does not succeed.",
    ),
    Call(
        "get-run",
        "Show a run.",
        "GET",
        f"{_JOBS}/runs/get",
        (_RUN,),
        (flag("include_history", "With repairs.", "switch"),),
    ),
    Call("get-run-output", "Show what a task run left.", "GET", f"{_JOBS}/runs/get-output", (_RUN,)),
    Call(
        "list-runs",
        "List runs, newest first.",
        "GET",
        f"{_JOBS}/runs/list",
        flags=(
            flag("job_id", "Only runs of this job.", "number"),
            flag("active_only", "Only running ones.", "switch"),
            flag("completed_only", "Only ended ones.", "switch"),
            flag("limit", "At most so many.", "number"),
        ),
        show=Listing(
            "runs",
            (
                ("Job ID", "job_id"),
                ("Run ID", "run_id"),
                ("Name", "run_name"),
                ("State", "state.life_cycle_state"),
                ("Result", "state.result_state"),
            ),
            page=True,
            empty="no runs",
        ),
    ),
    Call(
        "cancel-run",
        "Cancel a run and wait for its end.",
        "POST",
        f"{_JOBS}/runs/cancel",
        (_RUN,),
        body="may",
        after=_wait_for_end,
        until=_DONE,
    ),
    Call("delete-run", "Delete an ended run.", "POST", f"{_JOBS}/runs/delete", (_RUN,), body="may"),
)

command = family("jobs", "Jobs and their runs, in the grammar of `databricks jobs`.", _CALLS)
