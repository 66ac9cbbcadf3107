"""One REST call: match, authenticate, decode, authorise, call, encode, record.

The row (`control/operation.py`) says everything about an endpoint; nothing here knows one. An anonymous caller is
told 401 on every `/api` path, known or not, unless its row is for anyone. Authentication, the permission check and
the handler run together in one worker thread, so the event loop only moves bytes; what a row that says `at_once` finds
in memory it answers itself (`find_ready`). A body that is large, or of a size nobody declared, is read only once its
sender is known.

A log line is written for each call. It names the row and the caller, never a query value, a body or a token.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import anyio.to_thread
import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from wheelyard.control.caller import ANONYMOUS, Authenticator, Caller, RequestInfo
from wheelyard.control.operation import ANYONE, Operation, RawAnswer, Room
from wheelyard.core.causes import cause_of
from wheelyard.core.errors import (
    EndpointNotFound,
    LimitExceeded,
    MalformedRequest,
    PermissionDenied,
    Unauthenticated,
    WheelyardError,
)
from wheelyard.core.redaction import Secret
from wheelyard.http.decode import Decoder, Payload
from wheelyard.http.errors import ErrorAnswer, answer_for
from wheelyard.http.metrics import Metrics
from wheelyard.http.ready_answers import Headers, Ready, RequestHeaders, lines_of, send_ready
from wheelyard.http.routes import Binding, Match, RouteTable
from wheelyard.storage.waiting import WouldWait, at_once

__all__ = ["Dispatcher", "Limits", "bind"]

_LOG = structlog.get_logger("wheelyard.http")
T = TypeVar("T")

_READ_BEFORE_AUTHENTICATING_BYTES = 64 * 1024
_BEHIND_A_PROXY = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost.

    Args:
        body_bytes: largest JSON, form or multipart body.
        raw_bytes: largest body of a row that takes raw bytes.
        workers: handlers that run at the same time; others wait.
    """

    body_bytes: int = 64 * 1024 * 1024
    raw_bytes: int = 256 * 1024 * 1024
    workers: int = 64


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class _Call:
    """One request on its way; filled in as more is known."""

    method: str
    raw_path: str
    headers: RequestHeaders
    payload: Payload
    info: RequestInfo
    match: Match | None = None
    caller: Caller = ANONYMOUS
    reference: str = ""
    cause: str = ""
    started_at: float = field(default_factory=time.perf_counter)

    @property
    def operation(self) -> Operation[Any, Any, Any] | None:
        return self.match.binding.operation if self.match else None


def bind(rooms_with_services: Sequence[tuple[Room, object]]) -> tuple[Binding, ...]:
    """Pair each row with the service that runs it."""
    return tuple(
        Binding(room.name, operation, service, Decoder(operation))
        for room, service in rooms_with_services
        for operation in room.operations
    )


