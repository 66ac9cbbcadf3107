"""Which settings are plain, and that nothing else passes for it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from wheelyard.compute.plain_sources import PlainSources, authorization, page_of, plain_sources
from wheelyard.core.redaction import SafeUrl, Secret

INDEX = "https://reader:tok%40n@pkgs.example.com/team/simple/"
OURS = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_CERT": "/etc/bundle.pem", "HOME": "/home"}


def read(variables: Mapping[str, str], conf: str = "", index_url: str | None = None) -> PlainSources | None:
    secrets = {name: Secret(value) for name, value in {**OURS, **variables}.items()}
    return plain_sources(secrets, Secret(conf), None if index_url is None else Secret(index_url), "23.2.1")


def urls(sources: PlainSources | None) -> list[str]:
    assert sources is not None
    return [index.reveal() for index in sources.indexes]


def test_where_the_indexes_are() -> None:
    assert urls(read({"PIP_INDEX_URL": INDEX})) == [INDEX]
    assert urls(
        read({"PIP_INDEX_URL": INDEX, "PIP_EXTRA_INDEX_URL": "https://a.example.com https://b.example.com"})
    ) == [
        INDEX,
        "https://a.example.com",
        "https://b.example.com",
    ]
    assert urls(read({}, f"[global]\nindex-url = {INDEX}\n")) == [INDEX]
    assert urls(read({"PIP_INDEX_URL": "https://other.example.com"}, f"[global]\nindex-url = {INDEX}\n")) == [
        "https://other.example.com"
    ]


def test_a_librarys_own_repo_takes_the_place_of_the_index() -> None:
    extra = {"PIP_INDEX_URL": INDEX, "PIP_EXTRA_INDEX_URL": "https://a.example.com"}
    assert urls(read(extra, index_url="https://own.example.com")) == [
        "https://own.example.com",
        "https://a.example.com",
    ]


def test_the_certificate_is_pips() -> None:
    found = read({"PIP_INDEX_URL": INDEX, "PIP_CERT": "/etc/other.pem", "SSL_CERT_FILE": "/etc/other.pem"})
    assert found is not None
    assert found.certificate == "/etc/other.pem"


@pytest.mark.parametrize(
    "variables",
    [
        {"PIP_NO_INDEX": "1"},
        {"PIP_FIND_LINKS": "/wheels"},
        {"PIP_TRUSTED_HOST": "pkgs.example.com"},
        {"PIP_CONFIG_FILE": "/Workspace/pip.conf"},
        {"PIP_CONSTRAINT": "c.txt"},
        {"PIP_PRE": "1"},
        {"PIP_pre": "1"},
        {"PIP_NO_BINARY": ":all:"},
        {"PIP_NO_DEPS": "1"},
        {"PIP_TARGET": "/tmp/x"},
        {"PIP_REQUIRE_HASHES": "1"},
        {"PIP_NO_INPUT": "maybe"},
        {"PIP_UPLOADED_PRIOR_TO": "P1D"},
        {"_PIP_USE_IMPORTLIB_METADATA": "0"},
        {"https_proxy": "http://proxy.example.com"},
        {"ALL_PROXY": "http://proxy.example.com"},
        {"NETRC": "/Workspace/netrc"},
        {"REQUESTS_CA_BUNDLE": "/etc/other.pem"},
        {"SSL_CERT_FILE": "/etc/other.pem"},
        {"SSL_CERT_DIR": "/etc/certs"},
        {"PYTHONPATH": "/Workspace/code"},
        {"LD_PRELOAD": "x.so"},
        {"XDG_CONFIG_HOME": "/Workspace/config"},
        {"OPENSSL_CONF": "/Workspace/openssl.cnf"},
        {"PIP_INDEX_URL": "http://pkgs.example.com/simple"},
        {"PIP_INDEX_URL": "file:///wheels"},
        {"PIP_INDEX_URL": "https://pkgs.example.com/simple?token=1"},
        {"PIP_INDEX_URL": "https://pkgs.example.com/a b"},
        {"PIP_INDEX_URL": "https://pkgs.example.com:port/simple"},
        {"PIP_INDEX_URL": "https://user:p\u00e4ss@pkgs.example.com/simple"},
        {"PIP_INDEX_URL": "https:///simple"},
    ],
    ids=str,
)
def test_what_could_make_pip_do_more_is_left_to_pip(variables: dict[str, str]) -> None:
    assert read({"PIP_INDEX_URL": INDEX}) is not None
    assert read({"PIP_INDEX_URL": INDEX, **variables}) is None


@pytest.mark.parametrize(
    "conf",
    [
        "[global]\nno-binary = :all:\n",
        "[install]\nupgrade = yes\n",
        "[wheel]\nfind-links = /wheels\n",
        "index-url = https://pkgs.example.com\n",
    ],
)
def test_a_file_that_says_more_is_left_to_pip(conf: str) -> None:
    assert read({"PIP_INDEX_URL": INDEX}, conf) is None


def test_without_an_index_it_is_left_to_pip() -> None:
    assert read({}) is None


def test_an_index_on_this_machine_needs_no_tls() -> None:
    for host in ("127.0.0.1:1", "127.8.9.10", "localhost", "[::1]:80"):
        assert read({"PIP_INDEX_URL": f"http://{host}/simple"}) is not None


def test_pages_have_no_credentials_and_their_host_gets_them() -> None:
    index = SafeUrl(INDEX)
    page = page_of(index, "some-project")
    assert page == "https://pkgs.example.com/team/simple/some-project/"
    header = authorization(index, page)
    assert header is not None
    assert header.reveal() == "Basic cmVhZGVyOnRva0Bu"
    assert authorization(index, "https://files.example.com/x.whl") is None
    assert authorization(SafeUrl("https://pkgs.example.com/simple"), page) is None
    only_user = authorization(SafeUrl("https://token@pkgs.example.com/simple"), page)
    assert only_user is not None
    assert only_user.reveal() == "Basic dG9rZW46"
