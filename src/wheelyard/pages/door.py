"""One request for a page: recognise the session, refuse forged forms, ask who may, answer, record.

A form is taken when the browser says that it comes from us (`Sec-Fetch-Site`, or `Origin` where the browser sends no
such word) and, of somebody signed in, when it holds the token that our page gave out. A form whose session is over is
not lost: what was typed is sealed into the sign-in page and comes back after it, for the same person only.

A log line is written for each request. It names the row and the caller, never a query value, a field or a cookie.
"""

from __future__ import annotations

import hmac
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

import anyio.to_thread
import structlog
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message

from wheelyard.control.caller import ANONYMOUS, RequestInfo
from wheelyard.control.operation import ANYONE
from wheelyard.control.sign_in.service import BrowserSession, SignIn
from wheelyard.core.causes import cause_of
from wheelyard.core.errors import (
    LimitExceeded,
    MalformedRequest,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    WheelyardError,
)
from wheelyard.core.redaction import Secret
from wheelyard.pages.assets import ASSETS
from wheelyard.pages.form import NO_FORM, Form, UploadedFile
from wheelyard.pages.page import Answer, Moved, Page, PageGroup, PageRequest, Shown, SignedIn, Theme
from wheelyard.pages.refusals import refusal
from wheelyard.pages.rendering import HEADERS, render

__all__ = ["CSRF_FIELD", "LARGEST_FORM_BYTES", "Served", "Surroundings", "serve_pages"]

_LOG = structlog.get_logger("wheelyard.pages")

CSRF_FIELD = "csrf"
LARGEST_FORM_BYTES = 2 * 1024 * 1024
"""What a person may type is far less; what was typed and comes back sealed is a third larger."""
_MOST_FIELDS = 500
_WORKERS = 16
_THEMES: tuple[Theme, ...] = ("system", "light", "dark")
_A_YEAR_SECONDS = 365 * 24 * 3600

Record = Callable[[str, str, int, float], None]
"""Method, row, status, seconds: counts one request."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the door needs of the rest of the house.

    Args:
        workspace_id: part of the cookies' names, because browsers share cookies between the ports of one host.
        admins: names of the workspace's admins, for those who must ask one.
        status_of: HTTP status of an error, from the one table that maps them.
        record: counts a request.
    """

    sign_in: SignIn
    workspace_id: str
    admins: Callable[[], tuple[str, ...]]
    status_of: Callable[[Exception], int]
    record: Record


@dataclass(frozen=True, slots=True)
class Served:
    """What the web framework serves: a route for each page and asset, and an app for paths that are no page."""

    routes: list[BaseRoute]
    missing: ASGIApp


def serve_pages(groups: Iterable[PageGroup[Any]], surroundings: Surroundings) -> Served:
    """All pages, and what they load."""
    door = _Door(surroundings)
    routes = [Route(path, endpoint, methods=[method]) for method, path, endpoint in door.rows(groups)]
    missing = Route("/{path:path}", door.endpoint(_Row(_MISSING, None)), methods=["GET"])
    return Served([*routes, *_asset_routes()], missing.app)


def _no_such_page(_pages: None, _request: PageRequest) -> Answer:
    raise NotFound(
        "This workspace has no page at this address.", reference="page-not-found", hint="begin at the overview, /"
    )


_MISSING: Page[None] = Page("GET", "(none)", _no_such_page, needs=ANYONE)


def _asset_routes() -> list[BaseRoute]:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

    def answer(content: bytes, media_type: str) -> Any:
        async def endpoint(_request: Request) -> Response:
            return Response(content, media_type=media_type, headers=headers)

        return endpoint

    return [Route(asset.path, answer(asset.content, asset.media_type)) for asset in ASSETS.values()]


@dataclass(frozen=True, slots=True)
class _Row:
    page: Page[Any]
    answered_by: Any


class _Door:
    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._rows: dict[tuple[str, str], _Row] = {}
        self._workers: anyio.CapacityLimiter | None = None

    def rows(self, groups: Iterable[PageGroup[Any]]) -> Iterable[tuple[str, str, Any]]:
        """Method, path and endpoint of every page."""
        for group in groups:
            for page in group.pages:
                row = _Row(page, group.answered_by)
                self._rows[page.method, page.path] = row
                yield page.method, page.path, self.endpoint(row)

    def endpoint(self, row: _Row) -> Any:
        """What the web framework calls for a row."""

        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            form, unreadable = NO_FORM, None
            try:
                form = await _form(request) if row.page.method == "POST" else NO_FORM
            except WheelyardError as error:
                unreadable = error
            if self._workers is None:
                self._workers = anyio.CapacityLimiter(_WORKERS)
            visit = _Visit(self._around, self._rows, row, request, form=form)
            response = await anyio.to_thread.run_sync(visit.response, unreadable, limiter=self._workers)
            seconds = time.perf_counter() - started
            self._around.record(row.page.method, row.page.path, response.status_code, seconds)
            visit.log(response.status_code, seconds)
            return response

        return endpoint


