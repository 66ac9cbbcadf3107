"""What a check of an index can meet: one row each, with the words an admin reads.

A row's words speak of what was observed; a hint names the one most likely next step. Places in braces are filled with
facts (`plain.py`), most of which come from outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wheelyard.control.package_repositories.plain import Fact, Phrase

__all__ = ["OUTCOMES", "CheckResult", "Met", "Outcome", "outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row.

    Args:
        id: kebab-case, stable.
        is_fine: pip could install from here.
        words: what was met with which host.
        because: the observed fact behind it; empty where the words say it all.
        hint: the next step; empty where there is none to take.
    """

    id: str
    is_fine: bool
    words: str
    because: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check met, in words that may be shown to anybody who may see the masked URL.

    Args:
        url: the page that was asked for, masked.
        outcome: the row's id.
        project_count: how many projects the index lists; None when the root was not read, or is no index.
        seen: what happened on the way, in its order.
        file_count: how many files of the project it lists; None likewise.
    """

    url: str
    outcome: str
    is_fine: bool
    text: str
    because: str = ""
    hint: str = ""
    project_count: int | None = None
    seen: tuple[str, ...] = ()
    file_count: int | None = None


class Met(Exception):
    """A check has met something that decides it; the facts fill the places of the row's words."""

    def __init__(self, outcome_id: str, /, **facts: Fact) -> None:
        super().__init__(outcome_id)
        self.outcome_id = outcome_id
        self.facts = facts


_NOT_ASKED = "The index was not asked"
_UNVERIFIED = "The certificate of `{host}` could not be verified"
_ADD_CERTIFICATE = "put the certificate of `{authority}` into Custom SSL certificate"

