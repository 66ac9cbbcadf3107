"""What an answer means that is no page to be counted: redirects, refusals, and pages that are no index."""

from __future__ import annotations

import re
from typing import Final

import httpx2

from wheelyard.control.package_repositories.listing import Listing
from wheelyard.control.package_repositories.outcomes import Met
from wheelyard.control.package_repositories.plain import Phrase
from wheelyard.control.package_repositories.question import SCHEMES

__all__ = [
    "TLS_EXPECTED",
    "challenges",
    "counted",
    "host_of",
    "no_index",
    "origin_of",
    "port_of",
    "redirect_target",
    "refusal",
]

TLS_EXPECTED: Final = re.compile(
    rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server|plain HTTP to an SSL-enabled|requires TLS",
    re.IGNORECASE,
)
"""How nginx, Go's server, Apache and others answer http on a port for https, with status 400."""
_USUAL_PATH: Final = "look at the path of the URL, which mostly ends in `/simple/`"
_WAYS_TO_SIGN_IN: Final = ("Basic", "Bearer", "Digest", "Negotiate", "NTLM")
_SIGN_IN: Final = "this looks like a page to sign in: the credentials were most likely not accepted, or are missing"


def redirect_target(page: httpx2.URL, answer: httpx2.Response) -> httpx2.URL | None:
    """Where a redirect leads, without the credentials it may name; None when the answer is no redirect.

    Raises:
        Met: it leads nowhere that can be asked.
    """
    if answer.status_code not in {301, 302, 303, 307, 308}:
        return None
    try:
        target = page.join(answer.headers.get("location", "")).copy_with(userinfo=b"", fragment=None)
    except httpx2.InvalidURL:
        target = httpx2.URL("")
    if target.scheme in SCHEMES and target.host and 0 < port_of(target) < 65536 and "location" in answer.headers:
        return target
    detail = Phrase(", and where it redirects to cannot be asked")
    raise Met("unexpected-status", host=host_of(page), status=str(answer.status_code), detail=detail)


def refusal(project: str, host: str, answer: httpx2.Response, *, is_sent: bool) -> Met:
    """What a status says that is neither success nor redirect."""
    status = answer.status_code
    if status == 401:
        return Met("credentials-refused" if is_sent else "credentials-missing", host=host)
    if status == 403:
        return Met("forbidden" if is_sent else "forbidden-without-credentials", host=host)
    if status in {404, 410}:
        row = "project-not-found" if project else "not-found"
        return Met(row, host=host, project=project, status=str(status))
    if status == 429:
        seconds = answer.headers.get("retry-after", "")
        wait = Phrase(" and asks to wait {seconds} seconds", {"seconds": seconds}) if seconds.isdecimal() else ""
        return Met("too-many-requests", host=host, wait=wait)
    row = "server-error" if status >= 500 else "unexpected-status"
    return Met(row, host=host, status=str(status), detail="")


def no_index(host: str, answer: httpx2.Response, listing: Listing | None, project: str) -> Met:
    """A success that no installer can use; `listing` is None when its content type is one that pip passes over."""
    kind = answer.headers.get("content-type", "")
    words = "`{kind}`" if kind else "content without a type"
    if listing is None:
        words += ", which pip passes over"
    elif listing.title:
        words += " with the title `{title}`"
    sent = Phrase(words, {"kind": kind, "title": listing.title if listing else ""})
    return Met("not-an-index", host=host, sent=sent, hint=Phrase(_what_then(answer, listing, project)))


def _what_then(answer: httpx2.Response, listing: Listing | None, project: str) -> str:
    """The hint for an answer that is no page of an index."""
    if (listing is not None and listing.is_sign_in) or answer.status_code == 203:
        return _SIGN_IN
    if listing is not None and listing.file_count and not project:
        return "this is the page of one project: leave its name out of the URL"
    if listing is not None and listing.project_count and project:
        return "this is a list of projects and no page of one: " + _USUAL_PATH
    return _USUAL_PATH


def challenges(answer: httpx2.Response) -> tuple[str, ...]:
    """The ways a 401 offers to sign in, as far as they are known ones."""
    offered = {value.partition(" ")[0].lower() for value in answer.headers.get_list("www-authenticate")}
    return tuple(name for name in _WAYS_TO_SIGN_IN if name.lower() in offered)


def counted(count: int, noun: str) -> Phrase:
    """A number of things."""
    return Phrase(f"{{count}} {noun}" if count == 1 else f"{{count}} {noun}s", {"count": count})


def port_of(url: httpx2.URL) -> int:
    """The port a URL leads to; 0 when it is no URL of the web."""
    return url.port or SCHEMES.get(url.scheme, 0)


def host_of(url: httpx2.URL) -> str:
    """Host and port as a URL names them."""
    return url.netloc.decode("ascii", "replace")


def origin_of(url: httpx2.URL) -> str:
    """Whom credentials are given to: scheme, host and port."""
    return f"{url.scheme}://{host_of(url)}"
