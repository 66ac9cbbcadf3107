"""The overview, the way into Settings, own sessions and password, and the theme, without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.control.sign_in.conftest import PASSWORD, SAFARI, Person
from tests.pages.plain_browser import SUMMARY, WORKSPACE_ID, SignInSite, served

from wheelyard.control.operation import ANYONE
from wheelyard.control.sign_in.passwords import SHORTEST
from wheelyard.core.redaction import Secret
from wheelyard.pages import home_pages, session_pages
from wheelyard.pages.page import Page

COOKIE, THEME = f"wheelyard_session_{WORKSPACE_ID}", f"wheelyard_theme_{WORKSPACE_ID}"
HERE = "/settings/sessions"
NEW = "a-new-password-4711"


@pytest.fixture(scope="module")
def one_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignInSite]:
    with served(SignInSite(tmp_path_factory.mktemp("site"))) as site:
        yield site


@pytest.fixture
def site(one_site: SignInSite) -> SignInSite:
    """One for all these tests; wrong attempts of the test before are forgotten."""
    one_site.clock.advance(600)
    return one_site


@pytest.fixture
def person(site: SignInSite) -> Person:
    """A user with the password of these tests, signed in nowhere."""
    return site.somebody()


# -- the overview and Settings


def test_the_overview_says_where_things_are(site: SignInSite) -> None:
    page = site.browser(site.admin).get("/")
    assert page.status == 200
    assert SUMMARY in page.text
    assert f"databricks auth login --host {site.url}" in page.text
    assert 'eval "$(wheelyard env)"' in page.text
    assert page.links["Manage Default Package Repositories"] == "/settings/compute/default-package-repositories"
    assert page.links["Settings"] == "/settings"


def test_the_overview_offers_users_nothing_they_may_not_do(site: SignInSite, person: Person) -> None:
    page = site.browser(person).get("/")
    assert SUMMARY in page.text
    assert "Set by the admins of this workspace" in page.text
    assert "/settings/compute" not in page.html


def test_settings_begin_where_the_caller_may_look(site: SignInSite, person: Person) -> None:
    assert site.browser(site.admin).get("/settings").path == "/settings/compute"
    assert site.browser(person).get("/settings").path == HERE


def test_the_current_place_is_marked(site: SignInSite) -> None:
    browser = site.browser(site.admin)
    for path in ("/settings/compute", HERE):
        assert f'<a href="{path}" aria-current="page">' in browser.get(path).html


def test_compute_names_the_setting_and_its_state(site: SignInSite) -> None:
    page = site.browser(site.admin).get("/settings/compute")
    assert "Default Package Repositories" in page.text
    assert SUMMARY in page.text
    assert page.links["Manage Default Package Repositories"] == "/settings/compute/default-package-repositories"


def test_who_is_no_admin_is_told_whom_to_ask(site: SignInSite, person: Person) -> None:
    page = site.browser(person).get("/settings/compute")
    assert page.status == 403
    assert "This page is for workspace admins" in page.text
    assert site.admin.name in page.text
    assert "admin-needed" in page.text


def test_nobody_sees_a_page_without_signing_in(site: SignInSite) -> None:
    rows: tuple[Page[Any], ...] = (*home_pages.PAGES, *session_pages.PAGES)
    for path in [row.path for row in rows if row.needs is not ANYONE and row.method == "GET"]:
        assert site.browser().get(path).path == f"/sign-in?to={path}"


# -- sessions


def test_own_sessions_are_listed_and_this_one_is_marked(site: SignInSite, person: Person) -> None:
    phone = site.browser(person, user_agent=SAFARI)
    browser = site.browser()
    form = browser.get(f"/sign-in?to={HERE}").form("/sign-in", by="password")
    page = browser.send(form, user_name=person.name, password=PASSWORD.reveal())
    assert "Firefox on Linux this one 127.0.0.1" in page.text
    assert "with the password" in page.text
    assert "Safari on iOS 127.0.0.1" in page.text
    assert "with an access token" in page.text
    assert len([form for form in page.forms if form.action == f"{HERE}/revoke"]) == 1
    assert "Safari on iOS this one" in phone.get(HERE).text


def test_a_session_is_ended_from_another(site: SignInSite, person: Person) -> None:
    phone, browser = site.browser(person, user_agent=SAFARI), site.browser(person)
    page = browser.send(browser.get(HERE).form(f"{HERE}/revoke"))
    assert "That browser is signed out." in page.text
    assert "Safari" not in page.text
    told = phone.get(HERE)
    assert told.status == 401
    assert "it was revoked from Firefox on Linux at 127.0.0.1" in told.text


def test_ending_a_session_twice_says_so(site: SignInSite, person: Person) -> None:
    site.browser(person)
    browser = site.browser(person)
    form = browser.get(HERE).form(f"{HERE}/revoke")
    browser.send(form)
    assert "That session had ended already." in browser.send(form).text


def test_nobody_ends_the_session_of_another(site: SignInSite, person: Person) -> None:
    stranger, browser = site.browser(site.user()), site.browser(person)
    (theirs,) = site.sign_in.sessions(site.directory.caller(person.principal_id))
    csrf = stranger.get(HERE).form("/sign-out").fields["csrf"]
    page = stranger.post(f"{HERE}/revoke", {"csrf": csrf, "session_id": theirs.session_id})
    assert "That session had ended already." in page.text
    assert browser.get(HERE).status == 200


def test_ending_this_session_is_signing_out(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    (mine,) = site.sign_in.sessions(site.directory.caller(person.principal_id))
    csrf = browser.get(HERE).form("/sign-out").fields["csrf"]
    page = browser.post(f"{HERE}/revoke", {"csrf": csrf, "session_id": mine.session_id})
    assert "You are signed out." in page.text
    assert COOKIE not in browser.cookies


def test_signing_out_everywhere_else_leaves_this_one(site: SignInSite, person: Person) -> None:
    others = [site.browser(person) for _ in range(3)]
    browser = site.browser(person)
    page = browser.send(browser.get(HERE).form(f"{HERE}/revoke-others"))
    assert "You are signed out everywhere else." in page.text
    assert [form for form in page.forms if form.action == f"{HERE}/revoke-others"] == []
    assert {other.get("/").status for other in others} == {401}


def test_what_an_address_says_is_done_is_a_name_of_ours(site: SignInSite, person: Person) -> None:
    page = site.browser(person).get(f"{HERE}?done=<b>anything")
    assert "anything" not in page.text


# -- the password


def test_changing_the_password_ends_the_other_sessions(site: SignInSite, person: Person) -> None:
    other, browser = site.browser(person), site.browser(person)
    form = browser.get(HERE).form(f"{HERE}/password")
    page = browser.send(form, old=PASSWORD.reveal(), new=NEW, again=NEW)
    assert (page.status, page.path) == (200, f"{HERE}?done=password")
    assert "The password is set, and every other session has ended." in page.text
    assert "the password was changed from Firefox on Linux" in other.get("/").text
    assert site.by_password(person, Secret(NEW)).session.caller.name == person.name


@pytest.mark.parametrize(
    ("typed", "where", "words"),
    [
        (
            {"old": "something-else-9", "new": NEW, "again": NEW},
            "old",
            "The current password is not right.",
        ),
        ({"old": "", "new": NEW, "again": NEW}, "old", "The current password is not right."),
        ({"old": PASSWORD.reveal(), "new": NEW, "again": "x"}, "again", "This is not the password above."),
        (
            {"old": PASSWORD.reveal(), "new": "short-14", "again": "short-14"},
            "new",
            f"The password has 8 characters; at least {SHORTEST} are needed.",
        ),
    ],
)
def test_what_is_wrong_with_a_password_stands_next_to_it(
    site: SignInSite, person: Person, typed: dict[str, str], where: str, words: str
) -> None:
    browser = site.browser(person)
    page = browser.send(browser.get(HERE).form(f"{HERE}/password").filled(typed))
    assert page.status == 400
    assert page.messages[f"{where}-messages"] == f"Error: {words}"
    assert page.invalid == {where}
    shown = page.form(f"{HERE}/password").fields
    assert {shown[name] for name in ("old", "new", "again")} == {""}
    assert all(value not in page.html for value in typed.values() if len(value) > 4)
    assert site.by_password(person).session.caller.name == person.name


def test_too_many_wrong_passwords_are_told_when_to_come_back(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get(HERE).form(f"{HERE}/password")
    for _ in range(10):
        browser.send(form, old="something-else-9", new=NEW, again=NEW)
    page = browser.send(form, old=PASSWORD.reveal(), new=NEW, again=NEW)
    assert page.status == 429
    assert f"Try again in {page.headers['retry-after']} seconds." in page.messages["old-messages"]


def test_a_first_password_needs_no_old_one(site: SignInSite) -> None:
    person = site.user()
    browser = site.browser(person)
    page = browser.get(HERE)
    assert "You have none yet." in page.text
    form = page.form(f"{HERE}/password")
    assert "old" not in form.fields
    assert browser.send(form, new=NEW, again=NEW).status == 200
    assert site.by_password(person, Secret(NEW)).session.caller.name == person.name


def test_a_service_principal_has_no_password(site: SignInSite) -> None:
    browser = site.browser(site.service_principal())
    page = browser.get(HERE)
    assert "A service principal has no password." in page.text
    assert [form for form in page.forms if form.action == f"{HERE}/password"] == []
    csrf = page.form("/sign-out").fields["csrf"]
    refused = browser.post(f"{HERE}/password", {"csrf": csrf, "new": NEW, "again": NEW})
    assert refused.status == 400
    assert "A service principal has no password." in refused.text


# -- the theme


@pytest.mark.parametrize("theme", ["light", "dark", "system"])
def test_the_theme_is_remembered_and_leads_back(site: SignInSite, person: Person, theme: str) -> None:
    browser = site.browser(person)
    page = browser.get(HERE)
    assert page.root["data-theme"] == "system"
    page = browser.send(page.form("/theme"), button=("theme", theme))
    assert (page.path, page.root["data-theme"]) == (HERE, theme)
    assert f'value="{theme}" aria-pressed="true"' in page.html
    assert browser.cookies[THEME] == theme
    assert browser.get("/").root["data-theme"] == theme


def test_a_theme_that_is_none_changes_nothing(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get(HERE).form("/theme")
    page = browser.send(form, button=("theme", 'dark" onload="x'), back="//example.com/")
    assert page.path == "/"
    assert page.root["data-theme"] == "system"
    assert THEME not in browser.cookies


def test_the_theme_of_a_page_that_was_posted_leads_to_settings(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    page = browser.send(browser.get(HERE).form(f"{HERE}/password"), old="x", new="x", again="y")
    assert browser.send(page.form("/theme"), button=("theme", "dark")).path == HERE


# -- the door


def test_every_form_needs_the_token_of_this_session(site: SignInSite, person: Person) -> None:
    browser, other = site.browser(person), site.browser(site.user())
    foreign = other.get(HERE).form("/sign-out").fields["csrf"]
    for path in [page.path for page in session_pages.PAGES if page.method == "POST"]:
        for csrf in ("", "x", "x.y", foreign):
            page = browser.post(path, {"csrf": csrf, "theme": "dark"})
            assert page.status == 403, (path, csrf)
    assert THEME not in browser.cookies


def test_a_page_of_an_ended_session_still_works_after_signing_in_again(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get(HERE).form(f"{HERE}/password")
    site.sign_in.revoke_others(site.by_password(person).session)
    browser.sign_in(site.pat(person).value)
    page = browser.send(form, old=PASSWORD.reveal(), new=NEW, again=NEW)
    assert page.path == f"{HERE}?done=password"
