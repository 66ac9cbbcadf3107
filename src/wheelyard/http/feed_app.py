"""The feeds, put together: from a database, blobs and a gate to one ASGI callable."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from wheelyard.feed.access import Gate
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.components.local import LocalRepository
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.orphans import BlobClaims
from wheelyard.feed.repository import Repository
from wheelyard.feed.shelf import Shelf
from wheelyard.feed.upload import Uploads
from wheelyard.http.feed_routes import FeedRoutes
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Database

__all__ = ["feed_app"]


def feed_app(
    *,
    database: Database,
    blobs: Blobs,
    gate: Gate,
    changes: FeedChanges,
    incoming: Path,
    claims: BlobClaims | None = None,
    repository: Callable[[str], Repository] | None = None,
    limits: UploadLimits | None = None,
    pages_bytes: int = 96 << 20,
    clock: Callable[[], float] = time.time,
) -> FeedRoutes:
    """Build the feeds' app; call `close()` on it after the server has stopped.

    Args:
        database: holds the feeds, their files' rows and prepared pages.
        blobs: holds the files.
        gate: decides what a token may do; `Feeds.admit`.
        changes: the one that `Feeds` was given.
        incoming: folder for files while they come in, on the file system of the blobs.
        claims: the ones that orphans are removed under.
        repository: opens a feed's stack of components by its id; by default what was uploaded to it.
        limits: what one upload may bring.
        pages_bytes: memory for prepared pages.
        clock: seconds since the epoch.
    """
    stack = repository or (lambda feed_id: LocalRepository(database, feed_id))
    shelf = Shelf(database=database, repository=stack, changes=changes, most_bytes=pages_bytes)
    uploads = Uploads(
        database=database,
        blobs=blobs,
        changes=changes,
        claims=claims or BlobClaims(),
        folder=incoming,
        limits=limits,
        clock=clock,
    )
    return FeedRoutes(gate=gate, repository=stack, shelf=shelf, uploads=uploads, blobs=blobs, changes=changes)
