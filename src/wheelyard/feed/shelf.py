"""Pages, ready to be sent: made when something is written, not when it is read.

What is asked for lies packed in memory, bounded in bytes, and of that a part unpacked too (`packed_page`); behind it
lie the packed pages of every project in the database; behind them the repository, which is asked when a page was not
written yet. A change drops the page at once, so nobody who was told of the change can see the page before it. A moment
later, when a burst of changes is over, the new page is made in the background, and the list of all projects once.

Many readers of one missing page wait for one maker. A maker that was overtaken by a change gives its page to those
who asked before the change, and does not keep it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from packaging.utils import NormalizedName

from wheelyard.core.simple_api import (
    Format,
    project_list_html,
    project_list_json,
    project_page_html,
    project_page_json,
)
from wheelyard.feed import store
from wheelyard.feed.bounded import BoundedMap
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.packed_page import MISSING, Page, PlainTexts, pack
from wheelyard.feed.repository import ProjectNotFound, Repository
from wheelyard.feed.stored_pages import StoredPages
from wheelyard.storage.database import Connection, Database

__all__ = ["Shelf"]

_LOG = logging.getLogger(__name__)
_PACKING = 6
_PACKING_LIST = 1  # it is made anew for each new project, while somebody may wait for it
_ALL: NormalizedName | None = None
_REST_SECONDS = 0.02
_BURST_SECONDS = 1.0

Key = tuple[str, NormalizedName | None]
"""A feed's id and a project, or None for the list of all projects."""


