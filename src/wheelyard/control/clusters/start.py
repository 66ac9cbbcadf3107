"""One start of compute that somebody may call off while it is under way."""

from __future__ import annotations

import threading

from wheelyard.compute.engine import Compute, Engine, LaunchSpec, OnLine
from wheelyard.core.errors import LaunchFailed

__all__ = ["Start"]


class Start:
    """The start of the compute `compute_id`. One thread runs it, any other may call it off, before or while it runs."""

    def __init__(self, engine: Engine, compute_id: str) -> None:
        self._engine = engine
        self.compute_id = compute_id
        self._lock = threading.Lock()
        self._returned = False
        self._called_off = False

    @property
    def called_off(self) -> bool:
        return self._called_off

    def run(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        """As `Engine.start`.

        Raises:
            LaunchFailed: also when it was called off.
        """

        def told(line: str) -> None:
            on_line(line)
            if self._called_off:  # before the engine knew of this start
                self._engine.stop(self.compute_id)

        if self._called_off:
            raise LaunchFailed(f"The start of compute `{self.compute_id}` was called off", code="USER_REQUEST")
        try:
            return self._engine.start(spec, told)
        finally:
            with self._lock:
                self._returned = True

    def call_off(self) -> None:
        """Let it fail at once. A start that has returned stays as it is: whoever has the compute stops it."""
        with self._lock:
            if self._returned:
                return
            self._called_off = True
        self._engine.stop(self.compute_id)
