"""Package sources: index URL, extra index URLs and certificate, as the three keys of the reserved scope hold them.

Reading is forgiving, because what is stored is stored: white space around a value is dropped, an empty value counts as
absent. Writing is strict: the checks below are one row each, in the order a reader should hear of them.

Source: facts/delivery.md 0.2, 1.1, 1.7; facts/packaging.md A5.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import SafeUrl, Secret

__all__ = [
    "CERTIFICATE_KEY",
    "EXTRA_INDEX_URLS_KEY",
    "INDEX_URL_KEY",
    "KEYS",
    "PackageSources",
    "Problem",
    "check_value",
    "problems_of",
]

INDEX_URL_KEY: Final = "pip-index-url"
EXTRA_INDEX_URLS_KEY: Final = "pip-extra-index-urls"
CERTIFICATE_KEY: Final = "pip-cert"
KEYS: Final = (INDEX_URL_KEY, EXTRA_INDEX_URLS_KEY, CERTIFICATE_KEY)

LONGEST_VALUE: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class PackageSources:
    """Where packages come from. `certificate` is PEM text, never a path."""

    index_url: SafeUrl | None = None
    extra_index_urls: tuple[SafeUrl, ...] = ()
    certificate: str | None = None

    @classmethod
    def from_keys(cls, values: Mapping[str, str]) -> PackageSources:
        r"""Read the reserved scope's values; other keys are ignored, the spelling of a key is not judged by its case.

        >>> PackageSources.from_keys({"pip-index-url": " https://pkgs.example.com/simple \n", "pip-cert": ""})
        PackageSources(index_url=SafeUrl('https://pkgs.example.com/simple'), extra_index_urls=(), certificate=None)
        """
        stripped = {key.casefold(): value.strip() for key, value in values.items()}
        index_url = stripped.get(INDEX_URL_KEY)
        return cls(
            index_url=SafeUrl(index_url) if index_url else None,
            extra_index_urls=tuple(SafeUrl(url) for url in stripped.get(EXTRA_INDEX_URLS_KEY, "").split()),
            certificate=stripped.get(CERTIFICATE_KEY) or None,
        )

    def to_keys(self) -> dict[str, Secret[str]]:
        """The values to store; a key that is not set is absent."""
        extras = " ".join(url.reveal() for url in self.extra_index_urls)
        values = {
            INDEX_URL_KEY: self.index_url.reveal() if self.index_url else "",
            EXTRA_INDEX_URLS_KEY: extras,
            CERTIFICATE_KEY: self.certificate or "",
        }
        return {key: Secret(value) for key, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a value. The text never holds any of the value."""

    rule_id: str
    text: str
    hint: str = ""
    level: Literal["error", "warning"] = "error"


def check_value(key: str, value: str) -> None:
    """Refuse a value that pip could not use, before it is stored.

    Keys other than the three take any value.

    Raises:
        InvalidParameter: the first error among `problems_of`; nothing has been written.
    """
    for problem in problems_of(key, value):
        if problem.level == "error":
            raise InvalidParameter(
                f"`{key}` was not stored: {problem.text}",
                reference=problem.rule_id,
                unchanged="nothing was written; the previous value is still in place",
                hint=problem.hint,
            )


def problems_of(key: str, value: str) -> tuple[Problem, ...]:
    r"""Everything wrong or doubtful about one value, errors first.

    >>> [problem.rule_id for problem in problems_of("pip-index-url", "pkgs.example.com/simple\n")]
    ['secret-has-trailing-newline', 'index-url-without-scheme']
    """
    checks = _CHECKS.get(key.casefold(), ())
    found = [problem for check in checks for problem in check(value)]
    return tuple(sorted(found, key=lambda problem: problem.level))


_Check = Callable[[str], Iterator[Problem]]


def _length(value: str) -> Iterator[Problem]:
    size = len(value.encode("utf-8", "surrogatepass"))
    if size > LONGEST_VALUE:
        yield Problem("value-too-long", f"the value has {size} bytes, a secret holds at most {LONGEST_VALUE}")


def _emptiness(value: str) -> Iterator[Problem]:
    if not value.strip():
        yield Problem(
            "value-is-empty", "the value is empty", "delete the key instead: databricks secrets delete-secret …"
        )


def _ends(value: str) -> Iterator[Problem]:
    hint = 'use `printf %s "$URL" | databricks secrets put-secret …`, or pass --trim'
    if value.strip() and value.endswith(("\n", "\r")):
        yield Problem(
            "secret-has-trailing-newline", "the value ends with a newline, and pip would ask for `/simple%0A/…`", hint
        )
    elif value.strip() and value != value.strip():
        yield Problem("secret-has-white-space", "white space stands before or after the value", hint)


def _control_characters(value: str) -> Iterator[Problem]:
    found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", value)
    if found:
        yield Problem("control-character", f"the value holds the control character U+{ord(found[0]):04X}")


def _quotes(value: str) -> Iterator[Problem]:
    if re.search(r"[\"'`\u2018\u2019\u201c\u201d]", value):
        yield Problem(
            "value-is-quoted",
            "the value holds a quotation mark, and pip would take it as part of the URL",
            "leave the quotation marks to the shell; inside a password write `%22` or `%27`",
        )


def _pem_for_url(value: str) -> Iterator[Problem]:
    if "-----BEGIN" in value:
        yield Problem(
            "url-is-certificate", "the value is PEM text, and a URL is needed", f"store it under `{CERTIFICATE_KEY}`"
        )


