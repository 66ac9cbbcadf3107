"""Blobs: large immutable contents under a key, in a local folder or in an object store.

What `put` or `put_file` returned from survives a crash. obstore's local store does not sync what it writes, so a local
folder is written by ourselves (`durable_files`), with the same keys and files that obstore would use; every other store
goes through obstore.

Keys are relative paths with `/`, of printable characters: no empty, `.` or `..` part, none that begins with `.new-`.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import obstore
from obstore.exceptions import BaseError, GenericError

from wheelyard.core.errors import InvalidParameter, NotFound, Unavailable
from wheelyard.storage.durable_files import TEMPORARY_PREFIX, make_folder_durably, move_durably, write_durably

__all__ = ["Blobs", "LocalBlobs", "ObjectStoreBlobs"]


class Blobs(Protocol):
    """One store of blobs. Safe to share between threads.

    Every method raises `InvalidParameter` for a key that is no key, `NotFound` for a blob that is not there, and
    `Unavailable` when the store refuses or does not answer.
    """

    def put(self, key: str, content: bytes) -> None:
        """Store; replaces what was there. Readers see the old or the new content, never a part."""

    def put_file(self, key: str, path: Path) -> None:
        """Store a finished file and remove it from where it was."""

    def get(self, key: str) -> bytes: ...

    def read(self, key: str, start: int, length: int) -> bytes:
        """A piece; shorter at the end, empty behind it."""

    def size(self, key: str) -> int:
        """Bytes."""

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None:
        """Remove; nothing happens when it is not there."""

    def local_path(self, key: str) -> Path | None:
        """Where the blob is a file of this machine, for sending it without a copy; None elsewhere."""

    def keys(self, prefix: str = "", *, stored_before: float = math.inf) -> Iterator[str]:
        """Every key that begins with the text, in order; only blobs stored before that time (seconds since 1970).

        Blobs that come or go meanwhile may be among them or not.
        """

    def remove_unfinished(self, *, begun_before: float) -> int:
        """Remove what interrupted writes left behind, and say how many."""


class LocalBlobs:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _explained("the blob folder", ""):
            make_folder_durably(folder)

    def put(self, key: str, content: bytes) -> None:
        path = self._path(key)
        with _explained("a blob", key):
            self._in_its_folder(path, lambda: write_durably(path, content))

    def put_file(self, key: str, path: Path) -> None:
        place = self._path(key)
        with _explained("a blob", key):
            try:
                os.utime(path)  # a blob's age counts from here, not from when its content was made
                self._in_its_folder(place, lambda: move_durably(path, place))
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                self._copy_over(path, place)

    def get(self, key: str) -> bytes:
        with _explained("a blob", key):
            return self._path(key).read_bytes()

    def read(self, key: str, start: int, length: int) -> bytes:
        with _explained("a blob", key), self._path(key).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def size(self, key: str) -> int:
        with _explained("a blob", key):
            return self._path(key).stat().st_size

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        with _explained("a blob", key):
            self._path(key).unlink(missing_ok=True)

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def keys(self, prefix: str = "", *, stored_before: float = math.inf) -> Iterator[str]:
        start = prefix.rpartition("/")[0]
        for key, entry in _files_below(self._folder / start, f"{start}/" if start else ""):
            unfinished = entry.name.startswith(TEMPORARY_PREFIX)
            if not unfinished and key.startswith(prefix) and _is_file_from_before(entry, stored_before):
                yield key

    def remove_unfinished(self, *, begun_before: float) -> int:
        removed = 0
        for _key, entry in _files_below(self._folder, ""):
            if entry.name.startswith(TEMPORARY_PREFIX) and _is_file_from_before(entry, begun_before):
                Path(entry.path).unlink(missing_ok=True)
                removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self._folder.joinpath(*_parts(key))

    def _in_its_folder(self, path: Path, write: Any) -> None:
        """Write, making the folder when it is missing; the usual case costs no look at it."""
        try:
            write()
        except FileNotFoundError:
            make_folder_durably(path.parent)
            write()

    def _copy_over(self, source: Path, place: Path) -> None:
        """From another file system: copied beside its place first, so that the move is atomic."""
        make_folder_durably(place.parent)
        beside = place.with_name(f"{TEMPORARY_PREFIX}{place.name}")
        try:
            shutil.copyfile(source, beside)
            move_durably(beside, place)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise
        source.unlink()


class ObjectStoreBlobs:
    """Any store obstore opens: S3, Azure, GCS, memory. Durability is the store's promise."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, key: str, content: bytes) -> None:
        with _explained("a blob", key):
            obstore.put(self._store, _checked(key), content)

    def put_file(self, key: str, path: Path) -> None:
        with _explained("a blob", key):
            obstore.put(self._store, _checked(key), path)
            path.unlink()

    def get(self, key: str) -> bytes:
        with _explained("a blob", key):
            return bytes(obstore.get(self._store, _checked(key)).bytes())

    def read(self, key: str, start: int, length: int) -> bytes:
        """Stores refuse a piece that begins at the end or behind it, and answer a shorter one when it ends there."""
        if length == 0 and self.exists(key):
            return b""
        with _explained("a blob", key):
            try:
                return bytes(obstore.get_range(self._store, _checked(key), start=start, length=length))
            except GenericError:
                if start < self.size(key):
                    raise
                return b""

    def size(self, key: str) -> int:
        with _explained("a blob", key):
            return int(obstore.head(self._store, _checked(key))["size"])

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        with suppress(NotFound), _explained("a blob", key):
            obstore.delete(self._store, _checked(key))

    def local_path(self, key: str) -> Path | None:
        _checked(key)
        return None

    def keys(self, prefix: str = "", *, stored_before: float = math.inf) -> Iterator[str]:
        """Every key that begins with the text, in order. Stores list by folder, so the rest is compared here."""
        folder = prefix.rpartition("/")[0]
        with _explained("the blobs", prefix):
            batches = list(obstore.list(self._store, prefix=folder or None))
        return iter(
            sorted(
                entry["path"]
                for batch in batches
                for entry in batch
                if entry["path"].startswith(prefix) and entry["last_modified"].timestamp() < stored_before
            )
        )

    def remove_unfinished(self, *, begun_before: float) -> int:  # noqa: ARG002 # a folder's matter
        """Objects appear whole. Parts of a broken upload are ended by the bucket's own life-cycle rule."""
        return 0


