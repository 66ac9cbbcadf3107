"""Sessions in real browsers: ways in, ways out, and a session that ends while somebody types."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import CERTIFICATE_KEY, INDEX_URL_KEY, PAGE, Yard, fresh_token

PASSWORD = "a yard is three feet long"
STORED = {INDEX_URL_KEY: "https://pkgs.example.com/stored/simple/"}


@pytest.fixture(autouse=True)
def something_stored(yard: Yard) -> None:
    yard.store(STORED)


@pytest.fixture
def ana(yard: Yard) -> tuple[str, str]:
    """Name and token of an admin with a password."""
    name, token = yard.another_admin()
    yard.set_password(name, PASSWORD)
    return name, token


@pytest.fixture(params=["scripts", "no scripts"])
def visitor(request: pytest.FixtureRequest, browsers: WatchedBrowser) -> Visitor:
    return browsers.open(java_script=request.param == "scripts")


def test_in_by_link_and_out_again(visitor: Visitor, yard: Yard) -> None:
    name, _ = yard.another_admin()
    made = yard.workspace.request("POST", "/api/2.0/wheelyard/sign-in-links", body={"user_name": name})
    page = visitor.page
    page.goto(made.json["url"])
    for password, again, words in (
        ("too short", "too short", "at least 12 are needed"),
        (PASSWORD, PASSWORD + "!", "not the password above"),
        (name, name, "is the user name"),
    ):
        page.get_by_label("New password").fill(password)
        page.get_by_label("The same again").fill(again)
        page.get_by_role("button", name="Set the password").click()
        expect(page.locator(".message.error")).to_contain_text(words)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    cookie = visitor.cookie()
    sign_out(visitor)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert PASSWORD not in visitor.everything_shown()
    visitor.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": visitor.host}])
    visitor.go(PAGE)
    assert visitor.page.get_by_role("heading", name="Sign in").is_visible(), "the server has forgotten the session too"
    page.goto(made.json["url"])
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()


def test_in_by_password(visitor: Visitor, ana: tuple[str, str]) -> None:
    page = visitor.page
    visitor.go("/")
    page.get_by_label("User name").fill(ana[0])
    page.get_by_label("Password").fill(PASSWORD[:-1])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(".message.error")).to_contain_text("The user name or the password is not right.")
    expect(page.get_by_label("User name")).to_have_value(ana[0])
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()


def test_in_by_personal_access_token(visitor: Visitor, ana: tuple[str, str]) -> None:
    page = visitor.page
    visitor.go("/sign-in")
    page.get_by_text("Use a personal access token instead").click()
    page.get_by_label("Personal access token").fill(ana[1])
    page.get_by_role("button", name="Sign in with the token").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert ana[1] not in visitor.everything_shown()


def test_sessions_are_listed_and_ended(browsers: WatchedBrowser, ana: tuple[str, str]) -> None:
    here, there, third = (browsers.open() for _ in range(3))
    here.sign_in(ana[1])
    third.sign_in(ana[1])
    there.sign_in(ana[1], user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
    here.go("/settings/sessions")
    rows = here.page.get_by_role("row").filter(has_text="on Linux")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="this one")).to_have_count(1)
    here.page.get_by_role("button", name="Sign out Firefox on Linux").click()
    expect(here.page.get_by_text("That browser is signed out.")).to_be_visible()
    expect(rows).to_have_count(2)
    there.go("/")
    expect(there.page.get_by_text("it was revoked from")).to_be_visible()
    here.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(rows).to_have_count(1)
    third.go("/")
    assert third.page.get_by_role("heading", name="Sign in").is_visible()


def test_what_was_typed_outlives_the_session_with_scripts(
    browsers: WatchedBrowser, ana: tuple[str, str], yard: Yard
) -> None:
    here, there = signed_in_twice(browsers, ana)
    page, token, certificate = SourcesPage(here), fresh_token(), authority().pem
    page.index_url.fill(f"https://build:{token}@pkgs.example.com/typed/")
    page.paste_certificate(certificate)
    typed = page.values()
    end_other_sessions(there)
    assert page.save().status == 401
    notice = here.page.locator("#notice")
    expect(notice.get_by_role("heading", name="Sign in again to go on")).to_be_visible()
    expect(notice).to_contain_text("it was revoked from")
    assert page.values() == typed
    assert yard.stored() == STORED
    with here.context.expect_page() as opened:
        notice.get_by_role("link", name="Sign in in a new tab").click()
    tab = opened.value
    tab.get_by_label("User name").fill(ana[0])
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()
    expect(tab.get_by_role("heading", name="Default Package Repositories")).to_be_visible()
    tab.close()
    page.saved()
    assert yard.stored() == {INDEX_URL_KEY: typed[0], CERTIFICATE_KEY: certificate.strip()}


@pytest.mark.parametrize("by", ["password", "token"])
def test_what_was_typed_outlives_the_session_without_scripts(
    browsers: WatchedBrowser, ana: tuple[str, str], yard: Yard, by: str
) -> None:
    here, there = signed_in_twice(browsers, ana, java_script=False)
    page, token, certificate = SourcesPage(here), fresh_token(), authority().pem
    page.index_url.fill(f"https://build:{token}@pkgs.example.com/typed/")
    page.extras.first.fill("pkgs.example.com/a mistake")
    page.certificate.fill(certificate)
    end_other_sessions(there)
    assert page.save().status == 401
    expect(here.page.get_by_text("What you typed is kept")).to_be_visible()
    assert token not in here.page.content()
    sign_in_here(here, ana, by, wrong=True)
    sign_in_here(here, ana, by)
    expect(here.page.get_by_text("You are signed in again.")).to_be_visible()
    index, extras, pem = page.values()
    assert index == "https://build:****@pkgs.example.com/typed/"
    assert " ".join(extras) == "pkgs.example.com/a mistake"
    assert pem.strip() == certificate.strip()
    assert yard.stored() == STORED
    for row in page.extras.all():
        row.fill("")
    page.saved()
    assert yard.stored() == {
        INDEX_URL_KEY: f"https://build:{token}@pkgs.example.com/typed/",
        CERTIFICATE_KEY: certificate.strip(),
    }
    assert token not in here.everything_shown()


def test_nobody_else_gets_what_was_typed(browsers: WatchedBrowser, ana: tuple[str, str], yard: Yard) -> None:
    here, there = signed_in_twice(browsers, ana, java_script=False)
    page = SourcesPage(here)
    page.index_url.fill("https://pkgs.example.com/only-hers/")
    end_other_sessions(there)
    page.save()
    sign_in_here(here, yard.another_admin(), "token")
    expect(page.index_url).to_have_value(STORED[INDEX_URL_KEY])
    assert "only-hers" not in here.everything_shown()


def test_a_session_that_ends_while_clusters_are_watched_is_told_once(
    browsers: WatchedBrowser, ana: tuple[str, str], yard: Yard
) -> None:
    here, there = signed_in_twice(browsers, ana)
    cluster_id = yard.cluster("watched")
    yard.store({INDEX_URL_KEY: "https://pkgs.example.com/newer/"})
    SourcesPage(here)
    yard.engine.hold_starts.set()
    here.page.get_by_role("button", name="Restart watched").click()
    expect(here.page.get_by_role("progressbar")).to_be_visible()
    end_other_sessions(there)
    expect(here.page.get_by_role("heading", name="Sign in again to go on")).to_have_count(1)
    expect(here.page.get_by_role("progressbar")).to_be_visible()
    yard.engine.hold_starts.clear()
    yard.until(lambda: yard.state(cluster_id) == "RUNNING")
    yard.without_clusters()


def test_a_token_that_is_revoked_takes_its_session_along(browsers: WatchedBrowser, yard: Yard) -> None:
    made = yard.client().tokens.create(comment="for a browser", lifetime_seconds=600)
    assert made.token_value is not None
    assert made.token_info is not None
    visitor = browsers.open()
    visitor.sign_in(made.token_value)
    visitor.go(PAGE)
    yard.client().tokens.delete(str(made.token_info.token_id))
    visitor.go(PAGE)
    assert visitor.page.get_by_role("heading", name="Sign in").is_visible()


def signed_in_twice(
    browsers: WatchedBrowser, somebody: tuple[str, str], *, java_script: bool = True
) -> tuple[Visitor, Visitor]:
    here, there = browsers.open(java_script=java_script), browsers.open()
    for one in (here, there):
        one.sign_in(somebody[1])
    return here, there


def end_other_sessions(visitor: Visitor) -> None:
    visitor.go("/settings/sessions")
    visitor.page.get_by_role("button", name="Sign out everywhere else").click()
    expect(visitor.page.get_by_text("You are signed out everywhere else.")).to_be_visible()


def sign_in_here(visitor: Visitor, somebody: tuple[str, str], by: str, *, wrong: bool = False) -> None:
    """On the sign-in page that stands there."""
    page = visitor.page
    if by == "password":
        page.get_by_label("User name").fill(somebody[0])
        page.get_by_label("Password").fill(PASSWORD + ("x" if wrong else ""))
        page.get_by_role("button", name="Sign in", exact=True).click()
    else:
        if not page.get_by_label("Personal access token").is_visible():
            page.get_by_text("Use a personal access token instead").click()
        page.get_by_label("Personal access token").fill(somebody[1] + ("x" if wrong else ""))
        page.get_by_role("button", name="Sign in with the token").click()
    if wrong:
        expect(page.locator(".message.error")).to_be_visible()


def sign_out(visitor: Visitor) -> None:
    visitor.page.get_by_role("banner").get_by_role("button").first.click()
    visitor.page.get_by_role("button", name="Sign out").click()
