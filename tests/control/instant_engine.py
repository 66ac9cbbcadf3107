"""An engine whose compute starts at once and runs nothing but this process: for tests of what surrounds compute."""

from __future__ import annotations

import contextlib
import io
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wheelyard.compute.engine import (
    CellResult,
    Compute,
    Identity,
    InstallResult,
    LaunchSpec,
    OnLine,
    Output,
    ProcessResult,
    Session,
    StagedFile,
)
from wheelyard.core.errors import LaunchFailed, LibraryFailed
from wheelyard.core.pip.environment import PipEnvironment, PipPaths
from wheelyard.core.redaction import Secret

PATHS = PipPaths(global_conf="/etc/pip.conf", certificate_bundle="/etc/ssl/bundle.pem")


class InstantSession:
    """Runs cells with `exec`; `wait()` in a cell blocks until it is interrupted."""

    def __init__(
        self,
        compute: InstantCompute,
        identity: Identity,
        parameters: Mapping[str, str],
        files: Sequence[StagedFile],
    ) -> None:
        self.session_id = f"session-{len(compute.sessions)}"
        self.identity = identity
        self.staged = _contents(files)
        self.closed = False
        self._interrupted = threading.Event()
        self._compute = compute
        self._names: dict[str, Any] = {
            "wait": self._wait,
            "widget": parameters.__getitem__,
            "leave": self._leave,
            "display_image": self._display_image,
            "read": lambda path: self.staged[path].decode(),
        }
        self._shown: list[Output] = []

    def execute(self, source: str, on_output: Callable[[Output], None] | None = None) -> CellResult:  # noqa: ARG002 # the interface's
        stream = io.StringIO()
        self._shown = []
        try:
            with contextlib.redirect_stdout(stream):
                exec(source, self._names)  # noqa: S102 # the tests' own cells
        except _Exit as exit_:
            return CellResult("ok", self._outputs(stream), exit_value=exit_.value)
        except KeyboardInterrupt:
            return CellResult("cancelled", self._outputs(stream))
        except Exception as error:  # noqa: BLE001 # a cell may raise anything
            trace = traceback.format_exc()
            return CellResult("error", self._outputs(stream), type(error).__name__, str(error), trace)
        finally:
            self._interrupted.clear()
        return CellResult("ok", self._outputs(stream))

    def stage(self, files: Sequence[StagedFile]) -> None:
        self.staged = _contents(files)

    def interrupt(self) -> None:
        self._interrupted.set()

    def close(self) -> None:
        self.closed = True

    def _outputs(self, stream: io.StringIO) -> tuple[Output, ...]:
        text = stream.getvalue()
        return (*((Output("stdout", text),) if text else ()), *self._shown)

    def _wait(self) -> None:
        while not self._interrupted.wait(0.01):
            if self._compute.stopped:
                raise ConnectionError("the kernel is gone")
        raise KeyboardInterrupt

    def _leave(self, value: str) -> None:
        raise _Exit(value)

    def _display_image(self, data: str) -> None:
        self._shown.append(Output("display", data={"image/png": data, "text/plain": "<image>"}))


def _contents(files: Sequence[StagedFile]) -> dict[str, bytes]:
    return {file.path: file.content for file in files}


class _Exit(Exception):
    def __init__(self, value: str) -> None:
        self.value = value


