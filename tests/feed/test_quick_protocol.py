"""Ready answers over real sockets: the same as without them, in their order, and to nobody who may not have them."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from tests.feed.conftest import ADMIN, USER, Served, Server, basic, build_world, wheel

from wheelyard.control.feeds import wire
from wheelyard.http.ready_answers import Ready, RequestHeaders, lines_of

JSON = "application/vnd.pypi.simple.v1+json"
FILENAME, CONTENT = wheel(extra="Requires-Python: >=3.8\n", more={"acme/data.bin": bytes(range(256)) * 64})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FILE = f"files/{SHA256[:2]}/{SHA256}/{FILENAME}"


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        yield connection


def asked(port: int, wire_bytes: bytes) -> bytes:
    """Send everything, say that nothing more comes, and read to the end."""
    with connected(port) as connection:
        connection.sendall(wire_bytes)
        received = bytearray()
        while piece := connection.recv(1 << 16):
            received += piece
    return bytes(received)


def get(path: str, *lines: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: feed", *lines, "", ""]).encode("latin-1") + body


def without_date(answer: bytes) -> bytes:
    return re.sub(rb"\r\ndate: [^\r]*", b"", answer)


@dataclass
class Yard:
    """Some paths are ready; the app answers everything else, and says what it was sent."""

    ready: dict[str, Ready] = field(default_factory=dict)

    def find_ready(self, path: str, _query: bytes, _headers: RequestHeaders, _client: str) -> Ready | None:
        return self.ready.get(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        content = f"<{scope['method']} {scope['path']} {body.decode()}>".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [_length(content)]})
        await send({"type": "http.response.body", "body": content})


def _length(content: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", b"%d" % len(content))


@contextmanager
def serving(app: object, **options: int) -> Iterator[int]:
    server = Server(app, **options)
    try:
        yield server.port
    finally:
        server.close()


CLOSE = "Connection: close"
READY = Ready(200, lines_of([_length(b"<ready>")]), b"<ready>")


def test_answers_keep_the_order_of_their_requests() -> None:
    """Behind one that is not ready, a ready one waits its turn and goes the usual way."""
    paths = ["/ready", "/ready", "/slow", "/ready", "/slow", "/ready"]
    with serving(Yard({"/ready": READY})) as port:
        found = re.findall(rb"<[^>]*>", asked(port, b"".join([*map(get, paths), get("/end", CLOSE)])))
    assert found[0] == b"<ready>"
    assert [answer.replace(b"GET /", b"").replace(b" ", b"") for answer in found] == [
        *(f"<{path[1:]}>".encode() for path in paths),
        b"<end>",
    ]


@pytest.mark.parametrize(
    "request_bytes",
    [
        get("/ready", CLOSE),
        get("/ready", version="1.0"),
        get("/ready", CLOSE, method="POST"),
        get("/ready", CLOSE, "Content-Length: 2", body=b"hi"),
        get("/ready", CLOSE, "Transfer-Encoding: chunked", body=b"2\r\nhi\r\n0\r\n\r\n"),
        get("/re%61dy", CLOSE),
    ],
)
def test_whatever_is_more_than_a_plain_get_goes_to_the_app(request_bytes: bytes) -> None:
    with serving(Yard({"/ready": READY})) as port:
        answer = asked(port, request_bytes)
    assert b"/ready" in answer
    assert b"<ready>" not in answer


def test_a_request_in_pieces_is_one_request() -> None:
    with serving(Yard({"/ready": READY})) as port, connected(port) as connection:
        for byte in get("/ready"):
            connection.sendall(bytes([byte]))
        assert connection.recv(1 << 16).endswith(b"<ready>")


def test_what_nobody_reads_is_not_piled_up_and_arrives_whole() -> None:
    content = bytes(200_000)
    ready = Ready(200, lines_of([_length(content)]), content)
    with serving(Yard({"/ready": ready})) as port:
        received = asked(port, get("/ready") * 50 + get("/slow", CLOSE))
    assert received.count(b"HTTP/1.1 200") == 51
    assert received.endswith(b"<GET /slow >")


def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    with serving(Yard({"/ready": READY}), timeout_keep_alive=1) as port, connected(port) as busy:
        with connected(port) as idle:
            for connection in (idle, busy):
                connection.sendall(get("/ready"))
                assert connection.recv(1 << 16).endswith(b"<ready>")
            half = get("/ready")
            busy.sendall(half[:20])
            assert idle.recv(1 << 16) == b""
        busy.sendall(half[20:])
        assert busy.recv(1 << 16).endswith(b"<ready>")


def test_the_last_answer_of_a_connection_may_be_either_kind() -> None:
    for last in ("/ready", "/slow"):
        with serving(Yard({"/ready": READY}), timeout_keep_alive=1) as port, connected(port) as connection:
            for path in ("/slow", "/ready", "/slow", "/ready", last):
                connection.sendall(get(path))
                assert connection.recv(1 << 16).endswith(b">")
            assert connection.recv(1 << 16) == b""


@dataclass
class Both:
    """One feed behind the workspace's protocol and behind uvicorn's own."""

    served: Served
    quick: int
    plain: int


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    world = build_world(tmp_path_factory.mktemp("both"))
    quick, plain = Server(world.app), Server(world.app, http="httptools")
    served = Served(world, quick.port, world.create(), world.token())
    assert served.upload(FILENAME, CONTENT).status == 200
    yield Both(served, quick.port, plain.port)
    quick.close()
    plain.close()
    world.app.close()
    world.database.close()


PATHS = st.sampled_from(
    [
        *("simple/", "simple/acme/", "simple/acme", "simple/ACME/", "simple/nope/", "simple/acme/?format=nonsense"),
        *("simple/acme/?x=1", "simple//", "simple/%61cme/", "simple/acme/#part", FILE, f"{FILE}.metadata", "upload/"),
        *(f"{FILE}.nope", f"files/00/{SHA256}/{FILENAME}", f"files/{SHA256}/{FILENAME}", "", "nowhere"),
    ]
)
HEADERS = st.sampled_from(
    [
        *(f"Accept: {JSON}", "Accept: text/html", "Accept: */*", "Accept-Encoding: gzip", "Accept-Encoding: gzip;q=0"),
        *("If-None-Match: *", f'If-None-Match: W/"{SHA256}"', "Range: bytes=1-5", "Range: bytes=9999999-", "X: y"),
        *("Connection: keep-alive", "Upgrade: h2c", "Expect: 100-continue", "Accept: application/json"),
    ]
)


@given(
    path=PATHS,
    headers=st.lists(HEADERS, max_size=4),
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "PUT"]),
    who=st.sampled_from(["known", "known", "known", "stranger", "nobody"]),
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_answer_is_the_same_as_over_uvicorns_own_protocol(
    path: str, headers: list[str], method: str, who: str, both: Both
) -> None:
    credentials = {
        "known": [f"Authorization: {basic('any', both.served.token)}"],
        "stranger": [f"Authorization: {basic('any', 'nonsense')}"],
        "nobody": [],
    }[who]
    request = get(both.served.root + path, *credentials, *headers, method=method)
    last = get("/nowhere", CLOSE)
    twice = request + request + last  # the first may have to ask; the second finds what that one left
    quick, plain = asked(both.quick, twice), asked(both.plain, twice)
    assert without_date(quick) == without_date(plain)
    assert quick.count(b"HTTP/1.1 ") == 3 + quick.count(b"100 Continue")


@pytest.mark.parametrize("path", ["simple/acme/", "simple/", FILE, f"{FILE}.metadata"])
def test_a_role_that_was_taken_away_ends_on_an_open_connection(path: str, served: Served) -> None:
    assert served.upload(FILENAME, CONTENT).status == 200
    feeds, feed_id = served.world.feeds, served.feed.feed_id
    feeds.put_role(ADMIN, wire.PutRole(feed_id, USER.name, "READER"))
    request = get(served.root + path, f"Authorization: {basic('any', served.world.token(USER))}")
    with connected(served.port) as connection:
        for _ in range(3):
            assert _status(connection, request) == 200
        feeds.delete_role(ADMIN, wire.OnRole(feed_id, USER.name))
        assert _status(connection, request) == 403


def test_a_change_is_in_the_next_ready_answer(served: Served) -> None:
    with connected(served.port) as connection:
        for number in range(5):
            assert served.upload(*wheel(version=f"1.{number}")).status == 200
            for _ in range(2):
                connection.sendall(get(f"{served.root}simple/acme/", f"Authorization: {basic('any', served.token)}"))
                assert f"acme-1.{number}-".encode() in _answer(connection)


def _status(connection: socket.socket, request: bytes) -> int:
    connection.sendall(request)
    return int(_answer(connection)[9:12])


def _answer(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head)
    assert found is not None
    while len(body) < int(found[1]):
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body
