"""From a requirement set to compute that has it, and from a cluster to its first result.

Nothing is pinned to a core here: installers and kernels take what the machine has, and so do their limits.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.cluster import RUNTIME
from bench.first_results import first_results
from bench.installed_sets import installed_sets
from bench.results import Result
from bench.run import Run
from wheelyard.compute.machine import Interpreter, find_interpreters, nearest
from wheelyard.core.rules.runtimes import runtime_of

__all__ = ["measure"]


def measure(run: Run) -> Iterator[Result]:
    interpreter = _interpreter()
    yield from installed_sets(run, interpreter)
    yield from first_results(run, interpreter)


def _interpreter() -> Interpreter:
    """The Python that clusters of our runtime get on this machine, so that peers have the same."""
    runtime = runtime_of(RUNTIME)
    found = nearest(runtime.python, find_interpreters()) if runtime else None
    if found is None:
        raise RuntimeError(f"there is no Python for runtime {RUNTIME}")
    return found
