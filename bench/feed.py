"""Reading a feed, credentials checked at each request, beside nginx with Basic auth and proxpi, which asks for none."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench.connection import HTML, JSON, Connection, upload_request
from bench.corpus import LARGE, TWENTY, Corpus, build_wheel, corpus_with
from bench.downloads import downloading, stream_mb_s
from bench.machine import on_cores
from bench.nginx import AUTHORIZATION, nginx
from bench.peers import proxpi
from bench.results import Missing, Result
from bench.run import Absent, Run
from bench.served import Feed, filled, served
from bench.target import Target
from bench.wrk import Ask, Wrk, find_wrk

__all__ = ["measure"]

_FORMATS = (("json", JSON), ("html", HTML))
_NEW_PROJECTS = 20
_STREAMS = 4
_PAGE_CONNECTIONS = 4
_PATIENCE_SECONDS = 10.0


def measure(run: Run) -> Iterator[Result]:
    corpus = corpus_with(run, run.scale.projects)
    data, feed = filled(run, corpus)
    with (
        on_cores(run.cores.load),
        served(run, data, cores=run.cores.server) as workspace,
        nginx(run, corpus.folder, cores=run.cores.server) as limit,
        proxpi(run, corpus) as other,
    ):
        reading = _Reading(
            run,
            find_wrk(run),
            Target(workspace.port, feed.simple, {"Authorization": feed.authorization}),
            limit if isinstance(limit, Absent) else Target(limit, "/simple/", {"Authorization": AUTHORIZATION}),
            other if isinstance(other, Absent) else Target(other, "/index/"),
        )
        yield from reading.pages(corpus)
        yield run.beside("feed.list-after-upload", partial(_worst_delay_ms, reading.ours, feed), warm_up=False)
        yield reading.rate("feed.wheel-50kb.nginx", lambda target: target.file(TWENTY), reading.limit)
        yield reading.one_stream()
        yield reading.page_beside_downloads()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Who is read: our feed, nginx as its limit, and proxpi."""

    run: Run
    wrk: Wrk | Absent
    ours: Target
    limit: Target | Absent
    other: Target | Absent

    def pages(self, corpus: Corpus) -> Iterator[Result]:
        for name, accept in _FORMATS:
            page = _project(accept, TWENTY)
            yield self.rate(f"feed.page-{name}.nginx", page, self.limit)
            yield self.rate(f"feed.page-{name}.proxpi", page, self.other)
        for name, accept in _FORMATS:
            yield self.rate(f"feed.random-{name}.nginx", _project(accept, *corpus.sample), self.limit)
        yield self.rate("feed.not-modified.nginx", lambda target: target.known_page(JSON, TWENTY), self.limit)
        for name, accept in _FORMATS:
            yield self.rate(f"feed.list-{name}.nginx", _all_projects(accept), self.limit)

    def rate(self, name: str, ask: Callable[[Target], Ask], beside: Target | Absent) -> Result:
        """Answers a second."""
        wrk = self.wrk
        if isinstance(wrk, Absent):
            return Missing(name, "skipped", wrk.why)
        if isinstance(beside, Absent):
            return Missing(name, "skipped", beside.why)
        return self.run.beside(name, partial(wrk.rate, ask(self.ours)), partial(wrk.rate, ask(beside)))

    def one_stream(self) -> Result:
        """Megabytes a second of one large download after the other."""
        name = "feed.wheel-200mb.nginx"
        limit = self.limit
        if isinstance(limit, Absent):
            return Missing(name, "skipped", limit.why)

        def stream(target: Target) -> Callable[[], float]:
            return partial(stream_mb_s, target.port, target.file_request(LARGE))

        return self.run.beside(name, stream(self.ours), stream(limit))

    def page_beside_downloads(self) -> Result:
        """p99 of a page while large downloads run; nginx's beside it."""
        name = "feed.page-p99-downloads"
        wrk, limit = self.wrk, self.limit
        if isinstance(wrk, Absent):
            return Missing(name, "skipped", wrk.why)

        def p99(target: Target) -> Callable[[], float]:
            wire, page = target.file_request(LARGE), target.project(JSON, TWENTY)
            ask = Ask(page.port, page.paths, page.headers, connections=_PAGE_CONNECTIONS)

            def once() -> float:
                with downloading(self.run, target.port, wire, _STREAMS):
                    return wrk.load(ask).p99_ms

            return once

        return self.run.beside(name, p99(self.ours), None if isinstance(limit, Absent) else p99(limit))


def _project(accept: str, *projects: str) -> Callable[[Target], Ask]:
    return lambda target: target.project(accept, *projects)


def _all_projects(accept: str) -> Callable[[Target], Ask]:
    return lambda target: target.all_projects(accept)


def _worst_delay_ms(ours: Target, feed: Feed) -> float:
    """Upload new projects one after the other; how long, at worst, the list did not name one after the answer."""
    connection, delays = Connection(ours.port), []
    wire = ours.page_request(JSON)
    for _ in range(_NEW_PROJECTS):
        project = f"new-{uuid.uuid4().hex[:12]}"
        sent = upload_request(feed.upload, feed.authorization, build_wheel(project, "1.0", 1500))
        if connection.ask(sent).status != 200:
            raise RuntimeError("an upload was refused")
        answered = time.perf_counter()
        while f'"{project}"'.encode() not in connection.ask(wire).body:
            if time.perf_counter() - answered > _PATIENCE_SECONDS:
                raise RuntimeError("the list does not name a project that was uploaded")
        delays.append(time.perf_counter() - answered)
    connection.close()
    return max(delays) * 1000
