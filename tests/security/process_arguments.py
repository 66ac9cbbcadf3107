"""Watches the arguments of the processes that our program starts: they are readable to everybody on the machine.

Commands that a test runs by itself (a client, an installer) inherit the test's environment and are left out by that:
the program gives its processes an environment built from nothing.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

__all__ = ["ArgumentSampler"]

_OF_A_TEST = b"PYTEST_CURRENT_TEST="


class ArgumentSampler(threading.Thread):
    """Samples `/proc` until stopped and writes each new command line to a file, arguments separated by zero bytes."""

    def __init__(self, output: Path, *, interval_seconds: float = 0.02, root: int | None = None) -> None:
        super().__init__(name="argument-sampler", daemon=True)
        self.output = output
        self._interval_seconds = interval_seconds
        self._ours = {root or os.getpid()}
        self._others: set[int] = set()
        self._seen: set[bytes] = set()
        self._stopping = threading.Event()

    def run(self) -> None:
        with self.output.open("ab", buffering=0) as file:
            while not self._stopping.wait(self._interval_seconds):
                for line in self._new_lines():
                    file.write(line + b"\n")

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def _new_lines(self) -> list[bytes]:
        found = []
        with os.scandir("/proc") as entries:
            alive = {int(entry.name) for entry in entries if entry.name.isdigit()}
        self._others &= alive
        self._ours &= alive
        for pid in sorted(alive - self._others):
            if not self._is_ours(pid):
                self._others.add(pid)
                continue
            line = _read(f"/proc/{pid}/cmdline")
            if line and line not in self._seen and not _is_a_tests_own(pid):
                self._seen.add(line)
                found.append(line)
        return found

    def _is_ours(self, pid: int) -> bool:
        if pid in self._ours:
            return True
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        if len(fields) > 1 and int(fields[1]) in self._ours:
            self._ours.add(pid)
            return True
        return False


def _is_a_tests_own(pid: int) -> bool:
    return pid == os.getpid() or _OF_A_TEST in _read(f"/proc/{pid}/environ")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 # called thousands of times a second
            return file.read() or b""
    except OSError:
        return b""
