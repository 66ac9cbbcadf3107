"""One run of the benchmarks: how large, where, on which cores; and how two things are measured side by side."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import Cores, Disturbance
from bench.programs import Programs
from bench.results import DISTURBED, Measured, Missing, Result

__all__ = ["FULL", "QUICK", "Absent", "Run", "Scale", "seconds_of"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Args:
        projects: of the large feed; `few_projects` of the small one.
        rounds: runs of each figure that count.
        seconds: of one run of load.
        uploads: files a run.
        large_mb: the size of the large wheel; a middle one has a quarter of it.
        packages: whether the whole requirement set is installed, or a handful.
        loops: how often something small is repeated in one process.
        minutes: of the soak.
        traffic: how much of the soak's hour is squeezed into them.
    """

    projects: int
    few_projects: int
    rounds: int
    seconds: int
    uploads: int
    large_mb: int
    packages: bool
    loops: int
    minutes: float
    traffic: float


FULL = Scale(20_000, 1000, 5, 3, 400, 200, packages=True, loops=5000, minutes=5, traffic=1)
QUICK = Scale(60, 20, 1, 1, 24, 5, packages=False, loops=200, minutes=0.2, traffic=0.02)


@dataclass(frozen=True, slots=True)
class Absent:
    """A peer or a tool that cannot be had, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """What every group is given.

    Args:
        kept: folder of corpora and filled feeds, which a later run may take again.
        scratch: folder of everything else, gone afterwards; on the same file system.
        tools: for peers and downloads, kept between runs.
    """

    scale: Scale
    cores: Cores
    kept: Path
    scratch: Path
    tools: Path
    programs: Programs

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"bench: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def watched(self) -> Iterator[Disturbance]:
        with Disturbance(lambda: self.programs.pids) as disturbance:
            yield disturbance

    def beside(
        self,
        name: str,
        ours: Callable[[], float],
        other: Callable[[], float] | Absent | None = None,
        *,
        warm_up: bool = True,
        note: str = "",
    ) -> Result:
        """Measure both in turns, as often as the scale says; the least disturbed turns count.

        `other` is None where the figure stands alone; with `warm_up` a first turn is thrown away.
        """
        if isinstance(other, Absent):
            return Missing(name, "skipped", other.why)
        if other is None:
            runs, disturbed = self.turns(name, lambda: (ours(),), warm_up=warm_up)
            return Measured(name, runs[0], None, disturbed, note)
        runs, disturbed = self.turns(name, lambda: (other(), ours()), warm_up=warm_up)
        return Measured(name, runs[1], runs[0], disturbed, note)

    def turns(
        self, name: str, work: Callable[[], tuple[float, ...]], *, warm_up: bool = True
    ) -> tuple[list[tuple[float, ...]], float]:
        """Do a turn as often as the scale says: the runs of each of its values, and how disturbed they were."""
        self.say(name)
        if warm_up:
            work()
        done: list[tuple[float, tuple[float, ...]]] = []
        wanted = self.scale.rounds
        while sum(cores <= DISTURBED for cores, _values in done) < wanted and len(done) < 2 * wanted:
            with self.watched() as disturbance:
                values = work()
            done.append((disturbance.cores, values))
        counted = sorted(done, key=lambda turn: turn[0])[:wanted]
        runs = list(zip(*(values for _cores, values in counted), strict=True))
        return runs, max(cores for cores, _values in counted)


def seconds_of(work: Callable[[], object]) -> float:
    """How long it takes once."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
