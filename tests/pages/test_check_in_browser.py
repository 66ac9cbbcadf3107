"""What a check meets, in the page, in words: before and after saving, with and without a project."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.control.package_repositories.authorities import Made, authority, leaf
from tests.control.package_repositories.servers import JSON, Index, Reply, index
from tests.pages.sources_page import SourcesPage
from tests.pages.watched_browser import Visitor
from tests.pages.yard import INDEX_URL_KEY, Yard, fresh_token, with_credentials

Serve = Callable[..., Index]

ROOT = authority("Corp Root")
ISSUING = authority("Corp Issuing", ROOT)
SERVER = leaf(ISSUING, "localhost", "127.0.0.1")


@pytest.fixture(autouse=True)
def nothing_stored(yard: Yard) -> None:
    yard.store()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve one answer at `/simple/`, on loopback, behind TLS where a certificate is named."""
    with ExitStack() as opened:

        def start(reply: Reply, shown: Made | None = None, *sent: Made) -> Index:
            tls = None if shown is None else shown.server(tmp_path, *sent)
            return opened.enter_context(index({"/simple/": reply}, tls))

        yield start


def listing(*names: str) -> Reply:
    body = {"meta": {"api-version": "1.1"}, "projects": [{"name": name} for name in names]}
    return Reply(body=json.dumps(body).encode(), kind=JSON)


def check(visitor: Visitor, url: str, *, certificate: str = "", project: str = "") -> str:
    """Type, press Check, and read what is said about the index."""
    page = SourcesPage(visitor)
    page.index_url.fill(url)
    page.paste_certificate(certificate)
    page.project.fill(project)
    page.check()
    return visitor.texts("#check")[0]


def test_an_index_is_fine_with_so_many_projects(admin: Visitor, yard: Yard) -> None:
    index_url, token = yard.feed("acme-one", "acme-two", "acme-three")
    said = check(admin, with_credentials(index_url, token))
    assert "is a package index and lists 3 projects" in said
    expect(admin.page.locator(".result.good")).to_have_count(1)
    said = check(admin, with_credentials(index_url, token), project="Acme_Two")
    assert "has 1 file of project acme-two" in said
    assert yard.stored() == {}, "a check stores nothing"


def test_an_index_without_the_project(admin: Visitor, yard: Yard) -> None:
    index_url, token = yard.feed("acme-one")
    assert "has no project acme-nine" in check(admin, with_credentials(index_url, token), project="acme-nine")
    expect(admin.page.locator(".result.bad")).to_have_count(1)
    assert "is no name of a project" in check(admin, with_credentials(index_url, token), project="acme one==1.0")


def test_credentials(admin: Visitor, yard: Yard) -> None:
    index_url, _token = yard.feed("acme-one")
    assert "wants credentials, and the URL holds none" in check(admin, index_url)
    said = check(admin, with_credentials(index_url, fresh_token()))
    assert "does not accept the credentials in the URL: it answered 401" in said
    _name, stranger = yard.workspace.user()
    said = check(admin, with_credentials(index_url, stranger))
    assert "knows who asks and does not let them read this index: it answered 403" in said


def test_nobody_there(admin: Visitor) -> None:
    assert "No address is known for pkgs.example.com" in check(admin, "https://pkgs.example.com/simple/")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert f"127.0.0.1 refused the connection on port {port}" in check(admin, f"http://127.0.0.1:{port}/simple/")


def test_no_index(admin: Visitor, serve: Serve) -> None:
    page = serve(Reply(body=b"<!doctype html><title>Sign in</title><form><input type=password></form>"))
    assert "what it sends is no package index" in check(admin, page.url())
    nothing = serve(Reply(404))
    assert "has no list of projects at this URL" in check(admin, nothing.url())
    broken = serve(Reply(500))
    assert "met a problem of its own" in check(admin, broken.url())


def test_a_private_authority(admin: Visitor, serve: Serve) -> None:
    """Unknown, then given; and a chain that the server sends only in part."""
    whole, part = serve(listing("acme"), SERVER, ISSUING), serve(listing("acme"), SERVER)
    said = check(admin, whole.url("localhost"))
    assert "it rests on the authority Corp Root (Corp), which is not trusted here" in said
    assert "lists 1 project" in check(admin, whole.url("localhost"), certificate=ROOT.pem)
    said = check(admin, part.url("localhost"), certificate=ROOT.pem)
    assert "the server does not send the certificate of Corp Issuing (Corp)" in said
    assert "have the server send its whole chain" in said.lower()
    assert "lists 1 project" in check(admin, part.url("localhost"), certificate=ROOT.pem + ISSUING.pem)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/simple/",
        "http://10.0.0.1/simple/",
        "https://[fd00::1]/simple/",
        "http://0.0.0.0/simple/",
        "http://2886729729/simple/",
    ],
)
def test_addresses_that_nobody_allowed(admin: Visitor, url: str) -> None:
    said = check(admin, url)
    assert "a check may not go to" in said
    assert "--check-network" in said


def test_what_is_stored_is_checked_after_saving_by_itself(admin: Visitor, yard: Yard) -> None:
    index_url, token = yard.feed("acme-one", "acme-two")
    page = SourcesPage(admin)
    page.index_url.fill(with_credentials(index_url, token))
    page.saved()
    expect(admin.page.locator("#check")).to_contain_text("lists 2 projects")
    SourcesPage(admin).check()
    expect(admin.page.locator("#check")).to_contain_text("lists 2 projects")
    assert token not in admin.everything_shown()
    assert set(yard.stored()) == {INDEX_URL_KEY}


def test_every_index_is_asked_by_itself(admin: Visitor, yard: Yard) -> None:
    index_url, token = yard.feed("acme-one")
    page = SourcesPage(admin)
    page.index_url.fill(with_credentials(index_url, token))
    page.type_extras("https://pkgs.example.com/a/", "nonsense", index_url)
    page.check()
    said = admin.texts(".result")
    assert [text.split(" http")[0] for text in said[:2]] == ["Index URL", "Extra index URL 1"]
    for text, words in zip(
        said, ("lists 1 project", "No address is known", "cannot be used", "wants cred"), strict=True
    ):
        assert words in text


def test_what_was_seen_on_the_way_is_told(admin: Visitor, serve: Serve) -> None:
    server = serve(listing("acme"), SERVER, ISSUING)
    check(admin, server.url("localhost"), certificate=ROOT.pem)
    admin.page.get_by_text("What was seen").click()
    expect(admin.page.locator(".result details")).to_contain_text("its certificate is")
    assert len(server.requests) == 1, "one page, once"
