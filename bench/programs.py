"""Programs that the benchmarks start: each in a process group of its own, ended by its id, whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.machine import on_cores

__all__ = ["ROOT", "Program", "Programs", "free_port", "wait_until"]

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE_SECONDS = 30.0
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Program:
    """A started program and the file its output goes to."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raise if it has ended."""
        if self.process.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
            raise RuntimeError(f"{self.log.stem} ended with status {self.process.returncode}:\n{last}")

    def end(self) -> None:
        """SIGTERM to its group, then SIGKILL to what is left of it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        try:
            self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


class Programs:
    """What runs now. `logs` is the folder of their output."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Program] = []

    @property
    def pids(self) -> list[int]:
        return [program.pid for program in self._running]

    @contextmanager
    def running(
        self,
        command: Sequence[str | Path],
        *,
        name: str,
        cores: frozenset[int],
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        stdin: bytes = b"",
    ) -> Iterator[Program]:
        """Start it on these cores, and end it afterwards. `env` is added to ours; `stdin` is all it can read."""
        log = self._logs / f"{name}.log"
        with on_cores(cores), log.open("ab") as output:
            process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )
        program = Program(process, log)
        self._running.append(program)
        try:
            if process.stdin is not None:
                process.stdin.write(stdin)
                process.stdin.close()
            yield program
        finally:
            program.end()
            self._running.remove(program)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_until(
    reached: Callable[[], object], *, program: Program | None = None, seconds: float = 300, every: float = 0.02
) -> float:
    """Seconds until `reached()` is true, asked every so often; an `OSError` counts as not yet.

    Raises:
        RuntimeError: the program has ended, or the time is over.
    """
    started = time.perf_counter()
    while (took := time.perf_counter() - started) < seconds:
        with suppress(OSError):
            if reached():
                return time.perf_counter() - started
        if program is not None:
            program.check()
        time.sleep(every)
    raise RuntimeError(f"still waiting after {took:.0f} s")
