"""Memory after the same load: with few projects, with all, and devpi's."""

from __future__ import annotations

from collections.abc import Iterator

from bench.corpus import Corpus, corpus_with
from bench.machine import memory_mb, on_cores
from bench.peers import devpi
from bench.results import Measured, Missing, Result
from bench.run import Absent, Run
from bench.served import filled, served
from bench.target import Target, standard_load

__all__ = ["measure"]


def measure(run: Run) -> Iterator[Result]:
    """Once each: memory does not vary as time does."""
    with on_cores(run.cores.load):
        many = corpus_with(run, run.scale.projects)
        few = _ours(run, corpus_with(run, run.scale.few_projects))
        ours = _ours(run, many)
        note = f"{run.scale.projects:,} projects beside {run.scale.few_projects:,}"
        yield Measured("memory.projects", (ours,), (few,), note=note)
        other = _devpi(run, many)
        if isinstance(other, Absent):
            yield Missing("memory.devpi", "skipped", other.why)
        else:
            yield Measured("memory.devpi", (ours,), (other,), note="devpi holds one file a project")


def _ours(run: Run, corpus: Corpus) -> float:
    projects = len([name for name in corpus.names if name.startswith("corp-")])
    data, feed = filled(run, corpus)
    run.say(f"memory with {projects:,} projects")
    with served(run, data, cores=run.cores.server) as workspace:
        standard_load(run, Target(workspace.port, feed.simple, {"Authorization": feed.authorization}), corpus)
        return memory_mb(workspace.program.pid)


def _devpi(run: Run, corpus: Corpus) -> float | Absent:
    with devpi(run, corpus) as server:
        if isinstance(server, Absent):
            return server
        run.say("memory of devpi")
        standard_load(run, Target(server.port, server.simple), corpus)
        return memory_mb(server.program.pid)
