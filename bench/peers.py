"""Feeds that others made, each started on a corpus: proxpi in front of nginx, devpi with a store of its own."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.connection import Connection, basic, request
from bench.corpus import LARGE, MIDDLE, ONE, TWENTY, Corpus
from bench.nginx import nginx
from bench.programs import Program, free_port, wait_until
from bench.run import Absent, Run
from bench.served import corpus_requests, together, upload_all
from bench.tools import peer

__all__ = ["Devpi", "devpi", "proxpi"]

_USER, _PASSWORD = "bench", "bench-secret"
_FILLERS = 2
_PROBES = frozenset({TWENTY, ONE, MIDDLE, LARGE})


@contextmanager
def proxpi(run: Run, corpus: Corpus) -> Iterator[int | Absent]:
    """The port of a proxpi that has nginx, without credentials, as its index. Its pages are below `/index/`."""
    programs = peer(run, "proxpi", "proxpi", "gunicorn")
    if isinstance(programs, Absent):
        yield programs
        return
    with nginx(run, corpus.folder, cores=run.cores.every, auth=False) as behind:
        if isinstance(behind, Absent):
            yield behind
            return
        port, cache = free_port(), run.scratch / "proxpi-cache"
        cache.mkdir(exist_ok=True)
        settings = {
            "PROXPI_INDEX_URL": f"http://127.0.0.1:{behind}/simple/",
            "PROXPI_INDEX_TTL": "36000",
            "PROXPI_CACHE_DIR": str(cache),
            "PROXPI_LOGGING_LEVEL": "WARNING",
        }
        words: list[str | Path] = [
            programs / "gunicorn",
            "-w",
            "1",
            "--threads",
            "8",
            "--timeout",
            "600",
            "proxpi.server:app",
        ]
        words += ["-b", f"127.0.0.1:{port}"]
        with run.programs.running(words, name="proxpi", cores=run.cores.server, env=settings) as program:
            _wait_for_page(port, f"/index/{ONE}/", program)
            yield port


@dataclass(frozen=True, slots=True)
class Devpi:
    """A running devpi with one index; the password is a session token, which costs it no slow hash."""

    program: Program
    port: int
    password: str

    simple = "/bench/dev/+simple/"
    upload = "/bench/dev/"
    user = _USER


@contextmanager
def devpi(run: Run, corpus: Corpus | None, *, files_each: int = 1) -> Iterator[Devpi | Absent]:
    """A devpi that holds a corpus, or nothing.

    Of each project, the probes excepted, it gets `files_each` files: it takes some 180 a second, so that the whole
    corpus would take long. Fewer files need less memory, which is in its favour.
    """
    programs = peer(run, "devpi", "devpi-server")
    if isinstance(programs, Absent):
        yield programs
        return
    data = run.kept / f"devpi-{corpus.folder.name}" if corpus else run.scratch / "devpi"
    stamp = data.with_name(f"{data.name}.filled")
    if not stamp.exists():
        shutil.rmtree(data, ignore_errors=True)  # an earlier run was interrupted while it filled it
        words: list[str | Path] = [
            programs / "devpi-init",
            "--serverdir",
            data,
            "--no-root-pypi",
            "--root-passwd",
            _PASSWORD,
        ]
        subprocess.run(words, check=True, capture_output=True)
        with _devpi_in(run, programs, data) as (program, port):
            _make_index(port)
            if corpus is not None:
                run.say(f"filling devpi with {len(corpus.names):,} projects, {files_each} file each")
                _fill(Devpi(program, port, _login(port, _USER)), corpus, files_each)
        stamp.touch()
    with _devpi_in(run, programs, data) as (program, port):  # started anew, as ours is: filling leaves memory behind
        yield Devpi(program, port, _login(port, _USER))


@contextmanager
def _devpi_in(run: Run, programs: Path, data: Path) -> Iterator[tuple[Program, int]]:
    port = free_port()
    words: list[str | Path] = [
        programs / "devpi-server",
        "--serverdir",
        data,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with run.programs.running([*words, "--offline-mode"], name="devpi", cores=run.cores.server) as program:
        _wait_for_page(port, "/+api", program)
        yield program, port


def _fill(server: Devpi, corpus: Corpus, files_each: int) -> None:
    most = {name: files_each for name in corpus.names if name not in _PROBES}
    authorization = basic(_USER, server.password)
    shares = [slice(number, None, _FILLERS) for number in range(_FILLERS)]
    requests = [corpus_requests(corpus, server.upload, authorization, share, most) for share in shares]
    together([partial(upload_all, server.port, one) for one in requests])


def _make_index(port: int) -> None:
    token = base64.b64encode(f"root:{_login(port, 'root')}".encode()).decode()
    headers = {"X-Devpi-Auth": token}
    _ask(port, "PUT", f"/{_USER}", headers, {"password": _PASSWORD})
    _ask(port, "PUT", f"/{_USER}/dev", headers, {"bases": [], "type": "stage", "volatile": True})


def _login(port: int, user: str) -> str:
    return str(_ask(port, "POST", "/+login", {}, {"user": user, "password": _PASSWORD})["result"]["password"])


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: object) -> Any:
    connection = Connection(port)
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    answer = connection.ask(request(method, path, sent, json.dumps(body).encode()))
    connection.close()
    if answer.status not in {200, 201}:
        raise RuntimeError(f"devpi: {method} {path} answered {answer.status}: {answer.body.decode()[:300]}")
    return json.loads(answer.body)


def _wait_for_page(port: int, path: str, program: Program) -> None:
    connection = Connection(port)
    wait_until(lambda: connection.ask(request("GET", path, {})).status < 500, program=program)
    connection.close()
