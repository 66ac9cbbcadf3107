"""Files out of a feed: whole or in part, in pieces, so that downloads do not starve pages.

A piece that lies in the page cache is read on the spot (a read that must not wait); one that does not is read by a
thread. Between pieces the loop serves others. Pieces from an object store are larger, because each is a request.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.types import Message, Send

from wheelyard.core.errors import NotFound, Unavailable
from wheelyard.feed.repository import StoredFile
from wheelyard.http.byte_ranges import ByteRange
from wheelyard.storage.blobs import Blobs

__all__ = ["AnswerBroken", "SendableFile", "content_at_once", "send_part"]

_PIECE_BYTES = 512 << 10
_REMOTE_PIECE_BYTES = 4 << 20
_DO_NOT_WAIT = getattr(os, "RWF_NOWAIT", 0)

Read = Callable[[int, int], Awaitable[bytes | bytearray]]


class AnswerBroken(Exception):  # an event, told to the server, which closes the connection
    """The answer has begun and cannot be finished."""


@dataclass(frozen=True, slots=True)
class SendableFile:
    """A file as the route keeps it: where its bytes lie, and its metadata. `path` is None in an object store."""

    stored: StoredFile
    path: Path | None
    etag: bytes
    changes_seen: int

    @property
    def weight_bytes(self) -> int:
        return 2048 + len(self.stored.metadata or b"")


def content_at_once(file: SendableFile, part: ByteRange) -> bytes | bytearray | None:
    """The bytes of a range that lie in memory, read without waiting; None where they do not."""
    if file.path is None or not _DO_NOT_WAIT:
        return None
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # said in words by whoever must answer
        return None
    try:
        content = _read_at_once(descriptor, part.start, part.length)
    finally:
        os.close(descriptor)
    return content if len(content) == part.length else None


async def send_part(send: Send, start: Message, blobs: Blobs, file: SendableFile, part: ByteRange) -> None:
    """Send an answer's headers and the bytes of one range; nothing is sent if the file cannot be opened.

    Raises:
        AnswerBroken: the file ended early, after the headers had left.
    """
    if file.path is None:
        await _send_pieces(
            send, start, part, lambda at, length: _remote(blobs, file.stored, at, length), _REMOTE_PIECE_BYTES
        )
        return
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable(
            f"File `{file.stored.file.filename}` cannot be read", reference="storage-unavailable", log=str(error)
        ) from error
    try:
        await _send_pieces(send, start, part, lambda at, length: _read(descriptor, at, length))
    finally:
        os.close(descriptor)


async def _send_pieces(
    send: Send, start: Message, part: ByteRange, read: Read, piece_bytes: int = _PIECE_BYTES
) -> None:
    """The first piece is read before the headers leave, so that a store that does not answer is still an error."""
    position, end = part.start, part.start + part.length
    piece = await _piece(read, position, min(end, position + piece_bytes))
    await send(start)
    while True:
        position += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": position < end})
        if position >= end:
            return
        await asyncio.sleep(0)
        try:
            piece = await _piece(read, position, min(end, position + piece_bytes))
        except Exception as error:
            raise AnswerBroken from error


async def _piece(read: Read, position: int, end: int) -> bytes | bytearray:
    piece = await read(position, end - position)
    if not piece and position < end:
        raise Unavailable("The file is shorter than when it was stored", reference="file-cut-short")
    return piece


async def _remote(blobs: Blobs, stored: StoredFile, start: int, length: int) -> bytes:
    """Bytes that a row promises and the store does not have are our fault: not found would send pip elsewhere."""
    try:
        return await _in_thread(blobs.read, stored.blob_key, start, length)
    except NotFound as error:
        raise Unavailable(
            f"File `{stored.file.filename}` cannot be read", reference="storage-unavailable", log=error.what
        ) from error


async def _read(descriptor: int, start: int, length: int) -> bytes | bytearray:
    return _read_at_once(descriptor, start, length) or await _in_thread(os.pread, descriptor, length, start)


def _read_at_once(descriptor: int, start: int, length: int) -> bytes | bytearray:
    """As much as lies in memory, without waiting; empty where the system cannot tell."""
    if not _DO_NOT_WAIT:
        return b""
    buffer = bytearray(length)
    try:
        count = os.preadv(descriptor, [buffer], start, _DO_NOT_WAIT)
    except OSError:  # not in memory, or a file system that cannot tell
        return b""
    return buffer if count == length else buffer[:count]


async def _in_thread(work: Callable[..., bytes], *arguments: object) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(None, work, *arguments)
