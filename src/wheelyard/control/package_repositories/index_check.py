"""Fetches one page of a package index as pip would ask for it, and says in plain words what it met.

A check is made with values somebody is about to save, by a server that stands inside a network. So it reaches only what
the operator allows (`addresses.py`), takes nothing from the environment, keeps no cookies, gives credentials to the
index's own origin only, and ends after a time and an amount of content whatever the other side does. What it repeats of
the other side's words has lost the credentials (`plain.py`).

Source: facts/packaging.md A5 (credentials, redirects), A6 (certificates), A8 (what pip asks for), C2 (content types).
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpcore2
import httpx2
from cryptography import x509

from wheelyard import __version__
from wheelyard.control.package_repositories.addresses import AddressRules
from wheelyard.control.package_repositories.answers import (
    TLS_EXPECTED,
    challenges,
    counted,
    host_of,
    no_index,
    origin_of,
    port_of,
    redirect_target,
    refusal,
)
from wheelyard.control.package_repositories.certificates import day, issuer_of, subject_of
from wheelyard.control.package_repositories.listing import Listing, page_reader
from wheelyard.control.package_repositories.network import (
    Deadline,
    JudgedNetwork,
    Resolver,
    TlsRefused,
    encrypted,
    system_resolver,
)
from wheelyard.control.package_repositories.outcomes import OUTCOMES, CheckResult, Met, outcome, phrases_of
from wheelyard.control.package_repositories.plain import Phrase, Plain
from wheelyard.control.package_repositories.question import Question, bad_url, credentials_as_sent, read_question
from wheelyard.control.package_repositories.tls_chain import (
    Trust,
    chain_phrase,
    reason_refused,
    sent_chain,
    unverified_context,
    verified_chain,
)
from wheelyard.core.redaction import Redactor, SafeUrl, Secret

__all__ = ["OUTCOMES", "CheckResult", "IndexCheck"]

MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_REDIRECTS: Final = 5
_HEADERS: Final = {
    "User-Agent": f"wheelyard/{__version__} (index check)",
    "Accept": "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "max-age=0",
}
"""What pip sends with a page; facts/packaging.md A8."""


class IndexCheck:
    """Asks an index for one page, with the values given, from this machine. Blocks; safe to share between threads.

    Args:
        allowed: where a check may go.
        machine_roots: PEM file of the authorities this machine trusts; None finds the system's.
        timeout_seconds: after which a check ends, all of it: names, connections, redirects and content.
        clock: seconds since the epoch; what certificates are judged by in words.
        resolver: host and port to addresses.
        most_bytes: how much content is read, counted unpacked.
    """

    def __init__(
        self,
        allowed: AddressRules,
        machine_roots: Path | None = None,
        timeout_seconds: float = 10,
        clock: Callable[[], float] = time.time,
        *,
        resolver: Resolver = system_resolver,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._allowed = allowed
        self._machine_roots = machine_roots
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._resolver = resolver
        self._most_bytes = most_bytes

    def check(self, url: SafeUrl, certificate: str | None, project: str = "") -> CheckResult:
        """Fetch the list of all projects, or the page of one, and say what was met.

        Args:
            url: the index URL, credentials inside; white space around it does not count.
            certificate: PEM text that is believed beside this machine's authorities.
            project: a name in any spelling; empty for the list.

        Raises:
            Unavailable: this machine's own list of authorities cannot be read.
        """
        visit = _Visit(self._allowed, self._resolver, Deadline(self._timeout_seconds), self._now(), self._most_bytes)
        plain = Plain(Redactor(_secrets(url)))
        shown, listing = url, None
        try:
            question = read_question(url, certificate or "", project.strip(), self._machine_roots)
            shown = question.shown
            met, listing = visit.ask(question)
        except Met as raised:
            met = raised
        return _result(plain, shown, met, listing, visit.seen)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _secrets(url: SafeUrl) -> Iterator[Secret[str]]:
    """Of a URL without credentials nothing is secret, its host least of all."""
    if url.has_credentials:
        yield Secret(url.reveal())
        yield from credentials_as_sent(url)


class _Visit:
    """One check under way: the network it uses, its end, and what it has seen."""

    def __init__(
        self, allowed: AddressRules, resolver: Resolver, deadline: Deadline, now: datetime, most_bytes: int
    ) -> None:
        self.seen: list[Phrase] = []
        self._network = JudgedNetwork(allowed, resolver, deadline, self.seen)
        self._deadline = deadline
        self._now = now
        self._most_bytes = most_bytes

    def ask(self, question: Question) -> tuple[Met, Listing | None]:
        """Ask for the page, and where it is said to be instead, until there is an answer.

        Raises:
            Met: there is none.
        """
        page, authorization = question.page, question.authorization
        self._warn_of_http(page)
        for _number in range(_MOST_REDIRECTS + 1):
            with self._answer(page, authorization, question.trust) as answer:
                target = redirect_target(page, answer)
                if target is None:
                    return self._judged(question, page, answer, is_sent=authorization is not None)
            self.seen.append(Phrase("it redirects to `{target}`", {"target": origin_of(target)}))
            if page.scheme == "https" and target.scheme == "http":
                raise Met("redirected-to-http", host=host_of(page), target=origin_of(target))
            if origin_of(target) != origin_of(page):
                authorization = None
            page = target
        raise Met("redirected-too-often", host=host_of(question.page), count=_MOST_REDIRECTS, target=origin_of(page))

    def _warn_of_http(self, page: httpx2.URL) -> None:
        if page.scheme == "http" and page.host != "localhost" and not re.fullmatch(r"127(\.[0-9]+){3}|::1", page.host):
            words = "pip passes over an index at `http://`, unless its host is localhost or named in `trusted-host`"
            self.seen.append(Phrase(words))

    @contextmanager
    def _answer(self, page: httpx2.URL, authorization: Secret[str] | None, trust: Trust) -> Iterator[httpx2.Response]:
        """One request on a connection of its own, and nothing sent but what stands here.

        Raises:
            Met: no answer that can be read.
        """
        headers = _HEADERS | ({"Authorization": authorization.reveal()} if authorization else {})
        request = httpx2.Request("GET", page, headers=headers)
        url = httpcore2.URL(scheme=page.raw_scheme, host=page.raw_host, port=page.port, target=page.raw_path)
        context = trust.context() if page.scheme == "https" else None
        content = _Content()
        try:
            with (
                httpcore2.ConnectionPool(ssl_context=context, network_backend=self._network, max_connections=1) as pool,
                pool.stream(request.method, url, headers=request.headers.raw) as received,
            ):
                answer = httpx2.Response(received.status, headers=received.headers, stream=content.of(received))
                self._note_answer(answer, trust)
                yield answer
        except Met as met:
            met.facts.setdefault("host", host_of(page))
            raise
        except TlsRefused as refused:
            raise self._why_refused(page, trust, refused.error) from None
        except httpx2.DecodingError:
            why = Phrase("what it packed could not be unpacked")
            raise Met("answer-cut", host=host_of(page), why=why, bytes=content.count) from None
        except httpcore2.LocalProtocolError:
            raise bad_url("no request can be made of the URL", "look at the characters in its path") from None
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError):
            raise self._why_broken(page, content) from None

    def _why_refused(self, page: httpx2.URL, trust: Trust, error: ssl.SSLCertVerificationError) -> Met:
        chain = self._sent_chain(page.raw_host.decode("ascii"), port_of(page))
        if chain:
            self.seen.append(chain_phrase(chain))
        return reason_refused(error, chain, trust, host_of(page), self._now)

    def _sent_chain(self, host: str, port: int) -> tuple[x509.Certificate, ...]:
        """What the server sends, read on a second connection that is closed before anything is said on it."""
        try:
            connection = self._network.connect(host, port)
        except Met:
            return ()
        try:
            connection.settimeout(self._deadline.left("the certificate was not accepted"))
            connection = unverified_context().wrap_socket(connection, server_hostname=host.removesuffix("."))
            return sent_chain(connection)
        except OSError:
            return ()
        finally:
            connection.close()

    def _why_broken(self, page: httpx2.URL, content: _Content) -> Met:
        stream, host = self._network.stream, host_of(page)
        begun = stream.begun if stream is not None else b""
        if content.is_begun:
            return Met("answer-cut", host=host, why=Phrase("the connection ended"), bytes=content.count)
        if not begun:
            return Met("closed-without-answer", host=host, stage=Phrase("when the request had been sent"))
        if page.scheme == "http" and re.match(rb"[\x14-\x17]\x03[\x00-\x04]", begun):
            return encrypted(page.host, port_of(page))
        return Met("not-http", host=host)

    def _note_answer(self, answer: httpx2.Response, trust: Trust) -> None:
        connection = self._network.stream.socket if self._network.stream is not None else None
        if isinstance(connection, ssl.SSLSocket):
            self._note_certificate(connection, trust)
        kind = answer.headers.get("content-type", "")
        words = "it answers {status} with `{kind}`" if kind else "it answers {status}"
        self.seen.append(Phrase(words, {"status": str(answer.status_code), "kind": kind}))
        asked = challenges(answer) if answer.status_code == 401 else ()
        if asked:
            self.seen.append(Phrase("it asks for credentials by {asked}; pip gives them by `Basic`", {"asked": asked}))

    def _note_certificate(self, connection: ssl.SSLSocket, trust: Trust) -> None:
        chain = verified_chain(connection)
        if not chain:
            return
        leaf, anchor = chain[0], chain[-1]
        words = "its certificate is `{subject}`, signed by `{issuer}`, valid until {day}"
        facts = {"subject": subject_of(leaf), "issuer": issuer_of(leaf), "day": day(leaf.not_valid_after_utc)}
        self.seen.append(Phrase(words, facts))
        if trust.given_certificates and not trust.is_given(anchor):
            words = (
                "pip before 24.2 believes the Custom SSL certificate alone and would refuse this server:"
                " its certificate rests on `{anchor}`"
            )
            self.seen.append(Phrase(words, {"anchor": subject_of(anchor)}))

    def _judged(
        self, question: Question, page: httpx2.URL, answer: httpx2.Response, *, is_sent: bool
    ) -> tuple[Met, Listing | None]:
        """What an answer means that is no redirect."""
        met, listing = self._meaning(question, page, answer, is_sent=is_sent)
        if outcome(met.outcome_id).is_fine or origin_of(page) == origin_of(question.page):
            return met, listing
        words, because, _hint = phrases_of(met)
        there = Phrase("there, {observed}", {"observed": because if because.words else words})
        host, target = host_of(question.page), origin_of(page)
        if page.host == question.page.host and page.scheme == "https" and question.page.scheme == "http":
            return Met("redirected-to-https", host=host, met=there), None
        return Met("redirected-elsewhere", host=host, target=target, met=there), None

    def _meaning(
        self, question: Question, page: httpx2.URL, answer: httpx2.Response, *, is_sent: bool
    ) -> tuple[Met, Listing | None]:
        status, host = answer.status_code, host_of(page)
        if answer.is_success:
            return self._page(question, page, answer)
        if status == 400 and page.scheme == "http" and TLS_EXPECTED.search(self._beginning(answer)):
            return encrypted(page.host, port_of(page)), None
        return refusal(question.project, host, answer, is_sent=is_sent), None

    def _beginning(self, answer: httpx2.Response) -> bytes:
        for piece in answer.iter_bytes(4096):
            return piece
        return b""

    def _page(self, question: Question, page: httpx2.URL, answer: httpx2.Response) -> tuple[Met, Listing | None]:
        listing = self._listing(page, answer)
        host, project = host_of(page), question.project
        if listing is None:
            return no_index(host, answer, None, project), None
        if not project and listing.project_count is not None:
            projects = counted(listing.project_count, "project")
            row = "fine-with-projects" if listing.project_count else "fine-without-projects"
            return Met(row, host=host, projects=projects), listing
        if project and listing.file_count is not None:
            files = counted(listing.file_count, "file")
            row = "fine-with-project" if listing.file_count else "project-without-files"
            return Met(row, host=host, files=files, project=project), listing
        return no_index(host, answer, listing, project), None

    def _listing(self, page: httpx2.URL, answer: httpx2.Response) -> Listing | None:
        """Read the page as it comes; None for a content type that pip passes over."""
        reader = page_reader(answer.headers.get("content-type", ""), str(page))
        if reader is None:
            return None
        size = 0
        for piece in answer.iter_bytes():
            size += len(piece)
            self._deadline.left("the answer was not at its end", "give the name of a project and check again")
            if size > self._most_bytes:
                raise Met("too-large", host=host_of(page), limit=f"{self._most_bytes / 1024 / 1024:g}")
            reader.feed(piece)
        return reader.finish()


class _Content(httpx2.SyncByteStream):
    """The content of an answer, counted as it came over the network."""

    def __init__(self) -> None:
        self._received: httpcore2.Response | None = None
        self.count = 0

    @property
    def is_begun(self) -> bool:
        return self._received is not None

    def of(self, received: httpcore2.Response) -> _Content:
        self._received = received
        return self

    def __iter__(self) -> Iterator[bytes]:
        assert self._received is not None
        for piece in self._received.iter_stream():
            self.count += len(piece)
            yield piece


def _result(plain: Plain, shown: SafeUrl, met: Met, listing: Listing | None, seen: list[Phrase]) -> CheckResult:
    text, because, hint = (plain.fill(phrase) for phrase in phrases_of(met))
    return CheckResult(
        url=plain(str(shown), 500),
        outcome=met.outcome_id,
        is_fine=outcome(met.outcome_id).is_fine,
        text=text,
        because=because,
        hint=hint,
        project_count=listing.project_count if listing and met.outcome_id.startswith("fine-with") else None,
        seen=tuple(plain.fill(phrase) for phrase in seen),
        file_count=listing.file_count if listing and "files" in met.facts else None,
    )