class InstantCompute:
    """Remembers what it was asked."""

    def __init__(self, spec: LaunchSpec, engine: InstantEngine) -> None:
        self.compute_id = spec.compute_id
        self.spec = spec
        self.pip: PipEnvironment = spec.pip_environment(PATHS)
        self.installed: list[tuple[tuple[str, ...], str | None]] = []
        self.installed_with: list[dict[str, bytes]] = []
        self.sessions: list[InstantSession] = []
        self.programs: list[list[str]] = []
        self.identities: list[Identity] = []
        self.hidden: list[Secret[str]] = []
        self.stopped = False
        self._engine = engine

    def install(
        self,
        requirement: Sequence[str],
        *,
        index_url: Secret[str] | None,
        on_line: OnLine,
        files: Sequence[StagedFile] = (),
    ) -> InstallResult:
        while self._engine.hold_installs.is_set() and not self.stopped:
            time.sleep(0.005)
        url = index_url.reveal() if index_url else None
        self.installed.append((tuple(requirement), url))
        self.installed_with.append(_contents(files))
        on_line(f"Looking in indexes: {url or 'the usual ones'}")
        if self.stopped:
            raise LibraryFailed("the compute was stopped", code="DRIVER_LIBRARY_INSTALLATION_FAILURE")
        if "missing" in requirement[-1]:
            raise LibraryFailed(
                f"Looking in indexes: {url}\nERROR: No matching distribution found for {requirement[-1]}",
                code="NO_MATCHING_DISTRIBUTION_ERROR",
            )
        return InstallResult((requirement[-1],))

    def refresh(self) -> None:
        self.pip = self.spec.pip_environment(PATHS)

    def open_session(
        self,
        identity: Identity,
        *,
        parameters: Mapping[str, str],
        cwd: str = "",  # noqa: ARG002 # the interface's
        files: Sequence[StagedFile] = (),
    ) -> Session:
        self.identities.append(identity)
        session = InstantSession(self, identity, parameters, files)
        self.sessions.append(session)
        return session

    def run(
        self,
        identity: Identity,
        program: Sequence[str],
        *,
        on_line: OnLine,
        cancelled: Callable[[], bool],
        timeout_seconds: float | None = None,  # noqa: ARG002 # the interface's
        files: Sequence[StagedFile] = (),
    ) -> ProcessResult:
        """Workspace files run with `exec`; their arguments are `argv`, and `cancelled` says whether to go."""
        self.identities.append(identity)
        self.programs.append(list(program))
        if program[0] == "-c":
            on_line("ran " + " ".join(program[2:]))
            return ProcessResult(0)
        stream = io.StringIO()
        try:
            with contextlib.redirect_stdout(stream):
                exec(_contents(files)[program[0]].decode(), {"argv": list(program[1:]), "cancelled": cancelled})  # noqa: S102
        except Exception:  # noqa: BLE001 # a program may raise anything
            stream.write(traceback.format_exc())
            return self._ended(1, stream, on_line, cancelled)
        return self._ended(0, stream, on_line, cancelled)

    def hide(self, secret: Secret[str]) -> None:
        self.hidden.append(secret)

    def idle_seconds(self) -> float:
        return self._engine.idle

    def stop(self) -> None:
        self.stopped = True
        self._engine.running.pop(self.compute_id, None)

    @staticmethod
    def _ended(code: int, stream: io.StringIO, on_line: OnLine, cancelled: Callable[[], bool]) -> ProcessResult:
        for line in stream.getvalue().splitlines():
            on_line(line)
        return ProcessResult(-15 if cancelled() else code, cancelled())


class InstantEngine:
    """`hold_starts` and `hold_installs` keep things on their way; `refuse` fails the next start.

    A start that is held ends when it is stopped, unless the engine is `deaf`.
    """

    def __init__(self) -> None:
        self.running: dict[str, InstantCompute] = {}
        self.started: list[InstantCompute] = []
        self.hold_starts = threading.Event()
        self.hold_installs = threading.Event()
        self.deaf = False
        self.stopped: list[str] = []
        self.refuse: LaunchFailed | LibraryFailed | None = None
        self.swept = 0
        self.idle = 0.0
        self._ended = False

    def start(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        known = len(self.stopped)
        on_line("Starting")
        while self.hold_starts.is_set() and not self._ended:
            if spec.compute_id in self.stopped[known:] and not self.deaf:
                raise LaunchFailed("stopped while it was starting", code="USER_REQUEST")
            time.sleep(0.005)
        if self._ended:
            raise LaunchFailed("the engine has ended", code="INTERNAL_ERROR")
        refusal, self.refuse = self.refuse, None
        if refusal is not None:
            raise refusal
        if any("missing" in line for line in spec.requirements):
            raise LaunchFailed("ERROR: No matching distribution found", code="NO_MATCHING_DISTRIBUTION_ERROR")
        compute = InstantCompute(spec, self)
        for name, value in spec.variables.items():
            on_line(f"export {name}={value.reveal()}")
        self.started.append(compute)
        self.running[spec.compute_id] = compute
        return compute

    def stop(self, compute_id: str) -> None:
        self.stopped.append(compute_id)
        if compute_id in self.running:
            self.running[compute_id].stop()

    def sweep(self) -> Sequence[str]:
        self.swept += 1
        return ()

    def stop_all(self) -> None:
        self._ended = True
        for compute in list(self.running.values()):
            compute.stop()
