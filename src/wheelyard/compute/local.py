"""The engine that starts compute on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from wheelyard.compute.engine import Compute, EngineSettings, LaunchSpec, OnLine
from wheelyard.core.redaction import Secret

__all__ = ["LocalEngine"]


class LocalEngine:
    """Starts compute on this machine: see `engine.Engine`.

    Args:
        settings: where things lie, and whether a sandbox is wanted.
        machine_index: the machine's own index URL, which stands for the public index; None for the built-in one.
        machine_roots: PEM file with the certificate authorities this machine trusts; None finds it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        machine_index: Secret[str] | None = None,
        machine_roots: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._machine_index = machine_index
        self._machine_roots = machine_roots
        self._clock = clock

    def start(self, spec: LaunchSpec, on_line: OnLine) -> Compute:
        raise NotImplementedError

    def sweep(self) -> Sequence[str]:
        raise NotImplementedError

    def stop_all(self) -> None:
        raise NotImplementedError
