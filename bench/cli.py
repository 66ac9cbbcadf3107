"""How long the command line takes to say what it can do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.machine import on_cores
from bench.results import Result
from bench.run import Run

__all__ = ["measure"]

_TIMES = 3


def measure(run: Run) -> Iterator[Result]:
    with on_cores(run.cores.load):
        yield run.beside("cli.help", partial(_seconds, "wheelyard", "--help"), partial(_seconds, "twine", "--version"))


def _seconds(program: str, *arguments: str) -> float:
    """The quickest of a few: what disturbs it only makes it slower."""
    return min(_once(program, *arguments) for _ in range(_TIMES))


def _once(program: str, *arguments: str) -> float:
    started = time.perf_counter()
    subprocess.run([str(Path(sys.executable).with_name(program)), *arguments], check=True, capture_output=True)
    return time.perf_counter() - started
