"""A feed to be asked, ours or a peer's: where it is, and what a client sends with each request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urljoin

from bench.connection import HTML, JSON, Answer, Connection, request
from bench.corpus import LARGE, TWENTY, Corpus
from bench.run import Run
from bench.wrk import Ask, Wrk, find_wrk

__all__ = ["Target", "standard_load"]

_LIST_CONNECTIONS = 4


@dataclass(frozen=True, slots=True)
class Target:
    """`simple` is the path of the full list."""

    port: int
    simple: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def project(self, accept: str, *projects: str) -> Ask:
        """Pages of one project, or of several in turn."""
        return Ask(self.port, [f"{self.simple}{name}/" for name in projects], self._sent(accept))

    def all_projects(self, accept: str) -> Ask:
        return Ask(self.port, [self.simple], self._sent(accept), connections=_LIST_CONNECTIONS)

    def known_page(self, accept: str, project: str) -> Ask:
        """A page whose ETag the client has."""
        page = self.project(accept, project)
        tag = self._get(page.paths[0], accept).header("etag")
        return Ask(self.port, page.paths, {**page.headers, "If-None-Match": tag})

    def file(self, project: str) -> Ask:
        """The project's first wheel."""
        return Ask(self.port, [self._file_path(project)], self.headers)

    def file_request(self, project: str) -> bytes:
        return request("GET", self._file_path(project), self.headers)

    def page_request(self, accept: str, project: str = "") -> bytes:
        return request("GET", f"{self.simple}{project}/" if project else self.simple, self._sent(accept))

    def _file_path(self, project: str) -> str:
        page = f"{self.simple}{project}/"
        answer = self._get(page, f"{JSON}, {HTML};q=0.1")
        if not answer.header("content-type").startswith(JSON):
            raise RuntimeError(f"{page} is not to be had as JSON")
        return urljoin(page, str(json.loads(answer.body)["files"][0]["url"])).partition("#")[0]

    def _get(self, path: str, accept: str) -> Answer:
        connection = Connection(self.port)
        answer = connection.ask(request("GET", path, self._sent(accept)))
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return answer

    def _sent(self, accept: str) -> dict[str, str]:
        return {**self.headers, "Accept": accept}


def standard_load(run: Run, target: Target, corpus: Corpus) -> None:
    """What installers ask: pages in both formats, one and many, the list, a wheel, and a large one."""
    asks: Sequence[Ask] = [
        *(target.project(accept, *projects) for accept in (HTML, JSON) for projects in ([TWENTY], corpus.sample)),
        *(target.all_projects(accept) for accept in (HTML, JSON)),
        target.file(TWENTY),
    ]
    wrk = find_wrk(run)
    for ask in asks:
        if isinstance(wrk, Wrk):
            wrk.load(ask)
        else:
            _once_each(ask)
    stream = Connection(target.port)
    stream.ask(target.file_request(LARGE))
    stream.close()


def _once_each(ask: Ask) -> None:
    connection = Connection(ask.port)
    for path in ask.paths:
        connection.ask(request("GET", path, ask.headers))
    connection.close()
