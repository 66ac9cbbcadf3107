"""The interface of everything that can run user code.

An engine may be killed at any moment: after a crash `sweep` finds and removes what it left behind. Output leaves this
interface redacted. Every process starts with an environment built from nothing, in its own process group, inside a
sandbox where the machine has one. Calls block; callers bring their own threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from wheelyard.core.pip.environment import PipEnvironment, PipPaths
from wheelyard.core.redaction import Secret

__all__ = [
    "CellResult",
    "Compute",
    "Engine",
    "Identity",
    "InstallResult",
    "LaunchSpec",
    "Output",
    "ProcessResult",
    "Session",
    "StagedFile",
]

OnLine = Callable[[str], None]
"""Called with each redacted line, without its line end, as it is written."""


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """What compute is started with.

    Args:
        compute_id: cluster id, or the id of a serverless environment; names the folder.
        python: wanted Python, as in "3.11"; the nearest the machine has is taken and said in the log.
        pip: exact pip version, as in "23.2.1".
        runtime_version: value of `DATABRICKS_RUNTIME_VERSION` in user code.
        variables: the cluster's own environment variables, secret references resolved.
        pip_environment: called once the engine knows where its files lie; returns what `core.pip.environment` made of
            the layers. Called again at each `refresh`.
        secrets: further values that no output may show.
        requirements: requirement lines that belong to the compute itself (serverless dependencies).
        files: workspace files those lines name; in sight while they are installed, and for nobody else.
    """

    compute_id: str
    python: str
    pip: str
    runtime_version: str
    variables: Mapping[str, Secret[str]]
    pip_environment: Callable[[PipPaths], PipEnvironment]
    secrets: frozenset[Secret[str]] = frozenset()
    requirements: tuple[str, ...] = ()
    files: tuple[StagedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose code it is: the principal's name, and how user code reaches the workspace as that principal."""

    name: str
    host: str
    token: Secret[str]
    workspace_id: str


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A workspace file that user code may read, at its absolute workspace path (`/Workspace/…`)."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Output:
    """One piece of a cell's output. `data` maps MIME type to content for results and displays; `text` for streams."""

    kind: Literal["stdout", "stderr", "result", "display"]
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class CellResult:
    """How a cell ended. `exit_value` is the argument of `dbutils.notebook.exit`, None if it was not called."""

    status: Literal["ok", "error", "cancelled"]
    outputs: tuple[Output, ...] = ()
    error_name: str = ""
    error_value: str = ""
    traceback: str = ""
    exit_value: str | None = None

    @property
    def text(self) -> str:
        """Streams and plain-text results in order."""
        return "".join(piece.text or str(piece.data.get("text/plain", "")) for piece in self.outputs)


@dataclass(frozen=True, slots=True)
class InstallResult:
    """What an installation put in place: `name==version` of each, and for each the masked URL of its file."""

    installed: tuple[str, ...]
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a program ended."""

    exit_code: int
    cancelled: bool = False


class Session(Protocol):
    """One notebook's Python: an overlay environment and a kernel. One cell at a time; a second caller waits.

    Its home, its temporary files, its overlay and its workspace files are its own: no other session sees them.
    """

    session_id: str

    def execute(self, source: str, on_output: Callable[[Output], None] | None = None) -> CellResult:
        """Run one cell in notebook grammar (`%pip`, `!`, `%sh`, `%uv`, `%restart_python` included)."""

    def stage(self, files: Sequence[StagedFile]) -> None:
        """Replace the workspace files this session sees below `/Workspace`. Waits for a running cell.

        Raises:
            InvalidParameter: a path leads out of `/Workspace`.
            InvalidState: the session is closed.
        """

    def interrupt(self) -> None:
        """Cancel the running cell; it ends with status `cancelled`."""

    def close(self) -> None:
        """End the kernel and delete the overlay. Closing twice is allowed."""


class Compute(Protocol):
    """Started compute.

    `files` are the workspace files that one installation, session or program sees below `/Workspace`, each in a folder
    of its own: what one principal may read is never in sight of another.
    """

    compute_id: str

    def install(
        self,
        requirement: Sequence[str],
        *,
        index_url: Secret[str] | None,
        on_line: OnLine,
        files: Sequence[StagedFile] = (),
    ) -> InstallResult:
        """Install one library for everybody on this compute; `requirement` are pip requirement arguments.

        `index_url` is a library's own `repo`: it counts as `--index-url` on pip's command line.

        Raises:
            LibraryFailed: pip refused; the message is its redacted output.
            InvalidState: the compute is stopped.
        """

    def refresh(self) -> None:
        """Ask `LaunchSpec.pip_environment` again; what is started from now on gets the answer."""

    def open_session(
        self, identity: Identity, *, parameters: Mapping[str, str], cwd: str = "", files: Sequence[StagedFile] = ()
    ) -> Session:
        """Start a notebook session; `parameters` are what `dbutils.widgets.get` finds."""

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
        """Run `python ARGS…` (program without the interpreter) to its end, output line by line."""

    def hide(self, secret: Secret[str]) -> None:
        """From now on no output of this compute shows this value."""

    def idle_seconds(self) -> float:
        """Seconds since user code last ran; 0 while it runs."""

    def stop(self) -> None:
        """End every process and delete the folder. Stopping twice is allowed."""


class Engine(Protocol):
    """Starts compute."""

    def start(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        """Return once user code could run.

        `on_line` is told something before anything that takes long; from then on `stop` reaches this start.

        Raises:
            LaunchFailed: carries the termination code and the last redacted log lines; nothing is left running.
        """

    def stop(self, compute_id: str) -> None:
        """Stop one compute, also while `start` is under way, which then raises `LaunchFailed` at once.

        An id that is not known is nothing to stop.
        """

    def sweep(self) -> Sequence[str]:
        """End and delete what an earlier process of ours left behind; returns the compute ids. Called once at start."""

    def stop_all(self) -> None:
        """End everything this engine started, and the starts that are under way."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Where an engine keeps its things.

    Args:
        folder: compute folders, one a compute id; inside the data folder.
        cache: environments and uv's cache, shared by all workspaces of this user.
        wheelhouse: folder of wheels to build runtime images from instead of an index; None asks the public index.
        sandbox: "bubblewrap" where it must be there, "none" to do without, "auto" to take it where it works.
    """

    folder: Path
    cache: Path
    wheelhouse: Path | None = None
    sandbox: Literal["auto", "bubblewrap", "none"] = "auto"