def _one_url(value: str) -> Iterator[Problem]:
    if len(value.split()) > 1 and "-----BEGIN" not in value:
        yield Problem(
            "index-url-has-white-space",
            "the value holds white space, and one URL is needed",
            f"further URLs belong under `{EXTRA_INDEX_URLS_KEY}`; inside a password write `%20`",
        )


def _commas(value: str) -> Iterator[Problem]:
    if "," in value:
        yield Problem(
            "extras-comma",
            "the URLs are separated by a comma, and pip would read them as one broken URL",
            "separate the URLs by spaces; a comma that belongs to a password is written `%2C`",
        )


def _index_url(value: str) -> Iterator[Problem]:
    if "-----BEGIN" not in value and value.strip():
        yield from _url(value.strip().strip("\"'`"), "the value")


def _extra_index_urls(value: str) -> Iterator[Problem]:
    if "-----BEGIN" in value:
        return
    for number, word in enumerate(value.replace(",", " ").split(), start=1):
        yield from _url(word.strip("\"'`"), f"URL {number} of the value")


def _url(word: str, name: str) -> Iterator[Problem]:
    """One URL, called by its place: a broken URL cannot be shown, because nobody knows where its password ends."""
    if not re.match(r"(https?|file)://", word, re.IGNORECASE):
        yield Problem("index-url-without-scheme", f"{name} does not start with `https://`, `http://` or `file://`")
        return
    credentials = (SafeUrl(word).user_info or Secret("")).reveal()
    if re.search(r"[/?#]", credentials) or _token_with_slash(word):
        yield Problem(
            "raw-character-in-password",
            f"the credentials in {name} hold a raw `/`, `?` or `#`, and pip would print them in clear",
            "write `/` as `%2F`, `?` as `%3F`, `#` as `%23`",
        )
        return
    yield from _escapes(word, name, credentials)
    yield from _host(word, name, credentials)


def _escapes(word: str, name: str, credentials: str) -> Iterator[Problem]:
    if re.search(r"%(?![0-9A-Fa-f]{2})", word):
        yield Problem("bad-escape", f"{name} holds a `%` that no two hexadecimal digits follow", "write `%` as `%25`")
    if "@" in credentials:
        yield Problem(
            "raw-at-in-password", f"an `@` in the credentials of {name} is not escaped", "write `%40`", "warning"
        )


def _host(word: str, name: str, credentials: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(word)
        host, _port = parts.hostname, parts.port
    except ValueError:
        yield Problem("bad-host", f"{name} names no host and port that can be read")
        return
    if not host and parts.scheme != "file":
        yield Problem("bad-host", f"{name} names no host")
    elif credentials and parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        yield Problem("credentials-over-http", f"{name} sends its credentials unencrypted", "use https", "warning")


def _token_with_slash(word: str) -> bool:
    """`https://to/ken@pkgs.example.com/…`: a first part that is no host name, an `@`, and behind it one that is."""
    authority, _slash, path = word.partition("://")[2].partition("/")
    unlike_host = re.fullmatch(r"[A-Za-z0-9+=_-]+", authority) and authority != "localhost"
    return bool(unlike_host and re.search(r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/|$)", path))


def _certificate(value: str) -> Iterator[Problem]:
    text = value.strip()
    if "PRIVATE KEY-----" in text:
        yield Problem(
            "certificate-is-key", "the value holds a private key", "store the certificate only, and replace the key"
        )
    elif "-----BEGIN CERTIFICATE-----" in text:
        yield from _certificate_blocks(text)
    elif re.fullmatch(r"(~?\.{0,2}/|[A-Za-z]:\\|file:|dbfs:)\S*|\S+\.(pem|crt|cer|der)", text):
        yield Problem(
            "cert-is-path",
            "the value looks like a path, and the certificate itself is needed",
            f"databricks secrets put-secret … {CERTIFICATE_KEY} < FILE",
        )
    elif text:
        yield Problem(
            "not-a-certificate", "the value holds no `-----BEGIN CERTIFICATE-----`", "convert DER with `openssl x509`"
        )


_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)(?:-----END CERTIFICATE-----|(?=-----BEGIN)|$)", re.DOTALL)


def _certificate_blocks(text: str) -> Iterator[Problem]:
    if "\\n" in text:
        yield Problem(
            "certificate-line-breaks",
            "the line breaks are written as `\\n`",
            "store the file as it is, with real line breaks",
        )
        return
    if text.count("-----BEGIN CERTIFICATE-----") != text.count("-----END CERTIFICATE-----"):
        yield Problem("certificate-is-cut", "a certificate has no `-----END CERTIFICATE-----`: the text is cut off")
        return
    for number, block in enumerate(_BLOCK.findall(text), start=1):
        if not _is_der_sequence("".join(block.split())):
            yield Problem("not-a-certificate", f"certificate {number} of the text cannot be decoded")


def _is_der_sequence(text: str) -> bool:
    """Base64 of one DER sequence and nothing behind it, which is what every certificate is on the outside."""
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    if len(data) < 4 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    size_of_length = data[1] & 0x7F
    return len(data) == 2 + size_of_length + int.from_bytes(data[2 : 2 + size_of_length], "big")


_CHECKS: Final[Mapping[str, tuple[_Check, ...]]] = {
    INDEX_URL_KEY: (_length, _emptiness, _ends, _control_characters, _quotes, _pem_for_url, _one_url, _index_url),
    EXTRA_INDEX_URLS_KEY: (
        _length,
        _emptiness,
        _ends,
        _control_characters,
        _quotes,
        _pem_for_url,
        _commas,
        _extra_index_urls,
    ),
    CERTIFICATE_KEY: (_length, _emptiness, _control_characters, _certificate),
}
"""Key to its checks."""
