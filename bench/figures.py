"""The figures, as rows: what is measured, what it is held against, and what is wanted of it.

A group measures the rows that begin with its name. A row without a bound is shown and judged by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FIGURES", "GROUPS", "Bound", "Figure", "at_least", "at_most", "named"]


@dataclass(frozen=True, slots=True)
class Bound:
    """What is wanted: of the ratio of ours to the other, or of our own figure in its unit."""

    sign: Literal[">=", "<="]
    limit: float
    of: Literal["ratio", "ours"] = "ratio"

    def met(self, ours: float, ratio: float | None) -> bool:
        value = ours if self.of == "ours" else ratio
        if value is None:
            return False
        return value >= self.limit if self.sign == ">=" else value <= self.limit


def at_least(limit: float, of: Literal["ratio", "ours"] = "ratio") -> Bound:
    return Bound(">=", limit, of)


def at_most(limit: float, of: Literal["ratio", "ours"] = "ratio") -> Bound:
    return Bound("<=", limit, of)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line.

    Args:
        name: `group.what`, with the peer behind it where there are several.
        unit: of both values.
        beside: what the other value is.
        what: in a few words.
    """

    name: str
    unit: str
    beside: str
    bound: Bound | None
    what: str

    @property
    def group(self) -> str:
        return self.name.partition(".")[0]

    @property
    def wanted(self) -> str:
        if self.bound is None:
            return "-"
        unit = f" {self.unit}" if self.bound.of == "ours" and self.unit else ""
        return f"{self.bound.sign} {self.bound.limit:,g}{unit}"


_NGINX = "nginx with Basic auth"
_HTML, _JSON = "as HTML", "as JSON"

FIGURES: tuple[Figure, ...] = (
    Figure("feed.page-json.nginx", "/s", _NGINX, at_least(0.60), f"project page of 20 files, {_JSON}"),
    Figure("feed.page-json.proxpi", "/s", "proxpi", at_least(12), f"project page of 20 files, {_JSON}"),
    Figure("feed.page-html.nginx", "/s", _NGINX, at_least(0.60), f"project page of 20 files, {_HTML}"),
    Figure("feed.page-html.proxpi", "/s", "proxpi", at_least(12), f"project page of 20 files, {_HTML}"),
    Figure("feed.random-json.nginx", "/s", _NGINX, at_least(0.35), f"random pages over all projects, {_JSON}"),
    Figure("feed.random-html.nginx", "/s", _NGINX, at_least(0.35), f"random pages over all projects, {_HTML}"),
    Figure("feed.not-modified.nginx", "/s", _NGINX, at_least(0.35), "304 for a page that the client has"),
    Figure("feed.list-json.nginx", "/s", _NGINX, at_least(0.80), f"full list of projects, {_JSON}"),
    Figure("feed.list-html.nginx", "/s", _NGINX, at_least(0.80), f"full list of projects, {_HTML}"),
    Figure("feed.list-after-upload", "ms", "", at_most(50, "ours"), "until the list names a new project, at worst"),
    Figure("feed.wheel-50kb.nginx", "/s", _NGINX, at_least(0.25), "wheel of 50 KB"),
    Figure("feed.wheel-200mb.nginx", "MB/s", _NGINX, at_least(0.80), "wheel of 200 MB, one stream"),
    Figure("feed.page-p99-downloads", "ms", _NGINX, at_most(15, "ours"), "p99 of a page beside four large downloads"),
    Figure("upload.one-client", "/s", "in-process floor", at_least(0.45), "20 KB, durable, one client"),
    Figure("upload.four-clients", "/s", "in-process floor", at_least(0.70), "20 KB, durable, four clients"),
    Figure("upload.twine-20-files", "s", "devpi", at_most(0.85), "`twine upload` of 20 files"),
    Figure("start.first-answer", "s", "start with no project", at_most(1.15), "start to first answer, all projects"),
    Figure("memory.projects", "MB", "few projects", at_most(1.5), "memory after the load, all projects"),
    Figure("memory.devpi", "MB", "devpi", at_most(0.2), "memory after the load, all projects"),
    Figure("secrets.get", "/s", "bare uvicorn", at_least(0.25), "secrets/get over HTTP"),
    Figure("secrets.put", "/s", "SQLite FULL commits", at_least(0.33), "secrets/put over HTTP, eight clients"),
    Figure("compute.known-set", "s", "cp -al", at_most(1.2), "known requirement set ready, with bytecode"),
    Figure("compute.new-set", "s", "uv from nginx, cold", at_most(1.15), "new set through our feed, bytecode apart"),
    Figure("compute.new-set-bytecode", "s", "uv --compile-bytecode", None, "byte-compiling the new set"),
    Figure("compute.added-to-kernel", "ms", "bare kernel", at_most(150, "ours"), "what we add to a kernel's start"),
    Figure("compute.second-notebook", "s", "", at_most(0.5, "ours"), "first result on a warm cluster"),
    Figure("core.redactor", "MB/s", "", at_least(50, "ours"), "a stream of log lines, 200 secrets"),
    Figure("core.explain", "/s", "", at_least(5000, "ours"), "compute specs explained in one process"),
    Figure("core.explain-json", "/s", "", None, "compute specs explained and printed"),
    Figure("core.explain-command", "/s", "", None, "compute specs explained for one command"),
    Figure("cli.help", "s", "twine --version", at_most(2), "`wheelyard --help`"),
    Figure("soak.errors", "", "", at_most(0, "ours"), "answers with 5xx, broken or missing"),
    Figure("soak.refusals", "", "", at_most(0, "ours"), "other answers than the expected one"),
    Figure("soak.memory", "MB", "after warming up", at_most(1.1), "memory at the end, the server's own process"),
    Figure("soak.p99-page", "ms", "", None, "p99 of project pages and lists, from when they were due"),
    Figure("soak.p99-file", "ms", "", None, "p99 of wheels"),
    Figure("soak.p99-upload", "ms", "", None, "p99 of uploads of 20 KB"),
    Figure("soak.p99-secret", "ms", "", None, "p99 of secrets/get and secrets/put"),
    Figure("soak.p99-cluster", "ms", "", None, "p99 of cluster create to first result, two at a time"),
)
"""In the order they are measured and shown."""

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(figure.group for figure in FIGURES))

_BY_NAME = {figure.name: figure for figure in FIGURES}


def named(name: str) -> Figure:
    return _BY_NAME[name]
