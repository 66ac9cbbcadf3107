"""The workspace default as an admin manages it: read it, change it, check it, see whom it reaches.

Nothing is kept here. The reserved scope holds the values, whoever wrote them and by whatever way; clusters know what
they were started with; the rules say what wins.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore

from wheelyard.control.caller import Caller
from wheelyard.control.clusters.lifecycle import refuse_job_cluster
from wheelyard.control.clusters.old_defaults import OldDefault
from wheelyard.control.clusters.progress import Progress
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.clusters.wire import ListClusters, RestartCluster
from wheelyard.control.package_repositories.certificates import (
    CertificateInWords,
    certificate_problems,
    chain_in_words,
    described,
)
from wheelyard.control.package_repositories.index_check import CheckResult, IndexCheck
from wheelyard.control.package_repositories.typed import Typed, read_typed
from wheelyard.control.secrets.reserved import ReservedChange, ReservedState
from wheelyard.control.secrets.service import Secrets
from wheelyard.control.workspace.service import Workspace
from wheelyard.core.errors import InvalidParameter, PermissionDenied, Throttled, WheelyardError
from wheelyard.core.explanation import Explanation
from wheelyard.core.package_sources import KEYS, PackageSources, Problem
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import SafeUrl, Secret
from wheelyard.core.stored_default import Finding, check

__all__ = ["Asked", "PackageRepositories", "Stored"]


_CHECKS_AT_ONCE = 3
"""A check may take its ten seconds for each index; more at once would hold every thread that answers pages."""
_ASKED_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Stored:
    """The workspace default as it is now, with all there is to say about it."""

    state: ReservedState
    sources: PackageSources
    findings: tuple[Finding, ...]
    certificates: tuple[CertificateInWords, ...]
    chain: str
    certificate_problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A pasted command: the installer it names, and that installer's own words."""

    installer: str
    words: tuple[str, ...]


