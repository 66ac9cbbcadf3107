"""How a task or a run can end: one row each, with the words clients know.

Source: facts/workspace-api.md 10.4, 10.5, Annex A.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from wheelyard.control.jobs.states import Action

__all__ = [
    "CANCELED",
    "DISABLED",
    "EXCLUDED",
    "FAILED_CODE",
    "INTERRUPTED",
    "SKIPPED_FOR_LIMIT",
    "SUCCESS",
    "TIMED_OUT",
    "UPSTREAM_CANCELED",
    "UPSTREAM_FAILED",
    "Outcome",
    "cluster_failed",
    "code_failed",
    "invalid_run",
    "library_failed",
    "of_run",
]

TerminationType = Literal["SUCCESS", "CLIENT_ERROR", "INTERNAL_ERROR", "CLOUD_FAILURE"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`action` says which `life_cycle_state` it ends in.

    `code` and `type` are the second spelling's termination details.
    """

    action: Literal[Action.END, Action.SKIP, Action.BREAK]
    result: str
    code: str
    type: TerminationType
    message: str = ""

    @property
    def succeeded(self) -> bool:
        return self.result == "SUCCESS"


SUCCESS = Outcome(Action.END, "SUCCESS", "SUCCESS", "SUCCESS")
CANCELED = Outcome(Action.END, "CANCELED", "USER_CANCELED", "CLIENT_ERROR", "Run cancelled.")
TIMED_OUT = Outcome(Action.END, "TIMEDOUT", "RUN_EXECUTION_ERROR", "CLIENT_ERROR", "Run took longer than its timeout.")
UPSTREAM_FAILED = Outcome(
    Action.END, "UPSTREAM_FAILED", "RUN_EXECUTION_ERROR", "CLIENT_ERROR", "An upstream task failed."
)
UPSTREAM_CANCELED = Outcome(
    Action.END, "UPSTREAM_CANCELED", "USER_CANCELED", "CLIENT_ERROR", "An upstream task was cancelled."
)
EXCLUDED = Outcome(Action.SKIP, "EXCLUDED", "SKIPPED", "SUCCESS", "The task's run_if condition was not met.")
DISABLED = Outcome(Action.SKIP, "DISABLED", "DISABLED", "SUCCESS", "The task is disabled.")
SKIPPED_FOR_LIMIT = Outcome(
    Action.SKIP,
    "MAXIMUM_CONCURRENT_RUNS_REACHED",
    "MAX_CONCURRENT_RUNS_EXCEEDED",
    "CLIENT_ERROR",
    "The maximum number of concurrent runs of the job was reached.",
)
INTERRUPTED = Outcome(
    Action.BREAK,
    "FAILED",
    "INTERNAL_ERROR",
    "INTERNAL_ERROR",
    "The workspace was stopped while this run was active.",
)

FAILED_CODE = Outcome(
    Action.END,
    "FAILED",
    "RUN_EXECUTION_ERROR",
    "CLIENT_ERROR",
    "Workload failed, see run output for details",
)


def code_failed() -> Outcome:
    """User code raised, or its program ended with an exit code other than 0."""
    return FAILED_CODE


def library_failed(descriptions: Sequence[str], messages: Sequence[str]) -> Outcome:
    """Libraries, or a serverless environment's dependencies, could not be installed; the messages are redacted."""
    text = (
        "run failed with error message\n Library installation failed for library due to user error for "
        f"{', '.join(descriptions)}\n Error messages:\n {chr(10).join(messages)}"
    )
    return Outcome(Action.BREAK, "FAILED", "LIBRARY_INSTALLATION_ERROR", "CLIENT_ERROR", text)


def cluster_failed(message: str) -> Outcome:
    """The task's compute did not start, or went away."""
    return Outcome(Action.BREAK, "FAILED", "CLUSTER_ERROR", "CLIENT_ERROR", message)


def invalid_run(message: str, code: str = "INVALID_RUN_CONFIGURATION") -> Outcome:
    """The task cannot be run as it is defined."""
    return Outcome(Action.BREAK, "FAILED", code, "CLIENT_ERROR", message)


_IGNORED = frozenset({"SUCCESS", "EXCLUDED", "DISABLED"})
_RANK: Mapping[str, int] = MappingProxyType({"FAILED": 0, "TIMEDOUT": 1, "CANCELED": 2})


def of_run(ended: Mapping[str, Outcome], leaves: frozenset[str]) -> Outcome:
    """How a run ends whose tasks ended like this.

    Its leaf tasks decide: a failure further up that every leaf survived makes it SUCCESS_WITH_FAILURES.
    """
    bad = {key: outcome for key, outcome in ended.items() if outcome.result not in _IGNORED}
    if not bad:
        return SUCCESS
    if not bad.keys() & leaves:
        return Outcome(Action.END, "SUCCESS_WITH_FAILURES", "SUCCESS_WITH_FAILURES", "SUCCESS")
    key, worst = min(bad.items(), key=lambda item: _RANK.get(item[1].result, len(_RANK)))
    if worst.result in {"TIMEDOUT", "CANCELED"}:
        return replace(worst, message=worst.message)
    message = f"Task {key} failed with message: {worst.message.rstrip('.')}."
    return Outcome(Action.BREAK, "FAILED", worst.code, worst.type, message)
