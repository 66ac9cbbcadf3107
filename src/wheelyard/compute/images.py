"""Runtime images: the Python and the exact pip of a runtime version, with what a kernel needs.

An image is made once per machine and shared. It holds `kernel.lock` beside this file (ipykernel, databricks-sdk and
what they need, by hash), so two machines get the same one from any index that carries the files.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from uv import find_uv_bin

from wheelyard.compute.environments import Environment, EnvironmentStore, compile_all, digest
from wheelyard.compute.log_stream import LastLines
from wheelyard.compute.machine import Interpreter, find_interpreters, nearest
from wheelyard.compute.process import Command, ProcessTable
from wheelyard.compute.sandbox import View
from wheelyard.core.errors import LaunchFailed
from wheelyard.core.redaction import Secret

__all__ = ["ImageBuilder", "Uv"]

KERNEL_LOCK = Path(__file__).parent / "kernel.lock"

_LAUNCH_FAILURE = "UNEXPECTED_LAUNCH_FAILURE"
_STEP_SECONDS = 0.05


@dataclass(frozen=True)
class Uv:
    """The uv that belongs to this Python.

    Args:
        workshop: the folder that holds its cache and whatever it fills.
        cache: its cache.
    """

    workshop: Path
    cache: Path

    @cached_property
    def executable(self) -> Path:
        return Path(find_uv_bin()).resolve()

    def command(
        self,
        arguments: tuple[str, ...],
        variables: Mapping[str, Secret[str]],
        *,
        readable: tuple[Path, ...],
        folder: Path,
        placed: Mapping[str, Path] = MappingProxyType({}),
    ) -> Command:
        """Run uv with nothing of this machine's configuration, to fill `folder`; it may write to its workshop."""
        environment = {
            "PATH": Secret("/usr/bin:/bin"),
            "HOME": Secret(str(folder)),
            "LANG": Secret("C.UTF-8"),
            **variables,
            "UV_CACHE_DIR": Secret(str(self.cache)),
            "UV_NO_CONFIG": Secret("1"),
            "UV_NO_PROGRESS": Secret("1"),
            "UV_PYTHON_DOWNLOADS": Secret("never"),
        }
        return Command(
            argv=(str(self.executable), *arguments),
            environment=environment,
            view=View(readable=(self.executable, *readable), writable=(self.workshop,), placed=placed),
            cwd=folder,
        )


