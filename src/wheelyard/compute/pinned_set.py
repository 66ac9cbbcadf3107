"""Requirements that leave pip nothing to decide.

Where every line names one version, and all that those versions need is among the lines or in place already, there is
exactly one answer. It is worked out here from simple pages and metadata, by the rules that pip has for a single
candidate. Pure, and built to doubt: what is unusual, or could be read in two ways, is `NotCertainError`, and then real
pip is asked. `tests/compute/test_pinned_set.py` holds the answers against those of real pips.

Source: pip 22.2 to 26.x, `pip/_internal/index/package_finder.py` and `resolution/resolvelib`; PEPs 440, 508, 691, 714.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from wheelyard.compute.report import Decision
from wheelyard.core.redaction import SafeUrl

__all__ = [
    "Chosen",
    "Machine",
    "Metadata",
    "NotCertainError",
    "Page",
    "Pinned",
    "best_file",
    "conclude",
    "is_in_place",
    "pinned_lines",
    "read_metadata",
    "read_page",
]

_MOST_LINES = 2000
_COMMENT = re.compile(r"(^|\s+)#.*$")
_UNUSUAL = re.compile(r"[^\t\n\r -~]|[\\$]")
"""Continuations, variables and letters whose encoding somebody must guess."""

_EXTRA = re.compile(r"[a-z0-9]+")
"""Extras that every pip compares alike."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(r"https?://[!-~]+")
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_WHEEL = ".whl"
_PARTS_OF_A_WHEEL = (5, 6)


class NotCertainError(Exception):
    """Real pip must be asked; why does not matter."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What pip takes this machine for.

    Args:
        tags: rank of each tag whose wheels run here, 0 for the best.
        markers: the environment that markers are evaluated in.
        python: version of the interpreter, three numbers.
        reads_core_metadata: whether pip knows this key of a page. One that does not stops at the older key.
    """

    tags: Mapping[str, int]
    markers: Mapping[str, str]
    python: Version
    reads_core_metadata: bool


@dataclass(frozen=True, slots=True)
class Pinned:
    """One line: the project, its one version as a specifier, the extras asked for."""

    name: NormalizedName
    specifier: SpecifierSet
    extras: frozenset[str]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file of one pinned project.

    Args:
        url: where it lies, without credentials.
        index: whose page listed it.
        metadata_sha256: of what lies at the URL + `.metadata`; empty when the page does not say.
    """

    name: NormalizedName
    version: Version
    sha256: str
    url: str
    index: SafeUrl
    metadata_sha256: str


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a distribution says of itself; `name` and `version` as it spells them."""

    name: str
    version: str
    requires: tuple[Requirement, ...]
    extras: frozenset[str]
    requires_python: str


class _File(msgspec.Struct):
    filename: str
    url: str
    hashes: dict[str, str]
    requires_python: str | None = msgspec.field(name="requires-python", default=None)
    yanked: bool | str | None = False
    core_metadata: bool | dict[str, str] | None = msgspec.field(name="core-metadata", default=None)
    older_key: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="dist-info-metadata", default=msgspec.UNSET)


class _Meta(msgspec.Struct):
    api_version: str = msgspec.field(name="api-version")


class _Body(msgspec.Struct):
    meta: _Meta
    files: list[_File]


@dataclass(frozen=True, slots=True)
class Page:
    """One index's simple page of one project. `url` is its address without credentials."""

    index: SafeUrl
    url: str
    files: tuple[_File, ...]


def read_page(index: SafeUrl, url: str, content: bytes, machine: Machine) -> Page:
    """Read a page's JSON form.

    Raises:
        NotCertainError: it is none, of a version nobody knows, or pip stops at it.
    """
    try:
        body = msgspec.json.decode(content, type=_Body)
    except msgspec.MsgspecError:
        raise NotCertainError from None
    stops = not machine.reads_core_metadata and any(file.older_key is not msgspec.UNSET for file in body.files)
    if stops or not body.meta.api_version.startswith("1."):
        raise NotCertainError
    return Page(index, url, tuple(body.files))


