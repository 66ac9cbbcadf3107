"""Package sources: index URL, extra index URLs and certificate, as the three keys of the reserved scope hold them.

Reading is forgiving, because what is stored is stored: white space around a value is dropped, an empty value counts as
absent. Writing is strict: the checks below stand in the order a reader should hear of them; how bad each finding is and
why stands in `core/rules/values.py`.

Source: facts/delivery.md 0.2, 1.1, 1.7; facts/packaging.md A5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from wheelyard.core.certificate_text import MOST_CERTIFICATES, certificate_text_problems, is_binary_der
from wheelyard.core.errors import InvalidParameter
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.rules.values import Problem

__all__ = [
    "CERTIFICATE_KEY",
    "EXTRA_INDEX_URLS_KEY",
    "INDEX_URL_KEY",
    "KEYS",
    "LONGEST_URL",
    "LONGEST_VALUE",
    "MOST_CERTIFICATES",
    "MOST_EXTRA_INDEX_URLS",
    "PackageSources",
    "Problem",
    "check_value",
    "problems",
    "problems_of",
]

INDEX_URL_KEY: Final = "pip-index-url"
EXTRA_INDEX_URLS_KEY: Final = "pip-extra-index-urls"
CERTIFICATE_KEY: Final = "pip-cert"
KEYS: Final = (INDEX_URL_KEY, EXTRA_INDEX_URLS_KEY, CERTIFICATE_KEY)

LONGEST_VALUE: Final = 128 * 1024
"""Bytes."""
LONGEST_URL: Final = 8000
"""Characters; tokens of artifact services have 2,000 and more."""
MOST_EXTRA_INDEX_URLS: Final = 20


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


def problems(values: Mapping[str, Secret[str] | None]) -> dict[str, tuple[Problem, ...]]:
    """Everything wrong or doubtful about the values of a whole form, by key as given; None, a deletion, has no problem.

    Keys without a problem are absent.
    """
    found = {key: problems_of(key, value.reveal()) for key, value in values.items() if value is not None}
    return {key: of_key for key, of_key in found.items() if of_key}


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


_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control and format characters, the byte order mark and what text copied from pages holds among them; surrogates."""


def _control_characters(value: str) -> Iterator[Problem]:
    found = _INVISIBLE.search(value)
    if found:
        yield Problem(
            "control-character",
            f"the value holds the character U+{ord(found[0]):04X}, which cannot be seen",
            "type the text around it again, or copy it from a plain text file",
        )


def _control_characters_in_text(value: str) -> Iterator[Problem]:
    if not is_binary_der(value):
        yield from _control_characters(value)


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
        yield from _url(value.strip().strip("\"'`"), "the value", 0)


def _extra_index_urls(value: str) -> Iterator[Problem]:
    """One finding for too many, and only the first of them looked at: a page full of findings helps nobody."""
    if "-----BEGIN" in value:
        return
    words = value.replace(",", " ").split()
    if len(words) > MOST_EXTRA_INDEX_URLS:
        yield Problem(
            "too-many-extras",
            f"the value holds {len(words)} extra index URLs, {MOST_EXTRA_INDEX_URLS} are the most",
            "let one feed with upstream sources offer what they hold, and make it the index",
        )
    for number, word in enumerate(words[:MOST_EXTRA_INDEX_URLS], start=1):
        yield from _url(word.strip("\"'`"), f"URL {number} of the value", number)
    if words:
        yield Problem(
            "extras-asked-equally",
            "pip asks every extra index too, whatever the index answers",
            "let the index itself offer what they hold, as a feed with upstream sources does, and drop them",
        )


def _url(word: str, name: str, number: int) -> Iterator[Problem]:
    """One URL, called by its place: a broken URL cannot be shown, because nobody knows where its password ends."""
    if len(word) > LONGEST_URL:
        yield Problem(
            "url-too-long", f"{name} has {len(word)} characters, a URL has at most {LONGEST_URL}", number=number
        )
    for problem in _form(word, name):
        yield replace(problem, number=number)


def _form(word: str, name: str) -> Iterator[Problem]:
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
        yield Problem("raw-at-in-password", f"an `@` in the credentials of {name} is not escaped", "write `%40`")


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
        yield Problem("credentials-over-http", f"{name} sends its credentials unencrypted", "use https")


def _token_with_slash(word: str) -> bool:
    """`https://to/ken@pkgs.example.com/…`: a first part that is no host name, an `@`, and behind it one that is."""
    authority, _slash, path = word.partition("://")[2].partition("/")
    unlike_host = re.fullmatch(r"[A-Za-z0-9+=_-]+", authority) and authority != "localhost"
    return bool(unlike_host and re.search(r"@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?(/|$)", path))


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
    CERTIFICATE_KEY: (_length, _emptiness, _control_characters_in_text, certificate_text_problems),
}
"""Key to its checks."""
