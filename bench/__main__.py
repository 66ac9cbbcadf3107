"""`make bench`, or `python -m bench [GROUP …]`: measure and print one line a figure, beside its limit or peer.

Progress goes to standard error. The full scale takes the better part of an hour, most of it for filling feeds;
`--work` keeps them for the next run. Ratios mean something when the machine is otherwise quiet: `disturbed_cores` in
the JSON says how quiet it was. Exit codes: 0 measured; 1 with `--strict`, a figure is short, unclear or missing;
130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from bench.figures import FIGURES, GROUPS
from bench.machine import Cores, describe
from bench.programs import ROOT, Programs
from bench.results import HEADER, Missing, Result, line, to_json
from bench.run import FULL, QUICK, Run, Scale

_TOOLS = ROOT / ".tools" / "bench"
_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    options = _options(words)
    if options.list:
        _list()
        return 0
    groups = [group for group in GROUPS if not options.group or group in options.group]
    try:
        with _run(options) as run:
            if not run.cores.apart:
                run.say("one core only: server and load share it, the ratios are those of both together")
            results = list(_measured(run, groups, shown=options.output == "text"))
    except KeyboardInterrupt:
        print("bench: interrupted; everything that was started has ended", file=sys.stderr)
        return _INTERRUPTED
    if options.output == "json":
        print(json.dumps({"machine": describe(), "figures": [to_json(result) for result in results]}, indent=2))
    return int(options.strict and any(result.verdict not in {"ok", "-"} for result in results))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("group", nargs="*", choices=[[], *GROUPS], metavar="GROUP", help=f"of {', '.join(GROUPS)}; all")
    parser.add_argument("--list", action="store_true", help="print the figures and what is wanted of them")
    parser.add_argument("--output", choices=["text", "json"], default="text", help="text has one line a figure")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a figure is short, unclear or missing")
    parser.add_argument("--quick", action="store_true", help="tiny and short: shows that it works; ratios mean nothing")
    parser.add_argument("--minutes", type=float, help="of the soak (5)")
    parser.add_argument("--rounds", type=int, help="runs of each figure that count (5)")
    parser.add_argument("--projects", type=int, help="of the large feed (20000)")
    parser.add_argument("--work", type=Path, help="folder for feeds and corpora, kept; a temporary one otherwise")
    return parser.parse_args(words)


def _list() -> None:
    for figure in FIGURES:
        beside = f", beside {figure.beside}" if figure.beside else ""
        print(f"{figure.name:<25} {figure.wanted:<14} {figure.what}{beside}")


@contextmanager
def _run(options: argparse.Namespace) -> Iterator[Run]:
    """A folder and what runs in it, until the end; SIGTERM ends it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _interrupt)
    _TOOLS.mkdir(parents=True, exist_ok=True)
    if options.work is not None:
        options.work = options.work.absolute()
        options.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix="wheelyard-bench-", dir=options.work, ignore_cleanup_errors=True
    ) as temporary:
        scratch = Path(temporary)
        yield Run(_scale(options), Cores.of_this_machine(), options.work or scratch, scratch, _TOOLS, Programs(scratch))


def _scale(options: argparse.Namespace) -> Scale:
    named = {name: getattr(options, name) for name in ("minutes", "rounds", "projects")}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    return replace(QUICK if options.quick else FULL, **changes)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _measured(run: Run, groups: Sequence[str], *, shown: bool) -> Iterator[Result]:
    if shown:
        print(HEADER, flush=True)
    for group in groups:
        for result in _of_group(run, group):
            print(line(result), file=sys.stdout if shown else sys.stderr, flush=True)
            yield result


def _of_group(run: Run, group: str) -> Iterator[Result]:
    """What a group measures; where it breaks, what it has not measured is told as failed."""
    left = {figure.name: figure for figure in FIGURES if figure.group == group}
    try:
        for result in importlib.import_module(f"bench.{group}").measure(run):
            left.pop(result.figure.name, None)
            yield result
    except Exception as problem:  # noqa: BLE001 # one group must not hide the others
        traceback.print_exc()
        because = f"{type(problem).__name__}: {problem}".splitlines()[0][:200]
        yield from (Missing(name, "failed", because) for name in left)


if __name__ == "__main__":
    sys.exit(main())
