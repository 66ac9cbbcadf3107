"""A row that says `at_once` is answered by the event loop, unless that would have to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp
from tests.http.conftest import WORKSPACE_ID, Segment, TwoPeople

from wheelyard.control.caller import Caller
from wheelyard.control.operation import SIGNED_IN, Operation, Room
from wheelyard.http.app import build_app
from wheelyard.storage.waiting import refuse_to_wait

Server = Any


class _Where:
    """Says which thread answers."""

    def memory(self, _caller: Caller, _body: Segment) -> Segment:
        return Segment(threading.current_thread().name)

    def disk(self, _caller: Caller, _body: Segment) -> Segment:
        refuse_to_wait()
        return Segment(threading.current_thread().name)


def test_what_is_in_memory_is_answered_by_the_loop_and_what_would_wait_by_a_worker(
    serve: Callable[[ASGIApp], Server],
) -> None:
    rows = (
        Operation("GET", "/api/2.0/where/memory", Segment, Segment, _Where.memory, needs=SIGNED_IN, at_once=True),
        Operation("GET", "/api/2.0/where/disk", Segment, Segment, _Where.disk, needs=SIGNED_IN, at_once=True),
        Operation("GET", "/api/2.0/where/usual", Segment, Segment, _Where.memory, needs=SIGNED_IN),
    )
    app = build_app(
        [(Room("where", _Where, rows), _Where())],
        TwoPeople(),
        feed_app=None,
        workspace_id=WORKSPACE_ID,
        ready=lambda: True,
    )
    server = serve(app)
    places = {row.path: server.request("GET", row.path).json["name"] for row in rows}
    loop = places["/api/2.0/where/memory"]
    assert loop not in {places["/api/2.0/where/disk"], places["/api/2.0/where/usual"]}
    assert server.request("GET", "/api/2.0/where/memory", token="wrong").status == 401