class Shelf:
    """The pages of all feeds.

    Args:
        repository: opens a feed's stack of components.
        most_bytes: held in memory, a quarter of it unpacked.
        rest_seconds: how long no change must come before pages are made ahead.
    """

    def __init__(
        self,
        *,
        database: Database,
        repository: Callable[[str], Repository],
        changes: FeedChanges,
        most_bytes: int = 96 << 20,
        rest_seconds: float = _REST_SECONDS,
    ) -> None:
        self._database = database
        self._repository = repository
        self._pages: BoundedMap[Key, Page] = BoundedMap(most_bytes - most_bytes // 4)
        self.plain_texts = PlainTexts(most_bytes // 4)
        self._lock = threading.Lock()
        self._making: dict[Key, Future[Page]] = {}
        self._makers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="feed-page")
        self._stored = StoredPages(database, hand_on=self._hand_on, fail=self._failed)
        self._ahead = _Ahead(self._prepare, rest_seconds)
        changes.subscribe(self._changed)

    def find(self, feed_id: str, project: NormalizedName | None) -> Page | None:
        """The page, if it lies in memory."""
        return self._pages.get((feed_id, project))

    def make(self, feed_id: str, project: NormalizedName | None) -> Future[Page]:
        """The page, made by whoever asked first."""
        key = (feed_id, project)
        with self._lock:
            making = self._making.get(key)
            if making is None:
                making = self._making[key] = Future()
                if project is None:
                    self._makers.submit(self._fulfil, key, making)
                else:
                    self._stored.ask((feed_id, project), making)
            return making

    def close(self) -> None:
        self._ahead.close()
        self._stored.close()
        self._makers.shutdown(wait=True, cancel_futures=True)

    def _changed(self, feed_id: str, project: str | None) -> None:
        if project is None:
            with self._lock:
                for key in [key for key in self._making if key[0] == feed_id]:
                    del self._making[key]
                self._pages.drop_where(feed_id)
            return
        keys: list[Key] = [(feed_id, NormalizedName(project))]
        listed = self._pages.get((feed_id, _ALL))
        if listed is None or not self._lists(listed, project):
            keys.append((feed_id, _ALL))
        with self._lock:
            for key in keys:
                self._making.pop(key, None)
                self._pages.drop(key)
        self._ahead.add(keys)

    def _hand_on(self, key: Key, future: Future[Page], page: Page | None) -> None:
        """A page that was prepared, or none: then the repository is asked, which may take its time."""
        if page is None:
            self._makers.submit(self._fulfil, key, future)
        else:
            self._settled(key, future, page)
            future.set_result(page)

    def _failed(self, key: Key, future: Future[Page], error: BaseException) -> None:
        self._settled(key, future, None)
        future.set_exception(error)

    def _fulfil(self, key: Key, future: Future[Page]) -> None:
        try:
            page = self._made(key)
        except BaseException as error:  # noqa: BLE001 # those who wait get it
            self._failed(key, future, error)
        else:
            self._settled(key, future, page)
            future.set_result(page)

    def _settled(self, key: Key, future: Future[Page], page: Page | None) -> None:
        """Keep the page unless a change came while it was made."""
        with self._lock:
            if self._making.get(key) is future:
                del self._making[key]
                if page is not None:
                    self._pages.put(key, page)

    def _made(self, key: Key) -> Page:
        feed_id, project = key
        if project is None:
            names = self._repository(feed_id).project_names()
            return self._packed(project_list_html(names), project_list_json(names), _PACKING_LIST)
        return self._rendered(feed_id, project)[0]

    def _rendered(self, feed_id: str, project: NormalizedName) -> tuple[Page, int | None]:
        """The page from the repository, and the revision it is at least as new as."""
        revision = self._database.read(lambda tx: store.project_revision(tx, feed_id, project))
        try:
            listing = self._repository(feed_id).project(project)
        except ProjectNotFound:
            return MISSING, None
        return self._packed(project_page_html(listing), project_page_json(listing), _PACKING), revision

    def _packed(self, html: str, json: str, level: int) -> Page:
        """A page that was just made; somebody may be waiting for its texts."""
        texts = (html.encode(), json.encode())
        page = Page(*(pack(text, level=level) for text in texts))
        for format_, text in zip((Format.HTML, Format.JSON), texts, strict=True):
            self.plain_texts.keep(page.text(format_), text)
        return page

    def _lists(self, page: Page, project: str) -> bool:
        """Whether the list names the project already: then a further file changes nothing in it."""
        return f'{{"name":"{project}"}}'.encode() in self.plain_texts.of(page.text(Format.JSON))

    def _prepare(self, keys: set[Key]) -> None:
        """Make ahead what has changed: the pages of the projects go to the database, the list into memory."""
        rows: list[tuple[str, NormalizedName, store.PageRow]] = []
        for feed_id, project in keys:
            if project is None:
                self.make(feed_id, project)
                continue
            page, revision = self._rendered(feed_id, project)
            if revision is not None:
                html, json = page.text(Format.HTML), page.text(Format.JSON)
                rows.append((feed_id, project, store.PageRow(revision, html.content, json.content)))
        if rows:
            self._database.write(lambda tx: _put_pages(tx, rows))


class _Ahead:
    """Collects what has changed and hands it on when nothing more has come for a moment, or after a second.

    Only the first change of a burst wakes the thread; it looks for itself whether more has come.
    """

    def __init__(self, prepare: Callable[[set[Key]], None], rest_seconds: float) -> None:
        self._prepare = prepare
        self._rest = rest_seconds
        self._waiting: set[Key] = set()
        self._changes = 0
        self._bell = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, keys: list[Key]) -> None:
        with self._bell:
            is_first = not self._waiting
            self._waiting.update(keys)
            self._changes += 1
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="feed-pages-ahead", daemon=True)
                self._thread.start()
            if is_first:
                self._bell.notify()

    def close(self) -> None:
        with self._bell:
            self._closed.set()
            self._bell.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (keys := self._next()) is not None:
            try:
                self._prepare(keys)
            except Exception:  # noqa: BLE001 # a reader makes the page when it is asked for
                _LOG.warning("pages were not made ahead", exc_info=True)

    def _next(self) -> set[Key] | None:
        with self._bell:
            self._bell.wait_for(lambda: self._waiting or self._closed.is_set())
        started, seen = time.monotonic(), -1
        while seen != self._changes and time.monotonic() - started < _BURST_SECONDS:
            seen = self._changes
            if self._closed.wait(self._rest):
                return None
        with self._bell:
            keys, self._waiting = self._waiting, set()
            return keys


def _put_pages(tx: Connection, rows: list[tuple[str, NormalizedName, store.PageRow]]) -> None:
    for feed_id, project, row in rows:
        store.put_page(tx, feed_id, project, row)
