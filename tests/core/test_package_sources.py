from __future__ import annotations

import base64
import datetime as dt
import re
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from hypothesis import given
from hypothesis import strategies as st

from wheelyard.core.errors import InvalidParameter
from wheelyard.core.package_sources import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    KEYS,
    LONGEST_URL,
    LONGEST_VALUE,
    MOST_CERTIFICATES,
    MOST_EXTRA_INDEX_URLS,
    PackageSources,
    Problem,
    check_value,
    problems,
    problems_of,
)
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.values import VALUE_RULES, value_rule

GOOD_URL = "https://build:s3cret@pkgs.example.com/org/_packaging/feed@Release/pypi/simple/"
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=0x2FF)


def certificate() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example CA")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=30))
    pem = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    return pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


PEM, PRIVATE_KEY = certificate()
DER = x509.load_pem_x509_certificate(PEM.encode()).public_bytes(Encoding.DER)
BARE = "".join(PEM.splitlines()[1:-1])
EXTRAS = " ".join(f"https://pkgs{number}.example.com/simple" for number in range(MOST_EXTRA_INDEX_URLS))
EQUALLY = "extras-asked-equally"


def long_url(length: int) -> str:
    start = "https://build:s3cret@pkgs.example.com/simple/"
    return start + "a" * (length - len(start))


def key_files() -> list[bytes]:
    """Private keys and what holds them, in the binary forms that tools write."""
    small = ec.generate_private_key(ec.SECP256R1())
    large = rsa.generate_private_key(65537, 2048)
    forms = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    plain = [key.private_bytes(Encoding.DER, form, NoEncryption()) for key in (small, large) for form in forms]
    return [*plain, pkcs12.serialize_key_and_certificates(b"ca", large, None, None, NoEncryption())]


def ids(key: str, value: str) -> list[str]:
    return [problem.rule_id for problem in problems_of(key, value)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (INDEX_URL_KEY, GOOD_URL),
        (INDEX_URL_KEY, "https://pkgs.example.com/simple"),
        (INDEX_URL_KEY, "http://token@127.0.0.1:8470/o/_packaging/f/pypi/simple/"),
        (INDEX_URL_KEY, "http://[::1]:8470/simple/"),
        (INDEX_URL_KEY, "file:///srv/index/simple"),
        (INDEX_URL_KEY, "https://build:p%40ss%2Fw%2C@pkgs.example.com/simple"),
        (INDEX_URL_KEY, long_url(LONGEST_URL)),
        (CERTIFICATE_KEY, PEM),
        (CERTIFICATE_KEY, PEM * MOST_CERTIFICATES),
        (CERTIFICATE_KEY, f"# our CA\n{PEM}{PEM}"),
        (CERTIFICATE_KEY, PEM.replace("\n", "\r\n")),
        ("another-key", "anything\n"),
    ],
)
def test_good_values_have_no_problem(key: str, value: str) -> None:
    assert problems_of(key, value) == ()
    check_value(key, value)