def _files_below(folder: Path, start: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What lies in a folder and below, with its key, in the order of the keys; one folder at a time is in memory."""
    try:
        with os.scandir(folder) as found:
            entries = sorted((f"{entry.name}/" if entry.is_dir() else entry.name, entry) for entry in found)
    except (FileNotFoundError, NotADirectoryError):  # it has gone, or never was
        return
    for name, entry in entries:
        if name.endswith("/"):
            yield from _files_below(Path(entry.path), f"{start}{name}")
        else:
            yield start + name, entry


def _is_file_from_before(entry: os.DirEntry[str], moment: float) -> bool:
    """False also for a file that has gone meanwhile."""
    try:
        return entry.is_file() and (moment == math.inf or entry.stat().st_mtime < moment)
    except FileNotFoundError:
        return False


def _parts(key: str) -> list[str]:
    parts = key.split("/")
    if not key.isprintable() or any(part in {"", ".", ".."} or part.startswith(TEMPORARY_PREFIX) for part in parts):
        raise InvalidParameter(f"`{key}` cannot be the key of a blob", reference="invalid-blob-key")
    return parts


def _checked(key: str) -> str:
    return "/".join(_parts(key))


@contextmanager
def _explained(thing: str, key: str) -> Iterator[None]:
    """Turn what the system says into our words."""
    name = f"{thing} `{key}`" if key else thing
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise NotFound(f"There is no {name.removeprefix('a ')}", reference="blob-not-found", log=str(error)) from error
    except (OSError, BaseError) as error:
        raise Unavailable(
            f"{name[0].upper()}{name[1:]} cannot be read or written: {_reason(error)}",
            reference="storage-unavailable",
            log=str(error),
        ) from error


def _reason(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or "the store does not answer as expected").lower()
