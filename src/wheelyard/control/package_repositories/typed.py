"""What an admin typed for the workspace default, and the mask that stands for a stored credential.

A page shows `https://build:****@pkgs.example.com/simple/` and gets the same text back. The mask then means the stored
credential, on one condition: scheme, user and host are those it was stored for. Otherwise whoever can edit the page
could have a credential they cannot read sent to a host of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wheelyard.core.package_sources import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    PackageSources,
    Problem,
    problems_of,
)
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.url_masking import split_url

__all__ = ["Typed", "TypedUrl", "holds_mask", "read_typed", "unmasked", "url_problems"]

MASK = "****"


@dataclass(frozen=True, slots=True)
class TypedUrl:
    """One URL: what it means, and what is wrong with it. Prints masked.

    `row` is the place of the field it was typed in: a pasted list makes several URLs of one row.
    """

    url: SafeUrl
    problems: tuple[Problem, ...] = ()
    row: int = 0

    @property
    def is_usable(self) -> bool:
        return not any(problem.level == "error" for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Typed:
    """The form's three values, with masks replaced by what they stand for.

    `extra_problems` are about the list as a whole.
    """

    index_url: TypedUrl | None = None
    extra_index_urls: tuple[TypedUrl, ...] = ()
    certificate: str = ""
    extra_problems: tuple[Problem, ...] = ()
    certificate_problems: tuple[Problem, ...] = ()

    @property
    def is_usable(self) -> bool:
        own = (*self.extra_problems, *self.certificate_problems)
        urls = (*((self.index_url,) if self.index_url else ()), *self.extra_index_urls)
        return all(url.is_usable for url in urls) and not any(problem.level == "error" for problem in own)

    def values(self) -> dict[str, Secret[str] | None]:
        """What to store under each of the three keys; None for nothing."""
        texts = {
            INDEX_URL_KEY: self.index_url.url.reveal() if self.index_url else "",
            EXTRA_INDEX_URLS_KEY: " ".join(typed.url.reveal() for typed in self.extra_index_urls),
            CERTIFICATE_KEY: self.certificate,
        }
        return {key: Secret(text) if text else None for key, text in texts.items()}


def read_typed(
    index_url: str,
    extra_index_urls: Sequence[str],
    certificate: str,
    known: PackageSources,
    typed_before: Sequence[SafeUrl] = (),
) -> Typed:
    """Read the fields. White space around a value is dropped; a pasted list of extra URLs becomes one each.

    A mask stands for a credential of `typed_before` (typed earlier, shown masked since), else for one of `known`.
    """
    index, extras = known.index_url, known.extra_index_urls
    stored = (*((index,) if index else ()), *extras)
    text, words = index_url.strip(), [(row, word) for row, line in enumerate(extra_index_urls) for word in line.split()]
    return Typed(
        index_url=_typed_url(text, index, typed_before, stored) if text else None,
        extra_index_urls=tuple(
            _typed_url(word, next(iter(extras[row : row + 1]), None), typed_before, stored, row=row)
            for row, word in words
        ),
        certificate=certificate.strip(),
        extra_problems=_list_problems([word for _row, word in words]),
        certificate_problems=problems_of(CERTIFICATE_KEY, certificate.strip()) if certificate.strip() else (),
    )


def _typed_url(
    text: str, own: SafeUrl | None, typed_before: Sequence[SafeUrl], stored: Sequence[SafeUrl], *, row: int = 0
) -> TypedUrl:
    meant = unmasked(text, (*typed_before, *((own,) if own else ()), *stored), own)
    if meant is None:
        return TypedUrl(SafeUrl(text), (_no_credential(text),), row)
    return TypedUrl(meant, url_problems(meant.reveal()), row)


def _list_problems(words: Sequence[str]) -> tuple[Problem, ...]:
    about_the_list = {"too-many-extras", "extras-asked-equally", "value-too-long"}
    found = problems_of(EXTRA_INDEX_URLS_KEY, " ".join(words)) if words else ()
    return tuple(problem for problem in found if problem.rule_id in about_the_list)


def url_problems(text: str) -> tuple[Problem, ...]:
    """Everything wrong or doubtful about one URL, errors first."""
    commas = [one for one in problems_of(EXTRA_INDEX_URLS_KEY, text) if one.rule_id == "extras-comma"]
    found = [*problems_of(INDEX_URL_KEY, text), *commas]
    return tuple(sorted(found, key=lambda problem: problem.level))


def holds_mask(text: str) -> bool:
    """Whether the credentials of a URL are the mask.

    >>> holds_mask("https://build:****@pkgs.example.com/"), holds_mask("https://pkgs.example.com/****/")
    (True, False)
    """
    user_info = split_url(text)[1]
    return user_info == MASK or user_info.endswith(f":{MASK}")


def unmasked(text: str, known: Sequence[SafeUrl], own: SafeUrl | None = None) -> SafeUrl | None:
    """The URL that a masked text stands for; the text itself when it holds no mask; None when nothing fits.

    A URL of `known` fits when scheme, user and host are the same. Of those that fit it is the first that prints the
    same as the text, or else `own`, which is stored where the text was typed, or else any, provided that all have the
    same credential.

    >>> unmasked("https://build:****@pkgs.example.com/new/", [SafeUrl("https://build:s3cret@pkgs.example.com/old/")])
    SafeUrl('https://build:****@pkgs.example.com/new/')
    >>> unmasked("https://build:****@elsewhere.example/", [SafeUrl("https://build:s3cret@pkgs.example.com/")]) is None
    True
    """
    if not holds_mask(text):
        return SafeUrl(text)
    fitting = [url for url in known if url.has_credentials and _place(str(url)) == _place(text)]
    best = [url for url in fitting if str(url) == text] or [url for url in fitting if url is own]
    credentials = {split_url(url.reveal())[1] for url in best[:1] or fitting}
    if len(credentials) != 1:
        return None
    before, _mask, rest = split_url(text)
    return SafeUrl(before + credentials.pop() + rest)


def _place(text: str) -> tuple[str, str, str]:
    """Scheme, printed user-info and host with port."""
    before, user_info, _rest = split_url(text)
    return before.lower(), user_info, SafeUrl(text).host.lower()


def _no_credential(text: str) -> Problem:
    host = SafeUrl(text).host or "this URL"
    return Problem(
        "mask-without-credential",
        f"`{MASK}` stands for a stored credential, and none is stored for this user at `{host}`",
        "type the credential itself; a stored one is never sent to another host",
    )
