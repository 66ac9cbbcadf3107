"""One notebook's Python: kernels, one after the other, and the cells they run."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wheelyard.compute.cell import Cell
from wheelyard.compute.engine import CellResult, Output, StagedFile
from wheelyard.compute.kernel import Kernel
from wheelyard.compute.process import Process, ProcessTable
from wheelyard.core.errors import InvalidState

__all__ = ["KernelSession"]

_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


class KernelSession:
    """See `engine.Session`.

    Args:
        start: starts a kernel that listens as the connection says; called again after `%restart_python`. The kernel is
            told over its pipe: we write nothing into a folder that user code can write to.
        restage: puts workspace files in its sight.
        sockets: short private folder, as the kernel and we see it.
        on_close: called once.
        on_busy: called with 1 when user code starts to run, with -1 when it has ended.
    """

    def __init__(
        self,
        session_id: str,
        *,
        start: Callable[[Mapping[str, object]], Process],
        restage: Callable[[Sequence[StagedFile]], None],
        table: ProcessTable,
        sockets: Path,
        on_close: Callable[[], None],
        on_busy: Callable[[int], None],
    ) -> None:
        self.session_id = session_id
        self._start = start
        self._restage = restage
        self._table = table
        self._sockets = sockets
        self._on_close = on_close
        self._on_busy = on_busy
        self._lock = threading.Lock()
        self._state = threading.Lock()
        self._generation = 0
        self._kernel: Kernel | None = None
        self._cancelled = threading.Event()
        self._running = False
        self._closed = False

    def open(self) -> None:
        with self._lock:
            self._live_kernel()

    def execute(self, source: str, on_output: Callable[[Output], None] | None = None) -> CellResult:
        """See `engine.Session.execute`. A kernel that died is started anew for the next cell.

        Raises:
            InvalidState: the session is closed, or no Python starts any more.
        """
        with self._lock:
            kernel = self._live_kernel()
            with self._state:
                self._cancelled.clear()
                self._running = True
            self._on_busy(1)
            try:
                cell = Cell(kernel, self._table.redactor, on_output, self._cancelled)
                result = cell.run(source)
            finally:
                with self._state:
                    self._running = False
                self._on_busy(-1)
            if cell.restart or cell.lost or not kernel.process.running:
                self._end_kernel()
            return result

    def stage(self, files: Sequence[StagedFile]) -> None:
        """See `engine.Session.stage`."""
        with self._lock:
            self._check_open()
            self._restage(files)

    def interrupt(self) -> None:
        with self._state:
            if self._running:
                self._cancelled.set()

    def close(self) -> None:
        """See `engine.Session.close`. A running cell ends as cancelled."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._cancelled.set()
            kernel = self._kernel
        if kernel is not None:
            kernel.process.kill()
        with self._lock:
            self._end_kernel()
        self._on_close()

    def _check_open(self) -> None:
        with self._state:
            if self._closed:
                raise InvalidState("The notebook session is closed")

    def _live_kernel(self) -> Kernel:
        self._check_open()
        if self._kernel is None:
            self._kernel = self._new_kernel()
        return self._kernel

    def _new_kernel(self) -> Kernel:
        self._generation += 1
        key = secrets.token_hex(32)
        connection = {
            "transport": "ipc",
            "ip": str(self._sockets / f"k{self._generation}"),
            **{name: number for number, name in enumerate(_PORTS, start=1)},
            "key": key,
            "signature_scheme": "hmac-sha256",
            "kernel_name": "",
        }
        kernel = Kernel(self._start(connection), self._table, {**connection, "key": key.encode()})
        kernel.wait_until_ready()
        return kernel

    def _end_kernel(self) -> None:
        if self._kernel is not None:
            self._kernel.end()
            self._kernel = None
