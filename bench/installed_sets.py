"""A requirement set on a cluster: one that nobody had before, beside uv, and one that is known, beside `cp -al`.

A cluster takes its packages from the workspace default, which is a feed of the same workspace: the whole way, from the
request to the status INSTALLED.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from uv import find_uv_bin

from bench.cluster import put_file, put_secret, start_cluster
from bench.connection import upload_request
from bench.machine import Sighted
from bench.nginx import nginx
from bench.requirement_set import RequirementSet, requirement_set
from bench.results import Measured, Missing, Result
from bench.run import Absent, Run, seconds_of
from bench.served import Feed, Served, feed_in, served, upload_all
from wheelyard.compute.machine import Interpreter

__all__ = ["installed_sets"]

_KNOWN, _NEW, _BYTECODE = "compute.known-set", "compute.new-set", "compute.new-set-bytecode"
_FILE = "/Shared/bench-requirements.txt"
_LIBRARY = {"requirements": f"/Workspace{_FILE}"}
_ASK_BYTECODE = "import importlib.util, os; print(os.path.exists(importlib.util.find_spec({!r}).cached))"


@dataclass(frozen=True, slots=True)
class _Shop:
    """A workspace that is not running: its data folder and the feed in it, which holds the set."""

    run: Run
    data: Path
    feed: Feed

    @contextmanager
    def open(self, cache: Path) -> Iterator[Served]:
        """Serve it; the workspace default is its feed, at the port it has now."""
        with served(self.run, self.data, cores=self.run.cores.every, cache=cache) as workspace:
            put_secret(workspace, "databricks-package-management", "pip-index-url", self.feed.index_url(workspace.port))
            yield workspace


@dataclass(frozen=True, slots=True)
class _Uv:
    """uv, which installs the same set from nginx into environments of the same Python."""

    run: Run
    interpreter: Interpreter
    pins: str
    port: int

    def environment(self) -> Path:
        """A new and empty one."""
        folder = _new_folder(self.run, "uv")
        self._do("venv", "--python", str(self.interpreter.executable), str(folder))
        (folder / "pins.txt").write_text(self.pins)
        return folder

    def install(self, environment: Path, cache: Path, *options: str) -> None:
        index = f"http://127.0.0.1:{self.port}/simple/"
        python, pins = environment / "bin" / "python", environment / "pins.txt"
        words = ["pip", "install", "--python", str(python), "--cache-dir", str(cache), "--default-index", index]
        self._do(*words, "-r", str(pins), *options)

    def cold(self, *options: str) -> float:
        """Seconds to install into an empty environment with an empty cache."""
        environment, cache = self.environment(), _new_folder(self.run, "uv-cache")
        os.sync()
        took = seconds_of(partial(self.install, environment, cache, *options))
        _remove(environment, cache)
        return took

    def _do(self, *arguments: str) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
        own |= {"UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
        done = subprocess.run(
            [find_uv_bin(), "--quiet", *arguments], env=own, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise RuntimeError(f"uv: {done.stderr[-800:]}")


def installed_sets(run: Run, interpreter: Interpreter) -> Iterator[Result]:
    wanted = requirement_set(run, interpreter)
    if isinstance(wanted, Absent):
        yield from _skipped(wanted)
        return
    with nginx(run, wanted.folder, cores=run.cores.every, auth=False) as port:
        if isinstance(port, Absent):
            yield from _skipped(port)
            return
        uv = _Uv(run, interpreter, wanted.pins, port)
        ready = uv.environment()
        uv.install(ready, run.scratch / "uv-cache", "--link-mode", "copy", "--compile-bytecode")
        shop = _shop(run, wanted)
        yield from _new_set(run, shop, uv)
        yield _known_set(run, shop, wanted, ready)


def _skipped(absent: Absent) -> Iterator[Result]:
    return (Missing(name, "skipped", absent.why) for name in (_KNOWN, _NEW, _BYTECODE))


def _shop(run: Run, wanted: RequirementSet) -> _Shop:
    data = _new_folder(run, "shop")
    with served(run, data, cores=run.cores.every) as workspace:
        feed = feed_in(workspace)
        run.say(f"filling a feed with {len(wanted.wheels)} wheels")
        requests = (upload_request(feed.upload, feed.authorization, wheel) for wheel in wanted.wheels)
        upload_all(workspace.port, requests)
        put_file(workspace, _FILE, wanted.pins)
    return _Shop(run, data, feed)


def _new_set(run: Run, shop: _Shop, uv: _Uv) -> Iterator[Result]:
    """Byte-compiling is told apart: ours is seen while it goes on and taken off, uv does without."""

    def turn() -> tuple[float, ...]:
        plain, with_bytecode = uv.cold(), uv.cold("--compile-bytecode")
        whole, compiling = _installed_cold(run, shop)
        return whole - compiling, plain, compiling, with_bytecode - plain

    (ours, plain, compiling, theirs), disturbed = run.turns(_NEW, turn, warm_up=False)
    yield Measured(_NEW, ours, plain, disturbed)
    yield Measured(_BYTECODE, compiling, theirs, disturbed)


def _installed_cold(run: Run, shop: _Shop) -> tuple[float, float]:
    """Seconds with nothing in the store but the runtime image; and how many of them went into byte-compiling.

    The second is what was seen of it from outside, so it is never more than there was.
    """
    cache = _new_folder(run, "cache")
    with shop.open(cache) as workspace:
        cluster = start_cluster(workspace)
        os.sync()
        with Sighted(workspace.program.pid, "compileall") as compiling:
            took = cluster.install(_LIBRARY)
        cluster.end()
    _remove(cache)
    return took, compiling.seconds


def _known_set(run: Run, shop: _Shop, wanted: RequirementSet, ready: Path) -> Result:
    """The second cluster that asks for the set, and every further one."""
    cache = _new_folder(run, "cache")
    with shop.open(cache) as workspace:
        first = start_cluster(workspace)
        first.install(_LIBRARY)
        first.end()
        result = run.beside(_KNOWN, partial(_installed_again, workspace, wanted.module), partial(_linked, run, ready))
    _remove(cache)
    return result


def _installed_again(workspace: Served, module: str) -> float:
    """Seconds on a cluster that is new.

    Raises:
        RuntimeError: the set is there without bytecode.
    """
    cluster = start_cluster(workspace)
    os.sync()
    took = cluster.install(_LIBRARY)
    if cluster.open_context().run(_ASK_BYTECODE.format(module)).strip() != "True":
        raise RuntimeError("the known set has no bytecode")
    cluster.end()
    return took


def _linked(run: Run, ready: Path) -> float:
    """Seconds to clone the environment by hard links."""
    target = _new_folder(run, "clone")
    os.sync()
    took = seconds_of(lambda: subprocess.run(["cp", "-al", str(ready), str(target)], check=True))
    _remove(target)
    return took


def _new_folder(run: Run, name: str) -> Path:
    return run.scratch / f"{name}-{uuid.uuid4().hex[:8]}"


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