class PackageRepositories:
    """The use cases behind the settings page.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        secrets: Secrets,
        clusters: Clusters,
        workspace: Workspace,
        index_check: IndexCheck,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secrets = secrets
        self._clusters = clusters
        self._workspace = workspace
        self._index_check = index_check
        self._clock = clock
        self._checks = BoundedSemaphore(_CHECKS_AT_ONCE)

    # -- the values

    def stored(self, caller: Caller) -> Stored:
        """What is stored, who stored it, and which rules it breaks.

        Raises:
            PermissionDenied: the caller has no READ on the reserved scope.
        """
        state = self._secrets.reserved_state(caller)
        sources = sources_of(state)
        certificate = sources.certificate or ""
        certificates = described(certificate, self._now()) if certificate else ()
        return Stored(
            state=state,
            sources=sources,
            findings=check(state.as_stored) if state.exists else (),
            certificates=certificates,
            chain=chain_in_words(certificates) if certificates else "",
            certificate_problems=certificate_problems(certificate, self._now()) if certificates else (),
        )

    def history(self) -> tuple[ReservedChange, ...]:
        """Who changed what and when, newest first; by whatever way."""
        return tuple(self._secrets.reserved_history())

    def summary(self, caller: Caller) -> str:
        """The workspace default in one line."""
        try:
            sources = sources_of(self._secrets.reserved_state(caller))
        except PermissionDenied:
            return "The workspace default cannot be read: you have no READ on its scope."
        extras = len(sources.extra_index_urls)
        also = f" and {extras} extra index{'es' if extras > 1 else ''}" if extras else ""
        if sources.index_url is None:
            return f"Installs that name no index of their own ask the public index{also}."
        return f"Installs that name no index of their own ask {sources.index_url}{also}."

    def read(
        self,
        stored: Stored,
        index_url: str,
        extra_index_urls: Sequence[str],
        certificate: str,
        typed_before: Sequence[SafeUrl] = (),
    ) -> Typed:
        """What the fields of the form mean; see `read_typed`."""
        typed = read_typed(index_url, extra_index_urls, certificate, stored.sources, typed_before)
        if any(problem.level == "error" for problem in typed.certificate_problems) or not typed.certificate:
            return typed
        found = (*typed.certificate_problems, *certificate_problems(typed.certificate, self._now()))
        return replace(typed, certificate_problems=tuple(sorted(found, key=lambda problem: problem.level)))

    def described(self, certificate: str) -> tuple[tuple[CertificateInWords, ...], str]:
        """The certificates in a text, and how they hang together."""
        found = described(certificate, self._now())
        return found, chain_in_words(found) if found else ""

    def differs(self, stored: Stored, typed: Typed) -> bool:
        """Whether saving what was typed would change anything."""
        return bool(_changes(stored, typed))

    def save(self, caller: Caller, stored: Stored, typed: Typed, revision: str) -> tuple[str, ...]:
        """Store what was typed: all of it, or nothing.

        Returns:
            the keys that changed.

        Raises:
            Conflict: somebody changed the default since `revision` was read.
            InvalidParameter: a value that an installer would choke on.
        """
        changes = _changes(stored, typed)
        if changes:
            self._secrets.change_reserved(caller, changes, revision=revision)
        return tuple(changes)

    def delete(self, caller: Caller, key: str, revision: str) -> None:
        """Delete one value.

        Raises:
            Conflict: somebody changed the default since `revision` was read.
            InvalidParameter: it is none of the three keys.
        """
        if key not in KEYS:
            raise InvalidParameter(
                f"`{key}` is no key of the workspace default", unchanged="nothing was deleted", reference="unknown-key"
            )
        self._secrets.change_reserved(caller, {key: None}, revision=revision)

    # -- what it reaches

    def check(self, urls: Sequence[SafeUrl], certificate: str, project: str = "") -> list[CheckResult]:
        """Fetch one page of each index with these values, from here, and say what was met.

        Raises:
            Throttled: as many checks as may run at once are running.
        """
        if not self._checks.acquire(blocking=False):
            raise Throttled(f"Nothing was asked: {_CHECKS_AT_ONCE} checks are running already.", retry_after_seconds=5)
        try:
            with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
                return list(
                    pool.map(lambda url: self._index_check.check(url, certificate or None, project.strip()), urls)
                )
        finally:
            self._checks.release()

    def with_old_default(self, caller: Caller) -> tuple[OldDefault, ...]:
        """The running clusters that still have the value before the last change."""
        return self._clusters.with_old_default(caller)

    def progress(self, caller: Caller, cluster_id: str) -> Progress:
        """How far a restart has come."""
        return self._clusters.progress(caller, cluster_id)

    def restart(self, caller: Caller, cluster_id: str) -> None:
        """Restart a cluster, so that it takes the present value.

        Raises:
            NotFound: there is no such cluster.
            PermissionDenied: the caller may not restart it.
            InvalidState: it belongs to a job.
        """
        refuse_job_cluster(self._clusters.require(caller, cluster_id, "CAN_RESTART"), "restarted")
        self._clusters.restart(caller, RestartCluster(cluster_id))

    # -- which index wins

    def clusters(self, caller: Caller) -> tuple[tuple[str, str], ...]:
        """Ids and names of the clusters the caller sees, by name."""
        found, token = [], ""
        while True:
            page = self._clusters.list_clusters(caller, ListClusters(page_size=100, page_token=token))
            found += [
                (str(one["cluster_id"]), str(one.get("cluster_name") or one["cluster_id"])) for one in page.clusters
            ]
            token = page.next_page_token
            if not token:
                return tuple(sorted(found, key=lambda one: one[1].casefold()))

    def explain(self, caller: Caller, compute: str, asked: Asked) -> Explanation:
        """Which index wins on `serverless`, `serverless:VERSION` or a cluster id; the answer of `wheelyard explain`."""
        kind, _, version = compute.partition(":")
        installer = Installer.parse(asked.installer) if asked.installer else None
        files = self._requirements(caller, asked.words)
        if kind == "serverless":
            return self._clusters.explain_serverless(caller, version, asked.words, files, installer=installer)
        return self._clusters.explain_cluster(caller, compute, asked.words, files, installer=installer)

    def _requirements(self, caller: Caller, words: Sequence[str]) -> Mapping[str, str]:
        """Text of the workspace's files among the words, as far as the caller may read them."""
        found = {}
        for word in words:
            path = word.partition("=")[2] or word
            if path.startswith(("/Workspace/", "/Users/", "/Shared/")):
                try:
                    found[path] = self._workspace.read_file(caller, path).decode("utf-8", "replace")
                except WheelyardError:
                    continue
        return found

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def sources_of(state: ReservedState) -> PackageSources:
    """The stored values as package sources."""
    return PackageSources.from_keys({key: one.value.reveal() for key, one in state.values.items()})


def read_command(text: str) -> Asked:
    """Read a pasted command: `%pip install …`, `!pip …`, `python -m pip …`, `uv pip …`, or its words alone.

    >>> read_command("%pip install -r needs.txt"), read_command("uv pip install six").installer
    (Asked(installer='', words=('install', '-r', 'needs.txt')), 'uv')

    Raises:
        InvalidParameter: a quotation mark is open, or the program is another.
    """
    try:
        words = shlex.split(text.strip().lstrip("%!"), comments=True)
    except ValueError:
        raise InvalidParameter(
            "The command cannot be read: a quotation mark is not closed.", reference="command-unreadable"
        ) from None
    if words[1:3] == ["-m", "pip"]:
        words = words[2:]
    program = Path(words[0]).name if words else ""
    if program in {"pip", "pip3"}:
        return Asked("", tuple(words[1:]))
    if program == "uv":
        return Asked("uv", tuple(words[1:]))
    return Asked("", tuple(words))


def _changes(stored: Stored, typed: Typed) -> dict[str, Secret[str] | None]:
    """What saving writes: values that mean the same as those stored are left as they are."""
    held = stored.sources.to_keys()
    return {key: value for key, value in typed.values().items() if held.get(key) != value}