class Dispatcher:
    """The ASGI app of all rows."""

    def __init__(
        self,
        bindings: Iterable[Binding],
        authenticator: Authenticator,
        *,
        workspace_id: str,
        metrics: Metrics,
        limits: Limits | None = None,
        new_request_id: Callable[[], str] = lambda: f"{random.getrandbits(128):032x}",  # no secret
    ) -> None:
        self._routes = RouteTable(bindings)
        self._at_once_rows = self._routes.at_once()
        self._authenticator = authenticator
        self._always: Headers = [
            (b"x-databricks-org-id", workspace_id.encode("latin-1")),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
        ]
        self._always_lines = lines_of(self._always)
        self._metrics = metrics
        self._limits = limits or Limits()
        self._new_request_id = new_request_id
        self._workers: anyio.CapacityLimiter | None = None

    def answers(self, scope: Scope) -> bool:
        """Whether a row answers this request, or there is more to say about it than that none does."""
        try:
            return self._routes.find(scope["method"], _raw_path(scope)) is not None
        except MalformedRequest:
            return True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        headers: RequestHeaders = dict(scope["headers"])
        call = self._call(
            scope["method"],
            _raw_path(scope),
            scope.get("query_string", b""),
            headers,
            client=str((scope.get("client") or ("",))[0]),
            base_url=_base_url(scope, headers),
        )
        try:
            call.match = self._routes.find(call.method, call.raw_path)
            answer = await self._answer(call, receive)
        except Exception as error:  # noqa: BLE001 # the edge: every exception becomes an answer
            answer = _error_answer(call, error)
        await send_ready(send, self._ready(call, answer))
        self._record(call, answer)

    def find_ready(self, path: str, query: bytes, headers: RequestHeaders, client: str) -> Ready | None:
        """What a row that says `at_once` finds in memory, and its refusals; see `FindReady`.

        Behind a proxy somebody else has to say what the scheme and the client were.
        """
        match = self._at_once_rows.get(path)
        if match is None or not _BEHIND_A_PROXY.isdisjoint(headers):
            return None
        call = self._call("GET", path, query, headers, client=client, base_url=f"http://{_text(headers, b'host')}")
        call.match = match
        try:
            answer = self._at_once(call)
        except Exception as error:  # noqa: BLE001 # the same edge as in `__call__`
            answer = _error_answer(call, error)
        if answer is None:
            return None
        self._record(call, answer)
        return self._ready(call, answer)

    def _call(
        self, method: str, raw_path: str, query: bytes, headers: RequestHeaders, *, client: str, base_url: str
    ) -> _Call:
        return _Call(
            method,
            raw_path,
            headers,
            Payload(query.decode("latin-1"), b"", _text(headers, b"content-type"), _text(headers, b"authorization")),
            RequestInfo(self._new_request_id(), base_url, _text(headers, b"user-agent"), client),
        )

    async def _answer(self, call: _Call, receive: Receive) -> _Answer:
        if call.match is None and not call.raw_path.startswith("/api/"):
            raise _no_such_endpoint(call)
        if not _declares_small_body(call):
            await self._in_worker(self._authenticate, call)
        if call.match is not None:
            content = await self._read(call, call.match.binding.operation, receive)
            call.payload = _with_content(call.payload, content)
        answer = self._at_once(call) if call.operation is not None and call.operation.at_once else None
        return await self._in_worker(self._perform, call) if answer is None else answer

    def _at_once(self, call: _Call) -> _Answer | None:
        """The answer, if nobody has to wait for it; nothing has happened otherwise."""
        try:
            return at_once(lambda: self._perform(call))
        except WouldWait:
            return None

    async def _in_worker(self, work: Callable[[_Call], T], call: _Call) -> T:
        if self._workers is None:
            self._workers = anyio.CapacityLimiter(self._limits.workers)
        return await anyio.to_thread.run_sync(work, call, limiter=self._workers)

    def _authenticate(self, call: _Call) -> None:
        if call.caller is not ANONYMOUS:
            return
        caller = ANONYMOUS
        if call.operation is None or call.operation.needs is not ANYONE:
            caller = self._authenticator.authenticate(_bearer(call.payload.authorization))
            if caller.feed_scope:
                raise PermissionDenied(
                    "A feed token opens its feed and no other part of the workspace.",
                    reference="feed-token-on-rest",
                    hint="use a personal access token or an OAuth token",
                )
        call.caller = caller.with_request(call.info)

    def _perform(self, call: _Call) -> _Answer:
        self._authenticate(call)
        if call.match is None:
            raise _no_such_endpoint(call)
        binding, operation = call.match.binding, call.match.binding.operation
        body = binding.decoder.decode(call.payload, call.match.path_fields)
        if operation.needs.check is not None:
            operation.needs.check(binding.service, call.caller, body)
        return _encoded(operation, operation.handler(binding.service, call.caller, body))

    async def _read(self, call: _Call, operation: Operation[Any, Any, Any], receive: Receive) -> bytes:
        """Read the body.

        What exceeds the limit is read on and dropped, up to the limit again, so the answer arrives.
        """
        if call.method in {"GET", "HEAD"}:
            return b""
        limit = self._limits.raw_bytes if operation.raw else self._limits.body_bytes
        pieces: list[bytes] = []
        size, more = 0, _declared_size(call) <= 2 * limit
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise MalformedRequest("The request ended before its body did.", reference="body-cut-short")
            size += len(message.get("body", b""))
            if size <= limit:
                pieces.append(message.get("body", b""))
            more = message.get("more_body", False) and size <= 2 * limit
        if size > limit or _declared_size(call) > limit:
            raise LimitExceeded(
                f"The body of the request is larger than the {limit} bytes that are accepted here.",
                reference="body-too-large",
                unchanged="nothing was stored",
            )
        return b"".join(pieces)

    def _ready(self, call: _Call, answer: _Answer) -> Ready:
        headers = [(b"x-request-id", call.info.request_id.encode("latin-1"))]
        if answer.status != 204:
            headers += [
                (b"content-type", answer.media_type.encode("latin-1")),
                (b"content-length", b"%d" % len(answer.body)),
            ]
        lines = self._always_lines + lines_of(headers)
        if answer.headers:
            own = {name.lower().encode("latin-1"): value.encode("latin-1", "replace") for name, value in answer.headers}
            lines = lines_of(list({**dict(self._always), **dict(headers), **own}.items()))
        return Ready(answer.status, lines, b"" if call.method == "HEAD" else answer.body)

    def _record(self, call: _Call, answer: _Answer) -> None:
        path = call.operation.path if call.operation else "(none)"
        seconds = time.perf_counter() - call.started_at
        self._metrics.record(call.method if call.operation else "ANY", path, answer.status, seconds)
        more = {"reference": call.reference, "cause": call.cause} if call.reference or call.cause else {}
        log = _LOG.error if answer.status >= 500 else _LOG.info
        log(
            "request",
            method=call.method,
            path=path,
            status=answer.status,
            duration_ms=round(seconds * 1000, 3),
            caller=call.caller.name,
            request_id=call.info.request_id,
            **{name: text for name, text in more.items() if text},
        )


