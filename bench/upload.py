"""Taking files in, durably, beside what the disk allows without HTTP; and twine, beside devpi."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.connection import upload_request
from bench.corpus import Wheel, build_wheel
from bench.floor import uploads_a_second
from bench.machine import on_cores
from bench.peers import devpi
from bench.results import Result
from bench.run import Absent, Run, seconds_of
from bench.served import Feed, Served, filled, served, together, upload_all

__all__ = ["measure"]

_BYTES = 20_000
_FILES_A_PROJECT = 20


def measure(run: Run) -> Iterator[Result]:
    data, feed = filled(run, None)
    with (
        on_cores(run.cores.load),
        served(run, data, cores=run.cores.server) as workspace,
        devpi(run, None) as other,
    ):
        for name, clients in (("upload.one-client", 1), ("upload.four-clients", 4)):
            yield run.beside(name, partial(_uploads_a_second, run, workspace, feed, clients), partial(_floor, run))
        ours = partial(_twine, run, f"http://127.0.0.1:{workspace.port}{feed.upload}", "bench", feed.token)
        beside = (
            other
            if isinstance(other, Absent)
            else partial(_twine, run, f"http://127.0.0.1:{other.port}{other.upload}", other.user, other.password)
        )
        yield run.beside("upload.twine-20-files", ours, beside)


def _wheels(count: int) -> list[Wheel]:
    """New ones: twenty files a project."""
    tag = uuid.uuid4().hex[:8]
    return [
        build_wheel(f"up-{tag}-{number // _FILES_A_PROJECT}", f"1.{number % _FILES_A_PROJECT}.0", _BYTES)
        for number in range(count)
    ]


def _uploads_a_second(run: Run, workspace: Served, feed: Feed, clients: int) -> float:
    requests = [upload_request(feed.upload, feed.authorization, wheel) for wheel in _wheels(run.scale.uploads)]
    works = [partial(upload_all, workspace.port, requests[number::clients]) for number in range(clients)]
    return len(requests) / seconds_of(partial(together, works))


def _floor(run: Run) -> float:
    """On the core that the server has."""
    folder = run.scratch / f"floor-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    wheels = _wheels(run.scale.uploads)
    with on_cores(run.cores.server):
        rate = uploads_a_second(folder, wheels)
    shutil.rmtree(folder)
    return rate


def _twine(run: Run, url: str, user: str, password: str) -> float:
    """Seconds of one `twine upload` of twenty new files."""
    folder = run.scratch / f"twine-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    for wheel in _wheels(_FILES_A_PROJECT):
        (folder / wheel.filename).write_bytes(wheel.content)
    words = [str(Path(sys.executable).with_name("twine")), "upload", "--disable-progress-bar", "--repository-url", url]
    own = {"TWINE_USERNAME": user, "TWINE_PASSWORD": password, "TWINE_NON_INTERACTIVE": "1"}
    started = time.perf_counter()
    done = subprocess.run(
        [*words, *map(str, sorted(folder.iterdir()))],
        env=os.environ | own,
        check=False,
        capture_output=True,
        text=True,
    )
    took = time.perf_counter() - started
    shutil.rmtree(folder)
    if done.returncode != 0:
        raise RuntimeError(f"twine: {done.stdout[-400:]} {done.stderr[-400:]}")
    return took
