"""What has changed, told to whoever keeps something: prepared pages and recent grants are only as good as this."""

from __future__ import annotations

from collections.abc import Callable

from wheelyard.feed.access import AccessGeneration

__all__ = ["FeedChanges"]

Listener = Callable[[str, str | None], None]


class FeedChanges:
    """One per workspace, shared by the feed's routes and by the service that changes feeds.

    `access.bump` is for everything that could take access away (tokens revoked, roles and groups changed).
    """

    def __init__(self) -> None:
        self.access = AccessGeneration()
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Have `listener(feed_id, project)` called after each committed change; `None` means the whole feed."""
        self._listeners.append(listener)

    def changed(self, feed_id: str, project: str | None) -> None:
        for listener in self._listeners:
            listener(feed_id, project)
