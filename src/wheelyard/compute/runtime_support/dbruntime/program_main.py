"""Runs a program of user code: `python -m dbruntime.program_main`, the session and the arguments on standard input.

The arguments are those of `python`: `-m MODULE …`, `-c CODE …`, or `FILE …`; and one of ours, `--entry-point PACKAGE
NAME …`, for wheel tasks: an entry point of that name in any group, else the function `NAME` of the package.
"""

from __future__ import annotations

import runpy
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from . import session
from .signals import NotebookExit


def main() -> None:
    """Run it to its end. What an entry point returns is ignored, as the platform does."""
    first, *rest = session.begin()["program"]
    sys.path[0] = ""
    try:
        if first == "-m":
            sys.argv = rest
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        elif first == "-c":
            _code(rest)
        elif first == "--entry-point":
            _entry_point(rest[0], rest[1], rest[2:])
        else:
            sys.argv = [first, *rest]
            sys.path[0] = str(Path(first).parent)
            runpy.run_path(first, run_name="__main__")
    except NotebookExit:
        pass


def _code(rest: list[str]) -> None:
    sys.argv = ["-c", *rest[1:]]
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(rest[0], "<string>", "exec"), names)  # noqa: S102  # what `python -c` does


def _entry_point(package: str, name: str, arguments: list[str]) -> None:
    sys.argv = [name, *arguments]
    found = [entry for entry in _entry_points(package) if entry.name == name]
    if found:
        found[0].load()()
    else:
        getattr(import_module(package.replace("-", "_")), name)()


def _entry_points(package: str) -> list[metadata.EntryPoint]:
    try:
        return list(metadata.distribution(package).entry_points)
    except metadata.PackageNotFoundError:
        return []


if __name__ == "__main__":
    main()
