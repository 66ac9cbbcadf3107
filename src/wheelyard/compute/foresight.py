"""Knows pip's answer beforehand where it is certain, so that nobody waits for pip to come to it.

For a set of requirements that pins everything the answer follows from simple pages and metadata (`pinned_set`). The
pages are asked anew each time, so a file that was withdrawn or quarantined is never in the answer. They alone name the
files; that these files are enough is proved meanwhile, and what was proved once of the same files from the same indexes
is remembered. In every other case there is no foresight, and real pip decides.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus

from wheelyard.compute.environments import Environment, Pin
from wheelyard.compute.fetching import Answer, Fetcher, NotAnsweredError, Question
from wheelyard.compute.pinned_set import (
    Chosen,
    Machine,
    Metadata,
    NotCertainError,
    Page,
    Pinned,
    best_file,
    conclude,
    is_in_place,
    pinned_lines,
    read_metadata,
    read_page,
)
from wheelyard.compute.plain_sources import PlainSources, authorization, page_of
from wheelyard.compute.process import ProcessTable
from wheelyard.compute.report import Decision
from wheelyard.compute.surroundings import Machines, installed_in

__all__ = ["Asked", "Foreseen", "Foresight"]

_JSON = "application/vnd.pypi.simple.v1+json"
_MOST_REMEMBERED = 20_000
"""Decisions, of all proofs together; each is a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What pip would be asked.

    Args:
        base: what is in place.
        text: the requirement lines, all of them.
        sources: where pip would look.
    """

    base: Environment
    text: str
    sources: PlainSources


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The files of pip's answer, if the proof holds that there is no other one."""

    pins: Mapping[str, Pin]
    proof: Future[tuple[Decision, ...]]

    def proved(self) -> tuple[Decision, ...]:
        """Wait for the proof; pip's answer.

        Raises:
            NotCertainError: pip must be asked after all.
        """
        return self.proof.result()


class Foresight:
    """See the module's opening. One an engine; `table` holds the engine's own processes."""

    def __init__(self, table: ProcessTable) -> None:
        self.machines = Machines(table)
        self._proofs = _Proofs()

    def foresee(self, asked: Asked, fetcher: Fetcher) -> Foreseen:
        """Name the files, and begin with the proof.

        Raises:
            NotCertainError: pip must be asked.
        """
        machine = self.machines.ask(asked.base).result()
        wanted = pinned_lines(asked.text, machine)
        installed = installed_in(asked.base)
        missing = [one for one in wanted if not is_in_place(one, installed)]
        chosen = _choose(missing, asked.sources, machine, fetcher)
        pins: dict[str, Pin] = {file.name: Pin(file.name, str(file.version), file.sha256) for file in chosen.values()}
        key = _key(asked, chosen)
        proof: Future[tuple[Decision, ...]] = Future()
        known = self._proofs.find(key)
        if known is not None:
            proof.set_result(known)
            return Foreseen(pins, proof)

        def prove() -> None:
            try:
                metadata = _read(chosen, fetcher)
                decisions = conclude(wanted, chosen, metadata, installed, machine)
            except BaseException as problem:  # noqa: BLE001  # handed to whoever waits
                proof.set_exception(problem)
            else:
                self._proofs.keep(key, decisions)
                proof.set_result(decisions)

        threading.Thread(target=prove, name="proof", daemon=True).start()
        return Foreseen(pins, proof)


class _Proofs:
    """What was proved, the newest first to be kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Decision, ...]] = OrderedDict()
        self._size = 0

    def find(self, key: str) -> tuple[Decision, ...] | None:
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def keep(self, key: str, decisions: tuple[Decision, ...]) -> None:
        with self._lock:
            if key in self._known:
                return
            self._known[key] = decisions
            self._size += len(decisions)
            while self._size > _MOST_REMEMBERED:
                self._size -= len(self._known.popitem(last=False)[1])


def _key(asked: Asked, chosen: Mapping[str, Chosen]) -> str:
    """What a proof rests on. The indexes are part of it: each is believed about its own files only."""
    indexes = [index.reveal() for index in asked.sources.indexes]
    files = sorted((file.name, file.sha256, file.metadata_sha256) for file in chosen.values())
    parts = [indexes, str(asked.base.image), str(asked.base.path), asked.text, files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _choose(missing: Sequence[Pinned], sources: PlainSources, machine: Machine, fetcher: Fetcher) -> dict[str, Chosen]:
    """The file of each project, from every index's page. An index that does not know a project is none for it."""
    places = [(one, index, page_of(index, one.name)) for one in missing for index in sources.indexes]
    pages: dict[str, list[Page]] = {one.name: [] for one in missing}
    questions = [Question(url, authorization(index, url), _JSON) for _one, index, url in places]
    for (one, index, url), answer in zip(places, _fetched(questions, fetcher), strict=True):
        if answer.status == HTTPStatus.NOT_FOUND:
            continue
        if answer.status != HTTPStatus.OK or answer.content_type.partition(";")[0].strip().lower() != _JSON:
            raise NotCertainError
        pages[one.name].append(read_page(index, url, answer.body, machine))
    return {one.name: best_file(one, pages[one.name], machine) for one in missing}


def _read(chosen: Mapping[str, Chosen], fetcher: Fetcher) -> dict[str, Metadata]:
    """The metadata of each file, as its index serves it beside the file. PEP 658."""
    files = list(chosen.values())
    places = [(file, f"{file.url}.metadata") for file in files]
    questions = [Question(url, authorization(file.index, url)) for file, url in places]
    metadata: dict[str, Metadata] = {}
    for file, answer in zip(files, _fetched(questions, fetcher), strict=True):
        sha256 = hashlib.sha256(answer.body).hexdigest()
        if answer.status != HTTPStatus.OK or file.metadata_sha256 not in {"", sha256}:
            raise NotCertainError
        metadata[file.name] = read_metadata(answer.body)
    return metadata


def _fetched(questions: Sequence[Question], fetcher: Fetcher) -> tuple[Answer, ...]:
    if not questions:
        return ()
    try:
        return fetcher.fetch(questions)
    except NotAnsweredError:
        raise NotCertainError from None
