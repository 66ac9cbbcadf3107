"""What a page marks as runnable is run, in the page's order, against a workspace of the page's own."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, Example, examples_of, pages, shape

if TYPE_CHECKING:
    from tests.conftest import Workspace

RUNNABLE = [page for page in pages() if any(examples_of(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples(page: Path, start_workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    workspace = start_workspace()
    names: dict[str, Any] = {"client": workspace.client()}
    for example in examples_of(page):
        if example.language == "console":
            run_console(example, workspace, tmp_path)
        else:
            run_python(example, names)


def run_console(example: Example, workspace: Workspace, folder: Path) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "DATABRICKS_HOST": workspace.host,
        "DATABRICKS_TOKEN": workspace.admin_token,
        "DATABRICKS_CONFIG_FILE": str(folder / "none"),
        **{name: value for name, value in os.environ.items() if name.startswith("WHEELYARD_")},
    }
    for command, expected in commands(example.text):
        done = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        place = f"{example.page.name}:{example.line}: $ {command}"
        assert done.returncode == 0, f"{place}\n{done.stderr}"
        if expected.strip():
            assert shape(expected).fullmatch(done.stdout.strip() + "\n"), f"{place}\n{done.stdout}\n{done.stderr}"


def commands(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            command, expected = found[-1]
            if command.endswith("\\"):
                found[-1] = (f"{command}\n{line}", expected)
            else:
                found[-1] = (command, f"{expected}{line}\n")
    return found


def run_python(example: Example, names: dict[str, Any]) -> None:
    if ">>>" not in example.text:
        exec(compile(example.text, f"{example.page.name}:{example.line}", "exec"), names)  # noqa: S102 - our own page
        return
    test = doctest.DocTestParser().get_doctest(example.text, names, example.page.name, str(example.page), example.line)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test, clear_globs=False)
    names.update(test.globs)
    assert runner.failures == 0
