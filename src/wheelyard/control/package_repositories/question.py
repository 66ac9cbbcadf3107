"""What is asked of an index, read from what was given as pip reads it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import httpx2
from packaging.utils import InvalidName, canonicalize_name

from wheelyard.compute.machine import system_roots
from wheelyard.control.package_repositories.certificates import certificate_problems
from wheelyard.control.package_repositories.outcomes import Met
from wheelyard.control.package_repositories.plain import said
from wheelyard.control.package_repositories.tls_chain import Trust
from wheelyard.core.package_sources import CERTIFICATE_KEY, INDEX_URL_KEY, problems_of
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.url_masking import split_url

__all__ = ["SCHEMES", "Question", "bad_url", "credentials_as_sent", "read_question"]

SCHEMES: Final = {"http": 80, "https": 443}
"""What can be asked, with its usual port."""
_ELSEWHERE: Final = "look at the path of the URL, which mostly ends in `/simple/`"
_AS_PEM: Final = "store the certificate as PEM text, as it stands in its file"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: `page` holds no credentials, `authorization` is the header that does."""

    page: httpx2.URL
    shown: SafeUrl
    authorization: Secret[str] | None
    project: str
    trust: Trust


def read_question(url: SafeUrl, certificate: str, project: str, machine_roots: Path | None) -> Question:
    """Read what was given, as pip reads it.

    Raises:
        Met: something of it cannot be used.
    """
    base = url.reveal().strip()
    if not base:
        raise bad_url("no URL is given", "write the index URL first")
    for problem in problems_of(INDEX_URL_KEY, base):
        if problem.level == "error":
            raise bad_url(problem.text, problem.hint)
    name = _normalised(project) if project else ""
    text = f"{base.removesuffix('/')}/" + (f"{name}/" if name else "")
    before, _user_info, rest = split_url(text)
    try:
        page = httpx2.URL(before + rest.removeprefix("@"))
    except httpx2.InvalidURL:
        raise bad_url("the URL cannot be read", _ELSEWHERE) from None
    if page.scheme not in SCHEMES:
        raise bad_url(
            "only indexes at `https://` and `http://` can be checked",
            "a folder is an index only to the machine it lies on: ask there",
        )
    if page.userinfo or not page.host:
        raise bad_url("the URL names no host, or its credentials cannot be told from it", "write `@` in them as `%40`")
    authorization = next((Secret(f"Basic {sent.reveal()}") for sent in credentials_as_sent(url)), None)
    trust = Trust(machine_roots or system_roots(), _readable(certificate))
    return Question(page, SafeUrl(text), authorization, name, trust)


def bad_url(because: str, hint: str) -> Met:
    """Both in our own words, which hold nothing of the URL."""
    return Met("bad-url", because=said(because), hint=said(hint))


def _normalised(project: str) -> str:
    try:
        return canonicalize_name(project, validate=True)
    except InvalidName:
        raise Met("bad-project-name", project=project) from None


def _readable(certificate: str) -> str:
    """The PEM text if OpenSSL will take it; one certificate that cannot be read makes it refuse all.

    That one has expired, or that there are many, is no reason not to ask: what comes of it is what is to be found out.
    """
    if not certificate.strip():
        return ""
    problems = problems_of(CERTIFICATE_KEY, certificate)
    unreadable = [
        problem for problem in problems if problem.level == "error" and problem.rule_id != "too-many-certificates"
    ]
    unreadable += [
        problem
        for problem in certificate_problems(certificate, datetime.now(UTC))
        if problem.rule_id == "certificate-unreadable"
    ]
    for problem in unreadable:
        raise Met("certificate-given-unreadable", because=said(problem.text), hint=said(problem.hint or _AS_PEM))
    return certificate


def credentials_as_sent(url: SafeUrl) -> Iterator[Secret[str]]:
    """What stands behind `Basic`: each half decoded once, in Latin-1 where that can hold it, as pip does."""
    user_info = url.user_info
    if user_info is None:
        return
    user, _colon, password = user_info.reveal().partition(":")
    both = f"{unquote(user)}:{unquote(password)}"
    try:
        encoded = both.encode("latin-1")
    except UnicodeEncodeError:
        encoded = both.encode("utf-8", "surrogatepass")
    yield Secret(base64.b64encode(encoded).decode())
