"""A row that says `at_once` is answered by the event loop, unless that would have to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from starlette.types import ASGIApp
from tests.http.conftest import WORKSPACE_ID, Segment, TwoPeople
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wheelyard.control.caller import Caller
from wheelyard.control.operation import ADMIN, SIGNED_IN, Operation, Room
from wheelyard.core.errors import BadRequest
from wheelyard.http.app import build_app
from wheelyard.http.metrics import Metrics
from wheelyard.storage.waiting import refuse_to_wait

Server = Any


class _Where:
    """Says which thread answers."""

    def memory(self, _caller: Caller, _body: Segment) -> Segment:
        return Segment(threading.current_thread().name)

    def disk(self, _caller: Caller, _body: Segment) -> Segment:
        refuse_to_wait()
        return Segment(threading.current_thread().name)

    def request(self, caller: Caller, body: Segment) -> Segment:
        """What of the request arrived."""
        request = caller.request
        return Segment(f"{body.name}|{request.base_url}|{request.user_agent}|{request.client_address}")

    def fail(self, _caller: Caller, body: Segment) -> Segment:
        if body.name == "known":
            raise BadRequest("No.", reference="no")
        raise RuntimeError("nobody expected this")


_ROWS = (
    Operation("GET", "/api/2.0/where/memory", Segment, Segment, _Where.memory, needs=SIGNED_IN, at_once=True),
    Operation("GET", "/api/2.0/where/disk", Segment, Segment, _Where.disk, needs=SIGNED_IN, at_once=True),
    Operation("GET", "/api/2.0/where/request", Segment, Segment, _Where.request, needs=SIGNED_IN, at_once=True),
    Operation("GET", "/api/2.0/where/fail", Segment, Segment, _Where.fail, needs=SIGNED_IN, at_once=True),
    Operation("GET", "/api/2.0/where/admins", Segment, Segment, _Where.request, needs=ADMIN, at_once=True),
    Operation("GET", "/api/2.0/where/usual", Segment, Segment, _Where.memory, needs=SIGNED_IN),
)


def _app(metrics: Metrics | None = None) -> ASGIApp:
    return build_app(
        [(Room("where", _Where, _ROWS), _Where())],
        TwoPeople(),
        feed_app=None,
        workspace_id=WORKSPACE_ID,
        ready=lambda: True,
        metrics=metrics,
    )


def test_what_is_in_memory_is_answered_by_the_loop_and_what_would_wait_by_a_worker(
    serve: Callable[[ASGIApp], Server],
) -> None:
    server = serve(_app())
    places = {
        kind: server.request("GET", f"/api/2.0/where/{kind}").json["name"] for kind in ("memory", "disk", "usual")
    }
    assert places["memory"] not in {places["disk"], places["usual"]}
    assert server.request("GET", "/api/2.0/where/memory", token="wrong").status == 401


_PROXY = MappingProxyType({"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})


@pytest.mark.parametrize("headers", [{}, {"User-Agent": "tester"}, _PROXY, {"Connection": "close"}], ids=str)
@pytest.mark.parametrize("token", ["user-token", "admin-token", "feed-token", "wrong", ""])
@pytest.mark.parametrize(
    "target",
    [
        *(
            "request",
            "request?name=x",
            "request?name=%00",
            "request?name=%FF",
            "%72equest?name=x",
            "request?name=a&a=b",
        ),
        *("admins", "fail", "fail?name=known", "nowhere", "request/"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_is_the_same_from_where_its_request_was_read(
    method: str, target: str, token: str, headers: Mapping[str, str], both: tuple[Server, Server]
) -> None:
    quick, plain = (
        server.request(method, f"/api/2.1/where/{target}", token=token, headers={"Host": "h:1", **headers})
        for server in both
    )
    assert (quick.status, _without_id(quick)) == (plain.status, _without_id(plain))
    assert _lasting(quick.headers) == _lasting(plain.headers)
    assert quick.headers["x-request-id"] != plain.headers["x-request-id"]


@pytest.fixture(scope="module")
def both(serve: Callable[..., Server]) -> tuple[Server, Server]:
    """The rows behind the workspace's protocol and behind uvicorn's own."""
    return serve(_app()), serve(_app(), HttpToolsProtocol)


def _without_id(answer: Any) -> bytes:
    return bytes(answer.content.replace(answer.headers["x-request-id"].encode(), b"(id)"))


def _lasting(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in {"date", "x-request-id"}}


def test_each_call_is_counted_once_however_it_was_answered(serve: Callable[[ASGIApp], Server]) -> None:
    metrics = Metrics()
    server = serve(_app(metrics))
    for kind in ("memory", "disk", "usual"):
        server.request("GET", f"/api/2.0/where/{kind}")
    server.request("GET", "/api/2.0/where/fail?name=known")
    counts = [line for line in metrics.render().splitlines() if line.startswith("wheelyard_requests_total")]
    assert len(counts) == 4
    assert all(line.endswith(" 1") for line in counts)
