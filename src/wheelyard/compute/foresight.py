"""Knows pip's answer beforehand where it is certain, so that nobody waits for pip to come to it.

For a set of requirements that pins everything the answer follows from simple pages and metadata (`pinned_set`). The
pages are asked anew each time, so a file that was withdrawn or quarantined is never in the answer. They alone name the
files; that these files are enough is proved once they are in place, and what was proved of the same files from the same
indexes is remembered. In every other case there is no foresight, and real pip decides.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from packaging.utils import canonicalize_name

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
from wheelyard.core.simple_api import Format

__all__ = ["Asked", "Foreseen", "Foresight"]

_LARGEST_METADATA_BYTES = 4 << 20
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
    _prove: Callable[[Path | None], tuple[Decision, ...]]

    def proved(self, site_packages: Path | None = None) -> tuple[Decision, ...]:
        """Prove it; pip's answer.

        Metadata that is in place already, in `site_packages`, to the byte as the page says, is not fetched.

        Raises:
            NotCertainError: pip must be asked after all.
        """
        return self._prove(site_packages)


class Foresight:
    """See the module's opening. One an engine; `table` holds the engine's own processes."""

    def __init__(self, table: ProcessTable) -> None:
        self.machines = Machines(table)
        self._proofs = _Proofs()

    def foresee(self, asked: Asked, fetcher: Fetcher) -> Foreseen:
        """Name the files.

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

        def prove(site_packages: Path | None) -> tuple[Decision, ...]:
            decisions = self._proofs.find(key)
            if decisions is None:
                metadata = _read(chosen, site_packages, fetcher)
                decisions = conclude(wanted, chosen, metadata, installed, machine)
                self._proofs.keep(key, decisions)
            return decisions

        return Foreseen(pins, prove)


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
    questions = [Question(url, authorization(index, url), Format.JSON.content_type) for _one, index, url in places]
    for (one, index, url), answer in zip(places, _fetched(questions, fetcher), strict=True):
        if answer.status == HTTPStatus.NOT_FOUND:
            continue
        if answer.status != HTTPStatus.OK or answer.content_type.partition(";")[0].strip().lower() != Format.JSON:
            raise NotCertainError
        pages[one.name].append(read_page(index, url, answer.body, machine))
    return {one.name: best_file(one, pages[one.name], machine) for one in missing}


def _read(chosen: Mapping[str, Chosen], site_packages: Path | None, fetcher: Fetcher) -> dict[str, Metadata]:
    """The metadata of each file, as its index serves it beside the file. PEP 658.

    What lies in place has come with a file whose hash the page gave; where the page gives that of the metadata too, and
    both agree, nobody needs to be asked.
    """
    placed = () if site_packages is None else _in_place(chosen, site_packages)
    metadata: dict[str, Metadata] = {file.name: said for file, said in placed}
    files = [file for file in chosen.values() if file.name not in metadata]
    places = [(file, f"{file.url}.metadata") for file in files]
    questions = [Question(url, authorization(file.index, url)) for file, url in places]
    for file, answer in zip(files, _fetched(questions, fetcher), strict=True):
        sha256 = hashlib.sha256(answer.body).hexdigest()
        if answer.status != HTTPStatus.OK or file.metadata_sha256 not in {"", sha256}:
            raise NotCertainError
        metadata[file.name] = read_metadata(answer.body)
    return metadata


def _in_place(chosen: Mapping[str, Chosen], site_packages: Path) -> Iterator[tuple[Chosen, Metadata]]:
    for folder in site_packages.glob("*.dist-info"):
        file = chosen.get(canonicalize_name(folder.name.partition("-")[0]))
        if file is None or not file.metadata_sha256:
            continue
        try:
            with (folder / "METADATA").open("rb") as opened:
                content = opened.read(_LARGEST_METADATA_BYTES)
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == file.metadata_sha256:
            yield file, read_metadata(content)


def _fetched(questions: Sequence[Question], fetcher: Fetcher) -> tuple[Answer, ...]:
    if not questions:
        return ()
    try:
        return fetcher.fetch(questions)
    except NotAnsweredError:
        raise NotCertainError from None
