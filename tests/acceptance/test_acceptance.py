"""Every verb has a folder, and every folder prints what is recorded in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wheelyard.cli import VERBS

from .conftest import HERE


def test_every_verb_has_a_folder() -> None:
    folders = {path.parent.name for path in HERE.glob("*/script")}
    assert {verb.name for verb in VERBS} <= folders


def test_output(folder: Path, run_script: Callable[[Path], str], pytestconfig: pytest.Config) -> None:
    printed = run_script(folder)
    recorded = folder / "output.txt"
    if pytestconfig.getoption("--record", default=False):
        recorded.write_text(printed, encoding="utf-8")
    assert printed == recorded.read_text(encoding="utf-8")
