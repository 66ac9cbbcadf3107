"""Compute that was started on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from wheelyard.compute.engine import (
    Identity,
    InstallResult,
    LaunchSpec,
    OnLine,
    ProcessResult,
    Session,
    StagedFile,
)
from wheelyard.compute.environments import Environment
from wheelyard.compute.images import ImageBuilder
from wheelyard.compute.installation import Installation, Wanted
from wheelyard.compute.kernel import KernelSession
from wheelyard.compute.log_stream import redacted_lines
from wheelyard.compute.overlay import RUNTIME_SUPPORT, Overlay, make_overlay
from wheelyard.compute.placement import Placement, place_settings
from wheelyard.compute.placing import Setting
from wheelyard.compute.process import Command, Process, Processes, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.core.errors import InvalidParameter, InvalidState
from wheelyard.core.redaction import Redactor, SafeUrl, Secret

__all__ = ["LocalCompute", "Means"]

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_WORKSPACE = "/Workspace"
_WORKSPACE_PATH = re.compile(rf"(?<![\w./-]){_WORKSPACE}(?=/)|(?<=file://){_WORKSPACE}(?=/)")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


@dataclass(frozen=True, slots=True)
class Means:
    """What an engine gives to one compute.

    Args:
        folder: its own, empty.
        sockets: makes a short private folder.
        on_stop: called once, when nothing of it runs any more, with the folder to delete.
    """

    folder: Path
    processes: Processes
    images: ImageBuilder
    sockets: Callable[[], Path]
    clock: Callable[[], float]
    on_stop: Callable[[LocalCompute, Path], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one session or one program works: a folder of its own, and an overlay in it."""

    folder: Path
    overlay: Overlay
    placement: Placement


