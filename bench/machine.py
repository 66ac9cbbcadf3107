"""This machine: its cores, the memory and time of processes, and how busy others keep it.

Server and load have a core each. Affinity is a thread's, and who it starts inherits it: a program is started by a
thread that stands on the program's core.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

__all__ = ["Cores", "Disturbance", "Sighted", "describe", "memory_mb", "on_cores"]

_LOOK_SECONDS = 0.01
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where; with one core, everything on it."""

    every: frozenset[int]
    server: frozenset[int]
    load: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> Cores:
        every = sorted(os.sched_getaffinity(0))
        return cls(frozenset(every), frozenset(every[:1]), frozenset(every[1:2] or every))

    @property
    def apart(self) -> bool:
        return not self.server & self.load


@contextmanager
def on_cores(cores: frozenset[int]) -> Iterator[None]:
    """Put the calling thread, and whatever it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def memory_mb(pid: int, *, children: bool = True) -> float:
    """Proportional memory of a process and its children: pages that several share are counted once, in parts."""
    kilobytes = 0
    for one in _tree(pid) if children else [pid]:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        found = re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE)
        kilobytes += int(found[1]) if found else 0
    return kilobytes / 1024


def describe() -> dict[str, object]:
    """What a reader of the figures must know of where they were taken."""
    return {"cores": len(os.sched_getaffinity(0)), "python": sys.version.split()[0], "kernel": platform.release()}


class Disturbance:
    """How many cores processes that are not ours used while a block ran; `cores` afterwards.

    Args:
        pids: the main processes we started, asked for at both ends.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self.cores = 0.0

    def __enter__(self) -> Self:
        self._before = self._now()
        return self

    def __exit__(self, *_error: object) -> None:
        busy, own, clock = (after - before for after, before in zip(self._now(), self._before, strict=True))
        self.cores = max(0.0, (busy - own) / clock) if clock else 0.0

    def _now(self) -> tuple[float, float, float]:
        ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
        user, nice, system, _idle, _wait, irq, softirq = ticks
        own = sum(os.times()[:4]) + sum(_cpu_seconds(pid) for pid in self._pids())
        return (user + nice + system + irq + softirq) / _TICKS, own, time.perf_counter()


class Sighted:
    """How long processes below a program were at work on something, told by a word of their command lines.

    They are looked for every few milliseconds while the block runs; `seconds` afterwards. What nobody saw is 0.
    """

    def __init__(self, pid: int, word: str) -> None:
        self._pid = pid
        self._word = word.encode()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        before = time.perf_counter()
        seen = False
        while not self._done.wait(_LOOK_SECONDS):
            now = time.perf_counter()
            seen_before, seen = seen, any(self._word in _command_line(pid) for pid in _tree(self._pid))
            if seen and seen_before:
                self.seconds += now - before
            before = now


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, of its living children, and of those it has waited for."""
    ticks = 0
    for one in _tree(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def _tree(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for children in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                waiting += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found