@dataclass
class ImageBuilder:
    """Makes runtime images.

    Args:
        store: where they are kept.
        table: the processes that build them.
        wheelhouse: folder of wheels; None asks the machine's index.
        machine_index: what stands for the public index; None for uv's built-in one.
        roots: PEM file of the certificate authorities this machine trusts.
    """

    store: EnvironmentStore
    table: ProcessTable
    wheelhouse: Path | None
    machine_index: Secret[str] | None
    roots: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: dict[tuple[str, str], Future[Environment]] = field(default_factory=dict)

    @cached_property
    def uv(self) -> Uv:
        return Uv(self.store.workshop, self.store.uv_cache)

    def interpreter(self, wanted: str) -> Interpreter:
        """The nearest Python of this machine.

        Raises:
            LaunchFailed: there is none at all.
        """
        found = nearest(wanted, self._interpreters)
        if found is None:
            raise LaunchFailed(
                f"No Python 3.10 or newer was found on this machine for Python {wanted}",
                code=_LAUNCH_FAILURE,
                hint="put a python3 on PATH, or run `uv python install`",
            )
        return found

    def image(self, python: str, pip: str) -> Future[Environment]:
        """The environment every compute with this Python and this pip starts from.

        Whoever asks while it is made waits for the same one, and may stop waiting. The future may hold `LaunchFailed`:
        a package cannot be had, or this pip does not run on the nearest Python.
        """
        with self._lock:
            known = self._under_way.get((python, pip))
            if known is not None:
                return known
            made = self._under_way[python, pip] = Future()

        def make() -> None:
            try:
                result = self._made(python, pip)
            except BaseException as problem:  # noqa: BLE001  # handed to whoever waits
                self._forget(python, pip)
                made.set_exception(problem)
            else:
                self._forget(python, pip)
                made.set_result(result)

        threading.Thread(target=make, name=f"image-{python}-{pip}", daemon=True).start()
        return made

    def end(self) -> None:
        """End what is being made; whoever waits for it hears that it failed."""
        with self._lock:
            under_way = tuple(self._under_way.values())
        for made in under_way:
            while not made.done():  # between two steps there is nothing to end
                self.table.end_all()
                wait([made], _STEP_SECONDS)

    def _forget(self, python: str, pip: str) -> None:
        with self._lock:
            del self._under_way[python, pip]

    def _made(self, python: str, pip: str) -> Environment:
        interpreter = self.interpreter(python)
        lock = hashlib.sha256(KERNEL_LOCK.read_bytes()).hexdigest()
        key = digest("image", str(interpreter.executable), interpreter.text, pip, lock)
        path = self.store.image(key, lambda folder: self._build(folder, interpreter, pip))
        return Environment(path, interpreter, path, {})

    @cached_property
    def _interpreters(self) -> tuple[Interpreter, ...]:
        return find_interpreters()

    def _build(self, folder: Path, interpreter: Interpreter, pip: str) -> None:
        folder.mkdir(parents=True)
        python = str(folder / "bin" / "python")
        install = ("pip", "install", "--python", python, "--only-binary", ":all:", "--no-deps", *self._source)
        self._uv(
            folder,
            interpreter,
            "venv",
            "--relocatable",
            "--no-project",
            "--python",
            str(interpreter.executable),
            str(folder),
            "--allow-existing",
        )
        self._uv(folder, interpreter, *install, f"pip=={pip}")
        self._uv(folder, interpreter, *install, "--require-hashes", "-r", str(KERNEL_LOCK))
        for script in (folder / "bin").glob("activate*"):
            script.unlink()
        compile_all(self.table, interpreter, folder)
        self._check(folder, interpreter, pip)

    @property
    def _source(self) -> tuple[str, ...]:
        return () if self.wheelhouse is None else ("--no-index", "--find-links", str(self.wheelhouse))

    def _uv(self, folder: Path, interpreter: Interpreter, *arguments: str) -> None:
        variables = {"SSL_CERT_FILE": Secret(str(self.roots))}
        if self.machine_index is not None:
            variables["UV_DEFAULT_INDEX"] = self.machine_index
        readable = (*interpreter.folders, KERNEL_LOCK, self.roots)
        readable += () if self.wheelhouse is None else (self.wheelhouse,)
        lines = LastLines(lambda _line: None)
        code = self.table.run(self.uv.command(arguments, variables, readable=readable, folder=folder), lines)
        if code != 0:
            raise LaunchFailed(
                f"The runtime image could not be built: uv {arguments[0]} ended with exit code {code}",
                code=_LAUNCH_FAILURE,
                log_lines=lines.lines,
                hint="make the wheelhouse (scripts/wheelhouse.py), or check that the machine's package index answers",
            )

    def _check(self, folder: Path, interpreter: Interpreter, pip: str) -> None:
        """A pip that is older than its Python may not even start."""
        lines = LastLines(lambda _line: None)
        command = Command(
            argv=(str(folder / "bin" / "python"), "-I", "-m", "pip", "--version"),
            environment={"PATH": Secret("/usr/bin:/bin"), "HOME": Secret(str(folder)), "LANG": Secret("C.UTF-8")},
            view=View(readable=(*interpreter.folders, folder)),
            cwd=folder,
        )
        if self.table.run(command, lines) != 0:
            raise LaunchFailed(
                f"pip {pip} does not run on Python {interpreter.text}, the nearest this machine has",
                code=_LAUNCH_FAILURE,
                log_lines=lines.lines,
                hint="install the Python of this runtime version, or take a newer runtime version",
            )
