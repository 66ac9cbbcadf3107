"""What keeps others out of the pages: headers, the content policy, cookies, tokens of forms, no frames."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from playwright.sync_api import Browser, expect
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import INDEX_URL_KEY, PAGE, Yard

from wheelyard.pages import home_pages, repository_pages, session_pages, sign_in_pages
from wheelyard.pages.assets import ASSETS

STORED = {INDEX_URL_KEY: "https://pkgs.example.com/stored/simple/"}
ROOMS = (home_pages, repository_pages, session_pages, sign_in_pages)
ROWS = [page for room in ROOMS for page in room.PAGES]
SHOWN = [row.path for row in ROWS if row.method == "GET"]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


@pytest.fixture(autouse=True)
def something_stored(yard: Yard) -> None:
    yard.store(STORED)


class Marks(HTMLParser):
    """Notes what a page holds that a strict policy forbids, and the buttons and forms that send something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        inline = tag == "style" or (tag == "script" and "src" not in values)
        self.forbidden += [tag] if inline else []
        self.forbidden += [f"{tag} {name}" for name in values if name == "style" or re.match(r"on[a-z]+$|hx-on", name)]
        self.links += [
            value or "" for name, value in attrs if name in {"href", "src", "action", "formaction", "hx-get"}
        ]
        if tag == "form":
            self.forms.append(values)


@pytest.mark.parametrize("path", [*SHOWN, "/nowhere"])
def test_headers_of_every_page(admin: Visitor, yard: Yard, path: str) -> None:
    for headers in ({"Accept": "text/html"}, {"Accept": "text/html", "HX-Request": "true"}):
        answer = admin.context.request.get(yard.host + path, headers=headers, max_redirects=0)
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy == POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] in {"same-origin", "no-referrer"}
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        page = Marks(answer.text())
        assert page.forbidden == []
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links), page.links


@pytest.mark.parametrize("asset", ASSETS.values(), ids=lambda asset: asset.path.rpartition("/")[2])
def test_headers_of_every_asset(admin: Visitor, yard: Yard, asset: object) -> None:
    answer = admin.context.request.get(yard.host + asset.path)  # type: ignore[attr-defined] # pytest's parameter
    assert answer.status == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == asset.media_type  # type: ignore[attr-defined]
    assert "set-cookie" not in answer.headers


def test_cookies_and_addresses_give_nothing_away(browsers: WatchedBrowser, yard: Yard) -> None:
    visitor = browsers.open()
    visitor.go("/sign-in")
    visitor.page.get_by_text("Use a personal access token instead").click()
    visitor.page.get_by_label("Personal access token").fill(yard.admin_token)
    visitor.page.get_by_role("button", name="Sign in with the token").click()
    expect(visitor.page.get_by_role("heading", name="Overview")).to_be_visible()
    cookie = visitor.cookie()
    assert cookie["httpOnly"]
    assert cookie["sameSite"] in {"Lax", "Strict"}
    assert cookie["path"] == "/"
    page = SourcesPage(visitor)
    page.index_url.fill("https://pkgs.example.com/other/")
    page.saved()
    visitor.go("/settings/sessions")
    session_id = visitor.csrf().partition(".")[0]
    assert visitor.page.evaluate("document.cookie") == ""
    kept = visitor.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert re.fullmatch(r'\[\{\},\{("htmx-current-path-for-history":"/[a-z/]*")?\}\]', kept), kept
    for address in visitor.visited:
        for secret in (cookie["value"], session_id, yard.admin_token, visitor.csrf()):
            assert secret not in address
    assert cookie["value"] not in visitor.everything_shown()


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=lambda row: row.path)
def test_no_form_of_a_foreign_page_is_taken(admin: Visitor, browsers: WatchedBrowser, yard: Yard, row: object) -> None:
    other = browsers.open()
    other.sign_in(yard.another_admin()[1])
    other.go("/settings/sessions")
    admin.go(PAGE)
    path = row.path  # type: ignore[attr-defined] # pytest's parameter
    fields = {"index_url": "https://evil.example.com/", "key": INDEX_URL_KEY, "revision": _revision(admin)}
    own = fields | {"csrf": admin.csrf()}
    foreign_words: list[dict[str, str]] = [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": yard.host.replace("127.0.0.1", "localhost")},
        {"Origin": yard.host + "0"},
        {"Sec-Fetch-Site": "cross-site", "Origin": yard.host},
        {"Sec-Fetch-Site": "same-site", "Origin": yard.host},
    ]
    for headers in foreign_words:
        assert admin.post(path, own, headers=headers).status == 403, headers
    if path not in {"/sign-in", "/sign-in/link"}:
        for token in (None, "", "x", other.csrf(), admin.csrf()[:-1], admin.csrf() + "0"):
            form = fields if token is None else fields | {"csrf": token}
            assert admin.post(path, form).status == 403, token
    assert yard.stored() == STORED
    assert admin.go(PAGE).status == 200, "the session is as it was"


class Evil:
    """Another site, on this machine: a page with a form that sends itself, or with a frame."""

    TEMPLATES: ClassVar = {
        "/form": '<form id=f method=post action="{target}{page}"><input name=index_url value="https://evil.example.com/">'
        "</form><script>document.getElementById('f').submit()</script>",
        "/frame": '<iframe id=it src="{target}{page}" width=800 height=600></iframe>',
        "/script": '<script src="{target}{page}"></script>',
    }

    def __init__(self, target: str) -> None:
        templates = self.TEMPLATES

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = templates.get(self.path, "").format(target=target, page=PAGE).encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def evil(yard: Yard) -> Iterator[Evil]:
    site = Evil(yard.host)
    yield site
    site.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"], ids=["same site, other origin", "other site"])
def test_other_sites_in_the_same_browser(chromium: Browser, admin: Visitor, yard: Yard, evil: Evil, name: str) -> None:
    """Without the watch, which would stop the other site before we could refuse it."""
    with chromium.new_context() as context:
        cookie = admin.cookie()
        context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": yard.host}])
        page = context.new_page()
        page.goto(f"http://{name}:{evil.port}/frame")
        page.wait_for_timeout(300)
        (frame,) = [one for one in page.frames if one.parent_frame is not None]
        assert "Default Package Repositories" not in frame.content()
        page.goto(f"http://{name}:{evil.port}/form")
        page.wait_for_url(yard.host + PAGE)
        expect(page.get_by_text("The form was not taken: it comes from another site.")).to_be_visible()
    assert yard.stored() == STORED


def test_a_page_names_no_file_of_the_machine(admin: Visitor, yard: Yard) -> None:
    for path in [*SHOWN, "/nowhere"]:
        admin.go(path)
        assert str(yard.workspace.data_dir) not in admin.page.content()
        assert "Traceback" not in admin.page.content()


def _revision(visitor: Visitor) -> str:
    return visitor.page.locator("#sources input[name=revision]").get_attribute("value") or ""
