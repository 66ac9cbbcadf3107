from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from tests.control.package_repositories.authorities import NOW, YEAR, Made, authority, leaf, made

from wheelyard.control.package_repositories.certificates import certificate_problems, chain_in_words, described

ROOT = authority("Corp Root")
ISSUING = authority("Corp Issuing", ROOT)
LEAF = leaf(ISSUING, "pkgs.example.com", "127.0.0.1")
GARBAGE = (
    "-----BEGIN CERTIFICATE-----\n"
    + base64.b64encode(b"\x30\x03\x02\x01\x05").decode()
    + "\n-----END CERTIFICATE-----\n"
)
SELF = "{} is `Corp Root (Corp)`, signed by itself"
MISSING = "the issuer `{}` of certificate {}, `{}`, is not among them"


def problems(text: str) -> list[tuple[str, str, int]]:
    return [(found.rule_id, found.level, found.number) for found in certificate_problems(text, NOW)]


def test_a_certificate_in_words() -> None:
    (one,) = described(LEAF.pem, NOW)
    assert (one.subject, one.issuer) == ("pkgs.example.com", "Corp Issuing (Corp)")
    assert one.names == ("pkgs.example.com", "127.0.0.1")
    assert (one.not_before, one.not_after) == (NOW - YEAR, NOW + YEAR)
    assert (one.is_ca, one.is_self_signed, one.is_expired, one.signed_by) == (False, False, False, None)
    assert one.words == (
        "`pkgs.example.com`, signed by `Corp Issuing (Corp)`, no authority,"
        f" valid until {(NOW + YEAR).strftime('%Y-%m-%d')}"
    )


def test_a_root_in_words() -> None:
    (one,) = described(ROOT.pem, NOW)
    assert (one.subject, one.is_ca, one.is_self_signed) == ("Corp Root (Corp)", True, True)
    assert one.words.startswith("`Corp Root (Corp)`, signed by itself, an authority, valid until ")


@pytest.mark.parametrize(
    ("certificates", "words"),
    [
        ([], ""),
        ([ROOT], SELF.format(1)),
        (
            [LEAF, ISSUING, ROOT],
            f"2 signs 1, `pkgs.example.com`; 3 signs 2, `Corp Issuing (Corp)`; {SELF.format(3)}",
        ),
        ([ROOT, ISSUING], f"{SELF.format(1)}; 1 signs 2, `Corp Issuing (Corp)`"),
        (
            [LEAF, ISSUING],
            f"2 signs 1, `pkgs.example.com`; {MISSING.format('Corp Root (Corp)', 2, 'Corp Issuing (Corp)')}",
        ),
        (
            [LEAF, ROOT],
            f"{MISSING.format('Corp Issuing (Corp)', 1, 'pkgs.example.com')}; {SELF.format(2)}",
        ),
    ],
)
def test_a_chain_in_words(certificates: list[Made], words: str) -> None:
    text = "".join(one.pem for one in certificates)
    assert chain_in_words(described(text, NOW)) == words


def test_the_same_name_with_another_key_signs_nothing() -> None:
    namesake = authority("Corp Root")
    assert "is not among them" in chain_in_words(described(ISSUING.pem + namesake.pem, NOW))


def test_a_long_chain_is_told_in_part() -> None:
    text = "".join(authority(f"Root {number}").pem for number in range(23))
    assert chain_in_words(described(text, NOW)).endswith("; and 3 more")


def test_text_around_and_windows_line_ends_do_not_matter() -> None:
    text = f"Bag Attributes\n  friendlyName: root\n{ROOT.pem}\n# and the other\n{ISSUING.pem}end".replace("\n", "\r\n")
    assert [(one.number, one.subject) for one in described(text, NOW)] == [
        (1, "Corp Root (Corp)"),
        (2, "Corp Issuing (Corp)"),
    ]
    assert problems(text) == []


def test_what_is_no_certificate_inside_is_named_by_its_number_and_the_others_are_read() -> None:
    text = ROOT.pem + GARBAGE + ISSUING.pem
    assert problems(text) == [("certificate-unreadable", "error", 2)]
    assert [one.number for one in described(text, NOW)] == [1, 3]
    assert chain_in_words(described(text, NOW)).endswith("1 signs 3, `Corp Issuing (Corp)`")


@pytest.mark.parametrize(
    "text",
    ["", "no certificate at all", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", ROOT.pem[:200]],
)
def test_what_core_sees_is_left_to_core(text: str) -> None:
    assert problems(text) == []
    assert described(text, NOW) == ()


def test_a_certificate_that_is_cut_does_not_swallow_the_next() -> None:
    assert [one.number for one in described(ROOT.pem[:200] + "\n" + ISSUING.pem, NOW)] == [2]


def test_dates_are_problems() -> None:
    expired = authority("Old", start=NOW - 2 * YEAR, end=NOW - timedelta(days=1))
    future = authority("New", start=NOW + timedelta(days=1))
    found = certificate_problems(ROOT.pem + future.pem + expired.pem, NOW)
    assert {(one.rule_id, one.number) for one in found} == {
        ("certificate-expired", 3),
        ("certificate-not-yet-valid", 2),
    }
    texts = " ".join(one.text for one in found)
    assert (NOW - timedelta(days=1)).strftime("expired on %Y-%m-%d") in texts
    assert (NOW + timedelta(days=1)).strftime("valid from %Y-%m-%d on") in texts
    assert [one.level for one in found] == sorted(one.level for one in found)
    assert "expired on" in described(expired.pem, NOW)[0].words
    assert "valid from" in described(future.pem, NOW)[0].words


def test_a_servers_certificate_is_no_authority() -> None:
    assert problems(LEAF.pem + ROOT.pem) == [("certificate-is-no-authority", "warning", 1)]


def test_every_problem_has_a_row_that_needs_a_certificate_to_be_read() -> None:
    expired = leaf(ISSUING, "old.example.com", end=NOW - timedelta(days=1))
    for found in certificate_problems(GARBAGE + expired.pem, NOW):
        assert found.why
        assert found.source
        assert found.confidence


def test_names_from_outside_are_shown_on_one_bounded_line() -> None:
    hostile = made("`evil`\x1b[31m\n\u202e" + "x" * 40, organisation="y" * 64)
    (one,) = described(hostile.pem, NOW)
    assert one.subject.startswith("'evil'[31m x")
    assert len(one.subject) < 200
    assert one.subject.isprintable()


def test_a_name_without_common_name_is_its_unit() -> None:
    (one,) = described(trustme.CA(organization_unit_name="Test unit").cert_pem.bytes().decode(), NOW)
    assert one.subject.startswith("Test unit (trustme")


def test_many_names_are_bounded() -> None:
    (one,) = described(leaf(ROOT, *(f"h{number}.example.com" for number in range(90))).pem, NOW)
    assert len(one.names) == 50


def test_the_systems_own_bundle_is_read() -> None:
    from wheelyard.compute.machine import system_roots

    text = Path(system_roots()).read_text(encoding="utf-8", errors="replace")
    found = described(text, NOW)
    assert len(found) > 0.9 * text.count("BEGIN CERTIFICATE")
    assert all(one.is_ca for one in found)
