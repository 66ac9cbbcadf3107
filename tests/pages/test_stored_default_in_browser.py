"""The page shows and changes the one stored default, whoever set it and however; credentials stay masked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databricks.sdk.service.workspace import AclPermission
from playwright.sync_api import expect
from tests.compute.loopback_index import LoopbackIndex
from tests.pages.certificates_made import authority
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor, WatchedBrowser
from tests.pages.yard import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    PAGE,
    Yard,
    fresh_token,
    with_credentials,
)
from tests.security.leak_scan import scan

SCOPE = "databricks-package-management"


@pytest.fixture(autouse=True)
def nothing_stored(yard: Yard) -> None:
    yard.store()


@pytest.fixture
def elsewhere() -> Iterator[LoopbackIndex]:
    """An index of somebody else, who would like a credential."""
    index = LoopbackIndex(token="")
    yield index
    index.close()


def test_the_same_state_whichever_way_it_was_set(
    browsers: WatchedBrowser, yard: Yard, wheelyard: Callable[..., str], tmp_path: Path
) -> None:
    name, token = yard.another_admin()
    visitor = browsers.open()
    visitor.sign_in(token)

    by_sdk = url_with_credentials("sdk")
    yard.client().secrets.put_secret(SCOPE, INDEX_URL_KEY, string_value=by_sdk)
    page = SourcesPage(visitor)
    expect(page.index_url).to_have_value(masked(by_sdk))
    expect(visitor.page.get_by_text(f"Set by {yard.admin_name} on")).to_be_visible()
    assert re.search(rf"UTC {re.escape(yard.admin_name)} set Index URL$", page.history()[0])

    by_command = url_with_credentials("command")
    (tmp_path / "url").write_text(by_command)
    wheelyard("default", "set", "--index-url-file", str(tmp_path / "url"))
    page = SourcesPage(visitor)
    expect(page.index_url).to_have_value(masked(by_command))

    by_page = url_with_credentials("page")
    page.index_url.fill(by_page)
    page.saved()
    expect(visitor.page.get_by_text(f"Set by {name} on")).to_be_visible()
    assert re.search(rf"{re.escape(name)} set Index URL$", page.history()[0])
    assert yard.stored() == {INDEX_URL_KEY: by_page}
    shown = json.loads(wheelyard("default", "show", "--output", "json"))
    assert shown["values"] == {INDEX_URL_KEY: masked(by_page)}
    assert shown["acl"] is not None


def test_the_first_save_makes_the_scope_with_its_acl(admin: Visitor, yard: Yard) -> None:
    yard.client().secrets.delete_scope(SCOPE)
    page = SourcesPage(admin)
    page.index_url.fill("https://pkgs.example.com/simple/")
    page.saved()
    acl = {entry.principal: entry.permission for entry in yard.client().secrets.list_acls(SCOPE)}
    assert acl["users"] is AclPermission.READ
    assert acl["admins"] is AclPermission.MANAGE


def test_what_is_wrong_around_the_values_is_told(admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: "https://pkgs.example.com/simple/", "pip-idnex-url": "misspelled"})
    yard.client().secrets.delete_acl(SCOPE, "users")
    SourcesPage(admin)
    expect(admin.page.get_by_text("has no READ on the scope")).to_be_visible()
    expect(admin.page.get_by_text("none of the three that compute reads")).to_be_visible()
    yard.client().secrets.put_acl(SCOPE, "users", AclPermission.READ)


def test_stored_values_show_their_warnings(admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: "https://a.example.com/simple/", EXTRA_INDEX_URLS_KEY: "https://b.example.com/simple/"})
    SourcesPage(admin)
    expect(admin.page.locator("#extras-messages")).to_contain_text("dependency confusion")


def test_no_credential_is_in_any_page(admin: Visitor, yard: Yard, tmp_path: Path) -> None:
    """In no form, in no page, fragment or field, also while something fails."""
    token, pasted = fresh_token(), fresh_token("pa ss+wörd")
    urls = [f"https://build:{token}@pkgs.example.com/{name}/" for name in ("a", "b")]
    yard.store({INDEX_URL_KEY: urls[0], EXTRA_INDEX_URLS_KEY: f"{urls[1]} https://{token}@pkgs.example.com/c/"})
    yard.cluster(spark_env_vars={"PIP_EXTRA_INDEX_URL": urls[1]})
    seen = []

    def look() -> None:
        seen.append(admin.everything_shown())

    for path in ("/", "/settings/compute", "/settings/sessions", PAGE, f"{PAGE}/which-index-wins"):
        admin.go(path)
        look()
    page = SourcesPage(admin)
    page.check()
    page.certificate.fill("no certificate")
    page.refused()
    look()
    admin.go(f"{PAGE}/which-index-wins")
    admin.page.get_by_label("Command").fill(f"%pip install acme --index-url 'https://me:{pasted}@pkgs.example.com/d/'")
    admin.page.get_by_role("button", name="Explain").click()
    expect(admin.page.get_by_text("pkgs.example.com/d/").first).to_be_visible()
    admin.page.get_by_label("Command").fill("")
    look()
    everything = tmp_path / "everything"
    everything.write_text("\n".join(seen))
    assert "****@pkgs.example.com" in everything.read_text()
    assert scan([everything], [token.encode(), pasted.encode()]) == []
    yard.without_clusters()


def test_the_mask_keeps_the_credential(admin: Visitor, yard: Yard) -> None:
    index, extras = url_with_credentials("index"), [url_with_credentials("one"), url_with_credentials("two")]
    yard.store({INDEX_URL_KEY: index, EXTRA_INDEX_URLS_KEY: " ".join(extras)})
    page = SourcesPage(admin)
    page.extras.first.fill("https://open.example.com/simple/")
    page.saved()
    assert yard.stored() == {
        INDEX_URL_KEY: index,
        EXTRA_INDEX_URLS_KEY: f"https://open.example.com/simple/ {extras[1]}",
    }
    page.index_url.fill(masked(index).replace("/index/", "/moved/"))
    page.saved()
    assert yard.secret(INDEX_URL_KEY) == index.replace("/index/", "/moved/"), "another path on the same host is no leak"


def test_the_mask_is_typed_over(admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: url_with_credentials("index")})
    page = SourcesPage(admin)
    new = url_with_credentials("index")
    page.index_url.fill(new)
    page.saved()
    assert yard.stored() == {INDEX_URL_KEY: new}
    expect(page.index_url).to_have_value(masked(new))


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("https://build:TOKEN@pkgs.example.com/simple/", "https://build:****@elsewhere.example.com/simple/"),
        ("https://build:TOKEN@pkgs.example.com/simple/", "https://build:****@pkgs.example.com:8443/simple/"),
        ("https://build:TOKEN@pkgs.example.com/simple/", "https://build:****@pkgs.example.com.example.org/simple/"),
        ("https://build:TOKEN@pkgs.example.com/simple/", "http://build:****@pkgs.example.com/simple/"),
        ("https://build:TOKEN@pkgs.example.com/simple/", "https://other:****@pkgs.example.com/simple/"),
        ("https://TOKEN@pkgs.example.com/simple/", "https://build:****@pkgs.example.com/simple/"),
    ],
)
def test_a_credential_goes_nowhere_it_was_not_stored_for(admin: Visitor, yard: Yard, stored: str, typed: str) -> None:
    before = {INDEX_URL_KEY: stored.replace("TOKEN", fresh_token())}
    yard.store(before)
    page = SourcesPage(admin)
    page.index_url.fill(typed)
    page.refused()
    assert "never sent to another host" in page.messages(page.index_url)
    assert yard.stored() == before


def test_nor_does_a_check_send_it_there(admin: Visitor, yard: Yard, elsewhere: LoopbackIndex) -> None:
    yard.store({INDEX_URL_KEY: with_credentials(f"{yard.host}/x/simple/", fresh_token())})
    page = SourcesPage(admin)
    page.index_url.fill(with_credentials(elsewhere.bare_url, "****"))
    page.check()
    expect(admin.page.locator("#check")).to_contain_text("Not asked")
    assert elsewhere.asked == []


def test_deleting_says_what_will_happen(admin: Visitor, yard: Yard) -> None:
    everything = {
        INDEX_URL_KEY: url_with_credentials("index"),
        EXTRA_INDEX_URLS_KEY: "https://open.example.com/simple/",
        CERTIFICATE_KEY: authority().pem.strip(),
    }
    yard.store(everything)
    page = SourcesPage(admin)
    said = {
        "index URL": ("will ask the public index", "gone for good"),
        "extra index URLs": ("no longer be found",),
        "certificate": ("will be refused by pip and uv",),
    }
    for words, consequences in said.items():
        page.delete_button(words).click()
        for consequence in consequences:
            expect(admin.page.get_by_role("dialog")).to_contain_text(consequence)
        admin.page.get_by_role("button", name="Keep it").click()
        expect(admin.page.get_by_role("dialog")).to_have_count(0)
    assert yard.stored() == everything
    page.delete("index URL")
    expect(admin.page.get_by_text("Deleted.")).to_be_visible()
    assert yard.stored() == {key: value for key, value in everything.items() if key != INDEX_URL_KEY}
    assert re.search(r"deleted Index URL$", page.history()[0])


def test_deleting_without_scripts(plain_admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: url_with_credentials("index"), EXTRA_INDEX_URLS_KEY: "https://open.example.com/simple/"})
    page = SourcesPage(plain_admin)
    page.delete("extra index URLs")
    expect(plain_admin.page.get_by_text("Deleted.")).to_be_visible()
    assert set(yard.stored()) == {INDEX_URL_KEY}


def test_emptying_the_fields_deletes_what_they_held(admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: url_with_credentials("a"), EXTRA_INDEX_URLS_KEY: "https://open.example.com/simple/"})
    page = SourcesPage(admin)
    page.index_url.fill("")
    page.extras.first.fill("")
    page.saved()
    assert yard.stored() == {}


@pytest.mark.parametrize("how", ["scripts", "no scripts"])
def test_a_form_sent_twice_is_saved_once(browsers: WatchedBrowser, yard: Yard, how: str) -> None:
    visitor = browsers.open(java_script=how == "scripts")
    visitor.sign_in(yard.admin_token)
    page = SourcesPage(visitor)
    before = page.history()
    page.index_url.fill(url_with_credentials("twice"))
    page.save_button.dblclick()
    expect(visitor.page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert page.history()[1:3] == before[:2]
    visitor.page.go_back()
    page.saved()
    assert page.history()[1:3] == before[:2]


def test_the_same_request_twice_is_saved_once(admin: Visitor, yard: Yard) -> None:
    page = SourcesPage(admin)
    before = page.history()
    form = {"csrf": admin.csrf(), "index_url": "https://pkgs.example.com/again/"} | {
        name: admin.page.locator(f"#sources input[name={name}]").get_attribute("value") or ""
        for name in ("revision", "seen_index_url", "seen_extra_index_urls", "seen_certificate")
    }
    answers = [admin.post(PAGE, form) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 303]
    assert SourcesPage(admin).history()[1:3] == before[:2]


def test_saving_what_is_stored_changes_nothing(admin: Visitor, yard: Yard) -> None:
    yard.store({INDEX_URL_KEY: url_with_credentials("same")})
    page = SourcesPage(admin)
    before = page.history()
    page.saved()
    assert page.history() == before


def url_with_credentials(name: str) -> str:
    return f"https://build:{fresh_token()}@pkgs.example.com/{name}/simple/"


def masked(url: str) -> str:
    return re.sub(r":[^:@/]+@", ":****@", url)
