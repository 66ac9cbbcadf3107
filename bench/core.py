"""The pure core in one process: redacting a stream, explaining compute specs."""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from bench.machine import on_cores
from bench.results import Result
from bench.run import Run
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.explanation import Explanation, explain
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import Redactor, Secret
from wheelyard.core.rules.runtimes import RUNTIMES

__all__ = ["measure"]

_SECRETS = 200
_PIECE = 65_536
_LINE = (
    "2024-01-01T00:00:00Z INFO worker-%d finished batch %d of 812 in 0.42 s, 18 rows written to table sales.orders\n"
)
_MODES = ("USER_ISOLATION", "SINGLE_USER", "NONE", None)


def measure(run: Run) -> Iterator[Result]:
    """On one core."""
    with on_cores(run.cores.server):
        secrets = _secrets()
        pieces = _log(secrets, 100 * run.scale.loops)
        yield run.beside("core.redactor", partial(_redacted_mb_s, secrets, pieces))
        views = [_view(number) for number in range(run.scale.loops)]
        yield run.beside("core.explain", partial(_explained_a_second, views))
        yield run.beside("core.explain-json", partial(_printed_a_second, views))
        yield run.beside("core.explain-command", partial(_explained_a_second, views, ("install", "corp-utils==1.2")))


def _secrets() -> list[str]:
    dice = random.Random(1)  # noqa: S311 # the same each time
    return ["".join(dice.choices(string.ascii_letters + string.digits, k=52)) for _ in range(_SECRETS)]


def _log(secrets: list[str], lines: int) -> list[bytes]:
    """Log lines as pieces a pipe delivers; one in a hundred names an index, one in a thousand a secret."""
    text = []
    for number in range(lines):
        if number % 1000 == 999:
            text.append(f"token in use: {secrets[number % _SECRETS]}\n")
        elif number % 100 == 99:
            text.append(
                "Looking in indexes: https://pkgs.example.com/simple/, https://build:pw@pkgs.example.org/simple/\n"
            )
        else:
            text.append(_LINE % (number % 8, number))
    content = "".join(text).encode()
    return [content[place : place + _PIECE] for place in range(0, len(content), _PIECE)]


def _redacted_mb_s(secrets: list[str], pieces: list[bytes]) -> float:
    redactor = Redactor([Secret(text) for text in secrets])
    redactor.redact("build the automaton")
    stream = redactor.stream()
    started = time.perf_counter()
    given_out = [stream.feed(piece) for piece in pieces]
    given_out.append(stream.flush())
    took = time.perf_counter() - started
    if secrets[_SECRETS - 1].encode() in b"".join(given_out):
        raise RuntimeError("a secret came through")
    return sum(map(len, pieces)) / 1e6 / took


def _view(number: int) -> ComputeView:
    """One of many clusters, with a default, with variables of its own, or with both."""
    runtime = RUNTIMES[number % len(RUNTIMES)]
    index = f"https://build:token-{number}@pkgs.example.com/team-{number}/simple/"
    default = PackageSources.from_keys(
        {"pip-index-url": index, "pip-extra-index-urls": "https://pkgs.example.org/simple/"}
    )
    view = ComputeView(
        name=f"cluster-{number}",
        kind="classic",
        installer=Installer.parse(f"pip=={runtime.pip}"),
        runtime_version=runtime.spark_versions[0],
        access_mode=_MODES[number % len(_MODES)],
        workspace_default=default if number % 3 else None,
    )
    if number % 2:
        variables = {"DATABRICKS_PIP_INDEX_URL": Secret(f"{index}own/"), "STAGE": Secret("production")}
        view = replace(view, variables=variables)
    return view


def _explained(views: list[ComputeView], command: tuple[str, ...] = ()) -> Iterator[Explanation]:
    return (explain(view, layers_of(view), command) for view in views)


def _explained_a_second(views: list[ComputeView], command: tuple[str, ...] = ()) -> float:
    started = time.perf_counter()
    count = sum(1 for _ in _explained(views, command))
    return count / (time.perf_counter() - started)


def _printed_a_second(views: list[ComputeView]) -> float:
    started = time.perf_counter()
    count = sum(1 for found in _explained(views) if json.dumps(found.to_json()))
    return count / (time.perf_counter() - started)