class _Visit:
    """One request on its way."""

    def __init__(
        self,
        around: Surroundings,
        rows: Mapping[tuple[str, str], _Row],
        row: _Row,
        request: Request,
        *,
        form: Form,
    ) -> None:
        self._around = around
        self._sign_in = around.sign_in
        self._workspace_id = around.workspace_id
        self._rows = rows
        self._row = row
        self._cookies = _cookies(request)
        self._headers = request.headers
        self._secure = request.url.scheme == "https"
        self._info = _info(request)
        self._reference = self._cause = ""
        theme = self._cookies.get(self._theme_cookie, "system")
        self._request = PageRequest(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            path_fields=dict(request.path_params),
            form=form,
            is_htmx=request.headers.get("hx-request") == "true",
            theme=next((known for known in _THEMES if known == theme), "system"),
        )

    @property
    def _session_cookie(self) -> str:
        return f"wheelyard_session_{self._workspace_id}"

    @property
    def _theme_cookie(self) -> str:
        return f"wheelyard_theme_{self._workspace_id}"

    def response(self, unreadable: WheelyardError | None) -> Response:
        """The answer, whatever happens."""
        try:
            self._recognise()
            return self._respond(self._answer(unreadable))
        except Exception as error:  # noqa: BLE001 # the edge: every exception becomes a page here, and only here
            self._reference = error.reference if isinstance(error, WheelyardError) else "internal-error"
            self._cause = error.log if isinstance(error, WheelyardError) else cause_of(error)
            status = self._around.status_of(error)
            return self._respond(refusal(error, status, self._request, self._info.request_id, self._around.admins))

    def log(self, status: int, seconds: float) -> None:
        more = {"reference": self._reference, "cause": self._cause}
        (_LOG.error if status >= 500 else _LOG.info)(
            "page",
            method=self._row.page.method,
            path=self._row.page.path,
            status=status,
            duration_ms=round(seconds * 1000, 3),
            caller=self._request.caller.name,
            request_id=self._info.request_id,
            **{name: text for name, text in more.items() if text},
        )

    # How it is done ------------------------------------------------------------------------------------------------

    def _recognise(self) -> None:
        cookie = self._cookies.get(self._session_cookie, "")
        if not cookie:
            self._request = replace(self._request, caller=ANONYMOUS.with_request(self._info))
            return
        try:
            session = self._sign_in.session(Secret(cookie), self._info)
        except Unauthenticated as ended:
            former = self._sign_in.former_holder(Secret(cookie)) or ""
            caller = ANONYMOUS.with_request(self._info)
            self._request = replace(self._request, caller=caller, ended=ended.what, former=former)
        else:
            self._request = replace(self._request, caller=session.caller.with_request(self._info), session=session)

    def _answer(self, unreadable: WheelyardError | None) -> Answer:
        page, request = self._row.page, self._request
        if page.method == "POST":
            self._refuse_foreign_origin()
        if request.session is None and page.needs is not ANYONE:
            return self._ask_to_sign_in()
        if unreadable is not None:
            raise unreadable
        if page.method == "POST" and request.session is not None and not page.takes_old_forms:
            self._refuse_forged(request.session)
        return self._handled(self._row, replace(request, form=request.form.without([CSRF_FIELD])))

    def _handled(self, row: _Row, request: PageRequest) -> Answer:
        if row.page.needs.check is not None:
            row.page.needs.check(row.answered_by, request.caller, request.form)
        return row.page.handler(row.answered_by, request)

    def _refuse_foreign_origin(self) -> None:
        """Browsers say where a form comes from; what says nothing is no browser and sends no cookie by itself."""
        site, origin = self._headers.get("sec-fetch-site"), self._headers.get("origin")
        if site is not None:
            is_ours = site in {"same-origin", "none"}
        else:
            is_ours = origin is None or urlsplit(origin).netloc == self._headers.get("host", "")
        if not is_ours:
            raise PermissionDenied(
                "The form was not taken: it comes from another site.",
                reference="foreign-form",
                unchanged="nothing was changed",
                hint="open the page here and fill it in again",
            )

    def _refuse_forged(self, session: BrowserSession) -> None:
        """The token is the session's, or that of a session that ended while its person filled in the form."""
        session_id, _, token = self._request.form.text(CSRF_FIELD).partition(".")
        genuine = hmac.compare_digest(token.encode(), self._sign_in.csrf_token(session_id).encode())
        if genuine and session_id != session.session_id:
            genuine = self._sign_in.holder_of(session_id) == session.caller.principal_id
        if not genuine:
            raise PermissionDenied(
                "The form was not taken: it does not come from a page of this session.",
                reference="form-not-of-this-session",
                unchanged="nothing was changed",
                hint="load the page again",
            )

    def _ask_to_sign_in(self) -> Answer:
        request = self._request
        here = request.path if request.method == "GET" else self._shown_at(request.path)
        if request.is_htmx:
            return Shown("_session_over.html", {"ended": request.ended, "to": here}, status=401)
        if request.method == "GET" and not request.ended:
            return Moved(f"/sign-in?to={quote(here)}")
        typed = ""
        if request.former and request.form:
            typed = self._sign_in.seal_form(request.former, request.form.without([CSRF_FIELD]).packed())
        return Shown("sign_in.html", {"to": here, "typed": typed, "wrong": "", "user_name": "", "by": ""}, status=401)

    def _shown_at(self, path: str) -> str:
        """The page whose form posts to this path: the path itself, or the nearest one above it that can be shown."""
        while path not in {"", "/"} and ("GET", path) not in self._rows:
            path = path.rpartition("/")[0]
        return path or "/"

    def _respond(self, answer: Answer) -> Response:
        if isinstance(answer, SignedIn):
            return self._signed_in(answer)
        if isinstance(answer, Moved):
            return self._moved(answer)
        content = render(answer.template, {**self._shell(), **answer.values})
        headers = dict(HEADERS)
        if answer.in_place:
            headers["HX-Reswap"] = "none"
        if answer.retry_after_seconds:
            headers["Retry-After"] = str(answer.retry_after_seconds)
        return Response(content, answer.status, headers, media_type="text/html; charset=utf-8")

    def _shell(self) -> dict[str, Any]:
        """What every page may name."""
        session, request = self._request.session, self._request
        csrf = f"{session.session_id}.{session.csrf_token}" if session else ""
        return {
            "request": request,
            "caller": request.caller,
            "is_signed_in": session is not None,
            "csrf": csrf,
            "csrf_field": CSRF_FIELD,
            "theme": request.theme,
            "workspace_id": self._workspace_id,
            "ended": request.ended,
        }

    def _moved(self, answer: Moved) -> Response:
        if self._request.is_htmx:
            response = Response(b"", 200, {**HEADERS, "HX-Redirect": answer.to})
        else:
            response = Response(b"", 303, {**HEADERS, "Location": answer.to})
        if answer.theme is not None:
            self._set_cookie(response, self._theme_cookie, answer.theme, _A_YEAR_SECONDS)
        if answer.ends_session:
            self._set_cookie(response, self._session_cookie, "", 0)
        return response

    def _signed_in(self, answer: SignedIn) -> Response:
        new = answer.session
        caller = new.session.caller.with_request(self._info)
        self._request = replace(self._request, session=new.session, caller=caller, ended="", former="")
        opened = self._sign_in.open_form(caller.principal_id, answer.typed) if answer.typed else None
        row = self._rows.get(("GET", answer.to))
        if opened is None or row is None:
            response = self._moved(Moved(answer.to))
        else:
            self._request = replace(
                self._request, method="GET", path=answer.to, form=Form.unpacked(opened), query={}, path_fields={}
            )
            self._row = row
            response = self._respond(self._handled(row, self._request))
        self._set_cookie(response, self._session_cookie, new.cookie.reveal(), new.lifetime_seconds)
        return response

    def _set_cookie(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax")


def _info(request: Request) -> RequestInfo:
    return RequestInfo(
        request_id=uuid.uuid4().hex,
        base_url=f"{request.url.scheme}://{request.url.netloc}",
        user_agent=request.headers.get("user-agent", ""),
        client_address=request.client.host if request.client else "",
    )


def _cookies(request: Request) -> dict[str, str]:
    try:
        parsed = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}


