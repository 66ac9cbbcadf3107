"""Real compute for the tests: one engine a session, images kept between sessions, indexes on loopback."""

from __future__ import annotations

import itertools
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.compute.loopback_index import LoopbackIndex

from wheelyard.compute.engine import Compute, EngineSettings, Identity, LaunchSpec
from wheelyard.compute.local import LocalEngine
from wheelyard.core.compute import ComputeView
from wheelyard.core.delivery import layers_of
from wheelyard.core.package_sources import PackageSources
from wheelyard.core.pip import environment
from wheelyard.core.pip.environment import PipEnvironment, PipPaths
from wheelyard.core.pip.installer import Installer
from wheelyard.core.redaction import SafeUrl, Secret

TOOLS = Path(__file__).resolve().parents[2] / ".tools"
WHEELHOUSE = Path(os.environ.get("WHEELYARD_WHEELHOUSE") or TOOLS / "wheelhouse")
IMAGES = Path(os.environ.get("WHEELYARD_CACHE_DIR") or TOOLS / "cache") / "images"

OLD_PIP, NEW_PIP = "23.2.1", "25.3"
SESSION_TOKEN = "dapi-session-0123456789abcdef"
ME = Identity("me@example.com", "http://127.0.0.1:9", Secret(SESSION_TOKEN), "4711")

_ids = itertools.count(1)


Ask = Callable[[PipPaths], PipEnvironment]


@dataclass
class Yard:
    """Starts compute with layers as a workspace would place them."""

    engine: LocalEngine
    settings: EngineSettings

    def start(
        self,
        *,
        default: PackageSources | None = None,
        variables: Mapping[str, str] | None = None,
        pip: str = OLD_PIP,
        python: str = "3.11",
        pip_environment: Ask | None = None,
        **changes: Any,
    ) -> Compute:
        compute_id = f"c{next(_ids)}-{uuid.uuid4().hex[:6]}"
        ask = pip_environment or self.ask(default, variables or {}, pip)
        spec = LaunchSpec(compute_id, python, pip, "15.4", secrets_of(variables or {}), ask, **changes)
        return self.engine.start(spec, lambda _line: None)

    @staticmethod
    def ask(default: PackageSources | None, variables: Mapping[str, str], pip: str) -> Ask:
        installer = Installer.parse(f"pip=={pip}")
        view = ComputeView(
            "test", "classic", installer, "15.4", variables=secrets_of(variables), workspace_default=default
        )
        return lambda paths: environment.pip_environment(layers_of(view), paths, installer=installer)


def secrets_of(values: Mapping[str, str]) -> dict[str, Secret[str]]:
    return {name: Secret(value) for name, value in values.items()}


def sources(index: str, *extras: str, certificate: str | None = None) -> PackageSources:
    return PackageSources(SafeUrl(index), tuple(map(SafeUrl, extras)), certificate)


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """A store of this session's own whose images are those of the sessions before."""
    if not any(WHEELHOUSE.glob("ipykernel-*.whl")):
        pytest.fail("there is no wheelhouse: run `make test`, or scripts/wheelhouse.py")
    for left in TOOLS.glob("test-store-*"):
        if left.stat().st_mtime < time.time() - 24 * 3600:
            shutil.rmtree(left, ignore_errors=True)
    folder = TOOLS / f"test-store-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    (folder / "images").symlink_to(IMAGES)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def yard(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    settings = EngineSettings(tmp_path_factory.mktemp("compute"), cache, WHEELHOUSE)
    engine = LocalEngine(settings)
    yield Yard(engine, settings)
    engine.stop_all()


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    index = LoopbackIndex()
    yield index
    index.close()


@pytest.fixture(scope="module")
def module_index() -> Iterator[LoopbackIndex]:
    index = LoopbackIndex()
    yield index
    index.close()
