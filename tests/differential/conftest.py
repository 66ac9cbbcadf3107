"""Real installers and loopback indexes for the differential test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from packaging.version import Version
from tests.differential.index_server import IndexServer
from tests.differential.runners import PipRunner, Runner, UvRunner, clear_etc

REPOSITORY = Path(__file__).parents[2]
DEFAULT_CASES = 325
OLD_PIPS = ("23.2.1", "24.0", "25.3")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, default=DEFAULT_CASES, help="drawn cases, spread over all installers")
    parser.addoption("--fresh", action="store_true", help="draw other cases than last time")


def wheelhouse() -> Path:
    """Where pip wheels of several versions lie; set-up fills it."""
    return Path(os.environ.get("WHEELYARD_WHEELHOUSE") or REPOSITORY / ".tools" / "wheelhouse")


def pip_wheels() -> dict[str, Path]:
    found = {path.name.split("-")[1]: path for path in wheelhouse().glob("pip-*.whl")}
    wanted = {*OLD_PIPS, *([str(max(map(Version, found)))] if found else [])}
    return {version: found[version] for version in sorted(wanted, key=Version) if version in found}


def installer_names() -> list[str]:
    newest = [version for version in pip_wheels() if version not in OLD_PIPS]
    return [f"pip=={version}" for version in (*OLD_PIPS, *(newest or ["newest"]))] + ["uv"]


@pytest.fixture(scope="session")
def indexes() -> Iterator[IndexServer]:
    server = IndexServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def runner_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Runner]]:
    started: dict[str, Runner] = {}

    def start(name: str) -> Runner:
        if name not in started:
            folder = tmp_path_factory.mktemp(name.replace("=", ""))
            started[name] = _start(name, folder)
        clear_etc(started[name].etc)
        return started[name]

    yield start
    for runner in started.values():
        runner.close()


def _start(name: str, folder: Path) -> Runner:
    if name == "uv":
        program = Path(sys.executable).with_name("uv")
        if not program.exists():
            pytest.fail("no uv beside this interpreter")
        return UvRunner(program, folder)
    wheel = pip_wheels().get(name.removeprefix("pip=="))
    if wheel is None:
        pytest.fail(f"no wheel of {name} in {wheelhouse()}")
    return PipRunner(wheel, folder)
