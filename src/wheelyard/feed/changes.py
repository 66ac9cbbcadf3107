"""What has changed, told to whoever keeps something: pages, files and grants that are kept are only as good as this."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable

from wheelyard.feed.access import AccessGeneration

__all__ = ["ChangeCounts", "FeedChanges"]

Listener = Callable[[str, str | None], None]

_BUCKETS = 4096


class ChangeCounts:
    """How often each project has changed, as far as anyone needs to know.

    Projects share a fixed number of counters, so that memory does not grow; a neighbour's change only costs a second
    look.
    """

    __slots__ = ("_all", "_counts")

    def __init__(self, counts: list[int], all_changes: int) -> None:
        self._counts = counts
        self._all = all_changes

    def count(self, feed_id: str, project: str) -> int:
        return self._all + self._counts[_bucket(feed_id, project)]

    def copy(self) -> ChangeCounts:
        return ChangeCounts(self._counts.copy(), self._all)

    def add(self, feed_id: str, project: str | None) -> None:
        """Only ever called under a lock."""
        if project is None:
            self._all += 1
        else:
            self._counts[_bucket(feed_id, project)] += 1


class FeedChanges:
    """One per workspace, shared by the feeds' routes and by the service that changes feeds.

    `access.bump` is for everything that could take access away (tokens revoked, roles and groups changed).
    """

    def __init__(self) -> None:
        self.access = AccessGeneration()
        self._listeners: list[Listener] = []
        self._counts = ChangeCounts([0] * _BUCKETS, 0)
        self._lock = threading.Lock()

    def subscribe(self, listener: Listener) -> None:
        """Have `listener(feed_id, project)` called after each committed change; `None` means the whole feed."""
        self._listeners.append(listener)

    def changed(self, feed_id: str, project: str | None) -> None:
        with self._lock:
            self._counts.add(feed_id, project)
        for listener in self._listeners:
            listener(feed_id, project)

    def count(self, feed_id: str, project: str) -> int:
        return self._counts.count(feed_id, project)

    def counts(self) -> ChangeCounts:
        """The counts as they are now."""
        return self._counts.copy()


def _bucket(feed_id: str, project: str) -> int:
    return zlib.crc32(project.encode(), zlib.crc32(feed_id.encode())) % _BUCKETS
