"""The grammar of the official CLI: which request each command line makes, and what is printed for the answer."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wheelyard.cli.grammar import read_json
from wheelyard.core.errors import WrongUsage

if TYPE_CHECKING:
    from .conftest import Ran, Recorder

Cli = Callable[..., "Ran"]

SCOPE = "/api/2.0/secrets"
CASES: list[tuple[list[str], tuple[str, str, dict[str, Any]]]] = [
    (["secrets", "create-scope", "s"], ("POST", f"{SCOPE}/scopes/create", {"scope": "s"})),
    (
        ["secrets", "create-scope", "s", "--initial-manage-principal", "users"],
        ("POST", f"{SCOPE}/scopes/create", {"scope": "s", "initial_manage_principal": "users"}),
    ),
    (
        ["secrets", "put-acl", "s", "users", "READ"],
        ("POST", f"{SCOPE}/acls/put", {"scope": "s", "principal": "users", "permission": "READ"}),
    ),
    (["secrets", "get-acl", "s", "users"], ("GET", f"{SCOPE}/acls/get", {"scope": "s", "principal": "users"})),
    (["secrets", "delete-acl", "s", "users"], ("POST", f"{SCOPE}/acls/delete", {"scope": "s", "principal": "users"})),
    (["secrets", "delete-secret", "s", "k"], ("POST", f"{SCOPE}/delete", {"scope": "s", "key": "k"})),
    (["secrets", "delete-scope", "s"], ("POST", f"{SCOPE}/scopes/delete", {"scope": "s"})),
    (
        ["secrets", "put-secret", "s", "k", "--string-value", "v"],
        ("POST", f"{SCOPE}/put", {"scope": "s", "key": "k", "string_value": "v"}),
    ),
    (
        ["secrets", "put-secret", "s", "k", "--bytes-value", "v"],
        ("POST", f"{SCOPE}/put", {"scope": "s", "key": "k", "bytes_value": "dg=="}),
    ),
    (
        ["secrets", "put-secret", "--json", '{"scope": "s", "key": "k", "bytes_value": "as written"}'],
        ("POST", f"{SCOPE}/put", {"scope": "s", "key": "k", "bytes_value": "as written"}),
    ),
    (
        ["clusters", "create", "15.4.x-scala2.12", "--num-workers", "0", "--cluster-name", "a", "--no-wait"],
        (
            "POST",
            "/api/2.1/clusters/create",
            {"spark_version": "15.4.x-scala2.12", "num_workers": 0, "cluster_name": "a"},
        ),
    ),
    (["clusters", "start", "c", "--no-wait"], ("POST", "/api/2.1/clusters/start", {"cluster_id": "c"})),
    (["clusters", "permanent-delete", "c"], ("POST", "/api/2.1/clusters/permanent-delete", {"cluster_id": "c"})),
    (
        ["clusters", "list", "--cluster-states", "RUNNING", "--is-pinned"],
        ("GET", "/api/2.1/clusters/list", {"filter_by.is_pinned": "true", "filter_by.cluster_states": "RUNNING"}),
    ),
    (["libraries", "cluster-status", "c"], ("GET", "/api/2.0/libraries/cluster-status", {"cluster_id": "c"})),
    (["jobs", "get", "12"], ("GET", "/api/2.2/jobs/get", {"job_id": "12"})),
    (["jobs", "run-now", "12", "--no-wait"], ("POST", "/api/2.2/jobs/run-now", {"job_id": 12})),
    (
        ["jobs", "update", "12", "--json", '{"new_settings": {"name": "n"}}'],
        ("POST", "/api/2.2/jobs/update", {"job_id": 12, "new_settings": {"name": "n"}}),
    ),
    (["jobs", "list", "--name", "n"], ("GET", "/api/2.2/jobs/list", {"name": "n"})),
    (["workspace", "mkdirs", "/a/b"], ("POST", "/api/2.0/workspace/mkdirs", {"path": "/a/b"})),
    (
        ["workspace", "delete", "/a", "--recursive"],
        ("POST", "/api/2.0/workspace/delete", {"path": "/a", "recursive": True}),
    ),
    (
        ["workspace", "import", "/a", "--content", "eA==", "--language", "PYTHON", "--overwrite"],
        (
            "POST",
            "/api/2.0/workspace/import",
            {"path": "/a", "content": "eA==", "language": "PYTHON", "overwrite": True},
        ),
    ),
]


@pytest.mark.parametrize(("words", "call"), CASES, ids=[" ".join(words) for words, _call in CASES])
def test_the_request(cli: Cli, recorder: Recorder, words: list[str], call: tuple[str, str, Any]) -> None:
    ran = cli(*words, host=recorder.url)
    assert ran.code == 0, ran.err
    assert recorder.calls == [call]


@pytest.mark.parametrize("value", ["no newline", "one newline\n", "ünïcode\n\n"])
def test_put_secret_takes_standard_input_as_it_is(
    cli: Cli, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(value.encode())))
    assert cli("secrets", "put-secret", "s", "k", host=recorder.url).code == 0
    sent = recorder.calls[0][2]["bytes_value"]
    assert base64.b64decode(sent).decode() == value


def test_a_void_call_prints_nothing(cli: Cli, recorder: Recorder) -> None:
    ran = cli("secrets", "create-scope", "s", host=recorder.url)
    assert (ran.out, ran.err) == ("", "")


def test_a_list_is_a_table_or_the_array(cli: Cli, recorder: Recorder) -> None:
    scopes = [{"name": "b", "backend_type": "DATABRICKS"}, {"name": "a", "backend_type": "DATABRICKS"}]
    recorder.answer(f"{SCOPE}/scopes/list", {"scopes": scopes})
    assert (
        cli("secrets", "list-scopes", host=recorder.url).out
        == "SCOPE  BACKEND TYPE\nb      DATABRICKS\na      DATABRICKS\n"
    )
    assert cli("secrets", "list-scopes", "--output", "json", host=recorder.url).json == scopes
    assert cli("--output", "json", "secrets", "list-scopes", host=recorder.url).json == scopes


def test_an_object_is_its_json_in_both_forms(cli: Cli, recorder: Recorder) -> None:
    recorder.answer(f"{SCOPE}/get", {"key": "k", "value": "dg=="})
    for form in ("text", "json"):
        assert cli("secrets", "get-secret", "s", "k", "-o", form, host=recorder.url).json == {
            "key": "k",
            "value": "dg==",
        }


def test_pages_are_followed_to_the_end(cli: Cli, recorder: Recorder) -> None:
    recorder.answer("/api/2.2/jobs/list", {"jobs": [{"job_id": 1}], "has_more": False})
    assert [one["job_id"] for one in cli("jobs", "list", "-o", "json", host=recorder.url).json] == [1]


def test_flags_and_json_are_one_request_and_json_wins(cli: Cli, recorder: Recorder) -> None:
    body = json.dumps({"num_workers": 2})
    cli("clusters", "create", "15.4.x-scala2.12", "--num-workers", "1", "--json", body, "--no-wait", host=recorder.url)
    assert recorder.calls[0][2] == {"spark_version": "15.4.x-scala2.12", "num_workers": 2}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["secrets", "put-acl", "s", "users"], "missing argument PERMISSION"),
        (["secrets", "put-acl", "s", "users", "READER"], "'READER' is not one of"),
        (["secrets", "put-secret", "s"], "missing argument SCOPE or KEY"),
        (["secrets", "put-secret", "s", "k", "--string-value", "a", "--bytes-value", "b"], "not both"),
        (["jobs", "create"], "give the request as JSON with --json"),
        (["jobs", "get", "twelve"], "'twelve' is not a valid integer"),
        (["workspace", "import", "/a"], "give --file or --content"),
        (["libraries", "nope"], "No such command 'nope'"),
    ],
)
def test_wrong_usage_sends_nothing(cli: Cli, recorder: Recorder, words: list[str], told: str) -> None:
    ran = cli(*words, host=recorder.url)
    assert ran.code == 2
    assert told in ran.err
    assert ran.err.startswith("error: wrong-usage\n")
    assert recorder.calls == []


def test_a_refusal_is_exit_code_three_in_the_workspaces_words(cli: Cli, recorder: Recorder) -> None:
    text = "ana@example.com does not have READ permission on scope s to perform this action."
    recorder.answer(f"{SCOPE}/list", {"error_code": "PERMISSION_DENIED", "message": text}, status=403)
    ran = cli("secrets", "list-secrets", "s", host=recorder.url)
    assert ran.code == 3
    assert ran.err.splitlines()[:2] == ["error: permission-denied", f"  {text.rstrip('.')}"] or text in ran.err


def test_a_missing_thing_is_exit_code_one(cli: Cli, recorder: Recorder) -> None:
    body = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Scope s does not exist"}
    recorder.answer(f"{SCOPE}/list", body, status=404)
    ran = cli("secrets", "list-secrets", "s", host=recorder.url)
    assert (ran.code, ran.err) == (1, "error: resource-does-not-exist\n  Scope s does not exist\n")


def test_nobody_listening_is_exit_code_four_at_once(cli: Cli) -> None:
    ran = cli("secrets", "list-scopes", host="http://127.0.0.1:9")
    assert ran.code == 4
    assert "error: workspace-unreachable" in ran.err
    assert "nothing was sent" in ran.err


def test_no_workspace_named_is_wrong_usage(cli: Cli) -> None:
    ran = cli("secrets", "list-scopes")
    assert ran.code == 2
    assert "error: no-workspace" in ran.err


def test_a_profile_names_the_workspace(
    cli: Cli, recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "databrickscfg"
    config.write_text(f"[team]\nhost = {recorder.url}\ntoken = invented\n")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(config))
    assert cli("secrets", "list-scopes", "--profile", "team").code == 0
    assert recorder.calls == [("GET", f"{SCOPE}/scopes/list", {})]


def test_debug_logs_requests_without_secrets(cli: Cli, recorder: Recorder) -> None:
    ran = cli("secrets", "put-secret", "s", "k", "--string-value", "hunter2hunter2", "--debug", host=recorder.url)
    assert ran.code == 0
    assert "POST /api/2.0/secrets/put" in ran.err
    assert "hunter2" not in ran.err


def test_json_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_text('{"a": 1}')
    assert read_json(f"@{path}") == {"a": 1}


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "nul"])
def test_json_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage) as raised:
        read_json(text)
    assert raised.value.reference == "json-invalid"
