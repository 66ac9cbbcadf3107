"""The engine that starts compute on this machine."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from wheelyard.compute.engine import Compute, EngineSettings, LaunchSpec, OnLine
from wheelyard.compute.environments import Environment, EnvironmentStore
from wheelyard.compute.foresight import Foresight
from wheelyard.compute.images import ImageBuilder
from wheelyard.compute.local_compute import LocalCompute, Means
from wheelyard.compute.log_stream import LastLines
from wheelyard.compute.machine import system_roots
from wheelyard.compute.process import Processes, ProcessTable, end_recorded
from wheelyard.compute.sandbox import choose_sandbox
from wheelyard.compute.under_way import StartUnderWay
from wheelyard.core.errors import LaunchFailed, LibraryFailed
from wheelyard.core.redaction import Redactor, Secret

__all__ = ["LocalEngine"]

_OWN = ".engine"
"""Folder of the engine itself, beside those of compute. Compute ids never begin with a dot."""

_UNUSED_SECONDS = 30 * 24 * 3600
"""How long an environment that nobody starts compute with is kept."""


class LocalEngine:
    """Starts compute on this machine: see `engine.Engine`.

    Args:
        settings: where things lie, and whether a sandbox is wanted.
        machine_index: the machine's own index URL, which stands for the public index; None for the built-in one.
        machine_roots: PEM file with the certificate authorities this machine trusts; None finds it.
        clock: monotonic seconds.

    Raises:
        LaunchFailed: bubblewrap is demanded and does not work.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        machine_index: Secret[str] | None = None,
        machine_roots: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = replace(settings, folder=settings.folder.resolve(), cache=settings.cache.resolve())
        self._settings = settings
        self._own = settings.folder / _OWN
        self._own.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.folder.chmod(0o700)
        self._processes = Processes(choose_sandbox(settings.sandbox))
        self._images = self._image_builder(machine_index, machine_roots or system_roots())
        self._foresight = Foresight(self._images.table)
        self._clock = clock
        self._lock = threading.Lock()
        self._starts: dict[str, StartUnderWay] = {}
        self._computes: dict[str, LocalCompute] = {}
        self._sockets: Path | None = None
        self._deleting: list[threading.Thread] = []

    @property
    def sandbox(self) -> str:
        """`bubblewrap` or `none`: what user code really runs in."""
        return self._processes.sandbox.name

    def start(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        """See `engine.Engine.start`.

        Raises:
            LaunchFailed: its `code` is that of the library when a requirement of the compute itself fails.
        """
        log = LastLines(on_line)
        start = self._begun(spec.compute_id)
        try:
            image = self._image(spec, log, start)
            compute = self._made(spec, image)
            try:
                start.check()
                self._prepare(compute, spec, log)
                start.check()
            except BaseException:
                compute.stop()
                start.check()
                raise
        finally:
            with self._lock:
                del self._starts[spec.compute_id]
        return compute

    def sweep(self) -> Sequence[str]:
        """See `engine.Engine.sweep`."""
        found = []
        for folder in sorted(self._settings.folder.iterdir()):
            end_recorded(folder / "processes")
            if folder.name == _OWN:
                self._sweep_own()
            else:
                found.append(folder.name)
                remove(folder)
        self._images.store.forget(_UNUSED_SECONDS)
        return tuple(found)

    def stop(self, compute_id: str) -> None:
        """See `engine.Engine.stop`."""
        with self._lock:
            start, compute = self._starts.get(compute_id), self._computes.get(compute_id)
        if start is not None:
            start.give_up()
        if compute is not None:
            compute.stop()

    def stop_all(self) -> None:
        """See `engine.Engine.stop_all`."""
        with self._lock:
            known = {*self._starts, *self._computes}
        for compute_id in known:
            self.stop(compute_id)
        self._images.end()
        for deleting in tuple(self._deleting):
            deleting.join()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            (self._own / "sockets").unlink(missing_ok=True)
            self._sockets = None

    def _image_builder(self, machine_index: Secret[str] | None, roots: Path) -> ImageBuilder:
        redactor = Redactor(() if machine_index is None else (machine_index,))
        return ImageBuilder(
            store=EnvironmentStore(self._settings.cache),
            table=ProcessTable(self._processes, self._own / "processes", redactor),
            wheelhouse=self._settings.wheelhouse,
            machine_index=machine_index,
            roots=roots,
        )

    def _begun(self, compute_id: str) -> StartUnderWay:
        if compute_id.startswith(".") or "/" in compute_id:
            raise ValueError(f"`{compute_id}` is no compute id")
        start = StartUnderWay(compute_id)
        with self._lock:
            if compute_id in self._starts or compute_id in self._computes:
                raise LaunchFailed(f"Compute `{compute_id}` runs already", code="INVALID_ARGUMENT")
            self._starts[compute_id] = start
        return start

    def _image(self, spec: LaunchSpec, on_line: OnLine, start: StartUnderWay) -> Environment:
        interpreter = self._images.interpreter(spec.python)
        on_line(f"Starting with Python {interpreter.text} and pip {spec.pip}")
        if interpreter.minor != tuple(map(int, spec.python.split("."))):
            on_line(f"Python {spec.python} is not on this machine; {interpreter.text} is the nearest")
        image = start.wait_for(self._images.image(spec.python, spec.pip))
        if self.sandbox != "none":
            self._foresight.machines.ask(image)  # nobody waits for it now; the first installation would
        return image

    def _made(self, spec: LaunchSpec, image: Environment) -> LocalCompute:
        compute = LocalCompute(spec, self._means(self._new_folder(spec.compute_id)), image)
        with self._lock:
            self._computes[spec.compute_id] = compute
        return compute

    def _prepare(self, compute: LocalCompute, spec: LaunchSpec, log: LastLines) -> None:
        try:
            compute.refresh()
            if spec.requirements:
                compute.install_own(log)
        except LibraryFailed as problem:
            raise LaunchFailed(problem.what, code=problem.code, log_lines=log.lines) from None

    def _means(self, folder: Path) -> Means:
        return Means(
            folder=folder,
            processes=self._processes,
            images=self._images,
            foresight=self._foresight,
            sockets=self._socket_folder,
            clock=self._clock,
            on_stop=self._stopped,
        )

    def _new_folder(self, compute_id: str) -> Path:
        folder = self._settings.folder / compute_id
        if folder.exists():
            end_recorded(folder / "processes")
            remove(folder)
        folder.mkdir(mode=0o700)
        return folder

    def _socket_folder(self) -> Path:
        """A new short folder for one session's sockets: their whole path must stay below 108 bytes."""
        with self._lock:
            if self._sockets is None:
                self._sockets = Path(tempfile.mkdtemp(prefix="wheelyard-", dir=_short_temporary_folder()))
                (self._own / "sockets").write_text(str(self._sockets))
            sockets = self._sockets
        folder = sockets / uuid.uuid4().hex[:8]
        folder.mkdir(mode=0o700)
        return folder

    def _sweep_own(self) -> None:
        note = self._own / "sockets"
        if note.is_file() and Path(note.read_text()).name.startswith("wheelyard-"):
            shutil.rmtree(note.read_text(), ignore_errors=True)
        note.unlink(missing_ok=True)
        remove(self._own / "trash")

    def _stopped(self, compute: LocalCompute, folder: Path) -> None:
        """Take its folder out of the way at once, and delete it when there is time."""
        trash = self._own / "trash"
        trash.mkdir(exist_ok=True)
        target = trash / uuid.uuid4().hex
        folder.rename(target)
        deleting = threading.Thread(target=remove, args=(target,), name="compute-deleter", daemon=True)
        with self._lock:
            self._computes.pop(compute.compute_id, None)
            self._deleting = [thread for thread in self._deleting if thread.is_alive()]
            self._deleting.append(deleting)
            deleting.start()


def remove(folder: Path) -> None:
    """Delete a folder whatever user code did to its modes."""
    for parent, names, _files in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _short_temporary_folder() -> str:
    return "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()  # noqa: S108  # mkdtemp makes a private one in it
