"""One kind of the soak's requests, asked at the times they are due: `python -m bench.soak_client`.

What to do comes on standard input, so that no credentials are on a command line.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.connection import HTML, JSON, Connection, request, upload_request
from bench.corpus import TWENTY, build_wheel
from bench.served import Feed
from bench.target import Target

__all__ = ["HOUR", "Outcome", "Place", "Shift"]

HOUR: Mapping[str, int] = {"page": 90_000, "file": 18_000, "upload": 3_600, "secret": 18_000}
"""Requests of each kind in the hour: a company that installs and rebuilds all day."""

_LIST_EVERY = 50
_PUT_EVERY = 4
_UPLOADED_BYTES = 20_000
_CONNECTIONS = 4
_EXPECTED = frozenset({200, 304})


@dataclass(frozen=True, slots=True)
class Place:
    """Where the soak asks: a feed and the REST API behind one port."""

    port: int
    feed: Feed
    headers: Mapping[str, str]
    projects: tuple[str, ...]

    @property
    def target(self) -> Target:
        return Target(self.port, self.feed.simple, {"Authorization": self.feed.authorization})

    @property
    def scope(self) -> str:
        """The secret scope that is the soak's own."""
        return f"soak-{self.port}"


@dataclass(slots=True)
class Outcome:
    """Seconds of each answer that was as expected; and of the others, what they were."""

    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Outcome:
        return cls(**json.loads(file.read_text()))

    def write(self, file: Path) -> None:
        """Appears at once and whole."""
        unfinished = file.with_suffix(".part")
        unfinished.write_text(json.dumps(asdict(self)))
        unfinished.replace(file)


@dataclass(frozen=True, slots=True)
class Shift:
    """What one client does: which kind, how many, where, from which moment of the monotonic clock on, for how long.

    The outcome goes to `file`.
    """

    kind: str
    count: int
    place: Place
    starts_at: float
    seconds: float
    file: Path

    def to_json(self) -> bytes:
        return json.dumps({**asdict(self), "file": str(self.file)}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Shift:
        told = json.loads(text)
        place = told["place"]
        found = Place(place["port"], Feed(**place["feed"]), place["headers"], tuple(place["projects"]))
        return cls(told["kind"], told["count"], found, told["starts_at"], told["seconds"], Path(told["file"]))

    def work(self) -> Outcome:
        """Ask for everything that is due; what is late is still asked, up to the length of the whole soak."""
        outcome, count = Outcome(), self.count
        requests = _REQUESTS[self.kind](self.place)
        connections = itertools.cycle([Connection(self.place.port, seconds=30) for _ in range(_CONNECTIONS)])
        for number in range(count):
            due = self.starts_at + self.seconds * number / count
            early = due - time.monotonic()
            if early > 0:
                time.sleep(early)
            elif early < -self.seconds:
                outcome.errors.append(f"{self.kind}: {count - number:,} requests were never sent, so late it was")
                break
            self._ask(next(connections), next(requests), due, outcome)
        return outcome

    def _ask(self, connection: Connection, wire: bytes, due: float, outcome: Outcome) -> None:
        try:
            answer = connection.ask(wire)
        except OSError as problem:
            outcome.errors.append(f"{self.kind}: {problem}")
            return
        if answer.status in _EXPECTED:
            outcome.latencies.append(time.monotonic() - due)
        else:
            found = outcome.errors if answer.status >= 500 else outcome.refusals
            found.append(f"{self.kind}: {answer.status} {answer.body[:200].decode(errors='replace')}")


def _pages(place: Place) -> Iterator[bytes]:
    dice = random.Random(3)  # noqa: S311 # the same each time
    for number in itertools.count():
        project = "" if number % _LIST_EVERY == 0 else dice.choice(place.projects)
        yield place.target.page_request(HTML if number % 3 else JSON, project)


def _files(place: Place) -> Iterator[bytes]:
    files = [place.target.file_request(project) for project in (TWENTY, *place.projects[:200])]
    return itertools.cycle(files)


def _uploads(place: Place) -> Iterator[bytes]:
    """Twenty new files a project."""
    tag = uuid.uuid4().hex[:6]
    for number in itertools.count():
        wheel = build_wheel(f"soak-{tag}-{number // 20}", f"1.{number % 20}.0", _UPLOADED_BYTES)
        yield upload_request(place.feed.upload, place.feed.authorization, wheel)


def _secrets(place: Place) -> Iterator[bytes]:
    for number in itertools.count():
        key = f"k{number // _PUT_EVERY % 500}"
        if number % _PUT_EVERY == 0:
            body = json.dumps({"scope": place.scope, "key": key, "string_value": f"value {number}"}).encode()
            yield request("POST", "/api/2.0/secrets/put", place.headers, body)
        else:
            yield request("GET", f"/api/2.0/secrets/get?scope={place.scope}&key={key}", place.headers)


_REQUESTS: Mapping[str, Callable[[Place], Iterator[bytes]]] = {
    "page": _pages,
    "file": _files,
    "upload": _uploads,
    "secret": _secrets,
}


def main() -> None:
    shift = Shift.from_json(sys.stdin.buffer.read())
    shift.work().write(shift.file)


if __name__ == "__main__":
    main()
