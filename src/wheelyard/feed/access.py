"""Who may come in: the question every request of an installer asks, answered from a dictionary.

An installer sends the same credentials with each of hundreds of requests. The first one is asked of the gate (which
reads the database); what it grants is kept under a keyed digest of the credentials and the feed's address, never
under the credentials themselves. A kept grant ends when anything about tokens, roles or groups changes (the
generation moves on) and after one second in any case, which bounds how long an expired token still works.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import call
from typing import Literal, Protocol

from wheelyard.core.redaction import Secret

__all__ = ["AccessCache", "AccessGeneration", "FeedPlace", "FeedRole", "Gate", "Grant"]

FeedRole = Literal["READER", "COLLABORATOR", "CONTRIBUTOR", "OWNER"]


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """A feed's address, as its URL spells it; `project` is empty for a feed of the whole organization."""

    organization: str
    project: str
    feed: str

    @property
    def root(self) -> str:
        """The URL path below which `simple/`, `upload/` and `files/` lie."""
        project = f"/{self.project}" if self.project else ""
        return f"/{self.organization}{project}/_packaging/{self.feed}/pypi/"

    def __str__(self) -> str:
        return "/".join(part for part in (self.organization, self.project, self.feed) if part)


@dataclass(frozen=True, slots=True)
class Grant:
    """What the bearer of a token may do in one feed: at most `role`, in the name of `principal`."""

    feed_id: str
    role: FeedRole
    principal: str


class Gate(Protocol):
    """Decides. Called in a worker thread."""

    def __call__(self, token: Secret[str], place: FeedPlace) -> Grant:
        """Answer what this token may do in the feed at this place.

        Raises:
            Unauthenticated: the token is unknown, expired or revoked.
            NotFound: there is no such feed; said only to a known token.
            PermissionDenied: the token's owner holds no role on the feed, or the token is for another feed.
        """


class AccessGeneration:
    """Moves on with every change that could take access away.

    What changes roles calls `bump`; the counters of whatever else matters (tokens, the directory) are watched.
    """

    __slots__ = ("_counter", "_own", "_watched")

    def __init__(self) -> None:
        self._counter = itertools.count(1)
        self._own = 0
        self._watched: tuple[Callable[[], int], ...] = ()

    def bump(self) -> None:
        self._own = next(self._counter)

    def watch(self, count: Callable[[], int]) -> None:
        """Count another's changes too. `count` is called with each request and must not wait."""
        self._watched = (*self._watched, count)

    def current(self) -> tuple[int, ...]:
        return (self._own, *map(call, self._watched))


class AccessCache:
    """Recent grants. Reading it takes a hash and a dictionary lookup; it is bounded in entries and in time."""

    def __init__(
        self,
        generation: AccessGeneration,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_entries: int = 4096,
        keep_seconds: float = 1.0,
    ) -> None:
        self._generation = generation
        self._clock = clock
        self._most = most_entries
        self._keep = keep_seconds
        self._key = secrets.token_bytes(32)
        self._grants: dict[bytes, tuple[tuple[int, ...], float, Grant]] = {}

    def digest(self, credentials: bytes, place: bytes) -> bytes:
        return hashlib.blake2b(credentials + b"\0" + place, digest_size=16, key=self._key).digest()

    def find(self, digest: bytes) -> Grant | None:
        kept = self._grants.get(digest)
        if kept is None or kept[0] != self._generation.current() or kept[1] < self._clock():
            return None
        return kept[2]

    def keep(self, digest: bytes, grant: Grant, generation: tuple[int, ...]) -> None:
        """Remember a grant that was asked for when the generation was `generation`."""
        if len(self._grants) >= self._most:
            self._grants.clear()
        self._grants[digest] = (generation, self._clock() + self._keep, grant)
