"""No endpoint without a test that drives it through a real client."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from wheelyard.embedded import ROOMS

NOT_DRIVEN: dict[tuple[str, str], str] = {}
"""Rows that no client test drives, with the reason. This list may only shrink."""


def _any_version(row: tuple[str, str]) -> tuple[str, str]:
    return row[0], re.sub(r"^/api/2\.\d/", "/api/2.x/", row[1])


def _docstrings() -> Iterator[str]:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield ast.get_docstring(node) or ""


def test_every_row_is_driven_by_a_client(rows_of: Callable[[str], set[tuple[str, str]]]) -> None:
    rows = {_any_version((row.method, row.path)) for room in ROOMS for row in room.operations}
    named = {_any_version(row) for text in _docstrings() for row in rows_of(text)}
    excused = {_any_version(row) for row in NOT_DRIVEN}
    assert sorted(rows - named - excused) == [], "rows without a client test"
    assert sorted(named - rows) == [], "tests name rows that do not exist"
    assert sorted(excused & named) == [], "rows that are driven and need no excuse"
