"""The rows of SCIM, the same six for each of the three collections. Admins write; everybody signed in may read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wheelyard.control.caller import Caller
from wheelyard.control.operation import ADMIN, SIGNED_IN, Empty, Need, Operation
from wheelyard.control.scim import wire
from wheelyard.control.scim.resources import COLLECTION, Kind
from wheelyard.control.scim.service import Directory

__all__ = ["OPERATIONS"]

_BASE = "/api/2.0/preview/scim/v2"


def _of(kind: Kind, method: Callable[..., Any]) -> Callable[[Directory, Caller, Any], Any]:
    """A method of the directory as a handler for one kind."""

    def handle(service: Directory, _caller: Caller, body: Any) -> Any:
        return method(service, kind, body)

    handle.__name__ = f"{method.__name__}_{kind}"
    handle.__doc__ = method.__doc__
    return handle


def _row(
    method: str,
    path: str,
    body: type[Any],
    answer: type[Any],
    handler: Callable[..., Any],
    *,
    needs: Need,
    status: int = 200,
) -> Operation[Any, Any, Any]:
    return Operation(
        method,
        f"{_BASE}/{path}",
        body,
        answer,
        handler,
        needs=needs,
        envelope="scim",
        status=status,
        media_type="application/scim+json",
    )


def _rows(kind: Kind) -> tuple[Operation[Any, Any, Any], ...]:
    many, one = COLLECTION[kind], f"{COLLECTION[kind]}/{{id}}"
    return (
        _row("GET", many, wire.Listing, wire.Resources, _of(kind, Directory.search), needs=SIGNED_IN),
        _row("POST", many, wire.Resource, wire.Resource, _of(kind, Directory.create), needs=ADMIN, status=201),
        _row("GET", one, wire.OnResource, wire.Resource, _of(kind, Directory.get), needs=SIGNED_IN),
        _row("PUT", one, wire.Resource, wire.Resource, _of(kind, Directory.replace), needs=ADMIN),
        _row("PATCH", one, wire.Patch, wire.Resource, _of(kind, Directory.patch), needs=ADMIN),
        _row("DELETE", one, wire.OnResource, Empty, _of(kind, Directory.delete), needs=ADMIN, status=204),
    )


OPERATIONS = (
    _row("GET", "Me", wire.Query, wire.Resource, Directory.me, needs=SIGNED_IN),
    *_rows("user"),
    *_rows("group"),
    *_rows("service_principal"),
)
