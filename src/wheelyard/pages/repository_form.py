"""The form of the workspace default: from what is stored to fields, and from fields to what was typed.

Fields never show a credential. What somebody typed and could not be saved is shown masked as well; the page then holds
it sealed, so that the mask still means it when the form comes back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec

from wheelyard.control.package_repositories.service import Stored
from wheelyard.control.package_repositories.typed import Typed, TypedUrl, holds_mask
from wheelyard.core.package_sources import (
    CERTIFICATE_KEY,
    EXTRA_INDEX_URLS_KEY,
    INDEX_URL_KEY,
    Problem,
    problems_of,
)
from wheelyard.core.redaction import SafeUrl
from wheelyard.pages.form import Form

__all__ = [
    "Fields",
    "Row",
    "SourcesForm",
    "fields_of",
    "form_of_stored",
    "form_of_typed",
    "refreshed",
    "unsplit",
    "with_row",
    "without_row",
]

_ROW_KEY = re.compile(r"[a-z0-9-]{1,24}")
_A_PRIVATE_KEY = "PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class Row:
    """One URL field: its name within the page, its text and what is wrong with it."""

    key: str
    text: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class SourcesForm:
    """The form as it is drawn.

    Args:
        revision: of the stored default that the admin has seen.
        typed: URLs that were typed and are shown masked, sealed.
        seen: digest of each field as it was stored when the page was made, by which an untouched field is known.
    """

    revision: str
    index: Row
    extras: tuple[Row, ...]
    certificate: str
    typed: str = ""
    seen: tuple[str, str, str] = ("", "", "")
    extra_problems: tuple[Problem, ...] = ()
    certificate_problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """What came back. Prints nothing: it may hold credentials."""

    revision: str
    index_url: str = field(repr=False)
    extra_index_urls: tuple[str, ...] = field(repr=False)
    row_keys: tuple[str, ...]
    certificate: str = field(repr=False)
    certificate_problems: tuple[Problem, ...]
    typed_before: tuple[SafeUrl, ...]
    seen: tuple[str, str, str]
    action: str
    project: str


def fields_of(form: Form, opened: Callable[[str], bytes | None]) -> Fields:
    """Read the form; `opened` opens what `SignIn.seal_form` sealed."""
    extras = tuple(form.texts("extra_index_urls"))
    keys = [key if _ROW_KEY.fullmatch(key) else "" for key in form.texts("extra_row")]
    keys = [*keys, *[""] * len(extras)][: len(extras)]
    certificate, problems = _certificate(form)
    sealed = opened(form.text("typed")) if form.text("typed") else None
    return Fields(
        revision=form.text("revision"),
        index_url=form.text("index_url"),
        extra_index_urls=extras,
        row_keys=tuple(key or f"n{number}" for number, key in enumerate(keys)),
        certificate=certificate,
        certificate_problems=problems,
        typed_before=tuple(SafeUrl(text) for text in msgspec.msgpack.decode(sealed, type=list[str])) if sealed else (),
        seen=(form.text("seen_index_url"), form.text("seen_extra_index_urls"), form.text("seen_certificate")),
        action=form.text("action"),
        project=form.text("project"),
    )


def _certificate(form: Form) -> tuple[str, tuple[Problem, ...]]:
    """The pasted text, or the chosen file's; a file that is no text is judged by what it is."""
    pasted, file = form.text("certificate"), form.file("certificate_file")
    if file is None:
        return pasted, ()
    text = file.content.decode("latin-1" if file.content[:1] == b"\x30" else "utf-8", "replace").replace("\r\n", "\n")
    untouched = _digest(pasted.strip()) == form.text("seen_certificate")
    if not pasted.strip() or untouched:
        return text, ()
    return pasted, (
        Problem(
            "certificate-given-twice",
            f"both a text and the file `{file.name[:80]}` are given",
            "clear the text, or choose no file",
        ),
    )


def form_of_stored(stored: Stored) -> SourcesForm:
    """The form as it stands before anybody types: every credential masked, and what is wrong with what is stored."""
    extras = tuple(Row(f"s{number}", str(url)) for number, url in enumerate(stored.sources.extra_index_urls))
    held = {key: one.value.reveal() for key, one in stored.state.values.items()}
    found = {key: problems_of(key, text) for key, text in held.items()}
    return SourcesForm(
        revision=stored.state.revision,
        index=Row("index", str(stored.sources.index_url or ""), found.get(INDEX_URL_KEY, ())),
        extras=extras or (Row("s0"),),
        certificate=stored.sources.certificate or "",
        seen=_seen(stored),
        extra_problems=found.get(EXTRA_INDEX_URLS_KEY, ()),
        certificate_problems=(*found.get(CERTIFICATE_KEY, ()), *stored.certificate_problems),
    )


