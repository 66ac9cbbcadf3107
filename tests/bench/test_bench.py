"""The benchmarks can be asked what they measure. What they measure is no test's business."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

from bench.figures import FIGURES, GROUPS

ROOT = Path(__file__).resolve().parents[2]


def test_the_list_names_every_figure_and_what_is_wanted_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == [figure.name for figure in FIGURES]
    assert all(figure.wanted in done.stdout for figure in FIGURES)


def test_every_group_can_be_measured() -> None:
    assert all(callable(importlib.import_module(f"bench.{group}").measure) for group in GROUPS)
