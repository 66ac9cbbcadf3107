"""From starting the program to its first answer, with all projects and with none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.connection import JSON, Connection, request
from bench.corpus import ONE, corpus_with
from bench.machine import on_cores
from bench.programs import free_port, wait_until
from bench.results import Result
from bench.run import Run
from bench.served import Feed, command, filled

__all__ = ["measure"]


def measure(run: Run) -> Iterator[Result]:
    projects = run.scale.projects
    corpus = corpus_with(run, projects)
    full, empty = filled(run, corpus), filled(run, None)
    with on_cores(run.cores.load):
        yield run.beside(
            "start.first-answer",
            partial(_seconds, run, *full),
            partial(_seconds, run, *empty),
            note=f"{projects:,} projects",
        )


def _seconds(run: Run, data: Path, feed: Feed) -> float:
    """Until a project page is answered, be it with 404."""
    port = free_port()
    wire = request("GET", f"{feed.simple}{ONE}/", {"Authorization": feed.authorization, "Accept": JSON})
    started = time.perf_counter()
    with run.programs.running(
        command(data, port, run.scratch / "cache"), name="wheelyard-start", cores=run.cores.server
    ) as program:
        connection = Connection(port)
        wait_until(lambda: connection.ask(wire).status in {200, 404}, program=program, every=0.002)
        took = time.perf_counter() - started
        connection.close()
    return took