class LocalCompute:
    """See `engine.Compute`."""

    def __init__(self, spec: LaunchSpec, means: Means, image: Environment) -> None:
        self.compute_id = spec.compute_id
        self._spec = spec
        self._means = means
        self._folder = means.folder
        self._workspace = means.folder / "workspace"
        self._workspace.mkdir(mode=0o700)
        self._redactor = Redactor(spec.secrets)
        self._table = ProcessTable(means.processes, means.folder / "processes", self._redactor)
        self._environment = image
        self._placement: Placement | None = None
        self._sessions: dict[str, KernelSession] = {}
        self._lock = threading.Lock()
        self._installing = threading.Lock()
        self._busy = 0
        self._idle_since = means.clock()
        self._stopped = False
        self._hide_urls(spec.variables)

    # -- what it is asked to do --------------------------------------------------------------------------------

    def install(self, requirement: Sequence[str], *, index_url: Secret[str] | None, on_line: OnLine) -> InstallResult:
        """See `engine.Compute.install`. Sessions that are open keep what they were opened on."""
        if index_url is not None:
            self._hide_urls({"index": index_url})
        arguments = tuple(map(self._inside, requirement))
        wanted = Wanted.of(arguments, index_url, self._text_of(requirement))
        return self._install(lambda _folder: wanted, on_line)

    def install_own(self, lines: Sequence[str], on_line: OnLine) -> InstallResult:
        """Install the compute's own requirement lines, as one requirements file."""
        text = "".join(f"{self._inside_line(line)}\n" for line in lines)
        self._hide_urls({"requirements": Secret(text)})

        def wanted(folder: Path) -> Wanted:
            file = folder / "requirements.txt"
            file.write_text(text, encoding="utf-8")
            return Wanted.of(("-r", str(file)), None, text)

        return self._install(wanted, on_line)

    def stage(self, files: Sequence[StagedFile]) -> None:
        """See `engine.Compute.stage`."""
        wanted = {_below_workspace(file.path): file.content for file in files}
        with self._lock:
            for path in sorted(self._workspace.rglob("*"), reverse=True):
                inside = path.relative_to(self._workspace)
                if path.is_file() and inside not in wanted:
                    path.unlink()
                elif path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
            for inside, content in wanted.items():
                _write(self._workspace / inside, content)

    def refresh(self) -> None:
        """See `engine.Compute.refresh`."""
        folder = self._folder / "etc" / uuid.uuid4().hex
        folder.parent.mkdir(exist_ok=True, mode=0o700)
        images = self._means.images
        self._placement = place_settings(
            folder, self._table.sandbox, images.roots, images.machine_index, self._spec.pip_environment
        )
        self._hide_urls({**self._placement.variables, "pip.conf": self._placement.conf})

    def open_session(self, identity: Identity, *, parameters: Mapping[str, str], cwd: str = "") -> Session:
        """See `engine.Compute.open_session`."""
        self.hide(identity.token)
        session_id = uuid.uuid4().hex
        desk = self._new_desk("sessions")
        sockets = self._means.sockets()
        connection_file = desk.folder / "kernel.json"
        content = {"context": self._context(identity, parameters, self._inside(cwd))}

        def start() -> Process:
            module = ("-m", "dbruntime.kernel_main", str(connection_file))
            return self._table.start(self._user_command(desk, module, content, (sockets,)))

        def closed() -> None:
            with self._lock:
                self._sessions.pop(session_id, None)
            for folder in (desk.folder, sockets):
                shutil.rmtree(folder, ignore_errors=True)

        session = KernelSession(
            session_id,
            start=start,
            table=self._table,
            sockets=sockets,
            connection_file=connection_file,
            on_close=closed,
            on_busy=self._count,
        )
        with self._lock:
            self._sessions[session_id] = session
        try:
            session.open()
        except BaseException:
            session.close()
            raise
        return session

    def run(
        self,
        identity: Identity,
        program: Sequence[str],
        *,
        on_line: OnLine,
        cancelled: Callable[[], bool],
        timeout_seconds: float | None = None,
    ) -> ProcessResult:
        """See `engine.Compute.run`. `--entry-point PACKAGE NAME ARGS…` instead of a file runs a wheel's entry point."""
        self.hide(identity.token)
        desk = self._new_desk("programs")
        content = {"context": self._context(identity, {}, ""), "program": [self._inside(word) for word in program]}
        command = self._user_command(desk, ("-u", "-m", "dbruntime.program_main"), content, ())
        self._count(1)
        try:
            process = self._table.start(command)
            watch = _Watch(process, cancelled, timeout_seconds, self._means.clock)
            watch.start()
            try:
                for line in redacted_lines(process.output, self._redactor):
                    on_line(line)
                return ProcessResult(process.wait(), cancelled=watch.ended_it)
            finally:
                process.kill()
                watch.finish()
                self._table.ended(process)
        finally:
            self._count(-1)
            shutil.rmtree(desk.folder, ignore_errors=True)

    def hide(self, secret: Secret[str]) -> None:
        """See `engine.Compute.hide`."""
        self._redactor.add(secret)

    def idle_seconds(self) -> float:
        """See `engine.Compute.idle_seconds`."""
        with self._lock:
            return 0.0 if self._busy else max(0.0, self._means.clock() - self._idle_since)

    def stop(self) -> None:
        """See `engine.Compute.stop`."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            sessions = tuple(self._sessions.values())
        self._table.close()
        for session in sessions:
            session.close()
        self._means.on_stop(self, self._folder)

    # -- how ---------------------------------------------------------------------------------------------------

    def _install(self, wanted: Callable[[Path], Wanted], on_line: OnLine) -> InstallResult:
        """Install in a folder of its own, which `wanted` may put a file into."""
        with self._installing:
            folder = self._new_folder("installations")
            images = self._means.images
            installation = Installation(images.store, images.uv, self._table, self._folder / "environments")
            try:
                self._environment, result = installation.run(
                    self._environment, wanted(folder), self._setting(folder), on_line
                )
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return result

    def _setting(self, folder: Path) -> Setting:
        placement = self._placed()
        below = self._environment
        path = f"{below.search_path}:{self._user_path()}"
        return Setting(
            variables=self._variables(folder, path, placement),
            view=self._view(below, placement, ()),
            folder=folder,
            workspace=self._workspace,
        )

    def _user_command(
        self, desk: Desk, arguments: tuple[str, ...], content: Mapping[str, object], writable: tuple[Path, ...]
    ) -> Command:
        path = f"{desk.overlay.search_path}:{self._user_path()}"
        variables = self._variables(desk.folder, path, desk.placement)
        variables.setdefault("VIRTUAL_ENV", Secret(str(desk.overlay.path)))
        return Command(
            argv=(str(desk.overlay.python), *arguments),
            environment=variables,
            view=self._view(desk.overlay.below, desk.placement, (desk.folder, *writable)),
            cwd=desk.folder / "home",
            stdin=Secret(json.dumps(content).encode()),
        )

    def _variables(self, folder: Path, path: str, placement: Placement) -> dict[str, Secret[str]]:
        """The whole environment: our few, the compute's own, pip's."""
        for name in ("home", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        own = {name: Secret(self._inside(value.reveal())) for name, value in self._spec.variables.items()}
        return {
            "HOME": Secret(str(folder / "home")),
            "LANG": Secret("C.UTF-8"),
            "TMPDIR": Secret(str(folder / "tmp")),
            "DATABRICKS_RUNTIME_VERSION": Secret(self._spec.runtime_version),
            **own,
            **placement.variables,
            "PATH": Secret(path),
        }

    def _user_path(self) -> str:
        wanted = self._spec.variables.get("PATH")
        return _SYSTEM_PATH if wanted is None else wanted.reveal()

    def _view(self, environment: Environment, placement: Placement, writable: tuple[Path, ...]) -> View:
        readable = (
            *environment.folders,
            placement.folder,
            RUNTIME_SUPPORT,
            self._means.images.uv.executable,
        )
        return View(readable, writable, {**placement.placed, _WORKSPACE: self._workspace})

    def _new_desk(self, kind: str) -> Desk:
        folder = self._new_folder(kind)
        overlay = make_overlay(folder / "venv", self._environment, self._means.images.uv.executable)
        return Desk(folder, overlay, self._placed())

    def _new_folder(self, kind: str) -> Path:
        with self._lock:
            if self._stopped:
                raise InvalidState(f"Compute `{self.compute_id}` is stopped")
        folder = self._folder / kind / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        return folder

    def _placed(self) -> Placement:
        if self._placement is None:
            self.refresh()
        if self._placement is None:
            raise InvalidState(f"Compute `{self.compute_id}` is not started")
        return self._placement

    def _context(self, identity: Identity, parameters: Mapping[str, str], cwd: str) -> dict[str, object]:
        return {
            "user": identity.name,
            "host": identity.host,
            "token": identity.token.reveal(),
            "workspace_id": identity.workspace_id,
            "cluster_id": self.compute_id,
            "cwd": cwd,
            "parameters": dict(parameters),
        }

    def _inside(self, text: str) -> str:
        """A value that may be a workspace path, as processes see it: without a sandbox there is no `/Workspace`."""
        if self._table.sandbox.name == "none" and (text == _WORKSPACE or text.startswith(f"{_WORKSPACE}/")):
            return str(self._workspace) + text[len(_WORKSPACE) :]
        return text

    def _inside_line(self, line: str) -> str:
        """A requirement line, the same way: the path may stand behind `-r` or `name @`."""
        if self._table.sandbox.name == "none":
            return _WORKSPACE_PATH.sub(lambda _found: str(self._workspace), line)
        return line

    def _text_of(self, requirement: Sequence[str]) -> str:
        """The text of the requirements file among pip's arguments, where it is a workspace file."""
        for option, value in pairwise(requirement):
            if option in {"-r", "--requirement"} and value.startswith(f"{_WORKSPACE}/"):
                path = self._workspace / _below_workspace(value)
                return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return ""

    def _hide_urls(self, values: Mapping[str, Secret[str]]) -> None:
        """Of values that are not secret as a whole, the user-info of URLs is; there may be several in one."""
        for value in values.values():
            for url in map(SafeUrl, _URL.findall(value.reveal())):
                if url.has_credentials:
                    self._redactor.add(Secret(url.reveal()))

    def _count(self, step: int) -> None:
        with self._lock:
            self._busy += step
            self._idle_since = self._means.clock()


