"""The pages as a browser without JavaScript handles them, on the real services with a clock that moves when told.

What it can do is what HTML says: follow links and redirects, keep cookies, send a form with its hidden fields. What it
was sent can be judged as text.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from starlette.applications import Starlette
from tests.control.sign_in.conftest import Door, Person

from wheelyard.core.redaction import Secret
from wheelyard.http.errors import status_of
from wheelyard.pages import home_pages, session_pages, sign_in_pages
from wheelyard.pages.door import Surroundings, serve_pages
from wheelyard.pages.page import PageGroup

__all__ = ["FIREFOX", "SUMMARY", "WORKSPACE_ID", "PlainBrowser", "PlainForm", "PlainPage", "SignInSite", "served"]

WORKSPACE_ID = "7405605123456789"
SUMMARY = "Not set: installs ask the public index."
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

_VOID = frozenset({"input", "link", "meta", "br", "hr", "img", "path", "circle", "rect"})


@dataclass
class PlainForm:
    """One form of a page, with what stands in its fields."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)

    def filled(self, typed: Mapping[str, str]) -> PlainForm:
        """The form with these values typed into fields that it has."""
        assert typed.keys() <= self.fields.keys(), (typed.keys(), self.fields.keys())
        return PlainForm(self.action, self.method, {**self.fields, **typed})


@dataclass
class PlainPage:
    """An answer, and what a person and their browser read in it."""

    status: int
    headers: Mapping[str, str]
    html: str
    path: str
    forms: list[PlainForm] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    """By the id of the element that holds them, as `password-messages`."""
    invalid: set[str] = field(default_factory=set)
    root: dict[str, str | None] = field(default_factory=dict)
    text: str = ""

    def form(self, action: str, **having: str) -> PlainForm:
        """The form that posts there, with these values in it."""
        (found,) = [one for one in self.forms if one.action == action and having.items() <= one.fields.items()]
        return found


class _Reader(HTMLParser):
    def __init__(self, page: PlainPage) -> None:
        super().__init__()
        self._page = page
        self._open: list[str] = []
        self._holders: list[tuple[int, str]] = []
        self._link: tuple[int, str, list[str]] | None = None
        self._texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        page = self._page
        if tag == "html":
            page.root = given
        elif tag == "form":
            page.forms.append(PlainForm(given.get("action") or "", given.get("method") or "get"))
        elif tag == "input" and page.forms and given.get("name"):
            name = str(given["name"])
            page.forms[-1].fields[name] = given.get("value") or ""
        if given.get("aria-invalid") == "true":
            page.invalid.add(given.get("id") or "")
        if tag not in _VOID:
            self._open.append(tag)
        if "messages" in (given.get("class") or "").split():
            self._holders.append((len(self._open), str(given["id"])))
            page.messages[str(given["id"])] = ""
        if tag == "a":
            self._link = (len(self._open), given.get("href") or "", [])

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if self._link and self._link[0] == len(self._open):
            self._page.links[" ".join("".join(self._link[2]).split())] = self._link[1]
            self._link = None
        self._holders = [one for one in self._holders if one[0] < len(self._open)]
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open[-1:] in (["script"], ["style"]):
            return
        self._texts.append(data)
        if self._link:
            self._link[2].append(data)
        for _depth, name in self._holders:
            self._page.messages[name] = " ".join(f"{self._page.messages[name]} {data}".split())

    def close(self) -> None:
        super().close()
        self._page.text = " ".join(" ".join(self._texts).split())