def form_of_typed(fields: Fields, typed: Typed, seal: Callable[[bytes], str]) -> SourcesForm:
    """The form with what was typed, masked, and what is wrong with it next to each field."""
    urls = (*((typed.index_url,) if typed.index_url else ()), *typed.extra_index_urls)
    secret = [one.url.reveal() for one in urls if one.url.has_credentials and not holds_mask(one.url.reveal())]
    secret += [url.reveal() for url in fields.typed_before if url.reveal() not in secret][: 100 - len(secret)]
    return SourcesForm(
        revision=fields.revision,
        index=_index_row(typed),
        extras=_extra_rows(fields, typed) or (Row("n0"),),
        certificate="" if _A_PRIVATE_KEY in fields.certificate else fields.certificate,
        typed=seal(msgspec.msgpack.encode(secret)) if secret else "",
        seen=fields.seen,
        extra_problems=typed.extra_problems,
        certificate_problems=(*fields.certificate_problems, *typed.certificate_problems),
    )


def _index_row(typed: Typed) -> Row:
    one = typed.index_url
    return Row("index") if one is None else Row("index", str(one.url), one.problems)


def _extra_rows(fields: Fields, typed: Typed) -> tuple[Row, ...]:
    """A row for each typed URL, in its old place; of a pasted list the first one keeps the row's name."""
    rows: list[Row] = []
    for place, key in enumerate(fields.row_keys):
        here = [one for one in typed.extra_index_urls if one.row == place]
        rows += [_row(key if number == 0 else f"{key}x{number}", one) for number, one in enumerate(here)] or [Row(key)]
    return tuple(rows)


def unsplit(form: SourcesForm, fields: Fields, typed: Typed) -> SourcesForm:
    """The form with as many rows as were sent, for a page that keeps its fields: a pasted list has all its reasons."""
    rows = []
    for place, key in enumerate(fields.row_keys):
        here = [problem for one in typed.extra_index_urls if one.row == place for problem in one.problems]
        rows.append(Row(key, fields.extra_index_urls[place], tuple(dict.fromkeys(here))))
    return replace(form, extras=tuple(rows))


def _row(key: str, one: TypedUrl) -> Row:
    return Row(key[:24], str(one.url), one.problems)


def with_row(form: SourcesForm) -> SourcesForm:
    """One more empty row."""
    taken = {row.key for row in form.extras}
    key = next(key for key in (f"a{number}" for number in range(len(taken) + 1)) if key not in taken)
    return replace(form, extras=(*form.extras, Row(key)))


def without_row(form: SourcesForm, key: str) -> SourcesForm:
    """Without the row of this name; one row always stays."""
    left = tuple(row for row in form.extras if row.key != key)
    return replace(form, extras=left or (Row("n0"),))


def refreshed(form: SourcesForm, fields: Fields, stored: Stored) -> SourcesForm:
    """After somebody else saved: fields nobody touched here take the stored value, the others keep what was typed."""
    now = form_of_stored(stored)
    seen = _touched(fields)
    return replace(
        form,
        revision=now.revision,
        seen=now.seen,
        index=form.index if seen[0] else now.index,
        extras=form.extras if seen[1] else now.extras,
        certificate=form.certificate if seen[2] else now.certificate,
    )


def _touched(fields: Fields) -> tuple[bool, bool, bool]:
    present = (
        _digest(fields.index_url.strip()),
        _digest(" ".join(" ".join(fields.extra_index_urls).split())),
        _digest(fields.certificate.strip()),
    )
    return (present[0] != fields.seen[0], present[1] != fields.seen[1], present[2] != fields.seen[2])


def _seen(stored: Stored) -> tuple[str, str, str]:
    sources = stored.sources
    return (
        _digest(str(sources.index_url or "")),
        _digest(" ".join(str(url) for url in sources.extra_index_urls)),
        _digest((sources.certificate or "").strip()),
    )


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
