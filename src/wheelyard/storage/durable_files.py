"""Files that are there after a power cut: written beside their place, synced, moved, and the folder synced too.

A rename is atomic, so a reader sees the old file or the new one; without the second sync the name itself could be lost.

Source: POSIX `fsync` (the file's data) and Linux `fsync(2)`, NOTES (its entry in the folder needs one of its own).
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = [
    "TEMPORARY_PREFIX",
    "make_folder_durably",
    "move_durably",
    "remove_unfinished",
    "sync_file",
    "sync_folder",
    "write_durably",
]

TEMPORARY_PREFIX = ".new-"
"""What an interrupted write leaves behind begins with this, and may be deleted."""


def write_durably(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put a file in its place; when this returns it survives a power cut. The folder must exist."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            _write_all(file.fileno(), content)
            os.fdatasync(file.fileno())
        temporary.rename(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def move_durably(source: Path, path: Path) -> None:
    """Move a finished file of the same file system into its place. Its content is synced first."""
    sync_file(source)
    source.rename(path)
    sync_folder(path.parent)


def make_folder_durably(folder: Path, *, mode: int = 0o700) -> None:
    """Make a folder and its parents, each entry synced."""
    if folder.is_dir():
        return
    make_folder_durably(folder.parent, mode=mode)
    folder.mkdir(mode=mode, exist_ok=True)
    sync_folder(folder.parent)


def remove_unfinished(folder: Path) -> None:
    """Remove what interrupted writes into this folder left behind. For a folder that nobody writes to now."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        path.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Sync a file's content. Once is dear; again, while nothing has changed, costs nearly nothing."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Sync the entries of one folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
