"""The feeds' own door: a plain ASGI callable in front of the router.

Below `/{organization}/[{project}/]_packaging/{feed}/pypi/` lie `simple/`, `simple/{project}/`, `upload/` and
`files/{sha256[:2]}/{sha256}/{filename}[.metadata]`, all under one root, so that pip and uv send credentials with
files too.

What is asked most, a page or a small file with known credentials, is answered in the event loop from two dictionaries,
without a thread, a lock or the database (`find_ready`); everything else goes to threads. Credentials are asked for
first, and with 401 everywhere, because that is what makes an installer send them; only who is known is told that a
feed does not exist.
Source: facts/packaging.md C2, C3, G.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from starlette.types import Receive, Scope, Send

from wheelyard.core.errors import NotFound, PermissionDenied, Unauthenticated, Unavailable
from wheelyard.core.permissions import covers
from wheelyard.feed.access import AccessCache, Gate, Grant
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.form import boundary_of
from wheelyard.feed.repository import Repository
from wheelyard.feed.shelf import Shelf
from wheelyard.feed.upload import Uploads
from wheelyard.http.feed_answers import send_empty, send_error, send_method_refused, send_redirect
from wheelyard.http.feed_credentials import ask, place_of
from wheelyard.http.feed_file_answers import FileAnswers
from wheelyard.http.feed_files import AnswerBroken
from wheelyard.http.feed_pages import PageAnswers
from wheelyard.http.ready_answers import Ready, RequestHeaders, send_ready
from wheelyard.storage.blobs import Blobs

__all__ = ["FeedRoutes"]

T = TypeVar("T")

_MARK = "/_packaging/"
_INDEX = "/pypi/simple/"
_FILES = "/pypi/files/"
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_READING = frozenset({"GET", "HEAD"})
_UPLOAD = frozenset({"upload/", "upload"})
_HAND_OVER_BYTES = 1 << 20


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
        self._shelf = shelf
        self._uploads = uploads
        self._changes = changes
        self._access = AccessCache(changes.access)
        self._pages = PageAnswers(shelf)
        self._readers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feed-read")
        self._files = FileAnswers(
            repository=repository, blobs=blobs, changes=changes, readers=self._readers, most_bytes=files_bytes
        )
        self._takers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feed-upload")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: RequestHeaders = dict(scope["headers"])
        if scope["method"] == "GET":
            ready = self.find_ready(scope["path"], scope["query_string"], headers, "")
            if ready is not None:
                await send_ready(send, ready)
                return
        try:
            await self._answer(scope, headers, receive, send)
        except AnswerBroken:
            raise
        except Exception as error:  # noqa: BLE001 # each becomes an answer; what is none of ours is logged there
            await send_error(send, error, headers.get(b"accept", b"").decode("latin-1"))

    def find_ready(self, path: str, query: bytes, headers: RequestHeaders, _client: str) -> Ready | None:
        """A page in memory or a small file, for credentials that are known; see `FindReady`.

        Grants are kept under a feed's address as `_split` cuts it out of a path. An address that this cuts out
        otherwise has no grant, so that nothing is found.
        """
        root, mark, name = path.partition(_INDEX)
        if mark and not query:
            grant = self._known(root, headers)
            return self._pages.find(grant.feed_id, name, headers) if grant is not None else None
        root, mark, tail = path.partition(_FILES)
        if mark:
            grant = self._known(root, headers)
            return self._files.find(grant.feed_id, tail, headers) if grant is not None else None
        return None

    def close(self) -> None:
        """Let what is under way finish."""
        self._takers.shutdown(wait=True)
        self._uploads.close()
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
            only_head = scope["method"] == "HEAD"
            await self._files.send(send, grant.feed_id, tail[6:], headers, only_head=only_head)
        elif tail in _UPLOAD:
            await self._upload(scope, headers, grant, receive, send)
        elif not reading:
            await send_method_refused(send, "GET, HEAD")
        elif tail == "simple":
            await send_redirect(send, "simple/")
        else:
            raise NotFound("There is nothing at this address of the feed", hint="the index is at `…/pypi/simple/`")

    def _known(self, root: str, headers: RequestHeaders) -> Grant | None:
        access = self._access
        return access.find(access.digest(headers.get(b"authorization", b""), root.encode()))

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
        query = scope["query_string"]
        answer = self._pages.at_once(page, query, headers)
        if answer is None:
            answer = await self._in_thread(self._readers, partial(self._pages.unpacked, page, query, headers))
        await send_ready(send, answer)

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
