"""Signing in and out without JavaScript: links, passwords, tokens, and where it leads afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.control.sign_in.conftest import PASSWORD, Person
from tests.pages.plain_browser import WORKSPACE_ID, SignInSite, served
from tests.security.secrets_made import remember

from wheelyard.control.sign_in.passwords import SHORTEST
from wheelyard.pages.own_paths import own_path
from wheelyard.pages.sign_in_pages import PAGES

WRONG = "not-the-password-9163"
COOKIE = f"wheelyard_session_{WORKSPACE_ID}"


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


# -- by password


def test_a_page_asks_to_sign_in_and_comes_afterwards(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    page = browser.get("/settings/sessions")
    assert page.path == "/sign-in?to=/settings/sessions"
    page = browser.send(page.form("/sign-in", by="password"), user_name=person.name, password=PASSWORD.reveal())
    assert (page.status, page.path) == (200, "/settings/sessions")
    assert person.name in page.text


def test_the_name_may_have_white_space_around_it(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    form = browser.get("/sign-in").form("/sign-in", by="password")
    assert browser.send(form, user_name=f"  {person.name} ", password=PASSWORD.reveal()).path == "/"


@pytest.mark.parametrize("known", [True, False])
def test_wrong_credentials_stand_next_to_the_password(site: SignInSite, person: Person, *, known: bool) -> None:
    browser = site.browser()
    name = person.name if known else "nobody@example.com"
    form = browser.get("/sign-in").form("/sign-in", by="password")
    page = browser.send(form, user_name=name, password=WRONG)
    assert page.status == 401
    assert page.messages["password-messages"] == "Error: The user name or the password is not right."
    assert page.invalid == {"password"}
    filled = page.form("/sign-in", by="password").fields
    assert (filled["user_name"], filled["password"]) == (name, "")
    assert WRONG not in site.everything_sent()
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize(
    ("typed", "where", "words"),
    [
        ({"user_name": " ", "password": "x"}, "user_name", "Type your user name."),
        ({"user_name": "a@example.com", "password": ""}, "password", "Type your password."),
    ],
)
def test_what_is_missing_is_said_where_it_is_missing(
    site: SignInSite, typed: dict[str, str], where: str, words: str
) -> None:
    browser = site.browser()
    page = browser.send(browser.get("/sign-in").form("/sign-in", by="password").filled(typed))
    assert page.status == 400
    assert page.messages[f"{where}-messages"] == f"Error: {words}"
    assert page.invalid == {where}


def test_too_many_wrong_attempts_are_told_when_to_come_back(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    form = browser.get("/sign-in").form("/sign-in", by="password")
    statuses = [browser.send(form, user_name=person.name, password=WRONG).status for _ in range(10)]
    assert set(statuses) == {401}
    page = browser.send(form, user_name=person.name, password=PASSWORD.reveal())
    assert page.status == 429
    seconds = page.headers["retry-after"]
    assert f"Try again in {seconds} seconds." in page.messages["password-messages"]
    assert page.form("/sign-in", by="password").fields["user_name"] == person.name
    site.clock.advance(int(seconds) + 300)
    assert browser.send(form, user_name=person.name, password=PASSWORD.reveal()).path == "/"


def test_script_in_the_name_is_text(site: SignInSite) -> None:
    browser = site.browser()
    typed = '"><script>alert(1)</script><b onclick=x'
    page = browser.send(browser.get("/sign-in").form("/sign-in", by="password"), user_name=typed, password=WRONG)
    assert page.form("/sign-in", by="password").fields["user_name"] == typed
    assert "<script>" not in page.html
    assert "<b onclick" not in page.html


# -- by token


def test_a_personal_access_token_signs_in(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    token = site.pat(person).value.reveal()
    remember(token)
    form = browser.get("/sign-in?to=/settings/sessions").form("/sign-in", by="token")
    page = browser.send(form, token=f" {token}\n")
    assert page.path == "/settings/sessions"
    assert "with an access token" in page.text
    assert token not in site.everything_sent()


def test_a_wrong_token_leaves_its_form_open(site: SignInSite) -> None:
    browser = site.browser()
    page = browser.send(browser.get("/sign-in").form("/sign-in", by="token"), token="dapi-of-nobody-at-all")
    assert page.status == 401
    assert "no valid personal access token" in page.messages["token-messages"]
    assert '<details class="more" open>' in page.html
    assert "dapi-of-nobody-at-all" not in page.html
    assert page.messages["password-messages"] == ""


# -- by link


def test_a_link_sets_a_password_and_signs_in(site: SignInSite) -> None:
    person, browser = site.user(), site.browser()
    path = site.link_path(person)
    page = browser.get(path)
    assert f"Choose a password for {person.name}" in page.text
    assert f"At least {SHORTEST} characters" in page.text
    page = browser.send(page.form("/sign-in/link"), password=PASSWORD.reveal(), again=PASSWORD.reveal())
    assert (page.status, page.path) == (200, "/")
    assert person.name in page.text
    assert site.by_password(person).session.caller.name == person.name
    again = site.browser().get(path)
    assert (again.status, again.forms) == (404, [])
    assert "This link does not work any more" in again.text
    assert "wheelyard sign-in" in again.text
    assert "no password was changed" in again.text


def test_looking_at_a_link_does_not_use_it_up(site: SignInSite) -> None:
    path = site.link_path(site.user())
    assert [site.browser().get(path).status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize("link", ["", "nonsense", "wysl" + "a" * 75, "%C3%BC"])
def test_a_link_that_is_none_says_what_to_do(site: SignInSite, link: str) -> None:
    page = site.browser().get(f"/sign-in/link?link={link}")
    assert page.status == 404
    assert "ask an admin for a new link" in page.text


def test_a_link_that_expires_while_somebody_chooses(site: SignInSite) -> None:
    browser = site.browser()
    form = browser.get(site.link_path(site.user())).form("/sign-in/link")
    site.clock.advance(25 * 3600)
    page = browser.send(form, password=PASSWORD.reveal(), again=PASSWORD.reveal())
    assert page.status == 404
    assert "This link does not work any more" in page.text


@pytest.mark.parametrize(
    ("password", "again", "where", "words"),
    [
        ("seven-words-9", "seven-words-8", "again", "This is not the password above."),
        ("short-14", "short-14", "password", f"The password has 8 characters; at least {SHORTEST} are needed."),
        ("", "", "password", f"The password has 0 characters; at least {SHORTEST} are needed."),
    ],
)
def test_a_password_that_is_not_taken_leaves_the_link_good(
    site: SignInSite, password: str, again: str, where: str, words: str
) -> None:
    person, browser = site.user(), site.browser()
    form = browser.get(site.link_path(person)).form("/sign-in/link")
    page = browser.send(form, password=password, again=again)
    assert page.status == 400
    assert page.messages[f"{where}-messages"] == f"Error: {words}"
    assert page.invalid == {where}
    shown = page.form("/sign-in/link").fields
    assert (shown["password"], shown["again"]) == ("", "")
    page = browser.send(page.form("/sign-in/link"), password=PASSWORD.reveal(), again=PASSWORD.reveal())
    assert page.path == "/"


def test_a_link_signs_out_whoever_was_there(site: SignInSite, person: Person) -> None:
    browser, other = site.browser(person), site.user()
    page = browser.get(site.link_path(other))
    assert f"{person.name} is signed in in this browser and will be signed out" in page.text
    browser.send(page.form("/sign-in/link"), password=PASSWORD.reveal(), again=PASSWORD.reveal())
    assert other.name in browser.get("/").text
    assert site.sign_in.sessions(site.directory.caller(person.principal_id)) == []


# -- where it leads


@pytest.mark.parametrize(
    "to",
    [
        "//example.com/",
        "https://example.com/",
        "/\\example.com",
        "\\\\example.com",
        "javascript:alert(1)",
        "",
        "x",
        "/a//b",
    ],
)
def test_another_site_is_no_place_to_go(site: SignInSite, person: Person, to: str) -> None:
    browser = site.browser()
    form = browser.get("/sign-in").form("/sign-in", by="token")
    page = browser.send(form, to=to, token=site.pat(person).value.reveal(), follow=False)
    assert (page.status, page.headers["location"]) == (303, "/")


def test_who_is_signed_in_goes_straight_on(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    assert browser.get("/sign-in?to=/settings/sessions").path == "/settings/sessions"
    assert browser.get("/sign-in?to=//example.com").path == "/"


@given(st.text() | st.from_regex(r"[/\\.:?#a-z\x00-\x20]{0,12}", fullmatch=True))
@example("/\t/example.com")
@example("/a/../../b")
@example("/a\r\nSet-Cookie: a=b")
@example("/" + "a" * 3000)
def test_an_own_path_never_leaves_the_site(text: str) -> None:
    taken = own_path(text)
    here = urlsplit(urljoin("http://workspace.example.com:8470/sign-in", taken))
    assert (here.scheme, here.netloc) == ("http", "workspace.example.com:8470")
    assert taken.isascii()
    assert taken.isprintable()
    assert not set(taken) & set("\\ \r\n\t")
    assert own_path(taken) == taken


@given(st.from_regex(r"(/[a-z0-9_.~-]+){1,6}/?(\?[a-z0-9=&%]*)?", fullmatch=True))
def test_paths_of_ours_are_taken_as_they_are(path: str) -> None:
    assert own_path(path) == path


# -- a session that is over


def test_what_was_typed_survives_the_end_of_the_session_and_wrong_attempts(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get("/settings/sessions").form("/settings/sessions/password")
    site.clock.advance(11 * 3600)
    site.sign_in.revoke_others(site.by_password(person).session)
    page = browser.send(form, old=PASSWORD.reveal(), new="a-new-password-77", again="a-new-password-77")
    assert page.status == 401
    assert "it was revoked from" in page.text
    assert "What you typed is kept" in page.text
    for wrong in (WRONG, WRONG):
        page = browser.send(page.form("/sign-in", by="password"), user_name=person.name, password=wrong)
        assert page.status == 401
    page = browser.send(page.form("/sign-in", by="password"), user_name=person.name, password=PASSWORD.reveal())
    assert page.status == 200
    assert "Your session had ended, so the password was not changed. Type it once more." in page.text
    assert "a-new-password-77" not in site.everything_sent()
    assert site.by_password(person).session.caller.name == person.name


def test_what_was_typed_is_for_its_own_person_only(site: SignInSite, person: Person) -> None:
    browser, other = site.browser(person), site.somebody()
    form = browser.get("/settings/sessions").form("/settings/sessions/password")
    site.clock.advance(13 * 3600)
    page = browser.send(form, old="x", new="a-new-password-77", again="y")
    page = browser.send(page.form("/sign-in", by="password"), user_name=other.name, password=PASSWORD.reveal())
    assert page.path == "/settings/sessions"
    assert "Your session had ended" not in page.text


def test_the_sign_in_page_says_why_the_last_session_ended(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    site.clock.advance(13 * 3600)
    page = browser.get("/")
    assert page.status == 401
    assert re.search(r"Your session ended at \d{4}-\d\d-\d\d \d\d:\d\d UTC: it was not used for 12 hours\.", page.text)


def test_a_script_is_told_in_a_piece_of_a_page(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get("/settings/sessions").form("/settings/sessions/password")
    site.clock.advance(13 * 3600)
    page = browser.post(form.action, form.fields, headers={"HX-Request": "true"})
    assert page.status == 401
    assert "<html" not in page.html
    assert page.links == {"Sign in in a new tab": "/sign-in?to=/settings/sessions"}
    assert "everything you typed stays here" in page.text


# -- signing out


def test_signing_out_ends_the_session_and_forgets_the_cookie(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    kept = browser.cookies[COOKIE]
    page = browser.send(browser.get("/").form("/sign-out"))
    assert page.path.startswith("/sign-in")
    assert "You are signed out." in page.text
    assert COOKIE not in browser.cookies
    thief = site.browser()
    thief.keep(COOKIE, kept)
    assert thief.get("/").status == 401


def test_signing_out_twice_is_no_error(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    form = browser.get("/").form("/sign-out")
    browser.send(form)
    assert "You are signed out." in browser.send(form).text


def test_signing_in_anew_ends_the_session_before(site: SignInSite, person: Person) -> None:
    browser, other = site.browser(person), site.somebody()
    csrf = browser.get("/").form("/sign-out").fields["csrf"]
    typed = {"csrf": csrf, "by": "password", "user_name": other.name, "password": PASSWORD.reveal(), "to": "/"}
    assert other.name in browser.post("/sign-in", typed).text
    assert site.sign_in.sessions(site.directory.caller(person.principal_id)) == []


# -- the cookie and the door


def test_the_cookie_is_kept_from_scripts_and_other_sites(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    form = browser.get("/sign-in").form("/sign-in", by="password")
    page = browser.send(form, user_name=person.name, password=PASSWORD.reveal(), follow=False)
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    attributes = {part.strip().casefold() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes


def test_no_form_is_taken_from_another_site(site: SignInSite, person: Person) -> None:
    browser = site.browser()
    typed = {"by": "password", "user_name": person.name, "password": PASSWORD.reveal(), "to": "/"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        page = browser.post("/sign-in", typed, headers=headers)
        assert page.status == 403
        assert "it comes from another site" in page.text
    assert COOKIE not in browser.cookies


def test_every_form_of_somebody_signed_in_needs_its_token(site: SignInSite, person: Person) -> None:
    browser = site.browser(person)
    paths = [page.path for page in PAGES if page.method == "POST" and not page.takes_old_forms]
    assert paths == ["/sign-out"]
    for path in paths:
        page = browser.post(path, {"csrf": "made.up"})
        assert page.status == 403, path
        assert "does not come from a page of this session" in page.text


def test_a_sign_in_page_that_was_open_before_somebody_signed_in_elsewhere_still_works(
    site: SignInSite, person: Person
) -> None:
    browser = site.browser()
    old = browser.get("/sign-in").form("/sign-in", by="password")
    browser.send(
        browser.get("/sign-in").form("/sign-in", by="password"), user_name=person.name, password=PASSWORD.reveal()
    )
    page = browser.send(old, user_name=person.name, password=PASSWORD.reveal(), follow=False)
    assert page.status == 303
