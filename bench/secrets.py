"""Secrets over HTTP: reading beside the least an answer costs, writing beside raw durable commits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from bench.bare import bare_uvicorn
from bench.floor import commits_a_second
from bench.machine import on_cores
from bench.results import Missing, Result
from bench.run import Absent, Run
from bench.served import Served, served
from bench.wrk import Ask, find_wrk

__all__ = ["measure"]

_SCOPES, _KEYS = 50, 20
_CLIENTS = 8
_VALUE = "v" * 100


def measure(run: Run) -> Iterator[Result]:
    wrk = find_wrk(run)
    if isinstance(wrk, Absent):
        yield from (Missing(name, "skipped", wrk.why) for name in ("secrets.get", "secrets.put"))
        return
    data = run.scratch / "secrets"
    with (
        on_cores(run.cores.load),
        served(run, data, cores=run.cores.server) as workspace,
        bare_uvicorn(run) as bare,
    ):
        _prepare(workspace)
        path = "/api/2.0/secrets/get?scope=s0&key=k0"
        reading = Ask(workspace.port, [path], workspace.headers, connections=_CLIENTS)
        least = Ask(bare, [path], workspace.headers, connections=_CLIENTS)
        yield run.beside("secrets.get", partial(wrk.rate, reading), partial(wrk.rate, least))
        bodies = [
            json.dumps({"scope": f"s{scope}", "key": f"k{key}", "string_value": _VALUE})
            for key in range(_KEYS)
            for scope in range(_SCOPES)
        ]
        writing = Ask(workspace.port, ["/api/2.0/secrets/put"], workspace.headers, bodies, connections=_CLIENTS)
        yield run.beside("secrets.put", partial(wrk.rate, writing), partial(_commits, run))


def _prepare(workspace: Served) -> None:
    there = {scope["name"] for scope in workspace.ask("GET", "/api/2.0/secrets/scopes/list").get("scopes", [])}
    for number in range(_SCOPES):
        if f"s{number}" not in there:
            workspace.ask("POST", "/api/2.0/secrets/scopes/create", {"scope": f"s{number}"})
    workspace.ask("POST", "/api/2.0/secrets/put", {"scope": "s0", "key": "k0", "string_value": _VALUE})


def _commits(run: Run) -> float:
    """On the core that the server has."""
    with on_cores(run.cores.server):
        return commits_a_second(run.scratch / "commits.sqlite", run.scale.seconds)
