"""The official SDK against a running workspace.

A test names the rows it drives in its docstring, as `METHOD /path`, one of a line's first words. Two things are then
checked without anybody's diligence: that the workspace really answered each of them with success during that test (its
own request counts say so), and that no row of any room is left without such a test (`test_completeness.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient

if TYPE_CHECKING:
    from tests.conftest import Workspace

ROW = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s,;]+)")
_COUNT = re.compile(r'wheelyard_requests_total\{method="(\w+)",operation="([^"]+)",status="[23]\d\d"\} (\d+)')


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    """The admin's client."""
    return workspace.client()


@pytest.fixture
def unique(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return re.sub(r"[^a-z0-9]+", "-", request.node.nodeid.rpartition("::")[2].lower()).strip("-")[-60:]


@pytest.fixture(autouse=True)
def named_rows_are_driven(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that names a row in its docstring and does not bring it to answer with success."""
    named = set(ROW.findall(request.function.__doc__ or ""))
    if not named:
        yield
        return
    workspace: Workspace = request.getfixturevalue("workspace")
    before = _counts(workspace)
    yield
    after = _counts(workspace)
    silent = sorted(row for row in named if after.get(row, 0) <= before.get(row, 0))
    assert not silent, f"named in the docstring and not answered with success: {silent}"


@pytest.fixture(scope="session")
def rows_of() -> Callable[[str], set[tuple[str, str]]]:
    """The rows that a text names."""
    return lambda text: set(ROW.findall(text))


def _counts(workspace: Workspace) -> dict[tuple[str, str], int]:
    text = workspace.request("GET", "/metrics", token="").content.decode()
    counts: dict[tuple[str, str], int] = {}
    for method, path, count in _COUNT.findall(text):
        counts[method, path] = counts.get((method, path), 0) + int(count)
    return counts
