"""A small room behind the real dispatcher, served over real HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from wheelyard.control.caller import Caller
from wheelyard.control.operation import ADMIN, ANYONE, SIGNED_IN, Empty, Operation, RawAnswer, Room
from wheelyard.core import errors
from wheelyard.core.redaction import Secret
from wheelyard.http.app import build_app
from wheelyard.http.dispatch import Limits
from wheelyard.http.quick_protocol import QuickProtocol

WORKSPACE_ID = "1234567890123456"


class Filter(msgspec.Struct):
    is_pinned: bool | None = None
    sources: list[str] = []


class Item(msgspec.Struct):
    name: str = ""
    size: int = 0


class Body(msgspec.Struct):
    """Whatever the echo rows take."""

    name: str
    number: int = 0
    flag: bool = False
    ratio: float = 0.0
    kind: Literal["A", "B"] = "A"
    tags: list[str] = []
    limits: dict[str, str] = {}
    filter_by: Filter | None = None
    items: list[Item] = []
    content: bytes = b""


class Upload(msgspec.Struct):
    path: str
    content: bytes = b""
    overwrite: bool = False


class Segment(msgspec.Struct):
    name: str = ""


class Failing(msgspec.Struct):
    error: str
    text: str = "It is so."


class Echo(msgspec.Struct):
    """What arrived."""

    body: dict[str, Any]
    caller: str
    base_url: str
    path: str


class Demo:
    """Answers with what it was given."""

    def echo(self, caller: Caller, body: Any) -> Echo:
        """Say it again."""
        return Echo(msgspec.to_builtins(body), caller.name, caller.request.base_url, "echo")

    def other(self, caller: Caller, body: Any) -> Echo:
        return Echo(msgspec.to_builtins(body), caller.name, caller.request.base_url, "other")

    def raw(self, _caller: Caller, _body: Empty) -> RawAnswer:
        return RawAnswer(b"\x00\x01", "application/x-demo", {"X-More": "1"})

    def nothing(self, _caller: Caller, _body: Empty) -> Empty:
        return Empty()

    def fail(self, _caller: Caller, body: Failing) -> Empty:
        if body.error == "surprise":
            raise RuntimeError("the password is hunter2")
        if body.error == "Throttled":
            raise errors.Throttled(body.text, retry_after_seconds=7)
        raise getattr(errors, body.error)(body.text, hint="do this", log="for the operator: hunter2")


QUIRKS: dict[type[errors.WheelyardError], tuple[int, str]] = {errors.NotFound: (400, "INVALID_PARAMETER_VALUE")}
ROOM = Room(
    "demo",
    Demo,
    (
        Operation("POST", "/api/2.0/demo/echo", Body, Echo, Demo.echo, needs=SIGNED_IN),
        Operation("GET", "/api/2.0/demo/echo", Body, Echo, Demo.echo, needs=SIGNED_IN),
        Operation("DELETE", "/api/2.1/demo/echo", Body, Echo, Demo.echo, needs=ADMIN),
        Operation("POST", "/api/2.0/demo/form", Body, Echo, Demo.echo, needs=SIGNED_IN, form=True),
        Operation("POST", "/api/2.0/demo/files/{path...}", Upload, Echo, Demo.echo, needs=SIGNED_IN, raw=True),
        Operation("GET", "/api/2.0/demo/one/{name}", Segment, Echo, Demo.echo, needs=SIGNED_IN),
        Operation("GET", "/api/2.0/demo/one/special", Segment, Echo, Demo.other, needs=SIGNED_IN),
        Operation("GET", "/api/2.0/demo/one/{name}/more", Segment, Echo, Demo.other, needs=SIGNED_IN),
        Operation("GET", "/api/2.0/demo/raw", Empty, RawAnswer, Demo.raw, needs=SIGNED_IN),
        Operation("DELETE", "/api/2.0/demo/nothing", Empty, Empty, Demo.nothing, needs=SIGNED_IN, status=204),
        Operation("GET", "/api/2.0/demo/anyone", Empty, Empty, Demo.nothing, needs=ANYONE),
        Operation("GET", "/api/2.0/demo/fail", Failing, Empty, Demo.fail, needs=ANYONE),
        Operation("GET", "/api/2.0/demo/fail-quirk", Failing, Empty, Demo.fail, needs=ANYONE, quirks=QUIRKS),
        Operation("GET", "/api/2.0/demo/fail-scim", Failing, Empty, Demo.fail, needs=ANYONE, envelope="scim"),
        Operation("GET", "/api/1.2/demo/fail", Failing, Empty, Demo.fail, needs=ANYONE, envelope="1.2"),
        Operation("GET", "/oidc/fail", Failing, Empty, Demo.fail, needs=ANYONE, envelope="oauth"),
    ),
)


class TwoPeople:
    """`user-token` and `admin-token` are known."""

    def authenticate(self, token: Secret[str]) -> Caller:
        known = {"user-token": frozenset({"users"}), "admin-token": frozenset({"users", "admins"})}
        groups = known.get(token.reveal())
        if token.reveal() == "feed-token":
            return Caller("3", "ana@example.com", "user", feed_scope="org/team:read")
        if groups is None:
            raise errors.Unauthenticated("Invalid access token.", reference="invalid-token")
        return Caller("1", "ana@example.com", "user", groups=groups)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class Server:
    """An app on a port, by default behind the workspace's own protocol; sends bytes exactly as told."""

    def __init__(self, app: ASGIApp, http: type[HttpToolsProtocol] = QuickProtocol) -> None:
        self._bound = socket.socket()
        self._bound.bind(("127.0.0.1", 0))
        self.port = int(self._bound.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(app, http=http, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._bound]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.005)

    def request(
        self,
        method: str,
        target: str,
        *,
        token: str = "user-token",  # noqa: S107 # known to these tests only
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if token:
            sent.setdefault("Authorization", f"Bearer {token}")
        data = body if isinstance(body, bytes | None) or hasattr(body, "__next__") else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body=data, headers=sent)
            answer = connection.getresponse()
            content = answer.read()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)
        finally:
            connection.close()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()


async def feed_app(scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-feed", b"1")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(app: ASGIApp, http: type[HttpToolsProtocol] = QuickProtocol) -> Server:
        started.append(Server(app, http))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def demo(serve: Callable[[ASGIApp], Server]) -> Server:
    ready = iter([False])
    return serve(
        build_app(
            [(ROOM, Demo())],
            TwoPeople(),
            feed_app=feed_app,
            workspace_id=WORKSPACE_ID,
            ready=lambda: next(ready, True),
            limits=Limits(body_bytes=100_000, raw_bytes=200_000),
        )
    )