EXAMPLES: list[tuple[str, str, list[str]]] = [
    (INDEX_URL_KEY, "", ["value-is-empty"]),
    (INDEX_URL_KEY, " \n", ["value-is-empty"]),
    (INDEX_URL_KEY, f"{GOOD_URL}\n", ["secret-has-trailing-newline"]),
    (INDEX_URL_KEY, f"{GOOD_URL}\r\n", ["secret-has-trailing-newline"]),
    (INDEX_URL_KEY, f" {GOOD_URL}", ["secret-has-white-space"]),
    (INDEX_URL_KEY, f"{GOOD_URL} https://two.example/", ["index-url-has-white-space"]),
    (INDEX_URL_KEY, f'"{GOOD_URL}"', ["value-is-quoted"]),
    (INDEX_URL_KEY, "https://h.example/\x07", ["control-character"]),
    (INDEX_URL_KEY, "https://h.example/\u200bsimple", ["control-character"]),
    (INDEX_URL_KEY, "https://h.example/\udc80", ["control-character"]),
    (CERTIFICATE_KEY, f"\ufeff{PEM}", ["control-character"]),
    (INDEX_URL_KEY, "pkgs.example.com/simple", ["index-url-without-scheme"]),
    (INDEX_URL_KEY, "build:s3cret@pkgs.example.com/simple", ["index-url-without-scheme"]),
    (INDEX_URL_KEY, "ftp://pkgs.example.com/simple", ["index-url-without-scheme"]),
    (INDEX_URL_KEY, "https://build:a/b@pkgs.example.com/simple", ["raw-character-in-password"]),
    (INDEX_URL_KEY, "https://build:a?b@pkgs.example.com/simple", ["raw-character-in-password"]),
    (INDEX_URL_KEY, "https://build:a#b@pkgs.example.com/simple", ["raw-character-in-password"]),
    (INDEX_URL_KEY, "https://to/ken@pkgs.example.com/simple", ["raw-character-in-password"]),
    (INDEX_URL_KEY, "https://build:a%b@pkgs.example.com/simple", ["bad-escape"]),
    (INDEX_URL_KEY, "https://build:a@b@pkgs.example.com/simple", ["raw-at-in-password"]),
    (INDEX_URL_KEY, "https:///simple", ["bad-host"]),
    (INDEX_URL_KEY, "https://h.example:99999/simple", ["bad-host"]),
    (INDEX_URL_KEY, "https://[::1/simple", ["bad-host"]),
    (INDEX_URL_KEY, "http://build:s3cret@pkgs.example.com/simple", ["credentials-over-http"]),
    (INDEX_URL_KEY, PEM.strip(), ["url-is-certificate"]),
    (INDEX_URL_KEY, long_url(LONGEST_URL + 1), ["url-too-long"]),
    (INDEX_URL_KEY, "a" * 10_000, ["url-too-long", "index-url-without-scheme"]),
    (EXTRA_INDEX_URLS_KEY, "", ["value-is-empty"]),
    (EXTRA_INDEX_URLS_KEY, GOOD_URL, [EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{GOOD_URL} https://two.example/simple\nhttps://three.example/simple", [EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, EXTRAS, [EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{EXTRAS} https://one.example/too/many", ["too-many-extras", EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, "no.scheme " * 99 + "end", ["too-many-extras", *["index-url-without-scheme"] * 20, EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{GOOD_URL} {long_url(LONGEST_URL + 1)}", ["url-too-long", EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{GOOD_URL},https://two.example/", ["extras-comma", EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{GOOD_URL} two.example", ["index-url-without-scheme", EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, f"{GOOD_URL}\n", ["secret-has-trailing-newline", EQUALLY]),
    (EXTRA_INDEX_URLS_KEY, PEM.strip(), ["url-is-certificate"]),
    (CERTIFICATE_KEY, "/etc/ssl/ca.pem", ["cert-is-path"]),
    (CERTIFICATE_KEY, "ca.crt\n", ["cert-is-path"]),
    (CERTIFICATE_KEY, "/dbfs/certs/ca", ["cert-is-path"]),
    (CERTIFICATE_KEY, "hello", ["not-a-certificate"]),
    (CERTIFICATE_KEY, "", ["value-is-empty"]),
    (CERTIFICATE_KEY, PRIVATE_KEY, ["certificate-is-key"]),
    (CERTIFICATE_KEY, f"{PEM}{PRIVATE_KEY}", ["certificate-is-key"]),
    (CERTIFICATE_KEY, PEM.replace("\n", "\\n"), ["certificate-line-breaks"]),
    (CERTIFICATE_KEY, PEM[:200], ["certificate-is-cut"]),
    (CERTIFICATE_KEY, PEM.replace(PEM.splitlines()[2], ""), ["not-a-certificate"]),
    (CERTIFICATE_KEY, PEM.replace(PEM.splitlines()[2], "*" * 64), ["not-a-certificate"]),
    (CERTIFICATE_KEY, f"{PEM.splitlines()[-1]}\n{PEM.splitlines()[0]}", ["not-a-certificate"]),
    (CERTIFICATE_KEY, f"{PEM}\x07", ["control-character"]),
    (CERTIFICATE_KEY, "x" * (LONGEST_VALUE + 1), ["value-too-long", "not-a-certificate"]),
    (CERTIFICATE_KEY, PEM * (200 * 1024 // len(PEM)), ["value-too-long", "too-many-certificates"]),
    (CERTIFICATE_KEY, PEM * (MOST_CERTIFICATES + 1), ["too-many-certificates"]),
    (CERTIFICATE_KEY, PEM * 20, ["too-many-certificates"]),
    (CERTIFICATE_KEY, BARE, ["certificate-is-der"]),
    (CERTIFICATE_KEY, "\n".join(PEM.splitlines()[1:-1]), ["certificate-is-der"]),
    (CERTIFICATE_KEY, BARE[:-8], ["not-a-certificate"]),
    (CERTIFICATE_KEY, "".join(PRIVATE_KEY.splitlines()[1:-1]), ["certificate-is-key"]),
]


@pytest.mark.parametrize(("key", "value", "rule_ids"), EXAMPLES)
def test_bad_values_are_named(key: str, value: str, rule_ids: list[str]) -> None:
    assert ids(key, value) == rule_ids
    assert ids(key.upper(), value) == rule_ids


@pytest.mark.parametrize(
    ("encoding", "errors"),
    [("latin-1", "strict"), ("utf-8", "replace"), ("utf-8", "surrogateescape"), ("cp1252", "replace")],
)
def test_binary_files_are_named_whatever_made_text_of_them(encoding: str, errors: str) -> None:
    assert ids(CERTIFICATE_KEY, DER.decode(encoding, errors)) == ["certificate-is-der"]
    for file in key_files():
        assert ids(CERTIFICATE_KEY, file.decode(encoding, errors)) == ["certificate-is-key"]


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    shown = {rule_id for _key, _value, rule_ids in EXAMPLES for rule_id in rule_ids}
    assert shown == {row.id for row in VALUE_RULES if row.sees == "text"}


def test_a_problem_says_why_and_who_says_so() -> None:
    (found,) = problems_of(EXTRA_INDEX_URLS_KEY, GOOD_URL)
    row = value_rule(EQUALLY)
    assert (found.level, found.why, found.source, found.confidence) == ("warning", row.why, row.source, row.confidence)
    assert "dependency confusion" in found.why


def test_a_problem_without_a_row_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        _ = Problem("no-such-rule", "text").level


def test_rows_are_unique_and_complete() -> None:
    assert len({row.id for row in VALUE_RULES}) == len(VALUE_RULES)
    for row in VALUE_RULES:
        assert row.source
        assert row.why
        assert not row.why.endswith("."), "one sentence, as everywhere in the tables"


def test_a_problem_names_the_url_it_is_about() -> None:
    found = problems_of(EXTRA_INDEX_URLS_KEY, f"{GOOD_URL} two.example {GOOD_URL} http://u:p@four.example/")
    assert [(problem.rule_id, problem.number) for problem in found] == [
        ("index-url-without-scheme", 2),
        ("credentials-over-http", 4),
        (EQUALLY, 0),
    ]


def test_a_whole_form_at_once() -> None:
    form = {INDEX_URL_KEY: Secret(f"{GOOD_URL}\n"), EXTRA_INDEX_URLS_KEY: None, CERTIFICATE_KEY: Secret(PEM)}
    found = problems(form)
    assert {key: [problem.rule_id for problem in of_key] for key, of_key in found.items()} == {
        INDEX_URL_KEY: ["secret-has-trailing-newline"]
    }


@given(value=st.text(st.characters(codec=None), max_size=30), key=st.sampled_from(KEYS))
def test_what_is_accepted_can_be_encoded(value: str, key: str) -> None:
    try:
        check_value(key, value)
    except InvalidParameter:
        return
    value.encode()


def test_a_refusal_reads_as_the_style_guide_shows() -> None:
    with pytest.raises(InvalidParameter) as refused:
        check_value(INDEX_URL_KEY, f"{GOOD_URL}\n")
    error = refused.value
    assert error.reference == "secret-has-trailing-newline"
    assert error.what == (
        "`pip-index-url` was not stored: the value ends with a newline, and pip would ask for `/simple%0A/…`"
    )
    assert error.unchanged == "nothing was written; the previous value is still in place"
    assert error.hint == 'use `printf %s "$URL" | databricks secrets put-secret …`, or pass --trim'


def test_warnings_do_not_refuse() -> None:
    check_value(INDEX_URL_KEY, "http://build:a@b@pkgs.example.com/simple")


@given(
    one=st.text(PRINTABLE, min_size=1, max_size=20),
    two=st.text(PRINTABLE, min_size=1, max_size=20),
    key=st.sampled_from(KEYS),
    form=st.sampled_from(["https://build:{}@pkgs.example.com/s", "https://{}@pkgs.example.com/s", "build:{}@h/", "{}"]),
)
def test_no_text_depends_on_the_password(one: str, two: str, key: str, form: str) -> None:
    texts = [{problem.rule_id: problem.text for problem in problems_of(key, form.format(text))} for text in (one, two)]
    for rule_id in texts[0].keys() & texts[1].keys() - {"control-character"}:
        assert re.sub("[0-9]+", "", texts[0][rule_id]) == re.sub("[0-9]+", "", texts[1][rule_id])


@given(password=st.text(PRINTABLE, min_size=1, max_size=30))
def test_an_escaped_password_has_no_problem(password: str) -> None:
    assert problems_of(INDEX_URL_KEY, f"https://build:{quote(password, safe='')}@pkgs.example.com/simple") == ()


URLS = st.from_regex(r"https://([a-z]{1,8}:[a-z0-9]{1,8}@)?[a-z]{1,8}\.example/[a-z/]{0,10}", fullmatch=True).map(
    SafeUrl
)
SOURCES = st.builds(
    PackageSources,
    index_url=st.none() | URLS,
    extra_index_urls=st.lists(URLS, max_size=3).map(tuple),
    certificate=st.none() | st.just(PEM.strip()),
)


@given(sources=SOURCES)
def test_keys_and_back(sources: PackageSources) -> None:
    keys = {key: value.reveal() for key, value in sources.to_keys().items()}
    assert PackageSources.from_keys(keys) == sources
    assert PackageSources.from_keys({key.upper(): f" {value}\n" for key, value in keys.items()}) == sources
    assert {problem.rule_id for key, value in keys.items() for problem in problems_of(key, value)} <= {EQUALLY}


PIECES = st.one_of(
    st.text(),
    st.sampled_from([value for _key, value, _rule_ids in EXAMPLES if len(value) < 10_000]),
    st.binary(max_size=40).map(lambda data: (DER[:6] + data).decode("utf-8", "replace")),
    st.binary(max_size=40).map(lambda data: base64.b64encode(b"\x30" + data).decode()),
)


@given(values=st.dictionaries(st.sampled_from(KEYS), st.lists(PIECES, max_size=3).map("".join)))
def test_whatever_is_stored_can_be_read_and_judged(values: dict[str, str]) -> None:
    PackageSources.from_keys(values)
    for key, value in values.items():
        found = problems_of(key, value)
        assert {problem.rule_id for problem in found} <= {row.id for row in VALUE_RULES if row.sees == "text"}
        assert [problem.level for problem in found] == sorted(problem.level for problem in found)


def test_sources_do_not_print_credentials() -> None:
    assert "s3cret" not in repr(PackageSources.from_keys({INDEX_URL_KEY: GOOD_URL, EXTRA_INDEX_URLS_KEY: GOOD_URL}))


def test_der_of_another_length_is_no_certificate() -> None:
    for data in (b"\x30\x03\x02\x01\x05x", b"\x31\x03\x02\x01\x05", b"\x30\x82\xff\xff" + bytes(10), b""):
        text = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(data).decode()}\n-----END CERTIFICATE-----\n"
        assert ids(CERTIFICATE_KEY, text) == ["not-a-certificate"]
    assert ids(CERTIFICATE_KEY, "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n") == []
