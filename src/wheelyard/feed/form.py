"""The upload form, read as it arrives: fields into memory, the file onto disk, hashed on the way.

Nothing is trusted: names, sizes and counts are bounded before anything is kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Self

from python_multipart.multipart import parse_options_header

from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.multipart import Malformed, MultipartReader, Sink
from wheelyard.feed.refusals import TooLarge, UploadRefused

__all__ = ["FormReader", "ReceivedFile", "UploadForm", "boundary_of"]

_FILE_FIELD = "content"
_KNOWN_BYTES = 256


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """The uploaded file, not yet looked into; `filename` as the client sent it. Digests are lower-case hexadecimal."""

    filename: str
    path: Path
    size_bytes: int
    sha256: str
    blake2b_256: str


@dataclass(frozen=True, slots=True)
class UploadForm:
    """Every field with its values in the order they came, and the one file."""

    fields: Mapping[str, tuple[str, ...]]
    file: ReceivedFile

    def text(self, name: str) -> str:
        """The first value of a field, or empty."""
        return self.fields.get(name, ("",))[0]


def boundary_of(content_type: str) -> bytes:
    """Answer the boundary of a `multipart/form-data` content type.

    Raises:
        UploadRefused: it is something else.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise UploadRefused(
            "Upload cannot be read: the body is not a multipart/form-data form",
            reference="upload-not-a-form",
            hint="upload with twine, uv publish or poetry publish",
        )
    return boundary


class FormReader:
    """Takes a form's bytes in any pieces. Use as a context manager: leaving it removes a file nobody took.

    Raises:
        UploadRefused: the bytes are no form, or the form has no file or several.
        TooLarge: a limit is passed; said as soon as it is.
    """

    def __init__(self, boundary: bytes, folder: Path, limits: UploadLimits) -> None:
        self._folder = folder
        self._limits = limits
        self._fields: dict[str, list[str]] = {}
        self._parts = 0
        self._field_bytes = 0
        self._spool: _Spool | None = None
        try:
            self._reader = MultipartReader(boundary, self._begin_part)
        except Malformed as error:
            raise _malformed() from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._spool is not None:
            self._spool.discard()

    def write(self, data: bytes) -> None:
        try:
            self._reader.write(data)
        except Malformed as error:
            raise _malformed() from error

    def finish(self) -> UploadForm:
        """Answer the whole form; the file stays in its folder until the reader is left."""
        if not self._reader.is_complete:
            raise UploadRefused("Upload ended before the form did", reference="upload-incomplete", hint="upload again")
        if self._spool is None:
            raise UploadRefused(
                "Upload has no file: the form has no part named `content`", reference="upload-without-file"
            )
        return UploadForm({name: tuple(values) for name, values in self._fields.items()}, self._spool.received())

    def _begin_part(self, disposition: bytes) -> Sink:
        self._parts += 1
        if self._parts > self._limits.fields:
            raise TooLarge(f"Upload has more than {self._limits.fields:,} form fields")
        name, filename = _named(disposition)
        if filename is None:
            return _Field(self._count, self._fields.setdefault(name, []))
        if name != _FILE_FIELD:
            return _Field(self._count, [])  # another file, which nobody asked for
        if self._spool is not None:
            raise UploadRefused(
                "Upload has more than one file", reference="upload-with-files", hint="upload one at a time"
            )
        self._spool = _Spool(filename, self._folder, self._limits)
        return self._spool

    def _count(self, size_bytes: int) -> None:
        self._field_bytes += size_bytes
        if self._field_bytes > self._limits.field_bytes:
            raise TooLarge(f"Upload's form fields take more than {self._limits.field_bytes:,} bytes")


class _Field:
    """A form field being received."""

    def __init__(self, count: Callable[[int], None], values: list[str]) -> None:
        self._count = count
        self._values = values
        self._content = bytearray()

    def write(self, data: bytes) -> None:
        self._count(len(data))
        self._content += data

    def finish(self) -> None:
        self._values.append(self._content.decode(errors="replace"))


class _Spool:
    """A file being received. Its name on disk is ours; the client's is only remembered."""

    def __init__(self, filename: str, folder: Path, limits: UploadLimits) -> None:
        self._filename = filename
        self._most = limits.file_bytes
        handle, path = tempfile.mkstemp(dir=folder, prefix="upload-")
        self._path = Path(path)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._blake2b = hashlib.blake2b(digest_size=32)

    def write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._most:
            raise TooLarge(f"File `{self._filename}` is larger than this feed takes, {self._most:,} bytes")
        self._sha256.update(data)
        self._blake2b.update(data)
        self._file.write(data)

    def finish(self) -> None:
        self._file.close()

    def received(self) -> ReceivedFile:
        return ReceivedFile(self._filename, self._path, self._size, self._sha256.hexdigest(), self._blake2b.hexdigest())

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _named(disposition: bytes) -> tuple[str, str | None]:
    """A part's name and, if it is a file, the file's name."""
    if b"filename" not in disposition and len(disposition) <= _KNOWN_BYTES:
        return _field_name(disposition), None
    options = parse_options_header(disposition)[1]
    filename = options.get(b"filename")
    return _text(options.get(b"name", b"")), None if filename is None else _text(filename)


@lru_cache(maxsize=256)
def _field_name(disposition: bytes) -> str:
    """Kept, because every form of one client has the same fields."""
    return _text(parse_options_header(disposition)[1].get(b"name", b""))


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _malformed() -> UploadRefused:
    return UploadRefused("Upload cannot be read: the form is malformed", reference="upload-malformed")