class _Watch(threading.Thread):
    """Ends a program that is cancelled or takes too long, and what a program leaves behind when it ends itself."""

    def __init__(
        self,
        process: Process,
        cancelled: Callable[[], bool],
        timeout_seconds: float | None,
        clock: Callable[[], float],
    ) -> None:
        super().__init__(name="program-watch", daemon=True)
        self.ended_it = False
        self._process = process
        self._cancelled = cancelled
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._done = threading.Event()

    def run(self) -> None:
        started = self._clock()
        while not self._done.wait(0.1):
            if not self._process.running:
                self._process.end_group()
                return
            late = self._timeout_seconds is not None and self._clock() - started > self._timeout_seconds
            if late or self._cancelled():
                self.ended_it = True
                self._process.kill()
                return

    def finish(self) -> None:
        self._done.set()
        self.join()


def _below_workspace(path: str) -> Path:
    """A workspace path relative to `/Workspace`.

    Raises:
        InvalidParameter: it leads elsewhere.
    """
    clean = Path(os.path.normpath(path))
    if not clean.is_relative_to(_WORKSPACE) or str(clean) == _WORKSPACE:
        raise InvalidParameter(f"`{path}` is no path below {_WORKSPACE}")
    return clean.relative_to(_WORKSPACE)


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole; what reads the old one goes on reading the old one."""
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{uuid.uuid4().hex}")
    fresh.write_bytes(content)
    fresh.replace(path)
