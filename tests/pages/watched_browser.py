"""Chromium as people use it, watched: what no page of ours may do fails the test in which it happens.

A visitor is one person's browser: cookies of their own, one tab. Every visitor notes requests to anybody but the
workspace (they are stopped as well), errors on the console, exceptions of scripts, violations of the content policy,
mixed content, dialogs, crashes and answers of 500 and above. It keeps the body of every page and fragment it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from playwright.sync_api import (
    APIResponse,
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    Request,
    Response,
    Route,
    expect,
)

__all__ = ["NARROW", "WIDE", "Visitor", "WatchedBrowser", "chromium_arguments"]

WIDE, NARROW = 1280, 360
"""Widths in CSS pixels."""
PATIENCE_SECONDS = 15
"""How long an element may take to be as a test wants it."""

expect.set_options(timeout=PATIENCE_SECONDS * 1000)

_AS_EXPECTED = re.compile(
    r"Failed to load resource: the server responded with a status of 4\d\d|Response Status Error Code 4\d\d"
    r"|htmx:(sendAbort|afterRequest)\b"
)
"""Chromium's and htmx's own lines about answers that a test looks at by itself, and about leaving a page meanwhile."""

_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violated: ${event.effectiveDirective} by ${event.blockedURI} ${event.sample}`);
});
"""

_CUT = """
() => {
  const width = document.documentElement.clientWidth, found = [];
  const isClipped = (element) => element !== null
    && (getComputedStyle(element).clipPath !== "none" || isClipped(element.parentElement));
  const isSilent = (element) => element.closest(".skip, [hidden], template, option") !== null || isClipped(element);
  for (const element of document.body.querySelectorAll("*")) {
    if (isSilent(element) || !element.checkVisibility({ visibilityProperty: true })) continue;
    const name = `${element.tagName.toLowerCase()}#${element.id}.${element.className}`;
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    if (box.width && (box.right > width + 1 || box.left < -1)) found.push(`${name} reaches out of the window`);
    const clips = style.overflowX !== "visible" && style.textOverflow !== "ellipsis";
    const isField = element.matches("input, textarea, select, progress");
    if (clips && !isField && element.scrollWidth > element.clientWidth + 1) found.push(`${name} is cut`);
  }
  return found;
}
"""


@dataclass
class Visitor:
    """One person's browser."""

    host: str
    context: BrowserContext
    page: Page = field(init=False)
    incidents: list[str] = field(default_factory=list)
    """What must not happen and did; empty at the end of every test."""
    received: list[str] = field(default_factory=list, repr=False)
    """Each page and fragment that came, as text."""
    visited: list[str] = field(default_factory=list, repr=False)
    """Every address that was asked for."""

    # -- going about

    def go(self, path: str) -> Response:
        """Open a page of the workspace."""
        answer = self.page.goto(self.host + path)
        assert answer is not None
        return answer

    @property
    def path(self) -> str:
        """Where the visitor is."""
        return urlsplit(self.page.url).path

    def post(
        self,
        path: str,
        form: Mapping[str, str] | Sequence[tuple[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> APIResponse:
        """Send a form with this visitor's cookies and no page around it, as a program would; follows nothing."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        body = urlencode(list(form.items()) if isinstance(form, Mapping) else form)
        return self.context.request.post(self.host + path, data=body, headers=sent, max_redirects=0)

    def sign_in(self, token: str, *, user_agent: str = "") -> None:
        """Open a session the short way, for tests that are about something else."""
        named = {"User-Agent": user_agent} if user_agent else {}
        answer = self.post("/sign-in", {"by": "token", "token": token, "to": "/"}, headers=named)
        assert answer.status == 303, (answer.status, answer.text())

    def cookie(self) -> dict[str, Any]:
        """The session's cookie."""
        (cookie,) = [dict(one) for one in self.context.cookies() if str(one.get("name", "")).find("_session_") > 0]
        return cookie

    def csrf(self) -> str:
        """The token of this page's forms."""
        return self.page.locator("input[name=csrf]").first.get_attribute("value") or ""

    # -- judging what is shown

    def texts(self, locator: str) -> list[str]:
        """The texts of elements, white space made even."""
        return [" ".join(text.split()) for text in self.page.locator(locator).all_inner_texts()]

    def everything_shown(self) -> str:
        """All that came and all that stands in the page now, fields included."""
        values = self.page.eval_on_selector_all("input, textarea", "all => all.map(one => one.value)")
        return "\n".join([*self.received, self.page.content(), *values])

    def is_accessible(self) -> None:
        """No serious or critical finding of axe."""
        found = Axe().run(self.page).response["violations"]
        told = [
            f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:160] for node in one['nodes'][:4]]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]
        assert not told, f"{self.page.url}:\n" + "\n".join(told)

    def fits(self) -> None:
        """Nothing scrolls sideways, and nothing is cut off."""
        widths = self.page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], f"{self.page.url}: {widths[0]} pixels of content in {widths[1]}"
        cut = self.page.evaluate(_CUT)
        assert not cut, f"{self.page.url}: {cut}"

    def focused(self) -> Locator:
        """The element that has the focus."""
        return self.page.locator("*:focus")

    def focus_words(self) -> str:
        """What somebody hears of the element with the focus: its name, or its id where it has none."""
        words = self.page.evaluate(
            """() => { const one = document.activeElement;
                const label = one.labels?.[0]?.innerText ?? one.getAttribute("aria-label") ?? one.innerText;
                return (label || one.id || one.tagName); }"""
        )
        return " ".join(str(words).split())

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, words: str, *, most: int = 60, key: str = "Tab") -> None:
        """Walk by keyboard until the element with these words has the focus."""
        walked = []
        for _ in range(most):
            self.press(key)
            walked.append(self.focus_words())
            if words in walked[-1]:
                return
        raise AssertionError(f"`{words}` was not reached by {key}: {walked}")


