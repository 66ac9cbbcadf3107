"""Script in everything that is shown back: it stands there as text and never runs, even without the content policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, PAGE, Yard

PAYLOADS = (
    "{{7*7}}${7*7}{%print(7*7)%}",
    "<script>executed('script')</script>",
    '"><img src=x onerror=executed("image")>',
    "'-executed('attribute')-'",
    "</textarea></title><svg onload=executed('svg')>",
    "javascript:executed('link')",
)
ALL = " ".join(PAYLOADS)
IN_A_URL = "<script>executed()</script><img/src=x/onerror=executed()>{{7*7}}"
PAGES = ("/", "/settings/compute", PAGE, f"{PAGE}/which-index-wins", "/settings/sessions", "/nowhere")
WHAT_RUNS = "img, svg[onload], iframe, object, embed, script:not([src]), [onerror], [onload], a[href^='javascript:' i]"


@pytest.fixture
def visitor(browsers: WatchedBrowser, yard: Yard) -> Visitor:
    """An admin whose browser would run what gets into a page, and tell."""
    opened = browsers.open(ignore_policy=True)
    opened.sign_in(yard.admin_token)
    return opened


@pytest.fixture(autouse=True)
def clean(yard: Yard) -> Iterator[None]:
    yard.store()
    yield
    yard.without_clusters()


def test_the_watch_itself_sees_what_runs(browsers: WatchedBrowser) -> None:
    """Without this, every other test here could pass for the wrong reason."""
    visitor = browsers.open(ignore_policy=True)
    visitor.go("/sign-in")
    visitor.page.evaluate("text => { document.body.innerHTML += text; }", PAYLOADS[2])
    visitor.page.wait_for_timeout(200)
    assert [one for one in visitor.incidents if "executed" in one]
    visitor.incidents.clear()


def test_names_of_people(browsers: WatchedBrowser, visitor: Visitor, yard: Yard) -> None:
    made: Any = yard.client().api_client.do(
        "POST",
        "/api/2.0/preview/scim/v2/Users",
        body={
            "userName": "<img/src=x/onerror=executed()>{{7*7}}@example.com".replace("/", "\u2044"),
            "displayName": ALL[:250],
        },
    )
    token = yard.workspace._token_for(str(made["id"]), ("admins",))
    theirs = browsers.open(ignore_policy=True)
    theirs.sign_in(token)
    for path in PAGES:
        theirs.go(path)
        harmless(theirs)
        expect(theirs.page.get_by_role("banner").get_by_role("button").first).to_contain_text(ALL[:60])
    form = SourcesPage(theirs)
    form.index_url.fill("https://pkgs.example.com/simple/")
    form.saved()
    harmless(theirs)
    SourcesPage(visitor)
    expect(visitor.page.get_by_text(f"Set by {made['userName']}")).to_be_visible()
    harmless(visitor)
    nobody = browsers.open(ignore_policy=True)
    nobody.sign_in(yard.workspace.user()[1])
    nobody.go(PAGE)
    expect(nobody.page.get_by_text(str(made["userName"]))).to_be_visible()
    harmless(nobody)
    yard.client().users.delete(str(made["id"]))


def test_names_of_clusters(visitor: Visitor, yard: Yard) -> None:
    name = ALL[:90]
    cluster_id = yard.cluster(name, spark_env_vars={"PIP_INDEX_URL": f"https://pkgs.example.com/{IN_A_URL}"})
    yard.store({INDEX_URL_KEY: "https://pkgs.example.com/simple/"})
    SourcesPage(visitor)
    expect(visitor.page.locator("#clusters")).to_contain_text(name)
    harmless(visitor)
    visitor.page.get_by_role("button", name="Restart").click()
    expect(visitor.page.get_by_text("Restarted: it has the present value.", exact=True)).to_be_visible()
    harmless(visitor)
    visitor.go(f"{PAGE}/which-index-wins")
    visitor.page.get_by_label("On", exact=True).select_option(cluster_id)
    visitor.page.get_by_role("button", name="Explain").click()
    expect(visitor.page.locator("#answer")).to_contain_text(name)
    expect(visitor.page.locator("#answer")).to_contain_text(IN_A_URL)
    harmless(visitor)


def test_values_stored_by_others(visitor: Visitor, yard: Yard) -> None:
    stored = {
        INDEX_URL_KEY: f"https://pkgs.example.com/{IN_A_URL}",
        EXTRA_INDEX_URLS_KEY: f"https://build:x<script>executed()</script>@pkgs.example.com/{IN_A_URL}",
    }
    yard.store(stored)
    for path in PAGES:
        visitor.go(path)
        harmless(visitor)
    page = SourcesPage(visitor)
    expect(page.index_url).to_have_value(stored[INDEX_URL_KEY])
    for words in ("index URL", "extra index URLs"):
        page.delete_button(words).click()
        harmless(visitor)
        visitor.press("Escape")
    page.check()
    harmless(visitor)


@pytest.mark.parametrize("how", ["scripts", "no scripts"])
def test_what_somebody_types(browsers: WatchedBrowser, yard: Yard, how: str) -> None:
    visitor = browsers.open(java_script=how == "scripts", ignore_policy=True)
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    page.index_url.fill(ALL)
    page.extras.first.fill(f"https://{PAYLOADS[2]}/ {PAYLOADS[5]}")
    page.certificate.fill(ALL)
    page.project.fill(PAYLOADS[1])
    page.refused()
    harmless(visitor)
    assert page.values()[0] == ALL
    assert page.values()[2].strip() == ALL
    visitor.page.get_by_role("button", name="Check", exact=True).click()
    expect(visitor.page.locator("#check")).to_contain_text("cannot be used")
    harmless(visitor)


def test_what_stands_in_a_certificate(visitor: Visitor) -> None:
    page = SourcesPage(visitor)
    name = '<script>executed()</script>"><img src=x onerror=executed()>{{7*7}}'[:64]
    page.paste_certificate(authority(name, organization=name).pem)
    expect(page.page.locator("#certificate-words")).to_contain_text(name[:40])
    harmless(visitor)
    page.saved()
    expect(page.page.locator("#certificate-words")).to_contain_text(name[:40])
    harmless(visitor)


def test_the_name_of_a_file(browsers: WatchedBrowser, yard: Yard) -> None:
    visitor = browsers.open(java_script=False, ignore_policy=True)
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    page.certificate.fill("something")
    page.choose_file(PAYLOADS[2], b"something else")
    page.refused()
    assert "onerror" in page.messages(page.certificate)
    harmless(visitor)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_pasted_command(visitor: Visitor, payload: str) -> None:
    visitor.go(f"{PAGE}/which-index-wins")
    command = f"pip install {payload} --index-url https://pkgs.example.com/{IN_A_URL}"
    visitor.page.get_by_label("Command").fill(command)
    with visitor.page.expect_response(lambda answer: answer.request.method == "POST"):
        visitor.page.get_by_role("button", name="Explain").click()
    harmless(visitor)


def test_what_an_index_answers(visitor: Visitor, yard: Yard) -> None:
    with _Hostile() as index:
        page = SourcesPage(visitor)
        page.extras.first.fill("")
        for path in _Hostile.PATHS:
            page.index_url.fill(f"http://127.0.0.1:{index.port}/{path}/")
            page.check()
            visitor.page.get_by_text("What was seen").first.click()
            harmless(visitor)
    assert index.asked >= set(_Hostile.PATHS)


def test_what_a_browser_calls_itself(visitor: Visitor, yard: Yard) -> None:
    visitor.sign_in(yard.admin_token, user_agent=ALL)
    visitor.go("/settings/sessions")
    harmless(visitor)


def test_what_an_address_brings_along(visitor: Visitor, browsers: WatchedBrowser) -> None:
    for payload in PAYLOADS:
        text = quote(payload)
        for path in (
            f"{PAGE}?done={text}&watch={text}",
            f"{PAGE}/which-index-wins?on={text}",
            f"{PAGE}/clusters?watch={text}",
            f"/settings/sessions?done={text}",
            f"/sign-in/link?link={text}",
            f"/{text}",
        ):
            visitor.go(path)
            harmless(visitor)


@pytest.mark.parametrize(
    "to", ["javascript:executed()", "//example.com/", "https://example.com/", "/\\example.com", "/%0d%0aX: y"]
)
def test_where_signing_in_leads(browsers: WatchedBrowser, yard: Yard, to: str) -> None:
    visitor = browsers.open(ignore_policy=True)
    visitor.go(f"/sign-in?to={quote(to)}")
    harmless(visitor)
    visitor.page.get_by_text("Use a personal access token instead").click()
    visitor.page.get_by_label("Personal access token").fill(yard.admin_token)
    visitor.page.get_by_role("button", name="Sign in with the token").click()
    expect(visitor.page.get_by_role("banner")).to_be_visible()
    assert visitor.page.url.startswith(yard.host + "/")


def test_a_name_typed_at_sign_in(browsers: WatchedBrowser) -> None:
    visitor = browsers.open(ignore_policy=True)
    visitor.go("/sign-in")
    visitor.page.get_by_label("User name").fill(PAYLOADS[2])
    visitor.page.get_by_label("Password").fill(PAYLOADS[1])
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    expect(visitor.page.get_by_label("User name")).to_have_value(PAYLOADS[2])
    harmless(visitor)


def harmless(visitor: Visitor) -> None:
    """Nothing that could run came into the page. What did run is an incident."""
    assert visitor.page.locator(WHAT_RUNS).count() == 0


class _Hostile:
    """An index whose every word is script."""

    PATHS = ("title", "redirect", "realm", "status", "json", "type")

    def __init__(self) -> None:
        asked: set[str] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.strip("/").split("/")[0]
                asked.add(path)
                one_line = ALL.replace("\n", " ")
                status, headers, body = {
                    "title": (200, {"Content-Type": "text/html"}, f"<title>{ALL}</title><h1>{ALL}</h1>"),
                    "redirect": (302, {"Location": f"http://127.0.0.1:9/{quote(ALL)}?{one_line}"}, ""),
                    "realm": (401, {"WWW-Authenticate": f'Basic realm="{one_line}"'}, ALL),
                    "status": (418, {"Content-Type": "text/plain"}, ALL),
                    "json": (200, {"Content-Type": "application/vnd.pypi.simple.v1+json"}, f'{{"name": "{one_line}"'),
                    "type": (200, {"Content-Type": one_line}, ALL),
                }.get(path, (404, {}, ""))
                self.send_response(status, one_line)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        self.asked = asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
