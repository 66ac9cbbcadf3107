from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import structlog

from wheelyard.core import errors
from wheelyard.http.errors import STATUS, answer_for, without_retry_phrases

Server = Any
SOURCE = Path(__file__).resolve().parents[2] / "src" / "wheelyard"
CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.WheelyardError) and found is not errors.WheelyardError
]

# Clients that meet one of these in a message repeat the request for minutes. Source: facts/workspace-api.md 1.4.
RETRY_PHRASES = (
    "does not have any associated worker environments",
    "There is no worker environment with id",
    "Unknown worker environment",
    "UnknownWorkerEnvironmentException",
    "ClusterNotReadyException",
    "Unexpected error",
    "Please try again later or try a faster operation.",
    "RPC token bucket limit has been exceeded",
    "Timed out after ",
    "deadline exceeded",
)


@pytest.mark.parametrize("phrase", RETRY_PHRASES)
def test_no_text_of_ours_holds_a_retry_phrase(phrase: str) -> None:
    holders = [path for path in SOURCE.rglob("*.py") if phrase in path.read_text()]
    assert holders == []


@pytest.mark.parametrize("phrase", RETRY_PHRASES)
def test_a_callers_value_cannot_bring_one_in(demo: Server, phrase: str) -> None:
    from urllib.parse import quote

    text = f"Scope '{phrase}' does not exist; worker env 7 not found"
    for path in ("/api/2.0/demo/fail", "/api/2.0/demo/fail-scim", "/api/1.2/demo/fail", "/oidc/fail"):
        answer = demo.request("GET", f"{path}?error=NotFound&text={quote(text)}").content.decode()
        assert phrase not in answer
        assert "worker env " not in answer
        assert phrase.casefold() in answer.casefold()
    assert without_retry_phrases("all is well") == "all is well"


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_is_mapped_along_its_ancestry(error: type[errors.WheelyardError]) -> None:
    assert any(ancestor in STATUS for ancestor in error.__mro__[:-3]) or errors.WheelyardError in STATUS


def test_a_new_subclass_is_mapped_as_its_parent() -> None:
    class FeedNotFound(errors.NotFound):
        default_reference = "feed-not-found"

    answer = answer_for(FeedNotFound("Feed x does not exist"), request_id="r")
    assert (answer.status, answer.code, answer.reference) == (404, "RESOURCE_DOES_NOT_EXIST", "feed-not-found")


def test_details_hold_what_the_message_must_not() -> None:
    error = errors.NotFound(
        "Scope a does not exist",
        reference="scope-not-found",
        because="nobody made it",
        unchanged="nothing was written",
        hint="databricks secrets list-scopes",
        log="secret",
    )
    assert answer_for(error, request_id="r").body == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Scope a does not exist",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "scope-not-found",
                "domain": "wheelyard",
                "metadata": {
                    "because": "nobody made it",
                    "unchanged": "nothing was written",
                    "hint": "databricks secrets list-scopes",
                },
            }
        ],
    }


class TestOnTheWire:
    def test_quirks_of_a_row(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/fail-quirk?error=NotFound")
        assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
        answer = demo.request("GET", "/api/2.0/demo/fail-quirk?error=Conflict")
        assert (answer.status, answer.json["error_code"]) == (409, "RESOURCE_CONFLICT")

    def test_scim(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/fail-scim?error=AlreadyExists&text=Taken.")
        assert answer.status == 409
        assert answer.json == {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "detail": "Taken.",
            "status": "409",
            "scimType": "uniqueness",
        }

    def test_api_1_2(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/1.2/demo/fail?error=InvalidState&text=Not+running.")
        assert (answer.status, answer.json) == (400, {"error": "Not running."})

    def test_oauth(self, demo: Server) -> None:
        answer = demo.request("GET", "/oidc/fail?error=Unauthenticated&text=No.")
        assert (answer.status, answer.json) == (401, {"error": "invalid_client", "error_description": "No."})

    def test_throttled_says_when_to_come_back(self, demo: Server) -> None:
        answer = demo.request("GET", "/api/2.0/demo/fail?error=Throttled")
        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
        assert answer.json["error_code"] == "REQUEST_LIMIT_EXCEEDED"

    @pytest.mark.parametrize(
        "path", ["/api/2.0/demo/fail", "/api/2.0/demo/fail-scim", "/api/1.2/demo/fail", "/oidc/fail"]
    )
    def test_surprises_tell_the_caller_only_the_request_id(self, demo: Server, path: str) -> None:
        with structlog.testing.capture_logs() as logs:
            answer = demo.request("GET", f"{path}?error=surprise")
        assert answer.status == 500
        text = answer.content.decode()
        assert answer.headers["x-request-id"] in text
        assert "hunter2" not in text
        assert "RuntimeError" not in text
        (line,) = logs
        assert line["log_level"] == "error"
        assert "RuntimeError at" in line["cause"]
        assert "hunter2" not in repr(line)

    def test_the_log_line(self, demo: Server) -> None:
        with structlog.testing.capture_logs() as logs:
            demo.request("GET", "/api/2.0/demo/one/the-name?token=hunter2", headers={"Cookie": "hunter2"})
            demo.request("GET", "/api/2.0/demo/fail?error=NotFound&text=hunter3")
        first, second = logs
        assert first["method"] == "GET"
        assert first["path"] == "/api/2.0/demo/one/{name}"
        assert first["status"] == 200
        assert first["caller"] == "ana@example.com"
        assert re.fullmatch(r"[0-9a-f]{32}", first["request_id"])
        assert first["duration_ms"] > 0
        assert "the-name" not in repr(first)
        assert "hunter2" not in repr(first)
        assert "user-token" not in repr(first)
        assert (second["reference"], second["status"]) == ("not-found", 404)
        assert second["cause"] == "for the operator: hunter2"
        assert "hunter3" not in repr(second)


class TestSdk:
    def test_a_throttled_call_is_repeated_and_succeeds(self, serve: Any) -> None:
        from databricks.sdk import WorkspaceClient
        from databricks.sdk.core import Config

        from wheelyard.control.caller import ANONYMOUS, Caller
        from wheelyard.control.operation import ANYONE, Empty, Operation, Room
        from wheelyard.http.app import build_app

        class Busy:
            def __init__(self) -> None:
                self.calls = 0

            def call(self, _caller: Caller, _body: Empty) -> Empty:
                self.calls += 1
                if self.calls == 1:
                    raise errors.Throttled("Too many requests.", retry_after_seconds=1)
                return Empty()

        class Nobody:
            def authenticate(self, _token: object) -> Caller:
                return ANONYMOUS

        busy = Busy()
        room = Room("busy", Busy, (Operation("GET", "/api/2.0/busy", Empty, Empty, Busy.call, needs=ANYONE),))
        server = serve(build_app([(room, busy)], Nobody(), feed_app=None, workspace_id="1", ready=lambda: True))
        client = WorkspaceClient(config=Config(host=server.url, token="x", retry_timeout_seconds=20))
        assert client.api_client.do("GET", "/api/2.0/busy") == {}
        assert busy.calls == 2
