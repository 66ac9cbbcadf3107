"""The feeds' own door: a plain ASGI callable in front of the router.

Below `/{organization}/[{project}/]_packaging/{feed}/pypi/` lie `simple/`, `simple/{project}/`, `upload/` and
`files/{sha256[:2]}/{sha256}/{filename}[.metadata]`, all under one root, so that pip and uv send credentials with
files too.

What is asked most, a page with known credentials, is answered in the event loop from two dictionaries, without a
thread, a lock or the database; everything else goes to threads. Credentials are asked for first, and with 401
everywhere, because that is what makes an installer send them; only who is known is told that a feed does not exist.
Source: facts/packaging.md C2, C3, G.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qs

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from starlette.types import Receive, Scope, Send

from wheelyard.core.errors import NotFound, PermissionDenied, Unauthenticated, Unavailable
from wheelyard.core.permissions import covers
from wheelyard.core.simple_api import Format, format_named, negotiate
from wheelyard.feed.access import AccessCache, Gate, Grant
from wheelyard.feed.bounded import BoundedMap
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.form import boundary_of
from wheelyard.feed.repository import Repository, StoredFile
from wheelyard.feed.shelf import Page, Shelf
from wheelyard.feed.upload import Uploads
from wheelyard.http.byte_ranges import ByteRange, wanted_range
from wheelyard.http.feed_answers import (
    Headers,
    NotAcceptable,
    send_empty,
    send_error,
    send_method_refused,
    send_redirect,
)
from wheelyard.http.feed_credentials import ask, place_of
from wheelyard.http.feed_files import AnswerBroken, SendableFile, send_part
from wheelyard.storage.blobs import Blobs

__all__ = ["FeedRoutes"]

T = TypeVar("T")
RequestHeaders = dict[bytes, bytes]

_MARK = "/_packaging/"
_PAGE_CACHING = (b"cache-control", b"private, no-cache")
_PAGE_VARY = (b"vary", b"Accept, Authorization, Accept-Encoding")
_FILE_CACHING = (b"cache-control", b"private, max-age=31536000, immutable")
_RANGES = (b"accept-ranges", b"bytes")
_GZIP = (b"content-encoding", b"gzip")
_CONTENT_TYPES = {format_: (b"content-type", format_.content_type.encode()) for format_ in Format}
_BINARY = (b"content-type", b"application/octet-stream")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_READING = frozenset({"GET", "HEAD"})
_UPLOAD = frozenset({"upload/", "upload"})
_HAND_OVER_BYTES = 1 << 20
_KNOWN_ACCEPTS = 512


class FeedRoutes:
    """Answers every request below a feed's root. Close it after the server has stopped.

    Args:
        gate: what a token may do in a feed.
        repository: opens a feed's stack of components by the feed's id.
        files_bytes: memory for what is known of files that were asked for (never their content).
    """

    def __init__(
        self,
        *,
        gate: Gate,
        repository: Callable[[str], Repository],
        shelf: Shelf,
        uploads: Uploads,
        blobs: Blobs,
        changes: FeedChanges,
        files_bytes: int = 32 << 20,
    ) -> None:
        self._gate = gate
        self._repository = repository
        self._shelf = shelf
        self._uploads = uploads
        self._blobs = blobs
        self._changes = changes
        self._access = AccessCache(changes.access)
        self._files: BoundedMap[tuple[str, str, str], SendableFile] = BoundedMap(files_bytes)
        self._formats: dict[bytes, Format] = {}
        self._readers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feed-read")
        self._takers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feed-upload")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: RequestHeaders = dict(scope["headers"])
        try:
            await self._answer(scope, headers, receive, send)
        except AnswerBroken:
            raise
        except Exception as error:  # noqa: BLE001 # each becomes an answer; what is none of ours is logged there
            await send_error(send, error, headers.get(b"accept", b"").decode("latin-1"))

    def close(self) -> None:
        """Let what is under way finish."""
        self._takers.shutdown(wait=True)
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._shelf.close()

    async def _answer(self, scope: Scope, headers: RequestHeaders, receive: Receive, send: Send) -> None:
        root, tail = _split(scope["path"])
        credentials = headers.get(b"authorization", b"")
        digest = self._access.digest(credentials, root.encode())
        grant = self._access.find(digest) or await self._admit(credentials, root, digest)
        reading = scope["method"] in _READING
        if reading and tail.startswith("simple/"):
            await self._simple(scope, headers, grant, tail[7:], send)
        elif reading and tail.startswith("files/"):
            await self._file(scope, headers, grant, tail, send)
        elif tail in _UPLOAD:
            await self._upload(scope, headers, grant, receive, send)
        elif not reading:
            await send_method_refused(send, "GET, HEAD")
        elif tail == "simple":
            await send_redirect(send, "simple/")
        else:
            raise NotFound("There is nothing at this address of the feed", hint="the index is at `…/pypi/simple/`")

    async def _admit(self, credentials: bytes, root: str, digest: bytes) -> Grant:
        if not credentials:
            raise Unauthenticated(
                "This feed asks who you are",
                reference="feed-credentials-missing",
                hint="give a token as the password (or the user name) of the index URL; any other half will do",
            )
        generation = self._changes.access.current()
        grant = await self._in_thread(self._readers, partial(ask, self._gate, credentials, place_of(root)))
        self._access.keep(digest, grant, generation)
        return grant

    async def _simple(self, scope: Scope, headers: RequestHeaders, grant: Grant, name: str, send: Send) -> None:
        project = NormalizedName(name[:-1]) if name else None
        page = self._shelf.find(grant.feed_id, project) if name.endswith("/") or not name else None
        if page is None:
            if name and (elsewhere := _proper_place(name)):
                await send_redirect(send, elsewhere)
                return
            page = await asyncio.wrap_future(self._shelf.make(grant.feed_id, project))
        if not page.exists:
            raise NotFound(f"Project `{project}` is not in this feed", reference="project-not-found")
        await self._page(scope, headers, page, send)

    async def _page(self, scope: Scope, headers: RequestHeaders, page: Page, send: Send) -> None:
        format_ = self._format(scope, headers)
        packed = _takes_gzip(headers.get(b"accept-encoding", b""))
        body = page.bodies[format_, packed]
        answer: Headers = [(b"etag", body.etag), _PAGE_CACHING, _PAGE_VARY]
        known = headers.get(b"if-none-match")
        if known is not None and _names(known, body.etag):
            await send_empty(send, 304, answer)
            return
        answer += [_CONTENT_TYPES[format_], (b"content-length", b"%d" % len(body.content))]
        if packed:
            answer.append(_GZIP)
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": body.content})

    def _format(self, scope: Scope, headers: RequestHeaders) -> Format:
        if scope["query_string"]:
            named = parse_qs(scope["query_string"].decode("latin-1")).get("format")
            if named:
                return _named_format(named[-1])
        accept = headers.get(b"accept", b"")
        format_ = self._formats.get(accept)
        if format_ is None:
            format_ = negotiate(accept.decode("latin-1"))
            if len(self._formats) >= _KNOWN_ACCEPTS:
                self._formats.clear()
            self._formats[accept] = format_
        return format_

    async def _file(self, scope: Scope, headers: RequestHeaders, grant: Grant, tail: str, send: Send) -> None:
        _, start, sha256, filename = _file_parts(tail)
        wanted = filename.removesuffix(".metadata")
        key = (grant.feed_id, sha256, wanted)
        file = self._files.get(key)
        if file is None or file.changes_seen != self._changes.count(grant.feed_id, file.stored.project):
            file = await self._in_thread(self._readers, partial(self._find_file, *key))
            self._files.put(key, file)
        if sha256[:2] != start or (filename != wanted and file.stored.metadata is None):
            raise NotFound(f"File `{filename}` is not in this feed", reference="file-not-found")
        if filename != wanted:
            await self._metadata(headers, file.stored, send)
        else:
            await self._content(scope, headers, file, send)

    def _find_file(self, feed_id: str, sha256: str, filename: str) -> SendableFile:
        """The count is read before the file is, so that a change in between makes the answer count as old."""
        seen = self._changes.counts()
        stored = self._repository(feed_id).file(sha256, filename)
        path = self._blobs.local_path(stored.blob_key)
        return SendableFile(stored, path, f'"{sha256}"'.encode(), seen.count(feed_id, stored.project))

    async def _metadata(self, headers: RequestHeaders, stored: StoredFile, send: Send) -> None:
        content, etag = stored.metadata or b"", f'"{stored.file.metadata_sha256}"'.encode()
        answer: Headers = [(b"etag", etag), _FILE_CACHING]
        if _names(headers.get(b"if-none-match", b""), etag):
            await send_empty(send, 304, answer)
            return
        answer += [_TEXT, (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": answer})
        await send({"type": "http.response.body", "body": content})

    async def _content(self, scope: Scope, headers: RequestHeaders, file: SendableFile, send: Send) -> None:
        size = file.stored.file.size_bytes
        answer: Headers = [(b"etag", file.etag), _FILE_CACHING, _RANGES]
        if _names(headers.get(b"if-none-match", b""), file.etag):
            await send_empty(send, 304, answer)
            return
        status, part = 200, ByteRange(0, size)
        if b"range" in headers and scope["method"] == "GET":
            found = wanted_range(headers[b"range"], headers.get(b"if-range", b""), file.etag, size)
            if found is not None and found.length == 0:
                await send_empty(send, 416, [*answer, (b"content-range", b"bytes */%d" % size)])
                return
            if found is not None:
                status, part = 206, found
                last = part.start + part.length - 1
                answer.append((b"content-range", b"bytes %d-%d/%d" % (part.start, last, size)))
        answer += [_BINARY, (b"content-length", b"%d" % part.length)]
        begin = {"type": "http.response.start", "status": status, "headers": answer}
        if scope["method"] == "HEAD":
            await send(begin)
            await send({"type": "http.response.body", "body": b""})
        else:
            await send_part(send, begin, self._blobs, file, part)

    async def _upload(self, scope: Scope, headers: RequestHeaders, grant: Grant, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await send_method_refused(send, "POST")
            return
        if not covers("feed", grant.role, "CONTRIBUTOR"):
            raise PermissionDenied(
                f"{grant.principal} may not upload to this feed: it needs CONTRIBUTOR, this token gives {grant.role}",
                reference="feed-permission-denied",
                unchanged="nothing was stored",
                hint="ask an owner of the feed for the role, or use a token with the scope `write`",
            )
        try:
            if await self._take(headers, grant, receive):
                await send_empty(send, 200, [_TEXT])
        except OSError as error:
            raise Unavailable(
                "The file was not stored: the feed's disk is full or cannot be written",
                reference="storage-unavailable",
                unchanged="nothing was stored",
                log=str(error),
            ) from error

    async def _take(self, headers: RequestHeaders, grant: Grant, receive: Receive) -> bool:
        """Read the form and keep its file; False if the client went away before the end."""
        with self._uploads.reader(boundary_of(headers.get(b"content-type", b"").decode("latin-1"))) as reader:
            pieces, size, more = list[bytes](), 0, True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return False
                more = message.get("more_body", False)
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if more and size >= _HAND_OVER_BYTES:
                    await self._in_thread(self._takers, partial(reader.write, b"".join(pieces)))
                    pieces, size = [], 0

            def finish() -> None:
                reader.write(b"".join(pieces))
                self._uploads.take(reader.finish(), grant)

            await self._in_thread(self._takers, finish)
        return True

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def _split(path: str) -> tuple[str, str]:
    """A feed's address and what is asked below its `pypi/`."""
    mark = path.find(_MARK)
    end = path.find("/", mark + len(_MARK))
    if mark < 0 or end < 0 or not path.startswith("/pypi/", end):
        return path, ""
    return path[:end], path[end + 6 :]


