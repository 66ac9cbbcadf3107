"""Two admins who save at once, and users who are no admins."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import CERTIFICATE_KEY, EXTRA_INDEX_URLS_KEY, INDEX_URL_KEY, PAGE, Yard, fresh_token

from wheelyard.control.operation import ADMIN
from wheelyard.pages import home_pages, repository_pages, session_pages, sign_in_pages

FIRST = "https://first.example.com/simple/"
SECOND = "https://second.example.com/simple/"
ROWS = [
    page
    for room in (home_pages, repository_pages, session_pages, sign_in_pages)
    for page in room.PAGES
    if page.needs is ADMIN
]


@pytest.fixture(autouse=True)
def something_stored(yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: "https://build:once-stored-7f@pkgs.example.com/stored/simple/"})


@pytest.fixture(params=["scripts", "no scripts"])
def second(request: pytest.FixtureRequest, browsers: WatchedBrowser, yard: Yard) -> Visitor:
    """A second admin."""
    visitor = browsers.open(java_script=request.param == "scripts")
    visitor.sign_in(yard.another_admin()[1])
    return visitor


def test_the_second_of_two_admins_is_told_and_loses_nothing(admin: Visitor, second: Visitor, yard: Yard) -> None:
    hers, his = SourcesPage(admin), SourcesPage(second)
    hers.index_url.fill(FIRST)
    hers.extras.first.fill("https://extra.example.com/simple/")
    hers.saved()

    typed = f"https://build:{fresh_token()}@second.example.com/simple/"
    certificate = authority().pem
    his.index_url.fill(typed)
    his.paste_certificate(certificate)
    assert his.save().status == 409
    expect(second.page.get_by_text("Not saved: somebody else saved first.")).to_be_visible()
    expect(second.page.get_by_text(yard.admin_name).first).to_be_visible()
    index, extras, pem = his.values()
    assert index == typed.replace(typed.split(":")[2].split("@", maxsplit=1)[0], "****")
    assert extras == ["https://extra.example.com/simple/"], "a field that was left alone shows what is stored now"
    assert pem.strip() == certificate.strip()
    expect(second.page.locator(".stored-now").first).to_contain_text(FIRST)
    assert yard.stored() == {INDEX_URL_KEY: FIRST, EXTRA_INDEX_URLS_KEY: "https://extra.example.com/simple/"}

    his.saved()
    assert yard.stored() == {
        INDEX_URL_KEY: typed,
        EXTRA_INDEX_URLS_KEY: "https://extra.example.com/simple/",
        CERTIFICATE_KEY: certificate.strip(),
    }


def test_both_at_the_same_field_and_a_third_in_between(admin: Visitor, second: Visitor, yard: Yard) -> None:
    his = SourcesPage(second)
    yard.store({INDEX_URL_KEY: FIRST})
    his.index_url.fill(SECOND)
    assert his.save().status == 409
    hers = SourcesPage(admin)
    hers.index_url.fill("https://third.example.com/simple/")
    hers.saved()
    assert his.save().status == 409, "what was shown as stored has changed again"
    expect(second.page.locator(".stored-now").first).to_contain_text("https://third.example.com/simple/")
    his.saved()
    assert yard.stored() == {INDEX_URL_KEY: SECOND}


def test_both_save_the_same(admin: Visitor, second: Visitor, yard: Yard) -> None:
    hers, his = SourcesPage(admin), SourcesPage(second)
    for page in (hers, his):
        page.index_url.fill(FIRST)
    hers.saved()
    his.saved()
    assert yard.stored() == {INDEX_URL_KEY: FIRST}


def test_deleting_what_somebody_has_just_changed(admin: Visitor, second: Visitor, yard: Yard) -> None:
    his = SourcesPage(second)
    yard.store({INDEX_URL_KEY: FIRST})
    his.delete("index URL")
    expect(second.page.get_by_text("Nothing was deleted.")).to_be_visible()
    expect(his.index_url).to_have_value(FIRST)
    assert yard.stored() == {INDEX_URL_KEY: FIRST}


def test_a_user_is_told_whom_to_ask(browsers: WatchedBrowser, yard: Yard) -> None:
    visitor = browsers.open()
    _, token = yard.workspace.user()
    other_admin, _ = yard.another_admin()
    visitor.sign_in(token)
    answer = visitor.go(PAGE)
    assert answer.status == 403
    expect(visitor.page.get_by_role("heading", name="This page is for workspace admins")).to_be_visible()
    asked = visitor.texts("main li")
    assert {yard.admin_name, other_admin} <= set(asked)
    visitor.is_accessible()
    visitor.page.get_by_role("link", name="Go to the overview").click()
    expect(visitor.page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(visitor.page.get_by_role("link", name="Manage")).to_have_count(0)
    visitor.go("/settings")
    assert visitor.path == "/settings/sessions"
    expect(visitor.page.get_by_role("navigation").get_by_role("link", name="Compute")).to_have_count(0)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_a_user_gets_nothing_of_an_admins_page(browsers: WatchedBrowser, yard: Yard, row: object) -> None:
    """With a token of their own forms, by whole page and by fragment."""
    visitor = browsers.open()
    _, token = yard.workspace.user()
    visitor.sign_in(token)
    visitor.go("/settings/sessions")
    before = yard.stored()
    method, path = row.method, row.path  # type: ignore[attr-defined]
    form = {"csrf": visitor.csrf(), "index_url": FIRST, "key": INDEX_URL_KEY, "cluster_id": "0101-000000-aaaaaaaa"}
    for headers in ({}, {"HX-Request": "true"}):
        if method == "POST":
            answer = visitor.post(path, form, headers=headers)
        else:
            answer = visitor.context.request.get(yard.host + path, headers=headers, max_redirects=0)
        assert answer.status == 403
        text = answer.text()
        assert "pkgs.example.com" not in text
        assert "admin" in text
    assert yard.stored() == before


def test_nobody_gets_a_page_without_signing_in(browsers: WatchedBrowser, yard: Yard) -> None:
    visitor = browsers.open()
    for row in ROWS:
        if row.method == "GET":
            visitor.go(row.path)
            assert visitor.path == "/sign-in"
        else:
            answer = visitor.post(row.path, {"index_url": FIRST})
            assert answer.status in {401, 303, 403}
            assert "pkgs.example.com" not in answer.text()
    assert "first" not in str(yard.stored())