def pinned_lines(text: str, machine: Machine) -> tuple[Pinned, ...]:
    """The lines of a requirements file that count on this machine.

    Raises:
        NotCertainError: one of them does not name exactly one version, or is no plain requirement.
    """
    if _UNUSUAL.search(text):
        raise NotCertainError
    lines = [line for line in (_COMMENT.sub("", line).strip() for line in text.splitlines()) if line]
    found = [pinned for line in lines[: _MOST_LINES + 1] if (pinned := _pinned(line, machine)) is not None]
    if not found or len(found) > _MOST_LINES or len({pinned.name for pinned in found}) != len(found):
        raise NotCertainError
    return tuple(found)


def _pinned(line: str, machine: Machine) -> Pinned | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        raise NotCertainError from None
    if not _counts(requirement, machine, ""):
        return None
    kinds = [(one.operator, one.version.endswith(".*")) for one in requirement.specifier]
    if requirement.url or kinds != [("==", False)]:
        raise NotCertainError
    return Pinned(canonicalize_name(requirement.name), requirement.specifier, frozenset(requirement.extras))


def is_in_place(pinned: Pinned, installed: Mapping[str, Metadata]) -> bool:
    """Whether pip finds it installed in this version, and leaves it alone."""
    found = installed.get(pinned.name)
    version = None if found is None else _version(found.version)
    return version is not None and pinned.specifier.contains(version, prereleases=True)