class WatchedBrowser:
    """Opens visitors' browsers, and closes them all with everything they noted."""

    def __init__(self, browser: Browser, host: str, keep: Callable[[str], None]) -> None:
        self._browser = browser
        self._host = host
        self._keep = keep
        self._visitors: list[Visitor] = []

    def open(
        self,
        *,
        host: str = "",
        java_script: bool = True,
        width: int = WIDE,
        dark: bool = False,
        reduced_motion: bool = False,
        ignore_policy: bool = False,
    ) -> Visitor:
        """A browser nobody has signed in with.

        Args:
            ignore_policy: switch the content policy off, so that what gets into a page would really run. Whatever
                calls `executed(…)` then is an incident.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if reduced_motion else "no-preference",
            java_script_enabled=java_script,
            bypass_csp=ignore_policy,
            service_workers="block",
            accept_downloads=False,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE_SECONDS * 1000)
        visitor = Visitor(host or self._host, context)
        self._visitors.append(visitor)
        _watch(visitor)
        if ignore_policy:
            context.expose_function("executed", lambda *where: visitor.incidents.append(f"executed: {where}"))
        visitor.page = context.new_page()
        return visitor

    def close(self) -> list[str]:
        """End everything; returns what must not have happened. What ends with its window is no incident."""
        incidents = [incident for visitor in self._visitors for incident in visitor.incidents]
        for visitor in self._visitors:
            visitor.context.close()
            self._keep("\n".join(visitor.received))
        return incidents


def _watch(visitor: Visitor) -> None:
    context, own = visitor.context, visitor.host + "/"

    def stop(route: Route) -> None:
        visitor.incidents.append(f"asked for {route.request.url}")
        route.abort()

    context.route(lambda url: not url.startswith(own), stop)
    context.add_init_script(_REPORT_VIOLATIONS)
    context.on("request", lambda request: visitor.visited.append(request.url))
    context.on("requestfinished", lambda request: _finished(visitor, request, own))
    _watch_scripts(context, visitor.incidents.append)


def _watch_scripts(context: BrowserContext, note: Callable[[str], None]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        text = message.text
        if (message.type == "error" and not _AS_EXPECTED.match(text)) or "Mixed Content" in text:
            note(f"console: {text}")

    def on_dialog(dialog: Dialog) -> None:
        note(f"dialog: {dialog.message}")
        dialog.dismiss()

    context.on("console", on_console)
    context.on("weberror", lambda error: note(f"exception: {error.error}"))
    context.on("dialog", on_dialog)
    context.on("page", lambda page: page.on("crash", lambda _page: note("the page crashed")))


def _finished(visitor: Visitor, request: Request, own: str) -> None:
    answer = request.response()
    if answer is None or not request.url.startswith(own):
        return
    if answer.status >= 500:
        visitor.incidents.append(f"{request.method} {request.url} was answered {answer.status}")
    if answer.headers.get("content-type", "").startswith("text/html"):
        _receive(visitor, answer)


def _receive(visitor: Visitor, answer: Response) -> None:
    try:
        visitor.received.append(answer.text())
    except Error:
        # A redirect has no body, and one is gone when the next page came first; `page.content()` is looked at besides.
        visitor.received.append("")


def chromium_arguments(*, is_root: bool) -> Iterable[str]:
    """Quiet, and without asking anybody for anything."""
    yield from (
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--disable-dev-shm-usage",
    )
    if is_root:
        yield "--no-sandbox"
