"""One hour's traffic squeezed into a few minutes: pages, files, uploads, secrets, and two clusters starting.

Each kind of request is due at fixed times, by the rows of `HOUR`, and its latency counts from when it was due: a server
that stops for a second is seen by everything that was due in that second. Memory is the server's own process, sampled
each second; clusters are processes of their own. It counts as flat when the median of the last fifth is at most a
tenth above that of the second fifth: the first fifth warms up.
"""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.cluster import start_cluster
from bench.corpus import corpus_with
from bench.machine import memory_mb
from bench.programs import wait_until
from bench.results import Measured, Result
from bench.run import Run
from bench.served import Served, feed_in, fill, served
from bench.soak_client import HOUR, Outcome, Place, Shift

__all__ = ["measure"]

_CLUSTERS = 2
_SAMPLE_SECONDS = 1.0
_SETTLING_SECONDS = 3.0
_LATE_SECONDS = 600.0


def measure(run: Run) -> Iterator[Result]:
    minutes = run.scale.minutes
    corpus = corpus_with(run, run.scale.few_projects)
    with served(run, run.scratch / "soak", cores=run.cores.every) as workspace:
        feed = feed_in(workspace)
        fill(run, workspace.port, feed, corpus)
        place = Place(workspace.port, feed, workspace.headers, tuple(corpus.sample))
        workspace.ask("POST", "/api/2.0/secrets/scopes/create", {"scope": place.scope})
        start_cluster(workspace).end()  # builds the runtime image, which is not what is looked at
        run.say(f"soak: {run.scale.traffic:g} of an hour's traffic in {minutes:g} minutes")
        with run.watched() as disturbance:
            outcomes, memory = _soak(run, workspace, place, minutes * 60)
    yield from _figures(outcomes, memory, disturbance.cores)


def _soak(run: Run, workspace: Served, place: Place, seconds: float) -> tuple[dict[str, Outcome], list[float]]:
    """Every kind of request in a program of its own, clusters in threads of this one, memory in between."""
    starts_at = time.monotonic() + _SETTLING_SECONDS
    ends_at = starts_at + seconds
    clusters = Outcome()
    with ExitStack() as stack:
        files = {}
        for kind in HOUR:
            files[kind] = run.scratch / f"soak-{kind}.json"
            files[kind].unlink(missing_ok=True)
            told = Shift(kind, round(HOUR[kind] * run.scale.traffic), place, starts_at, seconds, files[kind]).to_json()
            words = [sys.executable, "-m", "bench.soak_client"]
            stack.enter_context(run.programs.running(words, name=f"soak-{kind}", cores=run.cores.every, stdin=told))
        threads = [
            threading.Thread(target=_start_clusters, args=(workspace, ends_at, clusters), daemon=True)
            for _ in range(_CLUSTERS)
        ]
        for thread in threads:
            thread.start()
        memory = _sampled(workspace, ends_at)
        for thread in threads:
            thread.join()
        return {**_collected(files), "cluster": clusters}, memory


def _collected(files: Mapping[str, Path]) -> dict[str, Outcome]:
    """What the clients have written; they may be late."""
    for file in files.values():
        wait_until(file.exists, seconds=_LATE_SECONDS)
    return {kind: Outcome.read(file) for kind, file in files.items()}


def _start_clusters(workspace: Served, ends_at: float, outcome: Outcome) -> None:
    while time.monotonic() < ends_at:
        started = time.perf_counter()
        try:
            cluster = start_cluster(workspace)
            cluster.open_context().run("1 + 1")
            outcome.latencies.append(time.perf_counter() - started)
            cluster.end()
        except (RuntimeError, OSError) as problem:
            outcome.errors.append(f"cluster: {problem}")


def _sampled(workspace: Served, ends_at: float) -> list[float]:
    samples = []
    while time.monotonic() < ends_at:
        workspace.program.check()
        samples.append(memory_mb(workspace.program.pid, children=False))
        time.sleep(_SAMPLE_SECONDS)
    return samples


def _figures(outcomes: Mapping[str, Outcome], memory: Sequence[float], disturbed: float) -> Iterator[Result]:
    errors = [text for outcome in outcomes.values() for text in outcome.errors]
    refusals = [text for outcome in outcomes.values() for text in outcome.refusals]
    answers = sum(len(outcome.latencies) for outcome in outcomes.values())
    yield Measured("soak.errors", (float(len(errors)),), note=errors[0] if errors else f"{answers:,} answers")
    yield Measured("soak.refusals", (float(len(refusals)),), note=refusals[0] if refusals else "")
    fifth = max(1, len(memory) // 5)
    warm, last = memory[fifth : 2 * fifth], memory[-fifth:]
    yield Measured("soak.memory", (statistics.median(last),), (statistics.median(warm),))
    for kind, outcome in outcomes.items():
        if outcome.latencies:
            yield Measured(
                f"soak.p99-{kind}", (_p99(outcome.latencies) * 1000,), None, disturbed, f"of {len(outcome.latencies):,}"
            )


def _p99(latencies: Sequence[float]) -> float:
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
