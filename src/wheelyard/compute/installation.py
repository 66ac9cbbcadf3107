"""Installing a library for everybody on a compute: pip decides what, uv puts it in place.

The runtime's real pip resolves in the sandbox against what is installed now. Its answer, to the byte, is the key of an
environment: who had the same answer before gets the same environment. Otherwise uv places exactly those files on a
hard-link clone, from the same indexes or from wheels that pip fetched and built. Where uv cannot, real pip installs
into a copy that belongs to this compute alone. So pip's answer always stands; uv only makes it quick. Where pip has
nothing to decide, its answer is known without it (`foresight`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from wheelyard.compute.engine import InstallResult, OnLine
from wheelyard.compute.environments import Environment, EnvironmentStore, Pin, grown
from wheelyard.compute.fetching import Fetcher
from wheelyard.compute.foresight import Asked, Foresight
from wheelyard.compute.handover import Handover, NotAPlainFileError
from wheelyard.compute.images import Uv
from wheelyard.compute.log_stream import LastLines
from wheelyard.compute.overlay import RUNTIME_SUPPORT
from wheelyard.compute.pinned_set import NotCertainError
from wheelyard.compute.placing import Placer, Setting, UvRefusedError
from wheelyard.compute.plain_sources import plain_sources
from wheelyard.compute.process import Command, ProcessTable
from wheelyard.compute.report import Decision, UnreadableReportError, read_report
from wheelyard.compute.sandbox import View
from wheelyard.core.errors import LibraryFailed
from wheelyard.core.redaction import Secret

__all__ = ["Installation", "Wanted"]

NO_MATCH = "NO_MATCHING_DISTRIBUTION_ERROR"
FAILURE = "DRIVER_LIBRARY_INSTALLATION_FAILURE"

_NO_MATCH_TEXTS = ("No matching distribution found", "Could not find a version that satisfies")
_SILENT = ("Would install ", "WARNING: --report is currently an experimental option")
"""Lines of the dry run that would confuse who reads them as those of an installation."""

_OWN_INDEX = re.compile(
    r"(?:^|\s)(?:-[ifrc]|--(?:index-url|pypi-url|extra-index-url|find-links|no-index|requirement|constraint))(?:[\s=]|$)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be installed: pip's arguments, and the index URL of a library's own `repo`.

    Args:
        own_indexes: among the requirements are options that pip alone may read.
        lines: the requirements as lines of a file; empty when they are not known.
    """

    arguments: tuple[str, ...]
    index_url: Secret[str] | None = None
    own_indexes: bool = False
    lines: str = ""

    @property
    def pip_arguments(self) -> tuple[str, ...]:
        index = () if self.index_url is None else ("--index-url", self.index_url.reveal())
        return (*self.arguments, *index)

    @classmethod
    def of(cls, arguments: Sequence[str], index_url: Secret[str] | None, text: str = "") -> Wanted:
        """`text` is that of the requirements file in the arguments; index options are pip's alone to read."""
        own = bool(_OWN_INDEX.search(" ".join(arguments)) if not text else _OWN_INDEX.search(text))
        plain = not any(argument.startswith("-") for argument in arguments)
        return cls(tuple(arguments), index_url, own, "\n".join(arguments) if plain else text)


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation on top of one environment.

    Args:
        store: where shared environments are.
        uv: puts files in place.
        table: the compute's processes.
        private: folder for environments that belong to this compute alone.
        foresight: knows some of pip's answers.
        pip: version of the runtime's pip.
    """

    store: EnvironmentStore
    uv: Uv
    table: ProcessTable
    private: Path
    foresight: Foresight
    pip: str

    def run(
        self, base: Environment, wanted: Wanted, setting: Setting, on_line: OnLine
    ) -> tuple[Environment, InstallResult]:
        """Install, and say which environment holds the result; `base` stays as it is.

        Raises:
            LibraryFailed: pip refused, with the code and text of workspace-api.md 8.
        """
        try:
            return self._foreseen(base, wanted, setting, on_line)
        except (NotCertainError, UvRefusedError):
            return self._decided(base, wanted, setting, on_line)

    def _foreseen(
        self, base: Environment, wanted: Wanted, setting: Setting, on_line: OnLine
    ) -> tuple[Environment, InstallResult]:
        """Place what pip would decide, where that is certain.

        Raises:
            NotCertainError: pip must be asked.
            UvRefusedError: the files cannot be had.
        """
        sources = plain_sources(setting.variables, setting.conf, wanted.index_url, self.pip)
        if sources is None or wanted.own_indexes or not self._is_closed(base):
            raise NotCertainError
        fetcher = Fetcher(self.table, base.interpreter, setting.view, sources.certificate)
        foreseen = self.foresight.foresee(Asked(base, wanted.lines, sources), fetcher)
        environment = base
        if foreseen.pins:
            placer = Placer(self.store, self.uv, self.table, base, setting)
            environment = placer.from_indexes(foreseen.pins, {}, wanted.index_url, check=foreseen.proved)
        decisions = foreseen.proved(environment.site_packages)
        on_line(f"Looking in indexes: {', '.join(map(str, sources.indexes))}")
        on_line("Every requirement is pinned and nothing is missing, so pip has nothing to decide")
        if decisions:
            on_line(_successfully(decisions))
        return environment, _result(decisions)

    def _is_closed(self, base: Environment) -> bool:
        """Whether nothing but what the engine placed is there for pip to read: no file of this machine or a package."""
        return self.table.sandbox.name != "none" and not (base.path / "pip.conf").exists()

    def _decided(
        self, base: Environment, wanted: Wanted, setting: Setting, on_line: OnLine
    ) -> tuple[Environment, InstallResult]:
        """Let pip decide."""
        work = Handover.make(self.private.parent / "handovers" / uuid.uuid4().hex)
        try:
            decisions = self._resolve(base, wanted, setting, work, on_line)
            if not decisions:
                return base, InstallResult(())
            environment = self._shared(base, wanted, setting, work, decisions)
            if environment is None:
                environment = self._private(base, wanted, setting, on_line)
            else:
                on_line(_successfully(decisions))
            return environment, _result(decisions)
        finally:
            shutil.rmtree(work.folder, ignore_errors=True)

    def _resolve(
        self, base: Environment, wanted: Wanted, setting: Setting, work: Handover, on_line: OnLine
    ) -> tuple[Decision, ...]:
        """Ask pip. What a package's build runs meanwhile may write into the report: nothing in it is trusted."""
        report = str(work.taken / _REPORT)
        arguments = ("install", "--dry-run", "--report", report, *_QUIET, *wanted.pip_arguments)
        self._pip(base.python, arguments, setting, on_line, writable=(work.taken,))
        try:
            return read_report(work.take(_REPORT, _LONGEST_REPORT_BYTES))
        except (NotAPlainFileError, UnreadableReportError):
            raise _failed(("ERROR: pip's own report of what it decided cannot be read",)) from None

    def _pip(
        self,
        python: Path,
        arguments: tuple[str, ...],
        setting: Setting,
        on_line: OnLine,
        *,
        readable: tuple[Path, ...] = (),
        writable: tuple[Path, ...] = (),
    ) -> None:
        """Run real pip; its arguments travel by standard input.

        Raises:
            LibraryFailed: with its redacted output.
        """
        lines = LastLines(lambda line: None if line.startswith(_SILENT) else on_line(line))
        content = json.dumps({"module": "pip", "arguments": arguments}).encode()
        view = View(
            (*setting.view.readable, *readable),
            (*setting.view.writable, setting.folder, *writable),
            setting.view.placed,
        )
        command = Command(
            argv=(str(python), str(RUNTIME_SUPPORT / "dbruntime" / "run_module.py")),
            environment=setting.variables,
            view=view,
            cwd=setting.folder,
            stdin=Secret(content),
        )
        if self.table.run(command, lines) != 0:
            raise _failed(lines.lines)

    def _shared(
        self, base: Environment, wanted: Wanted, setting: Setting, work: Handover, decisions: tuple[Decision, ...]
    ) -> Environment | None:
        """The environment of the store that holds pip's answer; None when it cannot be made to.

        With index options among the requirements nobody but pip itself may ask an index: it would be the wrong one.
        """
        if base.pins is None or wanted.own_indexes or any(one.direct and not one.local_path for one in decisions):
            return None
        placer = Placer(self.store, self.uv, self.table, base, setting)
        pins = _pins(decisions, setting)
        if pins is not None:
            try:
                local = {one.name: one.url for one in decisions if one.local_path}
                return placer.from_indexes(pins, local, wanted.index_url)
            except UvRefusedError:
                pass
        return self._fetched(placer, wanted, work, decisions)

    def _fetched(
        self, placer: Placer, wanted: Wanted, work: Handover, decisions: tuple[Decision, ...]
    ) -> Environment | None:
        """Let pip fetch or build exactly these files, then place what came of it."""
        if any(one.direct or not one.sha256 for one in decisions):
            return None
        fetched = Handover.make(work.folder / "fetched")
        lines = (f"{one.name}=={one.version} --hash=sha256:{one.sha256}\n" for one in decisions)
        exact = fetched.give("exact.txt", "".join(lines))
        index = () if wanted.index_url is None else ("--index-url", wanted.index_url.reveal())
        arguments = ("wheel", "--no-deps", "--require-hashes", "--wheel-dir", str(fetched.taken), "-r", str(exact))
        try:
            self._pip(
                placer.base.python,
                (*arguments, *_QUIET, *index),
                placer.setting,
                lambda _line: None,
                readable=(fetched.given,),
                writable=(fetched.taken,),
            )
            pins = _pins_of_wheels(fetched)
            return placer.from_folder(pins, fetched.taken) if pins.keys() == {one.name for one in decisions} else None
        except (LibraryFailed, UvRefusedError, NotAPlainFileError, InvalidWheelFilename):
            return None

    def _private(self, base: Environment, wanted: Wanted, setting: Setting, on_line: OnLine) -> Environment:
        """Real pip into a copy with files of its own, for this compute alone."""
        path = self.private / uuid.uuid4().hex
        path.parent.mkdir(exist_ok=True, mode=0o700)
        grown(base, path, linked=False)
        try:
            arguments = ("install", *_QUIET, *wanted.pip_arguments)
            lines = LastLines(lambda _line: None)
            self._pip(path / "bin" / "python", arguments, setting, lines, writable=(path,))
        except LibraryFailed:
            shutil.rmtree(path, ignore_errors=True)
            raise
        for line in lines.lines:
            if line.startswith("Successfully "):
                on_line(line)
        return Environment(path, base.interpreter, base.image, None)


