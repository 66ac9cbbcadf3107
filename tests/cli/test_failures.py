"""Which error ends a command with which exit code, and in which words."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
import requests
from databricks.sdk import errors as sdk

from wheelyard.cli.failures import EXITS, exit_code_of, failure_of, report
from wheelyard.core import errors


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (errors.WrongUsage("x"), 2),
        (errors.Unauthenticated("x"), 3),
        (errors.ReservedName("x"), 3),
        (errors.Unreachable("x"), 4),
        (errors.NotFound("x"), 1),
        (errors.LaunchFailed("x", code="Y"), 1),
        (click.UsageError("x"), 2),
        (click.BadParameter("x"), 2),
        (click.Abort(), 1),
        (sdk.Unauthenticated("x"), 3),
        (sdk.PermissionDenied("x"), 3),
        (sdk.ResourceDoesNotExist("x"), 1),
        (sdk.ResourceAlreadyExists("x"), 1),
        (sdk.TemporarilyUnavailable("x"), 4),
        (requests.exceptions.ConnectionError("x"), 4),
        (requests.exceptions.ReadTimeout("x"), 4),
        (TimeoutError("x"), 4),
        (ConnectionRefusedError("x"), 4),
        (FileNotFoundError("x"), 2),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_exit_codes(problem: BaseException, code: int) -> None:
    assert exit_code_of(problem) == code


def test_every_class_of_the_table_exists() -> None:
    for name, code, _reference in EXITS:
        module, _, short = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=[short]), short), name
        assert code in {1, 2, 3, 4}


def test_our_errors_are_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    problem = errors.InvalidParameter(
        "`pip-index-url` was not stored",
        reference="secret-has-trailing-newline",
        because="it ends with a newline",
        unchanged="nothing was written",
        hint="pass --trim",
    )
    assert report(problem, []) == 1
    assert capsys.readouterr().err == (
        "error: secret-has-trailing-newline\n"
        "  `pip-index-url` was not stored\n"
        "  because: it ends with a newline\n"
        "  nothing was written\n"
        "  hint: pass --trim\n"
    )


def test_the_form_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(errors.PermissionDenied("no"), ["secrets", "list-scopes", "-o", "json"]) == 3
    shown = json.loads(capsys.readouterr().err)
    assert shown["error"]["reference"] == "permission-denied"
    assert shown["error"]["what"] == "no"


def workspace_error(**fields: Any) -> sdk.NotFound:
    return sdk.NotFound(**fields)


def test_a_workspaces_own_reference_and_hint_are_shown() -> None:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "scope-not-found",
        "domain": "wheelyard",
        "metadata": {"hint": "databricks secrets list-scopes"},
    }
    problem = workspace_error(message="Scope a does not exist", error_code="RESOURCE_DOES_NOT_EXIST", details=[info])
    failure = failure_of(problem)
    assert (failure.reference, failure.what, failure.hint) == (
        "scope-not-found",
        "Scope a does not exist",
        "databricks secrets list-scopes",
    )


def test_another_workspaces_code_is_the_reference() -> None:
    problem = workspace_error(message="Scope a does not exist", error_code="RESOURCE_DOES_NOT_EXIST")
    assert failure_of(problem).reference == "resource-does-not-exist"


def test_the_sdks_configuration_is_cut_off() -> None:
    problem = sdk.PermissionDenied("Invalid access token. Config: host=http://h, token=***", error_code="403")
    assert failure_of(problem).what == "Invalid access token"


def test_credentials_in_an_error_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    report(errors.NotFound("no index at https://ana:s3cret@pkgs.example.com/simple"), [])
    shown = capsys.readouterr().err
    assert "s3cret" not in shown
    assert "https://ana:****@pkgs.example.com/simple" in shown


def test_an_unknown_error_says_so_without_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ZeroDivisionError("division by zero"), []) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: internal-error\n")
    assert "Traceback" not in shown


def test_debug_adds_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    report(ZeroDivisionError("division by zero"), ["--debug"])
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err