def _proper_place(name: str) -> str:
    """Where a page is that was asked for without its slash or under another spelling; empty if it was right.

    Raises:
        NotFound: no project can have this name.
    """
    bare = name.removesuffix("/")
    try:
        normalized = canonicalize_name(bare, validate=True)
    except InvalidName:
        raise NotFound("No project can have this name", reference="project-not-found") from None
    if name == f"{normalized}/":
        return ""
    return f"../{normalized}/" if name.endswith("/") else f"{normalized}/"


def _named_format(name: str) -> Format:
    format_ = format_named(name)
    if format_ is None:
        raise NotAcceptable(
            f"This feed has no format {name[:80]!r}", hint="leave `format` out, or name a simple API type"
        )
    return format_


def _file_parts(tail: str) -> list[str]:
    parts = tail.split("/")
    if len(parts) != 4 or "\0" in tail:  # a database may refuse to be asked for a NUL
        raise NotFound("There is no file at this address of the feed", reference="file-not-found")
    return parts


def _takes_gzip(accept_encoding: bytes) -> bool:
    return b"gzip" in accept_encoding and b"q=0" not in accept_encoding


def _names(if_none_match: bytes, etag: bytes) -> bool:
    """Whether the client has this content already. Source: RFC 9110, 13.1.2 (compared weakly)."""
    if if_none_match == etag:
        return True
    return any(tag.strip().removeprefix(b"W/") in {etag, b"*"} for tag in if_none_match.split(b","))
