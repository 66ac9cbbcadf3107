"""Which error ends a command with which exit code: one table, looked up along the class's ancestry.

A workspace's refusal keeps its own words. Where ours answered, `details` names the case and the next command; where
another workspace answered, the error code in kebab-case is the reference.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from wheelyard.cli.render import Failure, Screen
from wheelyard.core import errors

__all__ = ["EXITS", "Row", "exit_code_of", "failure_of", "report"]

DONE, PROBLEM, USAGE, REFUSED, UNREACHABLE = 0, 1, 2, 3, 4

Row = tuple[str, int, str]

EXITS: tuple[Row, ...] = (
    # class (module and name)                           exit code    reference ("" keeps the error's own)
    ("wheelyard.core.errors.WrongUsage", USAGE, ""),
    ("wheelyard.core.errors.Unauthenticated", REFUSED, ""),
    ("wheelyard.core.errors.PermissionDenied", REFUSED, ""),
    ("wheelyard.core.errors.Unreachable", UNREACHABLE, ""),
    ("wheelyard.core.errors.WheelyardError", PROBLEM, ""),
    ("click.exceptions.UsageError", USAGE, "wrong-usage"),
    ("click.exceptions.Abort", PROBLEM, "interrupted"),
    ("databricks.sdk.errors.platform.Unauthenticated", REFUSED, ""),
    ("databricks.sdk.errors.platform.PermissionDenied", REFUSED, ""),
    ("databricks.sdk.errors.platform.TemporarilyUnavailable", UNREACHABLE, ""),
    ("databricks.sdk.errors.base.DatabricksError", PROBLEM, ""),
    ("databricks.sdk.errors.sdk.OperationFailed", PROBLEM, "operation-failed"),
    ("databricks.sdk.errors.sdk.OperationTimeout", PROBLEM, "operation-timeout"),
    ("requests.exceptions.ConnectionError", UNREACHABLE, "workspace-unreachable"),
    ("requests.exceptions.Timeout", UNREACHABLE, "workspace-unreachable"),
    ("builtins.TimeoutError", UNREACHABLE, "workspace-unreachable"),
    ("builtins.ConnectionError", UNREACHABLE, "workspace-unreachable"),
    ("builtins.FileNotFoundError", USAGE, "file-not-found"),
    ("builtins.PermissionError", PROBLEM, "file-not-allowed"),
    ("builtins.OSError", PROBLEM, "file-problem"),
    ("builtins.Exception", PROBLEM, "internal-error"),
)
"""Classes by name, so that reading the table imports neither the SDK nor requests. The first ancestor that has a row
decides.
"""

_ROWS = {name: (code, reference) for name, code, reference in EXITS}


def _row_of(problem: BaseException) -> tuple[int, str]:
    for ancestor in type(problem).__mro__:
        row = _ROWS.get(f"{ancestor.__module__}.{ancestor.__qualname__}")
        if row is not None:
            return row
    return PROBLEM, "internal-error"


def exit_code_of(problem: BaseException) -> int:
    """The exit code a command ends with when this error reaches the top."""
    return _row_of(problem)[0]


def failure_of(problem: BaseException) -> Failure:
    """Any exception in the form it is printed in."""
    code, reference = _row_of(problem)
    if isinstance(problem, errors.WheelyardError):
        return _ours(problem, code)
    if hasattr(problem, "error_code") and hasattr(problem, "get_error_details"):
        return _from_workspace(problem, code)
    if isinstance(problem, click.UsageError):
        return _usage(problem, code)
    words = _WORDS.get(reference)
    what, hint = words or (str(problem) or type(problem).__name__, "")
    because = _short(problem) if words else ""
    return Failure(reference, what, because=because, hint=hint, exit_code=code)


_WORDS = {
    "interrupted": ("The command was interrupted", ""),
    "workspace-unreachable": (
        "The workspace does not answer",
        "check the host with `wheelyard doctor`; an embedded workspace starts with `wheelyard up`",
    ),
    "internal-error": (
        "The command met an error that Wheelyard does not know",
        "run it again with --debug to see where",
    ),
}


def _short(problem: BaseException) -> str:
    first = str(problem).splitlines()[0] if str(problem) else ""
    return f"{type(problem).__name__}: {first}"[:300] if first else type(problem).__name__


def _ours(problem: errors.WheelyardError, code: int) -> Failure:
    lines = tuple(getattr(problem, "log_lines", ()))
    return Failure(
        problem.reference, problem.what, problem.because, problem.unchanged, problem.hint, exit_code=code, more=lines
    )


def _usage(problem: click.UsageError, code: int) -> Failure:
    where = problem.ctx.command_path if problem.ctx else "wheelyard"
    text = problem.format_message().rstrip(".")
    return Failure("wrong-usage", text, unchanged="nothing was done", hint=f"{where} --help", exit_code=code)


_CONFIG_TAIL = re.compile(r"\. Config: .*", re.DOTALL)
"""The SDK appends its configuration to 401 and 403; who and where is told by `wheelyard doctor` instead."""


def _from_workspace(problem: Any, code: int) -> Failure:
    info = problem.get_error_details().error_info
    metadata: dict[str, str] = dict(getattr(info, "metadata", None) or {})
    kind = str(problem.error_code or type(problem).__name__)
    reference = str(getattr(info, "reason", "") or kind).replace("_", "-").lower()
    failure = Failure(reference, _CONFIG_TAIL.sub("", str(problem)), hint=metadata.get("hint", ""), exit_code=code)
    if code == REFUSED and not failure.hint:
        return replace(failure, hint="`wheelyard doctor` says who you are there; an admin can grant the permission")
    return failure


def report(problem: Exception, words: Sequence[str]) -> int:
    """Print the error of a command line on standard error and return the exit code."""
    form = "json" if _asked_for_json(words) else "text"
    failure = failure_of(problem)
    Screen(form="json" if form == "json" else "text").fail(failure)
    if "--debug" in words:
        traceback.print_exception(problem, file=sys.stderr)
    return failure.exit_code


def _asked_for_json(words: Sequence[str]) -> bool:
    own = list(words[: words.index("--")] if "--" in words else words)
    after = {own[place + 1] for place, word in enumerate(own[:-1]) if word in {"-o", "--output"}}
    return "json" in after or "--output=json" in own or "-ojson" in own