_REPORT = "report.json"
_LONGEST_REPORT_BYTES = 64 << 20
_QUIET = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")


def _failed(lines: tuple[str, ...]) -> LibraryFailed:
    code = NO_MATCH if any(text in line for line in lines for text in _NO_MATCH_TEXTS) else FAILURE
    return LibraryFailed("\n".join(lines), code=code, log_lines=lines)


def _successfully(decisions: tuple[Decision, ...]) -> str:
    return "Successfully installed " + " ".join(sorted(one.spelling for one in decisions))


def _result(decisions: tuple[Decision, ...]) -> InstallResult:
    installed = tuple(sorted(f"{one.title}=={one.version}" for one in decisions))
    return InstallResult(installed, {f"{one.title}=={one.version}": one.origin for one in decisions})


def _pins(decisions: tuple[Decision, ...], setting: Setting) -> dict[str, Pin] | None:
    """The answer to the byte; None when a file is no wheel or its hash is not known."""
    pins = {}
    for one in decisions:
        sha256 = _hash_of(_on_machine(one.local_path, setting)) if one.local_path else one.sha256
        if not one.wheel or not sha256:
            return None
        pins[one.name] = Pin(one.name, one.version, sha256)
    return pins


def _pins_of_wheels(fetched: Handover) -> dict[str, Pin]:
    pins: dict[str, Pin] = {}
    for file in fetched.names():
        name, version, _build, _tags = parse_wheel_filename(file)
        pins[canonicalize_name(name)] = Pin(canonicalize_name(name), str(version), fetched.sha256(file))
    return pins


def _hash_of(path: Path | None) -> str:
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _on_machine(inside: str, setting: Setting) -> Path | None:
    """This machine's path of a workspace file; None for a path that is the sandbox's own business."""
    path = Path(os.path.normpath(inside))
    if path.is_relative_to("/Workspace"):
        return setting.workspace / path.relative_to("/Workspace")
    return path if path.is_relative_to(setting.workspace) else None