async def _form(request: Request) -> Form:
    """Read the form.

    Raises:
        LimitExceeded: it is too large; the rest was not read.
        MalformedRequest: it cannot be read.
    """
    size, receive = 0, request.receive

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_FORM_BYTES:
            raise _too_large()
        return message

    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > LARGEST_FORM_BYTES:
        raise _too_large()
    limited = Request(request.scope, counted)
    try:
        async with limited.form(max_files=4, max_fields=_MOST_FIELDS, max_part_size=LARGEST_FORM_BYTES) as parsed:
            fields = tuple((name, value) for name, value in parsed.multi_items() if isinstance(value, str))
            uploads = [(name, value) for name, value in parsed.multi_items() if isinstance(value, UploadFile)]
            files = tuple([(name, UploadedFile(file.filename or "", await file.read())) for name, file in uploads])
    except MultiPartException as error:
        raise MalformedRequest(
            "The form could not be read.", reference="unreadable-form", unchanged="nothing was changed", log=str(error)
        ) from None
    if len(fields) > _MOST_FIELDS:
        raise _too_large()
    return Form(fields, files)


def _too_large() -> LimitExceeded:
    return LimitExceeded(
        f"The form is larger than {LARGEST_FORM_BYTES // 1024} KB.",
        reference="form-too-large",
        unchanged="nothing was changed",
        hint="a certificate holds at most 128 KB",
    )
