"""The door of all pages: who comes in, which forms are taken, and what comes back when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from tests.conftest import Workspace
from tests.pages.plain_browser import PlainBrowser

from wheelyard.control.operation import ADMIN, ANYONE
from wheelyard.core.redaction import Secret
from wheelyard.pages import home_pages, repository_pages, session_pages, sign_in_pages
from wheelyard.pages.door import LARGEST_FORM_BYTES
from wheelyard.pages.page import Page
from wheelyard.pages.repository_pages import PATH

PAGES: tuple[Page[Any], ...] = (
    *sign_in_pages.PAGES,
    *home_pages.PAGES,
    *session_pages.PAGES,
    *repository_pages.PAGES,
)
CLOSED = [page for page in PAGES if page.needs is not ANYONE]
OURS = {"Sec-Fetch-Site": "same-origin"}


def name_of(page: Page[Any]) -> str:
    return f"{page.method} {page.path}"


@pytest.fixture
def browser(workspace: Workspace) -> Iterator[Callable[..., PlainBrowser]]:
    """Makes browsers; with somebody signed in when a token is given."""
    made: list[PlainBrowser] = []

    def make(token: str = "") -> PlainBrowser:
        made.append(PlainBrowser(workspace.host))
        if token:
            made[-1].sign_in(Secret(token))
        return made[-1]

    yield make
    for one in made:
        one.close()


def csrf_of(browser: PlainBrowser, path: str = "/settings/sessions") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', browser.get(path).html)
    assert found is not None
    return found[1]


class TestWhoComesIn:
    @pytest.mark.parametrize("page", CLOSED, ids=name_of)
    def test_nobody_unknown(self, page: Page[Any], browser: Callable[..., PlainBrowser]) -> None:
        stranger = browser()
        if page.method == "GET":
            shown = stranger.get(page.path)
            assert shown.path == f"/sign-in?to={page.path}"
        else:
            assert stranger.post(page.path, {"csrf": "x.y"}, follow=False).status == 401

    @pytest.mark.parametrize("page", [page for page in CLOSED if page.needs is ADMIN], ids=name_of)
    def test_no_user_where_admins_are_needed(
        self, page: Page[Any], workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        user = browser(workspace.user()[1])
        sent = {"csrf": csrf_of(user)}
        shown = user.get(page.path) if page.method == "GET" else user.post(page.path, sent, follow=False)
        assert shown.status == 403
        assert "admin@wheelyard.example" in shown.text, "says whom to ask"
        assert "pip-index-url" not in shown.html

    @pytest.mark.parametrize("page", [page for page in CLOSED if page.method == "POST"], ids=name_of)
    def test_no_form_without_the_sessions_token(
        self, page: Page[Any], workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        admin = browser(workspace.admin_token)
        other = csrf_of(browser(workspace.user()[1]))
        for token in ("", "made.up", other, csrf_of(admin)[:-1]):
            shown = admin.post(page.path, {"csrf": token, "key": "pip-index-url"}, follow=False)
            assert shown.status == 403, token
            assert "not come from a page of this session" in shown.text

    def test_the_token_of_another_session_of_the_same_person_is_taken(
        self, workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        token = workspace.user()[1]
        one, two = browser(token), browser(token)
        page = one.post("/settings/sessions/revoke-others", {"csrf": csrf_of(two)}, follow=False)
        assert page.status == 303

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ],
    )
    def test_no_form_from_elsewhere(
        self, workspace: Workspace, browser: Callable[..., PlainBrowser], headers: dict[str, str]
    ) -> None:
        admin = browser(workspace.admin_token)
        fields = {"csrf": csrf_of(admin)}
        cookies = admin.cookies
        answer = httpx2.post(f"{workspace.host}/sign-out", data=fields, cookies=cookies, headers=headers)
        assert answer.status_code == 403
        assert "comes from another site" in answer.text
        assert admin.get("/").status == 200, "and the session goes on"


class TestForms:
    def test_one_that_is_too_large(self, workspace: Workspace, browser: Callable[..., PlainBrowser]) -> None:
        admin = browser(workspace.admin_token)
        fields = {"csrf": csrf_of(admin), "index_url": "x" * LARGEST_FORM_BYTES}
        page = admin.post(PATH, fields, follow=False)
        assert page.status == 400
        assert "larger than" in page.text
        assert "nothing was changed" in page.text.lower()

    def test_one_with_too_many_fields(self, workspace: Workspace, browser: Callable[..., PlainBrowser]) -> None:
        admin = browser(workspace.admin_token)
        page = admin.post(PATH, {"csrf": csrf_of(admin)} | {f"f{n}": "" for n in range(600)}, follow=False)
        assert page.status == 400

    @pytest.mark.parametrize("content", [b"", b"--nope\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\n\xff"])
    def test_one_that_cannot_be_read(self, workspace: Workspace, content: bytes) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x", **OURS}
        answer = httpx2.post(f"{workspace.host}/sign-in", content=content, headers=headers)
        assert answer.status_code in {400, 401}

    def test_one_whose_session_ended_comes_back_to_its_person_and_to_nobody_else(
        self, workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        admin = browser(workspace.admin_token)
        fields = {
            "csrf": csrf_of(admin, PATH),
            "revision": "old",
            "index_url": "https://build:half-typed@pkgs.example.com/simple/",
            "extra_index_urls": "https://extra.example/simple/",
            "extra_row": "r1",
        }
        other = browser(workspace.admin_token)
        other.post("/settings/sessions/revoke-others", {"csrf": csrf_of(other)})
        over = admin.post(PATH, fields, follow=False)
        assert over.status == 401
        assert "Your session ended" in over.text
        assert "half-typed" not in over.html
        form = over.form("/sign-in", by="token")
        assert form.fields["to"] == PATH

        stranger = browser()
        intruder = stranger.send(form, token=workspace.user(groups=("admins",))[1])
        assert intruder.status == 200
        assert "extra.example" not in intruder.html

        back = admin.send(form, token=workspace.admin_token)
        assert "You are signed in again" in back.text
        assert "https://build:****@pkgs.example.com/simple/" in back.html
        assert "https://extra.example/simple/" in back.html
        assert "half-typed" not in back.html


class TestWhatComesBack:
    @pytest.mark.parametrize("page", [page for page in PAGES if page.method == "GET"], ids=name_of)
    def test_every_page_leaves_with_the_policy(
        self, page: Page[Any], workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        shown = browser(workspace.admin_token).get(page.path)
        policy = shown.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert shown.headers["cache-control"] == "no-store"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", shown.html)

    def test_a_page_that_is_not_there_is_a_page_for_people_and_json_for_programs(self, workspace: Workspace) -> None:
        for path in ("/settings/nothing", "/nowhere", "/%ff"):
            people = httpx2.get(workspace.host + path, headers={"Accept": "text/html,*/*"})
            assert people.status_code in {404, 400}, path
        people = httpx2.get(f"{workspace.host}/nowhere", headers={"Accept": "text/html,*/*"})
        assert people.status_code == 404
        assert "There is no such page" in people.text
        program = httpx2.get(f"{workspace.host}/nowhere", headers={"Accept": "*/*"})
        assert program.json()["error_code"] == "ENDPOINT_NOT_FOUND"
        below = httpx2.get(f"{workspace.host}/api/2.0/nowhere", headers={"Accept": "text/html"})
        assert below.status_code == 401
        assert below.json()["error_code"] == "UNAUTHENTICATED"

    def test_a_fragment_is_refused_by_a_fragment(
        self, workspace: Workspace, browser: Callable[..., PlainBrowser]
    ) -> None:
        user = browser(workspace.user()[1])
        page = user.post(f"{PATH}/hints", {"csrf": csrf_of(user)}, headers={"HX-Request": "true"}, follow=False)
        assert page.status == 403
        assert "<html" not in page.html

    def test_two_workspaces_on_one_host_do_not_sign_each_other_out(
        self, workspace: Workspace, start_workspace: Callable[..., Workspace], browser: Callable[..., PlainBrowser]
    ) -> None:
        first, second = browser(workspace.admin_token), start_workspace()
        other = PlainBrowser(second.host)
        other.sign_in(Secret(second.admin_token))
        both = {**first.cookies, **other.cookies}
        assert len(both) == 2
        for host in (workspace.host, second.host):
            assert httpx2.get(f"{host}/settings/sessions", cookies=both).status_code == 200
        other.close()

    def test_assets_are_kept_by_browsers_and_named_after_their_content(self, workspace: Workspace) -> None:
        page = httpx2.get(f"{workspace.host}/sign-in")
        for path in set(re.findall(r"/assets/[^\"]+", page.text)):
            answer = httpx2.get(workspace.host + path)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