OUTCOMES: Final = (
    Outcome("fine-with-projects", True, "`{host}` is a package index and lists {projects}"),
    Outcome(
        "fine-without-projects",
        True,
        "`{host}` is a package index and lists no project",
        hint="check again with the name of a project, in case the index fetches projects when they are asked for",
    ),
    Outcome("fine-with-project", True, "`{host}` is a package index and has {files} of project `{project}`"),
    Outcome(
        "project-without-files",
        False,
        "`{host}` is a package index and has no file of project `{project}`",
        "it knows the name and lists nothing under it, so pip would find nothing to install",
        "look at the spelling of the name, and whether its files are held back or in another feed",
    ),
    Outcome("bad-url", False, f"{_NOT_ASKED}: its URL cannot be used", "{because}", "{hint}"),
    Outcome(
        "bad-project-name",
        False,
        f"{_NOT_ASKED}: `{{project}}` is no name of a project",
        "a name has letters, digits, `.`, `_` and `-`, and neither extras nor a version",
        "write the name alone, as in `numpy`",
    ),
    Outcome(
        "certificate-given-unreadable",
        False,
        f"{_NOT_ASKED}: the Custom SSL certificate cannot be read",
        "{because}",
        "{hint}",
    ),
    Outcome(
        "name-not-found",
        False,
        "No address is known for `{host}`",
        "the name service says that there is none",
        "look for a typing error in the host name; this workspace's machine must know the names of inner networks",
    ),
    Outcome(
        "name-service-failed",
        False,
        "The address of `{host}` could not be found out",
        "the name service gave no answer",
        "check again in a moment; if it stays so, look at the name service of this workspace's machine",
    ),
    Outcome(
        "address-not-allowed",
        False,
        f"{_NOT_ASKED}: a check may not go to `{{host}}`",
        "its address `{address}` is {kind}, and the operator of this workspace has not allowed it",
        "an operator can allow it: start the workspace with `wheelyard up --check-network {network}`",
    ),
    Outcome(
        "refused",
        False,
        "`{host}` refused the connection on port {port}",
        "nothing listens there, or a firewall turns connections away",
        "look at the port in the URL, and whether the index is running",
    ),
    Outcome(
        "unreachable",
        False,
        "There is no way from here to `{host}`",
        "the network says: {reason}",
        "look at the routes and firewalls between this workspace's machine and the index",
    ),
    Outcome(
        "timed-out",
        False,
        "`{host}` gave no complete answer within {seconds} seconds",
        "{stage}",
        "{hint}",
    ),
    Outcome(
        "closed-without-answer",
        False,
        "`{host}` closed the connection without an answer",
        "the connection ended {stage}",
        "look at the port and the scheme of the URL, and at the log of the index or of the proxy before it",
    ),
    Outcome(
        "answer-cut",
        False,
        "`{host}` broke its answer off",
        "{why} after {bytes} bytes of content",
        "look at the log of the index or of the proxy before it",
    ),
    Outcome(
        "not-http",
        False,
        "`{host}` answers, and not in HTTP",
        "what it sent cannot be read as an HTTP answer",
        "look at the port in the URL",
    ),
    Outcome(
        "tls-not-spoken",
        False,
        "`{host}` {observed} on port {port}, and the URL says {scheme}",
        hint="begin the URL with `{wanted}://`, or name the port that is meant for {scheme}",
    ),
    Outcome(
        "tls-failed",
        False,
        "`{host}` and this workspace could not agree on an encrypted connection",
        "TLS says: {reason}",
        "look at the TLS settings of the index; pip needs TLS 1.2 or newer, and gives no client certificate by default",
    ),
    Outcome(
        "tls-chain-incomplete",
        False,
        f"{_UNVERIFIED}: the server does not send the certificate of `{{authority}}`, which signed the one before it",
        "{sent}",
        "have the server send its whole chain; until then the certificate of `{authority}` may stand in Custom SSL"
        " certificate, beside the root",
    ),
    Outcome(
        "tls-unknown-authority",
        False,
        f"{_UNVERIFIED}: {{signed}}, which is not trusted here",
        "{known}",
        f"{_ADD_CERTIFICATE}, once you know that it is yours{{also}}",
    ),
    Outcome(
        "tls-expired",
        False,
        f"{_UNVERIFIED}: {{which}} expired on {{day}}",
        "today is {today}",
        "{hint}",
    ),
    Outcome(
        "tls-not-yet-valid",
        False,
        f"{_UNVERIFIED}: {{which}} is valid from {{day}} on",
        "today is {today} on this workspace's machine",
        "wait until then, or look at the clocks of both machines",
    ),
    Outcome(
        "tls-wrong-name",
        False,
        "The certificate that `{host}` shows is not for that name",
        "{names}",
        "write the URL with a name the certificate is for, or have the server show one for `{host}`",
    ),
    Outcome(
        "tls-certificate-refused",
        False,
        f"{_UNVERIFIED}",
        "TLS says: {reason}",
        "have the certificate of the index replaced",
    ),
    Outcome(
        "credentials-missing",
        False,
        "`{host}` wants credentials, and the URL holds none",
        "it answered 401",
        "write them into the URL, before the host: `USER:TOKEN@{host}`",
    ),
    Outcome(
        "credentials-refused",
        False,
        "`{host}` does not accept the credentials in the URL",
        "it answered 401",
        "look whether the token has expired or was revoked; in a URL the characters `@`, `/`, `:` and `%` of a token"
        " are written `%40`, `%2F`, `%3A` and `%25`",
    ),
    Outcome(
        "forbidden",
        False,
        "`{host}` knows who asks and does not let them read this index",
        "it answered 403",
        "give the owner of the token the right to read the feed; some services say 403 for a blocked project too",
    ),
    Outcome(
        "forbidden-without-credentials",
        False,
        "`{host}` does not let anybody read this index who gives no credentials",
        "it answered 403, and the URL holds no credentials",
        "write credentials into the URL; if it has none on purpose, look at what the index allows without",
    ),
    Outcome(
        "not-found",
        False,
        "`{host}` has no list of projects at this URL",
        "it answered {status}",
        "give the name of a project and check again: some artifact services have no list and still answer for each"
        " project; otherwise look at the path of the URL, which mostly ends in `/simple/`",
    ),
    Outcome(
        "project-not-found",
        False,
        "`{host}` has no project `{project}` at this URL",
        "it answered {status}",
        "look at the spelling of the name and the path of the URL, which mostly ends in `/simple/`",
    ),
    Outcome(
        "too-many-requests",
        False,
        "`{host}` takes no more requests for now",
        "it answered 429{wait}",
        "check again later; repeated failed sign-ins are one cause",
    ),
    Outcome(
        "server-error",
        False,
        "`{host}` met a problem of its own",
        "it answered {status}",
        "check again later; if it stays so, ask whoever runs the index",
    ),
    Outcome(
        "unexpected-status",
        False,
        "`{host}` gave an answer that says nothing about packages",
        "it answered {status}{detail}",
        "look at the path of the URL, and at the proxy before the index",
    ),
    Outcome(
        "not-an-index",
        False,
        "`{host}` answers, and what it sends is no package index",
        "it sent {sent}",
        "{hint}",
    ),
    Outcome(
        "redirected-elsewhere",
        False,
        "`{host}` sends readers on to `{target}`, where pip gives no credentials",
        "{met}",
        "write the URL with the address the index really has; a redirect to a sign-in page means that the credentials"
        " were not accepted",
    ),
    Outcome(
        "redirected-to-https",
        False,
        "`{host}` sends readers on from http to https, and a check takes no credentials along",
        "{met}",
        "begin the URL with `https://`",
    ),
    Outcome(
        "redirected-to-http",
        False,
        "`{host}` sends readers on from https to `{target}`, which is not encrypted",
        "the redirect was not followed",
        "have the index, or the proxy before it, redirect to https",
    ),
    Outcome(
        "redirected-too-often",
        False,
        "`{host}` sends readers on again and again",
        "{count} redirects were followed, the last of them to `{target}`",
        "write the URL with its final slash; otherwise look at the redirects of the index",
    ),
    Outcome(
        "too-large",
        False,
        "`{host}` sends more than a check reads",
        "after {limit} MB the answer had not ended",
        "give the name of a project and check again: pip reads the page of a project, never the whole list",
    ),
)
"""In the order in which a check can meet them, the fine ones first."""

_BY_ID: Final = MappingProxyType({row.id: row for row in OUTCOMES})


def outcome(outcome_id: str) -> Outcome:
    """The row of this id.

    Raises:
        KeyError: no row has it.
    """
    return _BY_ID[outcome_id]


def phrases_of(met: Met) -> tuple[Phrase, Phrase, Phrase]:
    """Words, because and hint of what was met, with their facts."""
    row = outcome(met.outcome_id)
    return Phrase(row.words, met.facts), Phrase(row.because, met.facts), Phrase(row.hint, met.facts)
