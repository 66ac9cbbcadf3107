"""Compute that was started on this machine."""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from wheelyard.compute.foresight import Foresight
from wheelyard.compute.images import ImageBuilder
from wheelyard.compute.installation import Installation, Wanted
from wheelyard.compute.kernel_session import KernelSession
from wheelyard.compute.log_stream import redacted_lines
from wheelyard.compute.overlay import RUNTIME_SUPPORT, Overlay, make_overlay
from wheelyard.compute.placement import Placement, place_settings
from wheelyard.compute.placing import Setting
from wheelyard.compute.process import Command, Process, Processes, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.compute.watch import ProgramWatch
from wheelyard.compute.workspace_folder import WORKSPACE, WorkspaceFolder
from wheelyard.core.errors import InvalidState
from wheelyard.core.redaction import Redactor, SafeUrl, Secret

__all__ = ["LocalCompute", "Means"]

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


@dataclass(frozen=True, slots=True)
class Means:
    """What an engine gives to one compute.

    Args:
        folder: its own, empty.
        foresight: the engine's.
        sockets: makes a short private folder.
        on_stop: called once, when nothing of it runs any more, with the folder to delete.
    """

    folder: Path
    processes: Processes
    images: ImageBuilder
    foresight: Foresight
    sockets: Callable[[], Path]
    clock: Callable[[], float]
    on_stop: Callable[[LocalCompute, Path], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one session or one program works: a folder of its own, an overlay in it, and its workspace files."""

    folder: Path
    overlay: Overlay
    placement: Placement
    workspace: WorkspaceFolder


class LocalCompute:
    """See `engine.Compute`."""

    def __init__(self, spec: LaunchSpec, means: Means, image: Environment) -> None:
        self.compute_id = spec.compute_id
        self._spec = spec
        self._means = means
        self._folder = means.folder
        self._redactor = Redactor(spec.secrets)
        self._table = ProcessTable(means.processes, means.folder / "processes", self._redactor)
        self._environment = image
        self._placement: Placement | None = None
        self._sessions: dict[str, KernelSession] = {}
        self._lock = threading.Lock()
        self._files = threading.RLock()
        self._installing = threading.Lock()
        self._busy = 0
        self._idle_since = means.clock()
        self._stopped = False
        self._hide_urls(spec.variables)

    # -- what it is asked to do --------------------------------------------------------------------------------

    def install(
        self,
        requirement: Sequence[str],
        *,
        index_url: Secret[str] | None,
        on_line: OnLine,
        files: Sequence[StagedFile] = (),
    ) -> InstallResult:
        """See `engine.Compute.install`. Sessions that are open keep what they were opened on."""
        text = _text_of(requirement, files)
        self._hide_urls({"requirements": Secret(text), **({} if index_url is None else {"index": index_url})})

        def wanted(_folder: Path, workspace: WorkspaceFolder) -> Wanted:
            return Wanted.of(tuple(map(workspace.inside, requirement)), index_url, text)

        return self._install(wanted, files, on_line)

    def install_own(self, on_line: OnLine) -> InstallResult:
        """Install the compute's own requirement lines, as one requirements file."""

        def wanted(folder: Path, workspace: WorkspaceFolder) -> Wanted:
            text = "".join(f"{workspace.inside_line(line)}\n" for line in self._spec.requirements)
            self._hide_urls({"requirements": Secret(text)})
            file = folder / "requirements.txt"
            file.write_text(text, encoding="utf-8")
            return Wanted.of(("-r", str(file)), None, text)

        return self._install(wanted, self._spec.files, on_line)

    def refresh(self) -> None:
        """See `engine.Compute.refresh`."""
        folder = self._folder / "etc" / uuid.uuid4().hex
        images = self._means.images
        with self._writing():
            folder.parent.mkdir(exist_ok=True, mode=0o700)
            self._placement = place_settings(
                folder, self._table.sandbox, images.roots, images.machine_index, self._spec.pip_environment
            )
        self._hide_urls({**self._placement.variables, "pip.conf": self._placement.conf})

    def open_session(
        self, identity: Identity, *, parameters: Mapping[str, str], cwd: str = "", files: Sequence[StagedFile] = ()
    ) -> Session:
        """See `engine.Compute.open_session`."""
        self.hide(identity.token)
        session_id = uuid.uuid4().hex
        desk = self._new_desk("sessions", files)
        sockets = self._means.sockets()
        context = self._context(identity, parameters, desk.workspace.inside(cwd))

        def start(connection: Mapping[str, object]) -> Process:
            content = {"context": context, "connection": connection}
            command = self._user_command(desk, ("-m", "dbruntime.kernel_main"), content, (sockets,))
            return self._table.start(command)

        def restage(changed: Sequence[StagedFile]) -> None:
            with self._writing():
                desk.workspace.stage(changed)

        def closed() -> None:
            with self._lock:
                self._sessions.pop(session_id, None)
            for folder in (desk.folder, desk.workspace.path, sockets):
                shutil.rmtree(folder, ignore_errors=True)

        session = KernelSession(
            session_id,
            start=start,
            restage=restage,
            table=self._table,
            sockets=sockets,
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
        files: Sequence[StagedFile] = (),
    ) -> ProcessResult:
        """See `engine.Compute.run`. `--entry-point PACKAGE NAME ARGS…` instead of a file runs a wheel's entry point."""
        self.hide(identity.token)
        desk = self._new_desk("programs", files)
        content = {"context": self._context(identity, {}, ""), "program": list(map(desk.workspace.inside, program))}
        command = self._user_command(desk, ("-u", "-m", "dbruntime.program_main"), content, ())
        self._count(1)
        try:
            process = self._table.start(command)
            watch = ProgramWatch(process, cancelled, timeout_seconds, self._means.clock)
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
            for folder in (desk.folder, desk.workspace.path):
                shutil.rmtree(folder, ignore_errors=True)

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
        with self._files:
            self._means.on_stop(self, self._folder)

    # -- how ---------------------------------------------------------------------------------------------------

    def _install(
        self, wanted: Callable[[Path, WorkspaceFolder], Wanted], files: Sequence[StagedFile], on_line: OnLine
    ) -> InstallResult:
        """Install in a folder of its own, which `wanted` may put a file into, with these workspace files in sight."""
        with self._installing:
            images = self._means.images
            installation = Installation(
                images.store,
                images.uv,
                self._table,
                self._folder / "environments",
                self._means.foresight,
                self._spec.pip,
            )
            with self._writing():
                folder, workspace = self._new_folder("installations", files)
                asked = wanted(folder, workspace)
            try:
                self._environment, result = installation.run(
                    self._environment, asked, self._setting(folder, workspace), on_line
                )
            finally:
                for used in (folder, workspace.path):
                    shutil.rmtree(used, ignore_errors=True)
            return result

    def _setting(self, folder: Path, workspace: WorkspaceFolder) -> Setting:
        placement = self._placed()
        below = self._environment
        path = f"{below.search_path}:{self._user_path()}"
        return Setting(
            variables=self._variables(folder, path, placement, workspace),
            view=self._view(below, placement, (), workspace),
            folder=folder,
            workspace=workspace.path,
            conf=placement.conf,
        )

    def _user_command(
        self, desk: Desk, arguments: tuple[str, ...], content: Mapping[str, object], writable: tuple[Path, ...]
    ) -> Command:
        path = f"{desk.overlay.search_path}:{self._user_path()}"
        variables = self._variables(desk.folder, path, desk.placement, desk.workspace)
        variables.setdefault("VIRTUAL_ENV", Secret(str(desk.overlay.path)))
        return Command(
            argv=(str(desk.overlay.python), *arguments),
            environment=variables,
            view=self._view(desk.overlay.below, desk.placement, (desk.folder, *writable), desk.workspace),
            cwd=desk.folder / "home",
            stdin=Secret(json.dumps(content).encode()),
        )

    def _variables(
        self, folder: Path, path: str, placement: Placement, workspace: WorkspaceFolder
    ) -> dict[str, Secret[str]]:
        """The whole environment: our few, the compute's own, pip's."""
        for name in ("home", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        own = {name: Secret(workspace.inside(value.reveal())) for name, value in self._spec.variables.items()}
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

    def _view(
        self, environment: Environment, placement: Placement, writable: tuple[Path, ...], workspace: WorkspaceFolder
    ) -> View:
        readable = (
            *environment.folders,
            placement.folder,
            RUNTIME_SUPPORT,
            self._means.images.uv.executable,
        )
        return View(readable, writable, {**placement.placed, WORKSPACE: workspace.path})

    def _new_desk(self, kind: str, files: Sequence[StagedFile]) -> Desk:
        with self._writing():
            folder, workspace = self._new_folder(kind, files)
            overlay = make_overlay(folder / "venv", self._environment, self._means.images.uv.executable)
        return Desk(folder, overlay, self._placed(), workspace)

    def _new_folder(self, kind: str, files: Sequence[StagedFile]) -> tuple[Path, WorkspaceFolder]:
        """A folder to work in, and beside it, out of reach of what works there, its workspace files."""
        number = uuid.uuid4().hex
        workspace = WorkspaceFolder(self._folder / "workspaces" / number, self._table.sandbox.name != "none")
        workspace.stage(files)
        folder = self._folder / kind / number
        folder.mkdir(parents=True, mode=0o700)
        return folder, workspace

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """While something is put into the compute's folder, `stop` does not take it away; afterwards nothing is put."""
        with self._files:
            with self._lock:
                if self._stopped:
                    raise InvalidState(f"Compute `{self.compute_id}` is stopped")
            yield

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


def _text_of(requirement: Sequence[str], files: Sequence[StagedFile]) -> str:
    """The text of the requirements file among pip's arguments, where it is a workspace file."""
    for option, value in pairwise(requirement):
        if option in {"-r", "--requirement"}:
            found = next((file.content for file in files if file.path == value), b"")
            return found.decode(errors="replace")
    return ""
