"""Files and their core metadata as they are answered: whole, in part, or as something the client has already.

What is known of a file that was asked for is kept, never its content, and holds while its project has not changed. A
small file whose content lies in the page cache is ready (`FindReady`), as its metadata is; larger ones leave in pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

from starlette.types import Send

from wheelyard.core.errors import NotFound
from wheelyard.feed.bounded import BoundedMap
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.repository import Repository, StoredFile
from wheelyard.http.byte_ranges import ByteRange, wanted_range
from wheelyard.http.feed_files import SendableFile, content_at_once, send_part
from wheelyard.http.feed_pages import names
from wheelyard.http.ready_answers import Headers, Ready, RequestHeaders, lines_of, send_ready
from wheelyard.storage.blobs import Blobs

__all__ = ["FileAnswers"]

_CACHING = (b"cache-control", b"private, max-age=31536000, immutable")
_RANGES = (b"accept-ranges", b"bytes")
_BINARY = (b"content-type", b"application/octet-stream")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_METADATA = ".metadata"
_READY_BYTES = 128 << 10


class _Place(NamedTuple):
    """Where a file lies below `files/`; `filename` may end in `.metadata`."""

    start: str
    sha256: str
    filename: str


class _Head(NamedTuple):
    """An answer's status and headers, and the bytes of the file that follow, or None."""

    status: int
    headers: Headers
    part: ByteRange | None


class FileAnswers:
    """Answers for the files of all feeds.

    Args:
        repository: opens a feed's stack of components by the feed's id.
        readers: threads that may wait for it.
        most_bytes: memory for what is known of files.
    """

    def __init__(
        self,
        *,
        repository: Callable[[str], Repository],
        blobs: Blobs,
        changes: FeedChanges,
        readers: Executor,
        most_bytes: int,
    ) -> None:
        self._repository = repository
        self._blobs = blobs
        self._changes = changes
        self._readers = readers
        self._known: BoundedMap[tuple[str, str, str], SendableFile] = BoundedMap(most_bytes)

    def find(self, feed_id: str, tail: str, headers: RequestHeaders) -> Ready | None:
        """The answer for a file that is known and small, of which the whole is asked."""
        place = _place(tail)
        file = None if place is None else self._current(feed_id, place)
        if place is None or file is None or not _is_at(place, file) or b"range" in headers:
            return None
        if place.filename.endswith(_METADATA):
            return _metadata(headers, file.stored)
        if file.stored.file.size_bytes > _READY_BYTES:
            return None
        head = _content_head(headers, file, b"")
        content = b"" if head.part is None else content_at_once(file, head.part)
        return None if content is None else Ready(head.status, lines_of(head.headers), content)

    async def send(self, send: Send, feed_id: str, tail: str, headers: RequestHeaders, *, only_head: bool) -> None:
        """Answer any request for a file.

        Raises:
            NotFound: the feed has no such file at this address.
        """
        place = _place(tail)
        if place is None:
            raise NotFound("There is no file at this address of the feed", reference="file-not-found")
        file = self._current(feed_id, place) or await self._found(feed_id, place)
        if not _is_at(place, file):
            raise NotFound(f"File `{place.filename}` is not in this feed", reference="file-not-found")
        if place.filename.endswith(_METADATA):
            await send_ready(send, _metadata(headers, file.stored))
        else:
            await self._content(send, file, headers, only_head=only_head)

    async def _content(self, send: Send, file: SendableFile, headers: RequestHeaders, *, only_head: bool) -> None:
        head = _content_head(headers, file, b"" if only_head else headers.get(b"range", b""))
        if only_head or head.part is None:
            await send_ready(send, Ready(head.status, lines_of(head.headers), b""))
            return
        begin = {"type": "http.response.start", "status": head.status, "headers": head.headers}
        await send_part(send, begin, self._blobs, file, head.part)

    def _current(self, feed_id: str, place: _Place) -> SendableFile | None:
        file = self._known.get((feed_id, place.sha256, place.filename.removesuffix(_METADATA)))
        if file is None or file.changes_seen != self._changes.count(feed_id, file.stored.project):
            return None
        return file

    async def _found(self, feed_id: str, place: _Place) -> SendableFile:
        key = (feed_id, place.sha256, place.filename.removesuffix(_METADATA))
        file = await asyncio.get_running_loop().run_in_executor(self._readers, self._find, *key)
        self._known.put(key, file)
        return file

    def _find(self, feed_id: str, sha256: str, filename: str) -> SendableFile:
        """The count is read before the file is, so that a change in between makes the answer count as old."""
        seen = self._changes.counts()
        stored = self._repository(feed_id).file(sha256, filename)
        path = self._blobs.local_path(stored.blob_key)
        return SendableFile(stored, path, f'"{sha256}"'.encode(), seen.count(feed_id, stored.project))


def _place(tail: str) -> _Place | None:
    parts = tail.split("/")
    if len(parts) != 3 or "\0" in tail:  # a database may refuse to be asked for a NUL
        return None
    return _Place(*parts)


def _is_at(place: _Place, file: SendableFile) -> bool:
    """Whether this address is the file's own, and has metadata if it asks for that."""
    return place.sha256[:2] == place.start and (
        not place.filename.endswith(_METADATA) or file.stored.metadata is not None
    )


def _metadata(headers: RequestHeaders, stored: StoredFile) -> Ready:
    content, etag = stored.metadata or b"", f'"{stored.file.metadata_sha256}"'.encode()
    answer: Headers = [(b"etag", etag), _CACHING]
    if names(headers.get(b"if-none-match", b""), etag):
        return Ready(304, lines_of(answer), b"")
    return Ready(200, lines_of([*answer, _TEXT, (b"content-length", b"%d" % len(content))]), content)


def _content_head(headers: RequestHeaders, file: SendableFile, wanted: bytes) -> _Head:
    size = file.stored.file.size_bytes
    answer: Headers = [(b"etag", file.etag), _CACHING, _RANGES]
    if names(headers.get(b"if-none-match", b""), file.etag):
        return _Head(304, answer, None)
    status, part = 200, ByteRange(0, size)
    if wanted:
        found = wanted_range(wanted, headers.get(b"if-range", b""), file.etag, size)
        if found is not None and found.length == 0:
            return _Head(416, [*answer, (b"content-range", b"bytes */%d" % size), (b"content-length", b"0")], None)
        if found is not None:
            status, part = 206, found
            last = part.start + part.length - 1
            answer.append((b"content-range", b"bytes %d-%d/%d" % (part.start, last, size)))
    return _Head(status, [*answer, _BINARY, (b"content-length", b"%d" % part.length)], part)
