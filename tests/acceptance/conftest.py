"""Acceptance folders: a `script` of shell commands, and the `output.txt` that it is known to print.

`script` runs in bash, in a fresh folder, with `wheelyard` on PATH and an embedded workspace in DATABRICKS_HOST.
`trace` shows a command, runs it and shows its exit code when it is not 0. What differs from run to run (ids, ports,
times, tokens) is replaced by its name before comparing. `pytest tests/acceptance --record` writes the outputs anew;
their diff is reviewed like code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wheelyard import __version__

if TYPE_CHECKING:
    from tests.conftest import Workspace

HERE = Path(__file__).parent

PRELUDE = """
set -u
export LC_ALL=C.UTF-8
trace() {
  printf '\\n>>> %s\\n' "$*"
  "$@"
  local code=$?
  [ "$code" = 0 ] || printf 'Exit code: %s\\n' "$code"
}
show() {
  printf '\\n>>> %s\\n' "$1"
  bash -c "$1"
  local code=$?
  [ "$code" = 0 ] || printf 'Exit code: %s\\n' "$code"
}
title() { printf '\\n=== %s\\n' "$*"; }
"""

REPLACED: tuple[tuple[str, str], ...] = (
    (r"dapi[A-Za-z0-9_\-]{8,}", "[TOKEN]"),
    (r"wyf[A-Za-z0-9_\-]{8,}", "[TOKEN]"),
    (r"\b\d{4}-\d{6}-[a-z0-9]{8}\b", "[CLUSTER_ID]"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[UUID]"),
    (r"\b[0-9a-f]{64}\b", "[SHA256]"),
    (r"\b[0-9a-f]{32}\b", "[ID]"),
    (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ", "[TIME]"),
    (r"\b1[6-9]\d{11}\b", "[TIME_MS]"),
    (r"\b\d{9,19}\b", "[NUMBER]"),
    (r'("(?:job_id|run_id|object_id|resource_id|number_in_job)": )"?\d+"?', r"\1[NUMBER]"),
    (r"\b((?:[Rr]un|get-run|jobs get|jobs delete|jobs run-now|--job-id|[Jj]ob) `?)\d+", r"\1[NUMBER]"),
    (r"\[REQUEST\]|request id \S+", "request id [ID]"),
    (r"^\d+ +(NOTEBOOK|DIRECTORY|FILE)\b", r"[NUMBER] \1"),
    (r"[ \t]+$", ""),
)


PROGRESS = r"^(?:waiting to reach .*|(?:run \d+|cluster \S+): (?:submitted|[A-Z_]{6,}\b.*))\n"
"""How often a waiting command looks depends on the machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write the outputs anew")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "folder" in metafunc.fixturenames:
        folders = sorted(path.parent for path in HERE.glob("*/script"))
        metafunc.parametrize("folder", folders, ids=[path.name for path in folders])


def normalised(text: str, places: dict[str, str]) -> str:
    """Text without what differs from run to run. `places` maps what this run had to the word that stands for it."""
    for found in sorted(places, key=len, reverse=True):
        text = text.replace(found, places[found])
    text = re.sub(PROGRESS, "", text, flags=re.MULTILINE)
    for pattern, word in REPLACED:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    lines = [line if re.search(r"[─━]", line) else re.sub(r"(?<=\S) {2,}", "  ", line) for line in text.splitlines()]
    return "\n".join(lines).strip() + "\n"


@pytest.fixture(scope="module")
def own_workspace(start_workspace: Callable[..., Workspace]) -> Workspace:
    """Nobody else sets the default of this one."""
    return start_workspace()


@pytest.fixture
def run_script(own_workspace: Workspace, tmp_path: Path) -> Callable[[Path], str]:
    """Run a folder's script and return what it printed, normalised."""

    workspace = own_workspace

    def run(folder: Path) -> str:
        home = tmp_path / "home"
        home.mkdir()
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(home),
            "DATABRICKS_HOST": workspace.host,
            "DATABRICKS_TOKEN": workspace.admin_token,
            "DATABRICKS_CONFIG_FILE": str(home / "none"),
            "FOLDER": str(folder),
            "COLUMNS": "100",
        }
        for name in ("WHEELYARD_CACHE_DIR", "WHEELYARD_WHEELHOUSE"):
            if name in os.environ:
                environment[name] = os.environ[name]
        work = tmp_path / "work"
        work.mkdir()
        whole = home / "script"  # a file, because others can read the arguments of a process
        whole.write_text(PRELUDE + (folder / "script").read_text(encoding="utf-8"), encoding="utf-8")
        done = subprocess.run(
            ["/bin/bash", str(whole)],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=280,
            check=False,
        )
        host = workspace.host.removeprefix("http://")
        places = {
            host: "[HOST]",
            str(work): "[WORK]",
            str(home): "[HOME]",
            str(workspace.data_dir): "[DATA]",
            workspace.workspace_id: "[WORKSPACE_ID]",
            f"wheelyard {__version__}": "wheelyard [VERSION]",
            sys.prefix: "[PREFIX]",
        }
        return normalised(done.stdout, places)

    return run
