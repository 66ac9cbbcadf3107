"""Our side: a workspace served by the real `wheelyard up`, with a feed in it."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.connection import Connection, basic, request, upload_request
from bench.corpus import Corpus, Wheel
from bench.programs import ROOT, Program, free_port, wait_until
from bench.run import Run

__all__ = [
    "Feed",
    "Served",
    "command",
    "corpus_requests",
    "feed_in",
    "fill",
    "filled",
    "served",
    "together",
    "upload_all",
]

_WHEELHOUSE = ROOT / ".tools" / "wheelhouse"
_FILLERS = 4
_FEEDS = "/api/2.0/wheelyard/feeds"


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed's paths on its server, and credentials that may upload."""

    root: str
    token: str

    @property
    def simple(self) -> str:
        return f"{self.root}simple/"

    @property
    def upload(self) -> str:
        return f"{self.root}upload/"

    @property
    def authorization(self) -> str:
        return basic("bench", self.token)

    def index_url(self, port: int) -> str:
        """With its credentials, as pip takes it."""
        return f"http://bench:{self.token}@127.0.0.1:{port}{self.simple}"


@dataclass(frozen=True, slots=True)
class Served:
    """A running workspace, asked as its admin."""

    program: Program
    port: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One call of the REST API, on a connection of its own.

        Raises:
            RuntimeError: it was refused.
        """
        connection = Connection(self.port)
        try:
            content = b"" if body is None else json.dumps(body).encode()
            answer = connection.ask(request(method, path, self.headers, content))
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}: {answer.body.decode()[:300]}")
        return json.loads(answer.body or b"{}")


def command(data: Path, port: int, cache: Path) -> Sequence[str | Path]:
    """The command line that serves a workspace."""
    return (
        *(sys.executable, "-m", "wheelyard", "up", "--data-dir", data, "--port", str(port)),
        *("--cache-dir", cache, "--ready-file", _ready_file(data)),
        *(("--wheelhouse", _WHEELHOUSE) if _WHEELHOUSE.is_dir() else ()),
    )


@contextmanager
def served(run: Run, data: Path, *, cores: frozenset[int], cache: Path | None = None) -> Iterator[Served]:
    """Serve the workspace in a data folder, making it if it is not there."""
    data.parent.mkdir(parents=True, exist_ok=True)
    port, ready = free_port(), _ready_file(data)
    ready.unlink(missing_ok=True)
    words = command(data, port, cache or run.scratch / "cache")
    with run.programs.running(words, name=f"wheelyard-{data.name}", cores=cores) as program:
        wait_until(ready.exists, program=program)
        yield Served(program, port, json.loads(ready.read_text())["token"])


def feed_in(workspace: Served) -> Feed:
    """A new feed and a token for it."""
    made = workspace.ask("POST", _FEEDS, {"name": f"bench-{uuid.uuid4().hex[:8]}", "organization": "bench"})
    issued = workspace.ask("POST", f"{_FEEDS}/{made['feed_id']}/tokens", {"scope": "write"})
    return Feed(urlsplit(made["index_url"]).path.removesuffix("simple/"), issued["token_value"])


def filled(run: Run, corpus: Corpus | None) -> tuple[Path, Feed]:
    """A data folder whose feed holds a corpus, uploaded over HTTP; the one of an earlier run if it was kept.

    Without a corpus the feed is empty and new.
    """
    data = run.scratch / f"feed-{uuid.uuid4().hex[:8]}" if corpus is None else run.kept / f"feed-{corpus.folder.name}"
    stamp = data.with_name(f"{data.name}.json")
    if stamp.exists():
        return data, Feed(**json.loads(stamp.read_text()))
    shutil.rmtree(data, ignore_errors=True)  # an earlier run was interrupted while it filled it
    with served(run, data, cores=run.cores.every) as workspace:
        feed = feed_in(workspace)
        if corpus is not None:
            fill(run, workspace.port, feed, corpus)
    stamp.touch(mode=0o600)
    stamp.write_text(json.dumps({"root": feed.root, "token": feed.token}))
    return data, feed


def upload_all(port: int, requests: Iterable[bytes]) -> None:
    """Upload over one connection.

    Raises:
        RuntimeError: an upload was refused.
    """
    connection = Connection(port)
    try:
        for wire in requests:
            answer = connection.ask(wire)
            if answer.status not in {200, 201}:
                raise RuntimeError(f"an upload was answered {answer.status}: {answer.body.decode()[:300]}")
    finally:
        connection.close()


def together(works: Sequence[Callable[[], object]]) -> None:
    """Do several things at a time; the first failure is raised once all have ended."""
    problems: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as problem:  # noqa: BLE001 # raised by whoever waits
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]


def corpus_requests(
    corpus: Corpus, path: str, authorization: str, share: slice, most: Mapping[str, int] | None = None
) -> Iterator[bytes]:
    """Uploads of a share of the projects; `most` limits the files of those it names."""
    for project in corpus.names[share]:
        for file in corpus.files(project)[: (most or {}).get(project)]:
            version = file.name.split("-")[1]
            yield upload_request(path, authorization, Wheel(project, version, file.name, file.read_bytes(), b""))


def fill(run: Run, port: int, feed: Feed, corpus: Corpus) -> None:
    """Upload a whole corpus."""
    run.say(f"filling a feed with {len(corpus.names):,} projects, {corpus.size:,} files")
    shares = [slice(number, None, _FILLERS) for number in range(_FILLERS)]
    requests = [corpus_requests(corpus, feed.upload, feed.authorization, share) for share in shares]
    together([partial(upload_all, port, one) for one in requests])


def _ready_file(data: Path) -> Path:
    return data.with_name(f"{data.name}-ready.json")
