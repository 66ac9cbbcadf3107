"""The upload form, read as it arrives: fields into memory, the file onto disk, hashed on the way.

Nothing is trusted: names, sizes and counts are bounded before anything is kept.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.refusals import TooLarge, UploadRefused

__all__ = ["FormReader", "ReceivedFile", "UploadForm", "boundary_of"]

_FILE_FIELD = "content"


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
        self._header_name = b""
        self._header_value = b""
        self._part = _Part()
        self._spool: _Spool | None = None
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._begin_content,
                    "on_part_data": self._add_content,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed() from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._spool is not None:
            self._spool.discard()

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise _malformed() from error

    def finish(self) -> UploadForm:
        """Answer the whole form; the file stays in its folder until the reader is left."""
        if not self._complete:
            raise UploadRefused("Upload ended before the form did", reference="upload-incomplete", hint="upload again")
        if self._spool is None:
            raise UploadRefused(
                "Upload has no file: the form has no part named `content`", reference="upload-without-file"
            )
        return UploadForm({name: tuple(values) for name, values in self._fields.items()}, self._spool.received())

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > self._limits.fields:
            raise TooLarge(f"Upload has more than {self._limits.fields:,} form fields")
        self._part = _Part()

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self._part = _Part(
                name=options.get(b"name", b"").decode(errors="replace"),
                filename=options[b"filename"].decode(errors="replace") if b"filename" in options else None,
            )
        self._header_name = self._header_value = b""

    def _begin_content(self) -> None:
        if self._part.filename is None or self._part.name != _FILE_FIELD:
            return
        if self._spool is not None:
            raise UploadRefused(
                "Upload has more than one file", reference="upload-with-files", hint="upload one at a time"
            )
        self._spool = _Spool(self._part.filename, self._folder, self._limits)

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        if self._spool is not None and self._part.filename is not None and self._part.name == _FILE_FIELD:
            self._spool.write(data[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > self._limits.field_bytes:
            raise TooLarge(f"Upload's form fields take more than {self._limits.field_bytes:,} bytes")
        self._part.content += data[start:end]

    def _end_part(self) -> None:
        if self._part.filename is None:
            self._fields.setdefault(self._part.name, []).append(self._part.content.decode(errors="replace"))

    def _end(self) -> None:
        self._complete = True


@dataclass(slots=True)
class _Part:
    name: str = ""
    filename: str | None = None
    content: bytearray = field(default_factory=bytearray)


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

    def received(self) -> ReceivedFile:
        self._file.close()
        return ReceivedFile(self._filename, self._path, self._size, self._sha256.hexdigest(), self._blake2b.hexdigest())

    def discard(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _malformed() -> UploadRefused:
    return UploadRefused("Upload cannot be read: the form is malformed", reference="upload-malformed")
