"""What was typed, and what a mask stands for: never a credential for another scheme, user or host."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.control.package_repositories.service import read_command
from wheelyard.control.package_repositories.typed import Typed, holds_mask, read_typed, unmasked
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.package_sources import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    PackageSources,
)
from wheelyard.core.redaction import SafeUrl

ONE = SafeUrl("https://build:s3cret-one@pkgs.example.com/simple/")
TWO = SafeUrl("https://build:s3cret-two@pkgs.example.com/legacy/")
OTHER_HOST = SafeUrl("https://build:s3cret-three@mirror.example.com/simple/")
TOKEN_ONLY = SafeUrl("https://only-a-token@tokens.example.com/simple/")

HOSTS = st.sampled_from(["pkgs.example.com", "mirror.example.com", "PKGS.example.com:8443", "tokens.example.com"])
USERS = st.sampled_from(["build", "ana", ""])
SECRETS = st.text(st.characters(categories=["Ll", "Nd"]), min_size=4, max_size=12)


@st.composite
def urls(draw: st.DrawFn) -> SafeUrl:
    scheme = draw(st.sampled_from(["https", "http"]))
    user, secret = draw(USERS), draw(SECRETS)
    user_info = f"{user}:{secret}" if user else secret
    return SafeUrl(f"{scheme}://{user_info}@{draw(HOSTS)}/{draw(st.sampled_from(['simple/', 'a/b/', '']))}")


def extras(typed: Typed) -> list[str]:
    return [one.url.reveal() for one in typed.extra_index_urls]


def rules(typed: Typed) -> set[str]:
    index = typed.index_url.problems if typed.index_url else ()
    rows = [problem for one in typed.extra_index_urls for problem in one.problems]
    return {one.rule_id for one in (*index, *rows, *typed.extra_problems, *typed.certificate_problems)}


class TestTheMask:
    @given(known=st.lists(urls(), max_size=4), shown=urls())
    def test_it_stands_for_a_credential_of_the_same_scheme_user_and_host_or_for_none(
        self, known: list[SafeUrl], shown: SafeUrl
    ) -> None:
        meant = unmasked(str(shown), known)
        if meant is None:
            return
        text = meant.reveal()
        assert str(meant) == str(shown)
        owners = [
            one
            for one in known
            if one.user_info == meant.user_info
            and one.host.lower() == meant.host.lower()
            and one.reveal().partition("://")[0] == text.partition("://")[0]
        ]
        assert owners

    @given(known=st.lists(urls(), min_size=1, max_size=4))
    def test_what_is_stored_comes_back_as_it_was(self, known: list[SafeUrl]) -> None:
        first = known[0]
        assert unmasked(str(first), known) == first

    @pytest.mark.parametrize(
        "text",
        [
            "https://build:****@elsewhere.example/simple/",
            "http://build:****@pkgs.example.com/simple/",
            "https://ana:****@pkgs.example.com/simple/",
            "https://build:****@pkgs.example.com:8443/simple/",
            "https://build:****@pkgs.example.com.evil.example/simple/",
            "https://****@pkgs.example.com/simple/",
            "https://build:****@evil.example/@pkgs.example.com/simple/",
        ],
    )
    def test_it_goes_nowhere_else(self, text: str) -> None:
        assert unmasked(text, [ONE, OTHER_HOST, TOKEN_ONLY]) is None

    def test_another_path_of_the_host_keeps_it(self) -> None:
        meant = unmasked("https://build:****@pkgs.example.com/new/simple/", [ONE])
        assert meant is not None
        assert meant.reveal() == "https://build:s3cret-one@pkgs.example.com/new/simple/"

    def test_of_two_credentials_for_one_host_only_an_unchanged_url_says_which(self) -> None:
        assert unmasked(str(TWO), [ONE, TWO]) == TWO
        assert unmasked("https://build:****@pkgs.example.com/third/", [ONE, TWO]) is None

    @pytest.mark.parametrize(
        ("text", "held"),
        [
            ("https://build:****@pkgs.example.com/", True),
            ("https://****@pkgs.example.com/", True),
            ("https://pkgs.example.com/****/", False),
            ("https://build:*****@pkgs.example.com/", False),
            ("https://build:real@pkgs.example.com/?x=****", False),
            ("", False),
        ],
    )
    def test_where_it_counts(self, text: str, held: int) -> None:
        assert holds_mask(text) == held


class TestReading:
    def test_white_space_goes_and_a_pasted_list_becomes_a_url_each(self) -> None:
        typed = read_typed(
            f"  {ONE.reveal()}\n",
            ["https://a.example/simple/  https://b.example/simple/\n", "", " https://c.example/simple/"],
            "\n",
            PackageSources(),
        )
        assert typed.index_url is not None
        assert typed.index_url.url == ONE
        assert extras(typed) == ["https://a.example/simple/", "https://b.example/simple/", "https://c.example/simple/"]
        assert [one.row for one in typed.extra_index_urls] == [0, 0, 2]
        assert typed.is_usable
        assert {key: value and value.reveal() for key, value in typed.values().items()} == {
            INDEX_URL_KEY: ONE.reveal(),
            EXTRA_INDEX_URLS_KEY: "https://a.example/simple/ https://b.example/simple/ https://c.example/simple/",
            CERTIFICATE_KEY: None,
        }

    def test_masks_in_rows_mean_the_stored_url_of_that_row_first(self) -> None:
        stored = PackageSources(None, (ONE, SafeUrl("https://build:again@pkgs.example.com/simple/")))
        typed = read_typed("", [str(url) for url in stored.extra_index_urls], "", stored)
        assert extras(typed) == [url.reveal() for url in stored.extra_index_urls]

    def test_what_was_typed_before_goes_before_what_is_stored(self) -> None:
        newer = SafeUrl("https://build:newer@pkgs.example.com/simple/")
        typed = read_typed(str(newer), [], "", PackageSources(ONE), [newer])
        assert typed.index_url is not None
        assert typed.index_url.url == newer

    def test_an_unknown_mask_is_an_error_and_is_not_stored(self) -> None:
        typed = read_typed("https://build:****@elsewhere.example/simple/", [], "", PackageSources(ONE))
        assert rules(typed) == {"mask-without-credential"}
        assert not typed.is_usable

    @pytest.mark.parametrize(
        ("index", "rows", "certificate", "rule"),
        [
            ("pkgs.example.com/simple", [], "", "index-url-without-scheme"),
            ("https://a.example/ https://b.example/", [], "", "index-url-has-white-space"),
            ("", ["https://a.example/,https://b.example/"], "", "extras-comma"),
            ("", ["'https://a.example/'"], "", "value-is-quoted"),
            ("", ["https://a.example/simple/"], "", "extras-asked-equally"),
            ("", [f"https://{n}.example/simple/" for n in range(100)], "", "too-many-extras"),
            (f"https://pkgs.example.com/{'a' * 10_000}/", [], "", "url-too-long"),
            ("-----BEGIN CERTIFICATE-----", [], "", "url-is-certificate"),
            ("", [], "/etc/ssl/ca.pem", "cert-is-path"),
            ("", [], "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----", "certificate-is-key"),
        ],
    )
    def test_problems(self, index: str, rows: list[str], certificate: str, rule: str) -> None:
        assert rule in rules(read_typed(index, rows, certificate, PackageSources()))

    def test_it_prints_no_credential(self) -> None:
        typed = read_typed(ONE.reveal(), [TWO.reveal()], "", PackageSources())
        assert "s3cret" not in repr(typed)


class TestCommands:
    @pytest.mark.parametrize(
        ("text", "installer", "words"),
        [
            ("%pip install six", "", ("install", "six")),
            ("!pip3 install -r needs.txt", "", ("install", "-r", "needs.txt")),
            ("/databricks/python/bin/pip install six", "", ("install", "six")),
            ("python -m pip install six", "", ("install", "six")),
            ("%uv pip install six", "uv", ("pip", "install", "six")),
            ("install six  # now", "", ("install", "six")),
            ("", "", ()),
        ],
    )
    def test_what_a_notebook_holds(self, text: str, installer: str, words: tuple[str, ...]) -> None:
        asked = read_command(text)
        assert (asked.installer, asked.words) == (installer, words)

    def test_an_open_quotation_mark_is_said(self) -> None:
        with pytest.raises(InvalidParameter, match="quotation mark"):
            read_command("pip install 'six")

    @given(st.text(max_size=60))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with suppress(InvalidParameter):
            assert read_command(text).installer in {"", "uv"}