def _encoded(operation: Operation[Any, Any, Any], answer: Any) -> _Answer:
    if isinstance(answer, RawAnswer):
        return _Answer(answer.status, answer.content, answer.media_type, tuple(answer.headers.items()))
    if operation.status == 204:
        return _Answer(204, b"", "")
    return _Answer(operation.status, _ENCODER.encode(answer), operation.media_type)


def _plain(value: Any) -> Any:
    """A parsed name leaves as the text it is; msgspec encodes no subclass of `str` by itself."""
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot stand in an answer")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)


def _error_answer(call: _Call, error: Exception) -> _Answer:
    operation = call.operation
    answer: ErrorAnswer = (
        answer_for(error, request_id=call.info.request_id)
        if operation is None
        else answer_for(error, request_id=call.info.request_id, envelope=operation.envelope, quirks=operation.quirks)
    )
    call.reference, call.cause = answer.reference, _cause(error)
    return _Answer(answer.status, answer.encoded(), "application/json", tuple(answer.headers.items()))


def _cause(error: Exception) -> str:
    """For the operator: what an error of ours says of its inside, or where an unexpected one came from."""
    return error.log if isinstance(error, WheelyardError) else cause_of(error)


def _bearer(authorization: str) -> Secret[str]:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Secret(token.strip())
    if scheme:
        raise Unauthenticated(
            "This workspace takes a bearer token only; user names and passwords open no REST call.",
            reference="bearer-token-needed",
            hint="send Authorization: Bearer <token>",
        )
    raise Unauthenticated(
        "Credential was not sent or was of an unsupported type for this API.",
        reference="no-credentials",
        hint="set DATABRICKS_TOKEN, or run `wheelyard env`",
    )


def _raw_path(scope: Scope) -> str:
    raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw_path.decode("latin-1")


def _no_such_endpoint(call: _Call) -> EndpointNotFound:
    path = call.raw_path if len(call.raw_path) <= 200 else f"{call.raw_path[:200]}…"
    return EndpointNotFound(f"No API found for '{call.method} {path}'")


def _declared_size(call: _Call) -> int:
    text = call.headers.get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def _declares_small_body(call: _Call) -> bool:
    if call.method in {"GET", "HEAD"}:
        return True
    chunked = b"transfer-encoding" in call.headers
    return not chunked and _declared_size(call) <= _READ_BEFORE_AUTHENTICATING_BYTES


def _with_content(payload: Payload, content: bytes) -> Payload:
    return Payload(payload.query, content, payload.content_type, payload.authorization)


def _text(headers: RequestHeaders, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _base_url(scope: Scope, headers: RequestHeaders) -> str:
    host = _text(headers, b"host")
    if not host:
        server = scope.get("server") or ("127.0.0.1", 80)
        host = f"{server[0]}:{server[1]}"
    return f"{scope.get('scheme', 'http')}://{host}"
