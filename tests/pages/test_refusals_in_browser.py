"""What cannot be stored is refused next to its field, with everything typed still there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Locator, expect
from tests.pages.bad_values import BAD, Bad, good_authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import CERTIFICATE_KEY, INDEX_URL_KEY, Yard, fresh_token

if TYPE_CHECKING:
    from tests.security.token_leak_sweep import Sweep  # at run time pytest loads it, as a plugin

STORED = {INDEX_URL_KEY: "https://pkgs.example.com/stored/simple/"}
INDEX = "https://pkgs.example.com/typed/simple/"
EXTRA = "https://pkgs.example.com/typed-extra/simple/"


@pytest.fixture(autouse=True)
def something_stored(yard: Yard) -> None:
    yard.store(STORED)


@pytest.fixture(scope="module")
def desks(chromium: Browser, yard: Yard) -> Iterator[dict[str, Visitor]]:
    """Two admins' browsers for the many mistakes, so that nobody signs in for each of them."""
    opened = WatchedBrowser(chromium, yard.host, lambda _text: None)
    found = {"scripts": opened.open(), "no scripts": opened.open(java_script=False)}
    for visitor in found.values():
        visitor.sign_in(yard.admin_token)
    yield found
    opened.close()


@pytest.fixture
def desk(
    desks: dict[str, Visitor], leak_sweep: Sweep, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Visitor]]:
    """One of them, for one mistake."""
    yield desks.__getitem__
    for visitor in desks.values():
        leak_sweep.output(request.node.name, "\n".join(visitor.received))
        incidents = [*visitor.incidents]
        visitor.incidents.clear()
        visitor.received.clear()
        assert not incidents, "\n".join(incidents)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_a_bad_value_is_refused_in_words_next_to_its_field(
    desk: Callable[[str], Visitor], yard: Yard, bad: Bad
) -> None:
    page = SourcesPage(desk("scripts"))
    typed = fill(page, bad)
    page.refused()
    said = page.messages(near(page, bad))
    for words in bad.says:
        assert words in said
    assert "Source:" in said, "the reason names its source"
    assert page.values() == typed
    assert yard.stored() == STORED
    if bad.id != "a hundred":
        expect(near(page, bad)).to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_the_same_without_scripts(desk: Callable[[str], Visitor], yard: Yard, bad: Bad) -> None:
    page = SourcesPage(desk("no scripts"))
    typed = fill(page, bad)
    page.refused()
    said = page.messages(near(page, bad))
    for words in bad.says:
        assert words in said
    index, extras, certificate = page.values()
    assert index.replace("****", "pa/ss#word-of-9f2c") == typed[0]
    assert " ".join(extras).split() == " ".join(typed[1]).split()
    if not bad.is_file and bad.shown_back:
        assert certificate.strip() == typed[2].strip()
    if not bad.shown_back:
        assert "PRIVATE" not in page.visitor.everything_shown()
    assert yard.stored() == STORED


