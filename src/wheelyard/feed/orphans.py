"""Files' bytes that no row of a feed names: what a crash left between an upload's bytes and its row.

A file's key is made of its digest, so the same file may be on its way again while its old bytes are looked at. Uploads
and the sweep therefore claim a key for as long as they work on it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
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
    """Finds and removes them. What it does not recognise as a feed's file it leaves alone."""

    def __init__(self, *, database: Database, blobs: Blobs, claims: BlobClaims) -> None:
        self._database = database
        self._blobs = blobs
        self._claims = claims

    def sweep(self, *, stored_before: float, stopped: Callable[[], bool]) -> int:
        """Remove bytes that are older than this and that no row names; how many."""
        found = (_KEY.fullmatch(key) for key in self._blobs.keys("feeds/", stored_before=stored_before))
        removed = 0
        for feed_id, matches in groupby((match for match in found if match), key=lambda match: match["feed"]):
            if stopped():
                break
            named = self._database.read(lambda tx, feed_id=feed_id: store.digests_and_names(tx, feed_id))  # type: ignore[misc] # a lambda's default is not inferred
            for match in matches:
                if (match["sha256"], match["filename"]) not in named and not stopped():
                    removed += self._remove(match)
        return removed

    def _remove(self, match: re.Match[str]) -> int:
        """The row is looked for again: the file may have been uploaded since."""
        with self._claims.claimed(match.string):
            row = self._database.read(lambda tx: store.file_at(tx, match["feed"], match["sha256"], match["filename"]))
            if row is not None:
                return 0
            self._blobs.delete(match.string)
            return 1
