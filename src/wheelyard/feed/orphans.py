"""Files' bytes that no row of a feed names: what a crash left between an upload's bytes and its row.

A file's key is made of its digest, so the same file may be on its way again while its old bytes are looked at. Uploads
and the sweep therefore claim a key for as long as they work on it.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from wheelyard.feed import store
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database

__all__ = ["BlobClaims", "FeedOrphans"]

_KEY = re.compile(r"feeds/(?P<feed>[^/]+)/[0-9a-f]{2}/(?P<sha256>[0-9a-f]{64})-(?P<filename>[^/]+)")


class BlobClaims:
    """Keys of blobs that somebody works on; one at a time."""

    def __init__(self) -> None:
        self._claimed: set[str] = set()
        self._given_up = threading.Condition()

    @contextmanager
    def claimed(self, key: str) -> Iterator[None]:
        """Hold the key; waits for who holds it now."""
        with self._given_up:
            self._given_up.wait_for(lambda: key not in self._claimed)
            self._claimed.add(key)
        try:
            yield
        finally:
            with self._given_up:
                self._claimed.remove(key)
                self._given_up.notify_all()


class FeedOrphans:
    """Finds and removes them. What it does not recognise as a feed's file it leaves alone.

    A feed may hold a great many files: they are looked through in small portions, with rests between, so that neither
    memory nor answers are taken up by them.

    Args:
        rest: how many seconds are rested for each second of work.
    """

    def __init__(self, *, database: Database, blobs: Blobs, claims: BlobClaims, rest: float = 4.0) -> None:
        self._database = database
        self._blobs = blobs
        self._claims = claims
        self._rest = rest

    def sweep(self, *, stored_before: float, stopped: Callable[[], bool]) -> int:
        """Remove bytes that are older than this and that no row names; how many."""
        found = (_KEY.fullmatch(key) for key in self._blobs.keys("feeds/", stored_before=stored_before))
        removed, started = 0, time.monotonic()
        for (feed_id, start), portion in groupby((match for match in found if match), key=_portion):
            if stopped():
                break
            removed += self._look_through(feed_id, start, list(portion), stopped)
            time.sleep(self._rest * (time.monotonic() - started))
            started = time.monotonic()
        return removed

    def _look_through(
        self, feed_id: str, start: str, portion: Sequence[re.Match[str]], stopped: Callable[[], bool]
    ) -> int:
        named = self._database.read(lambda tx: store.digests_and_names(tx, feed_id, start))
        orphans = [match for match in portion if (match["sha256"], match["filename"]) not in named]
        return sum(self._remove(match) for match in orphans if not stopped())

    def _remove(self, match: re.Match[str]) -> int:
        """The row is looked for again: the file may have been uploaded since."""
        with self._claims.claimed(match.string):
            row = self._database.read(lambda tx: store.file_at(tx, match["feed"], match["sha256"], match["filename"]))
            if row is not None:
                return 0
            self._blobs.delete(match.string)
            return 1


def _portion(match: re.Match[str]) -> tuple[str, str]:
    """A 256th of a feed's files: its id, and how their digests begin."""
    return match["feed"], match["sha256"][:2]
