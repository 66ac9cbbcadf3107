"""Files that cross the wall between the engine and code that may be hostile.

What user code can write to is never written by the engine, and read only as what it must be: a plain file of a bounded
size, no link. In a sandbox the two folders are mounts, so user code cannot put other folders in their place.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Handover", "NotAPlainFileError"]

_MOST_BYTES = 8 << 30


class NotAPlainFileError(Exception):
    """What was to be taken is a link, no file, too large or not there."""


@dataclass(frozen=True, slots=True)
class Handover:
    """A folder of the engine's own; processes see `given` read-only, and may write to `taken`."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Handover:
        handover = cls(folder)
        for path in (handover.given, handover.taken):
            path.mkdir(parents=True, mode=0o700)
        return handover

    @property
    def given(self) -> Path:
        return self.folder / "given"

    @property
    def taken(self) -> Path:
        return self.folder / "taken"

    def give(self, name: str, text: str) -> Path:
        """Put a file where processes can read it."""
        path = self.given / name
        path.write_text(text, encoding="utf-8")
        return path

    def names(self) -> tuple[str, ...]:
        """What processes have left."""
        return tuple(sorted(os.listdir(self.taken)))  # noqa: PTH208  # names, not paths

    def take(self, name: str, most_bytes: int) -> bytes:
        """The content of a file that a process left.

        Raises:
            NotAPlainFileError: see there.
        """
        with self._opened(name, most_bytes) as file:
            return file.read(most_bytes)

    def sha256(self, name: str) -> str:
        """In hex, of a file that a process left.

        Raises:
            NotAPlainFileError: see there.
        """
        with self._opened(name, _MOST_BYTES) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def _opened(self, name: str, most_bytes: int) -> Iterator[io.BufferedReader]:
        try:
            handle = os.open(self.taken / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as problem:
            raise NotAPlainFileError(name) from problem
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
                raise NotAPlainFileError(name)
            yield file
