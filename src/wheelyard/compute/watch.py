"""The thread beside a program that runs: it ends what was cancelled or is late."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wheelyard.compute.process import Process

__all__ = ["ProgramWatch"]


class ProgramWatch(threading.Thread):
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
