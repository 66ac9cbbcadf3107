"""The whole workspace as one ASGI app.

Three doors: the feed's own app and the rows of all rooms, plain callables in front of the router because theirs are the
hot paths; and, behind the router, pages and a few fixed routes (health, metrics, the OpenAPI document). `/healthz`,
`/readyz`, `/metrics` and `/openapi.json` need no token: they name operations and counts, and no principal or value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wheelyard.control.caller import Authenticator
from wheelyard.control.operation import Room
from wheelyard.http.dispatch import Dispatcher, Limits, bind
from wheelyard.http.metrics import Metrics
from wheelyard.http.openapi import openapi_document
from wheelyard.http.ready_answers import Ready, RequestHeaders, find_ready_of

__all__ = ["build_app", "is_feed_path"]

_FEED_MARK = "_packaging"
_ROWS = "/api/"
_NO_ORGANIZATIONS = frozenset({"api", "oidc", ".well-known"})


def build_app(
    rooms_with_services: Sequence[tuple[Room, object]],
    authenticator: Authenticator,
    *,
    feed_app: ASGIApp | None,
    workspace_id: str,
    ready: Callable[[], bool],
    limits: Limits | None = None,
    routes: Sequence[BaseRoute] = (),
    missing_page: ASGIApp | None = None,
    metrics: Metrics | None = None,
) -> ASGIApp:
    """Build the app.

    Args:
        rooms_with_services: every room with the service its handlers are methods of.
        authenticator: turns bearer tokens into callers.
        feed_app: answers `/{organization}/[{project}/]_packaging/…`; it authenticates by itself.
        workspace_id: decimal digits, sent with every answer.
        ready: whether `/readyz` may say so.
        limits: sizes and worker threads.
        routes: further routes, tried before the rows (pages).
        missing_page: answers a browser that asks for a page which is not there; without it, the rows' answer is JSON.
        metrics: where requests are counted, also those of the further routes; its own by default.
    """
    metrics = metrics or Metrics()
    bindings = bind(rooms_with_services)
    document = msgspec.json.encode(openapi_document([room for room, _ in rooms_with_services]))
    dispatcher = Dispatcher(bindings, authenticator, workspace_id=workspace_id, metrics=metrics, limits=limits)

    async def healthz(_request: Request) -> Response:
        return _json(b'{"status":"alive"}')

    async def readyz(_request: Request) -> Response:
        return _json(b'{"status":"ready"}') if ready() else _json(b'{"status":"starting"}', status=503)

    async def show_metrics(_request: Request) -> Response:
        return Response(metrics.render(), media_type="text/plain; version=0.0.4")

    async def openapi(_request: Request) -> Response:
        return _json(document)

    router = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
            Route("/openapi.json", openapi),
            *routes,
        ]
    )
    # Not a mount: those match decoded paths, and none with a line break in it.
    router.router.default = dispatcher if missing_page is None else _page_or(missing_page, dispatcher)
    router.router.redirect_slashes = False
    return _Doors(feed_app, dispatcher, router)


def is_feed_path(path: str) -> bool:
    """Whether the second or third segment is the feeds' mark."""
    if _FEED_MARK not in path:
        return False
    segments = path.split("/", 4)
    return _FEED_MARK in segments[2:4] and segments[1] not in _NO_ORGANIZATIONS


def _page_or(missing_page: ASGIApp, dispatcher: Dispatcher) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_for_a_browser(scope) and not dispatcher.answers(scope):
            await missing_page(scope, receive, send)
        else:
            await dispatcher(scope, receive, send)

    return app


def _is_for_a_browser(scope: Scope) -> bool:
    """Whether a person follows a link: programs accept anything or JSON, and what is below `/api` is for them."""
    accepted = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    first = scope["path"].lstrip("/").partition("/")[0]
    return scope["method"] in {"GET", "HEAD"} and b"text/html" in accepted and first not in _NO_ORGANIZATIONS


class _Doors:
    """Sends each request through its door. What the feeds or the rows have ready is ready."""

    def __init__(self, feed_app: ASGIApp | None, rows: Dispatcher, router: ASGIApp) -> None:
        self._feed_app = feed_app
        self._rows = rows
        self._router = router
        self._find_ready_in_feeds = find_ready_of(feed_app)

    def find_ready(self, path: str, query: bytes, headers: RequestHeaders, client: str) -> Ready | None:
        """See `FindReady`."""
        if path.startswith(_ROWS):
            return self._rows.find_ready(path, query, headers, client)
        return self._find_ready_in_feeds(path, query, headers, client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
        elif scope["path"].startswith(_ROWS):
            await self._rows(scope, receive, send)
        elif self._feed_app is not None and is_feed_path(scope["path"]):
            await self._feed_app(scope, receive, send)
        else:
            await self._router(scope, receive, send)


def _json(content: bytes, *, status: int = 200) -> Response:
    return Response(content, status_code=status, media_type="application/json")