def best_file(pinned: Pinned, pages: Iterable[Page], machine: Machine) -> Chosen:
    """The one file that pip takes for a pinned project.

    Raises:
        NotCertainError: there is none, or another one might be taken.
    """
    files = [(page, file) for page in pages for file in page.files]
    found = [candidate for page, file in files for candidate in _candidates(pinned, page, file, machine)]
    if not found or len({candidate.version for candidate in found}) > 1:
        raise NotCertainError
    best = max(found, key=lambda candidate: candidate.order)
    if sum(candidate.order == best.order for candidate in found) > 1:
        raise NotCertainError
    return _chosen(pinned, best)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A wheel of the wanted version that runs here. Of several the one with the greatest `order` is taken."""

    page: Page
    file: _File
    version: Version
    order: tuple[int, tuple[int, str] | tuple[()]]


def _candidates(pinned: Pinned, page: Page, file: _File, machine: Machine) -> Iterator[_Candidate]:
    """None or one. A wheel is preferred to any sdist of its version, so sdists do not count."""
    version = _version_of(pinned, file)
    if version is None or not pinned.specifier.contains(version, prereleases=True):
        return
    if file.yanked not in {None, False}:
        raise NotCertainError
    try:
        _name, _version, build, tags = parse_wheel_filename(_name_in_address(file))
        runs = not file.requires_python or _specifiers(file.requires_python).contains(machine.python, prereleases=True)
    except ValueError:
        raise NotCertainError from None
    ranks = [machine.tags[str(tag)] for tag in tags if str(tag) in machine.tags]
    if runs and ranks:
        yield _Candidate(page, file, version, (-min(ranks), build))


def _version_of(pinned: Pinned, file: _File) -> Version | None:
    """The version of a wheel of the project; None for what no pin can mean.

    Older pips read an underscore in it as a hyphen. An sdist may have a local version, which is higher than its public
    one.
    """
    name, extension = file.filename[: -len(_WHEEL)], file.filename[-len(_WHEEL) :]
    if extension != _WHEEL:
        if "+" in unquote(file.filename):
            raise NotCertainError
        return None
    parts = name.split("-")
    if len(parts) not in _PARTS_OF_A_WHEEL or "_" in parts[1]:
        raise NotCertainError
    return _version(parts[1]) if canonicalize_name(parts[0]) == pinned.name else None


def _name_in_address(file: _File) -> str:
    """The name that counts for pip.

    Raises:
        ValueError: the page gives the file another one.
    """
    if unquote(urlsplit(file.url).path).rpartition("/")[2] != file.filename:
        raise ValueError(file.filename)
    return file.filename


@lru_cache(maxsize=4096)
def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


@lru_cache(maxsize=512)
def _specifiers(text: str) -> SpecifierSet:
    return SpecifierSet(text)


def _chosen(pinned: Pinned, best: _Candidate) -> Chosen:
    file, url = best.file, urljoin(best.page.url, best.file.url).partition("#")[0]
    told, sha256 = file.core_metadata, file.hashes.get("sha256", "")
    if not told or not _SHA256.fullmatch(sha256) or not _URL.fullmatch(url):
        raise NotCertainError
    metadata_sha256 = told.get("sha256", "") if isinstance(told, dict) else ""
    return Chosen(pinned.name, best.version, sha256, url, best.page.index, metadata_sha256)


def read_metadata(content: bytes) -> Metadata:
    """Read the headers of a METADATA file.

    Raises:
        NotCertainError: something in it is not as the specification wants it.
    """
    raw, unread = parse_email(_END_OF_HEADERS.split(content, maxsplit=1)[0])
    if "name" not in raw or "version" not in raw or {"requires-dist", "requires-python"} & unread.keys():
        raise NotCertainError
    try:
        requires = tuple(map(Requirement, raw.get("requires_dist", ())))
    except InvalidRequirement:
        raise NotCertainError from None
    extras = frozenset(raw.get("provides_extra", ()))
    return Metadata(raw["name"], raw["version"], requires, extras, raw.get("requires_python", ""))


def conclude(
    wanted: Sequence[Pinned],
    chosen: Mapping[str, Chosen],
    metadata: Mapping[str, Metadata],
    installed: Mapping[str, Metadata],
    machine: Machine,
) -> tuple[Decision, ...]:
    """Prove that the chosen files are all that pip would install, and say it as pip does.

    Args:
        wanted: every line.
        chosen: the files of those that are not in place already, by normalised name.
        metadata: of the chosen files, by the same names.
        installed: what is in place, likewise.
        machine: this one.

    Raises:
        NotCertainError: something is missing, contradicts another, or could be read differently.
    """
    for name, file in chosen.items():
        _check(file, metadata[name], machine)
    present = {**installed, **metadata}
    todo = deque((one.name, extra) for one in wanted for extra in ("", *one.extras))
    seen = set(todo)
    while todo:
        name, extra = todo.popleft()
        for needed in _needs(present[name], extra, machine):
            _check_present(needed, present)
            more = {(canonicalize_name(needed.name), extra) for extra in ("", *needed.extras)} - seen
            seen |= more
            todo.extend(more)
    return tuple(_decision(chosen[name], metadata[name]) for name in chosen)


def _check(file: Chosen, said: Metadata, machine: Machine) -> None:
    """What a distribution says of itself agrees with its file's name, and it runs on this Python."""
    try:
        runs = not said.requires_python or _specifiers(said.requires_python).contains(machine.python, prereleases=True)
        agrees = canonicalize_name(said.name, validate=True) == file.name and Version(said.version) == file.version
    except ValueError:
        raise NotCertainError from None
    if not (runs and agrees):
        raise NotCertainError


def _needs(said: Metadata, extra: str, machine: Machine) -> Iterator[Requirement]:
    """What a distribution needs for one of its extras, or for itself."""
    if extra and (extra not in said.extras or not _EXTRA.fullmatch(extra)):
        raise NotCertainError
    return (requirement for requirement in said.requires if _counts(requirement, machine, extra))


def _counts(requirement: Requirement, machine: Machine, extra: str) -> bool:
    try:
        return requirement.marker is None or requirement.marker.evaluate({**machine.markers, "extra": extra})
    except (ValueError, KeyError):  # a comparison without a meaning, a name that nobody knows
        raise NotCertainError from None


def _check_present(needed: Requirement, present: Mapping[str, Metadata]) -> None:
    found = present.get(canonicalize_name(needed.name))
    version = None if found is None else _version(found.version)
    if needed.url or version is None or not needed.specifier.contains(version, prereleases=True):
        raise NotCertainError


def _decision(file: Chosen, said: Metadata) -> Decision:
    return Decision(file.name, said.name, said.version, file.url, file.sha256, direct=False)