def test_a_mistake_is_mended_and_saved(admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(admin)
    page.index_url.fill("pkgs.example.com/simple/")
    page.certificate.fill(good_authority().pem)
    page.refused()
    expect(page.index_url).to_be_focused()
    page.index_url.fill(INDEX)
    expect(page.page.locator("#index-url-messages .message")).to_have_count(0)
    expect(page.index_url).not_to_have_attribute("aria-invalid", "true")
    page.saved()
    assert yard.stored() == {INDEX_URL_KEY: INDEX, CERTIFICATE_KEY: good_authority().pem.strip()}


def test_a_credential_typed_before_a_refusal_counts_after_it(plain_admin: Visitor, yard: Yard) -> None:
    """Without scripts the whole page comes back: the credential is masked in it, and still meant by the mask."""
    token = fresh_token()
    page = SourcesPage(plain_admin)
    page.index_url.fill(f"https://build:{token}@pkgs.example.com/simple/")
    page.certificate.fill("/etc/ssl/certs/example.pem")
    page.refused()
    expect(page.index_url).to_have_value("https://build:****@pkgs.example.com/simple/")
    page.certificate.fill("no certificate either")
    page.refused()
    page.certificate.fill("")
    page.saved()
    assert yard.stored() == {INDEX_URL_KEY: f"https://build:{token}@pkgs.example.com/simple/"}
    assert token not in plain_admin.everything_shown()


def test_a_certificate_from_a_file_goes_into_the_field(admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(admin)
    page.choose_file("ca.pem", good_authority().pem.encode())
    expect(page.certificate).to_have_value(good_authority().pem)
    expect(page.page.locator("#certificate-words")).to_contain_text("Example Corp Root CA")
    page.saved()
    assert yard.stored()[CERTIFICATE_KEY] == good_authority().pem.strip()


def test_a_certificate_from_a_file_without_scripts(plain_admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(plain_admin)
    page.choose_file("ca.pem", good_authority().pem.encode())
    page.saved()
    assert yard.stored()[CERTIFICATE_KEY] == good_authority().pem.strip()
    for words in ("Example Corp Root CA", "signed by itself", "Valid"):
        expect(page.page.locator("#certificate-words")).to_contain_text(words)


def test_a_text_and_a_file_are_not_guessed_between(plain_admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(plain_admin)
    page.certificate.fill(good_authority().pem)
    page.choose_file("other.pem", good_authority().pem.encode())
    page.refused()
    assert "other.pem" in page.messages(page.certificate)
    assert page.certificate.input_value().strip() == good_authority().pem.strip()
    assert yard.stored() == STORED


def test_white_space_around_a_value_is_dropped(admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(admin)
    page.index_url.fill(f"  {INDEX}\t")
    page.type_extras(f" {EXTRA}  https://pkgs.example.com/second/ ")
    page.certificate.fill(f"\n\n{good_authority().pem}\n \n")
    page.saved()
    assert yard.stored() == {
        INDEX_URL_KEY: INDEX,
        "pip-extra-index-urls": f"{EXTRA} https://pkgs.example.com/second/",
        CERTIFICATE_KEY: good_authority().pem.strip(),
    }
    assert page.values()[1] == [EXTRA, "https://pkgs.example.com/second/"], "a pasted list becomes one row each"


@pytest.mark.parametrize("how", ["scripts", "no scripts"])
def test_rows_are_added_and_removed(browsers: WatchedBrowser, yard: Yard, how: str) -> None:
    visitor = browsers.open(java_script=how == "scripts")
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    page.index_url.fill(INDEX)
    page.type_extras(*(f"https://pkgs.example.com/{number}/" for number in range(3)))
    visitor.page.get_by_role("button", name="Remove this extra index URL").nth(1).click()
    expect(page.extras).to_have_count(2)
    assert page.values() == (INDEX, ["https://pkgs.example.com/0/", "https://pkgs.example.com/2/"], "")
    page.saved()
    assert yard.stored()["pip-extra-index-urls"] == "https://pkgs.example.com/0/ https://pkgs.example.com/2/"


@pytest.mark.parametrize(
    ("value", "words", "source"),
    [
        ("http://build:pass-7@pkgs.example.com/simple/", "sends its credentials unencrypted", "RFC 7617"),
        ("https://a@b:pass-7@pkgs.example.com/simple/", "is not escaped", "RFC 3986"),
    ],
)
def test_doubts_are_told_while_typing(admin: Visitor, value: str, words: str, source: str) -> None:
    page = SourcesPage(admin)
    page.index_url.fill("")
    page.index_url.press_sequentially(value, delay=2)
    expect(page.page.get_by_text(words).first).to_be_visible()
    expect(page.page.locator("#index-url-messages .warning .source")).to_contain_text(source)
    expect(page.index_url).to_be_focused()
    assert page.index_url.input_value() == value
    assert page.errors() == []


def test_dependency_confusion_is_told_while_typing(admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(admin)
    page.extras.first.press_sequentially(EXTRA, delay=2)
    told = page.page.locator("#extras-messages .warning")
    expect(told).to_contain_text("dependency confusion")
    expect(told.locator(".source")).to_contain_text("pip documentation")
    page.extras.first.fill("")
    expect(told).to_have_count(0)
    assert yard.stored() == STORED, "typing stores nothing"


def test_every_reason_of_a_pasted_list_stands_next_to_its_field(admin: Visitor) -> None:
    page = SourcesPage(admin)
    page.extras.first.fill(f"{EXTRA} pkgs.example.com/two https://pkgs.example.com/%zz/")
    page.refused()
    said = page.messages(page.extras.first)
    assert "does not start with" in said
    assert "no two hexadecimal digits" in said


def test_errors_are_told_while_typing_too_and_go_again(admin: Visitor) -> None:
    page = SourcesPage(admin)
    page.index_url.fill("https://pkgs.example.com/a/,https://pkgs.example.com/b/")
    told = page.page.locator("#index-url-messages")
    expect(told).to_contain_text("comma")
    expect(page.index_url).to_be_focused()
    page.index_url.fill(INDEX)
    expect(told.locator(".message")).to_have_count(0)


def fill(page: SourcesPage, bad: Bad) -> tuple[str, list[str], str]:
    """Type all three, one of them badly; returns what stands in the fields."""
    value = bad.make()
    page.index_url.fill(str(value) if bad.place == "index_url" else INDEX)
    page.type_extras(str(value) if bad.place == "extras" else EXTRA)
    if isinstance(value, bytes):
        page.choose_file("chosen.der", value)
    else:
        page.paste_certificate(value if bad.place == "certificate" else good_authority().pem)
    return page.values()


def near(page: SourcesPage, bad: Bad) -> Locator:
    if bad.place == "extras":
        return page.extras.first if bad.id == "comma" else page.extras_group
    return {"index_url": page.index_url, "certificate": page.certificate}[bad.place]
