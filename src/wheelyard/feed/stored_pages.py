"""Prepared pages out of the database: whatever is waiting is read together, which costs little more than one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from packaging.utils import NormalizedName

from wheelyard.feed import store
from wheelyard.feed.packed_page import Page
from wheelyard.storage.database import Database

__all__ = ["StoredPages"]

Asked = tuple[str, NormalizedName]
"""A feed's id and a project."""

_MOST_TOGETHER = 64


class StoredPages:
    """Reads in a thread of its own, which waits for nothing but the database.

    Args:
        hand_on: called in that thread with each page that was asked for; None if none is prepared.
        fail: called instead when the database does not answer.
    """

    def __init__(
        self,
        database: Database,
        *,
        hand_on: Callable[[Asked, Future[Page], Page | None], None],
        fail: Callable[[Asked, Future[Page], BaseException], None],
    ) -> None:
        self._database = database
        self._hand_on = hand_on
        self._fail = fail
        self._waiting: list[tuple[Asked, Future[Page]]] = []
        self._lock = threading.Lock()
        self._is_reading = False
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="feed-stored-pages")

    def ask(self, asked: Asked, future: Future[Page]) -> None:
        """Have the page read."""
        with self._lock:
            self._waiting.append((asked, future))
            if self._is_reading:
                return
            self._is_reading = True
        self._reader.submit(self._read_all)

    def close(self) -> None:
        """Let what is under way finish."""
        self._reader.shutdown(wait=True)

    def _read_all(self) -> None:
        while batch := self._next():
            try:
                pages = self._read([asked for asked, _ in batch])
            except BaseException as error:  # noqa: BLE001 # those who wait get it
                for asked, future in batch:
                    self._fail(asked, future, error)
            else:
                for asked, future in batch:
                    self._hand_on(asked, future, pages.get(asked))

    def _next(self) -> list[tuple[Asked, Future[Page]]]:
        with self._lock:
            batch, self._waiting = self._waiting[:_MOST_TOGETHER], self._waiting[_MOST_TOGETHER:]
            self._is_reading = bool(batch)
            return batch

    def _read(self, asked: Sequence[Asked]) -> dict[Asked, Page]:
        rows = self._database.read(lambda tx: store.ready_pages(tx, asked))
        return {key: Page(row.html, row.json) for key, row in rows.items()}