class PlainBrowser:
    """One browser, with cookies of its own."""

    def __init__(self, url: str, user_agent: str = FIREFOX) -> None:
        self._client = httpx2.Client(base_url=url, headers={"User-Agent": user_agent}, timeout=30)
        self._url = url
        self.received: list[str] = []

    def get(self, path: str) -> PlainPage:
        """Open a page, going wherever it leads."""
        return self._followed(self._client.get(path, headers={"Sec-Fetch-Site": "none"}))

    def send(
        self, form: PlainForm, *, follow: bool = True, button: tuple[str, str] | None = None, **typed: str
    ) -> PlainPage:
        """Fill a form in and press its button."""
        assert form.method == "post"
        fields = {**form.filled(typed).fields, **dict([button] if button else [])}
        return self.post(form.action, fields, follow=follow)

    def post(
        self,
        path: str,
        fields: Mapping[str, str],
        *,
        follow: bool = True,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> PlainPage:
        """Send fields as a form of our own site would; `headers` on top of what such a form sends."""
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
            "Origin": self._url,
            **headers,
        }
        answer = self._client.post(path, content=urlencode(fields), headers=sent)
        return self._followed(answer) if follow else self._read(answer)

    def keep(self, name: str, value: str) -> None:
        """Put a cookie in, as somebody who found it would."""
        self._client.cookies.set(name, value)

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self._client.cookies.jar}

    def sign_in(self, token: Secret[str]) -> None:
        """The short way, for tests that are about something else."""
        page = self.post("/sign-in", {"by": "token", "token": token.reveal(), "to": "/"})
        assert page.status == 200, page.text

    def close(self) -> None:
        self._client.close()

    def _followed(self, answer: httpx2.Response) -> PlainPage:
        for _ in range(5):
            if answer.status_code != 303:
                return self._read(answer)
            to = answer.headers["location"]
            assert to.startswith("/"), to
            assert not to.startswith("//"), to
            answer = self._client.get(to, headers={"Sec-Fetch-Site": "same-origin"})
        raise AssertionError(f"{answer.url} leads nowhere")

    def _read(self, answer: httpx2.Response) -> PlainPage:
        assert answer.status_code < 500, answer.text
        path = answer.url.raw_path.decode()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        page = PlainPage(answer.status_code, headers, answer.text, path)
        self.received.append(answer.text)
        reader = _Reader(page)
        reader.feed(answer.text)
        reader.close()
        return page


class SignInSite(Door):
    """The sign-in room and its pages, served."""

    url = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        groups: tuple[PageGroup[Any], ...] = (
            PageGroup("sign-in", sign_in_pages.PAGES, sign_in_pages.SignInPages(self.sign_in)),
            PageGroup("home", home_pages.PAGES, home_pages.HomePages(lambda _caller: SUMMARY)),
            PageGroup("sessions", session_pages.PAGES, session_pages.SessionPages(self.sign_in)),
        )
        around = Surroundings(
            sign_in=self.sign_in,
            workspace_id=WORKSPACE_ID,
            admins=lambda: (self.admin.name,),
            status_of=status_of,
            record=lambda _method, _row, _status, _seconds: None,
        )
        self.app = Starlette(routes=serve_pages(groups, around).routes)
        self._browsers: list[PlainBrowser] = []

    def browser(self, person: Person | None = None, user_agent: str = FIREFOX) -> PlainBrowser:
        """A new browser; with somebody signed in, by token, if a person is given."""
        browser = PlainBrowser(self.url, user_agent)
        self._browsers.append(browser)
        if person is not None:
            browser.sign_in(self.pat(person).value)
        return browser

    def link_path(self, person: Person) -> str:
        """The page of a fresh one-time link."""
        return f"/sign-in/link?link={self.sign_in.new_link(person.principal_id).value.reveal()}"

    def everything_sent(self) -> str:
        """All pages that all browsers received."""
        return "\n".join(text for browser in self._browsers for text in browser.received)

    def close(self) -> None:
        for browser in self._browsers:
            browser.close()
        self.database.close()


@contextmanager
def served(site: SignInSite) -> Iterator[SignInSite]:
    """Serve a site on a port of its own for as long as the block lasts."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    site.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(site.app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.005)
    yield site
    server.should_exit = True
    thread.join()
    site.close()
