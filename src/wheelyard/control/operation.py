"""The row that says everything about an endpoint: method, path, types, who may, and what does it.

Routing, decoding, the permission check, OpenAPI and the coverage tests are all read from these rows. Paths are written
with one API version (`/api/2.0/…`); every `/api/2.x/` spelling reaches the same row. `{name}` matches one segment,
`{name...}` the rest of the path, escaped slashes included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import msgspec

from wheelyard.control.caller import Caller
from wheelyard.core.errors import PermissionDenied, WheelyardError

__all__ = ["ADMIN", "ANYONE", "SIGNED_IN", "Empty", "Need", "Operation", "RawAnswer", "Room"]

S = TypeVar("S")
B = TypeVar("B")
R = TypeVar("R")


class Empty(msgspec.Struct):
    """A body without fields; as an answer, `{}`."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Bytes that leave as they are, for exports and logs."""

    content: bytes
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    status: int = 200


@dataclass(frozen=True, slots=True)
class Need:
    """What a caller must have. `check` gets the room's service, the caller and the decoded body; it may refuse."""

    label: str
    check: Callable[[Any, Caller, Any], None] | None = None


def _only_admins(_service: object, caller: Caller, _body: object) -> None:
    if not caller.is_admin:
        raise PermissionDenied("Only workspace admins can perform this action.", reference="admin-needed")


ANYONE = Need("anyone")
SIGNED_IN = Need("signed in")
ADMIN = Need("workspace admin", _only_admins)

Envelope = Literal["default", "scim", "1.2", "oauth"]
Quirks = Mapping[type[WheelyardError], tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Operation(Generic[S, B, R]):
    """One endpoint.

    Args:
        method: HTTP method.
        path: see the module's opening.
        body: struct that path fields, query, JSON, form and multipart fields are decoded into, together. With `raw`,
            its field `content: bytes` gets the request body as it came.
        answer: struct of the answer; documents it, and is encoded without empty optional fields.
        handler: method of the room's service, called as `handler(service, caller, body)` in a worker thread.
        needs: who may.
        quirks: error class to (status, error_code) where this endpoint differs from the table in `http/errors.py`.
        envelope: shape of the error body.
        status: HTTP status of success; 204 sends no body.
        form: also accept `application/x-www-form-urlencoded` and `multipart/form-data`.
        raw: see `body`.
        media_type: of a JSON answer.
        at_once: mostly answered from memory, so it is tried in the event loop first, under `storage.waiting.at_once`.
            What finds there that it would wait is done again in a worker thread, so nothing may have happened before.
    """

    method: str
    path: str
    body: type[B]
    answer: type[R]
    handler: Callable[[S, Caller, B], R | RawAnswer]
    needs: Need
    quirks: Quirks = field(default_factory=lambda: MappingProxyType({}))
    envelope: Envelope = "default"
    status: int = 200
    form: bool = False
    raw: bool = False
    media_type: str = "application/json"
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A room's name, its service class and its rows."""

    name: str
    service: type[Any]
    operations: tuple[Operation[Any, Any, Any], ...]
