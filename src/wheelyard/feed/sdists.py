"""An sdist, looked into before it is kept: unpacking it must be safe, and its PKG-INFO must be its own.

The archive is read as one stream and never written anywhere.
Source: PyPA source distribution format (PEPs 625, 643, 721); facts/packaging.md C3, C4.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import Version

from wheelyard.feed.core_metadata import CoreMetadata, read_core_metadata
from wheelyard.feed.distribution import Distribution, check_expansion, check_member_name
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.refusals import UploadRefused

__all__ = ["read_sdist"]

_NOWHERE = "/nonexistent"


def read_sdist(path: Path, filename: str, limits: UploadLimits) -> Distribution:
    """Check the sdist at `path`, which is called `filename`, and answer what it is.

    Raises:
        UploadRefused: name, structure or metadata is wrong; the text says where.
    """
    try:
        name, version = parse_sdist_filename(filename)
    except InvalidSdistFilename:
        name, version = None, None
    if name is None or version is None or not filename.endswith(".tar.gz"):
        raise UploadRefused(
            f"File `{filename}` was not stored: its name is not an sdist's",
            reference="filename-invalid",
            because="an sdist is named {name}-{version}.tar.gz",
        )
    try:
        metadata = _read(path, filename, name, version, limits)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeDecodeError) as error:
        raise UploadRefused(
            f"File `{filename}` was not stored: it is not a gzipped tar archive, or a broken one",
            reference="archive-unreadable",
            hint="build it again, and check that the upload is not cut short",
        ) from error
    return Distribution(metadata, f"{metadata.version_key}|sdist", None)


def _read(path: Path, filename: str, name: NormalizedName, version: Version, limits: UploadLimits) -> CoreMetadata:
    packed = path.stat().st_size
    folder, members, content = "", set[str](), b""
    with gzip.open(path) as unpacked:
        counted = io.BufferedReader(_Counted(unpacked, filename, packed, limits))
        with tarfile.open(fileobj=counted, mode="r|") as archive:
            for member in _checked(archive, filename, limits):
                top, _, inside = member.name.partition("/")
                folder = folder or top
                if top != folder:
                    raise _refused(filename, f"it has two top folders, `{folder}` and `{top}`", "sdist-layout")
                members.add(inside)
                if inside == "PKG-INFO":
                    content = _content(archive, member, filename, limits)
    if not content:
        raise _refused(filename, "it has no PKG-INFO in its top folder", "sdist-without-pkg-info")
    metadata = read_core_metadata(content, filename, name, version)
    for license_file in metadata.license_files:
        if license_file not in members:
            raise _refused(
                filename,
                f"PKG-INFO names License-File `{license_file}`, which it does not hold",
                "license-file-missing",
            )
    return metadata


def _checked(archive: tarfile.TarFile, filename: str, limits: UploadLimits) -> Iterator[tarfile.TarInfo]:
    """The members that may be unpacked, as `tarfile`'s own `data` filter sees it; any other refuses the archive."""
    for count, member in enumerate(archive, start=1):
        if count > limits.members:
            raise _refused(filename, f"it holds more than {limits.members:,} files", "archive-too-many")
        check_member_name(filename, member.name)
        try:
            tarfile.data_filter(member, _NOWHERE)
        except tarfile.FilterError:
            raise _refused(
                filename, f"unpacking its member `{member.name}` would be unsafe", "archive-path-escape"
            ) from None
        yield member


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, filename: str, limits: UploadLimits) -> bytes:
    if member.size > limits.metadata_bytes:
        raise _refused(filename, f"its PKG-INFO is larger than {limits.metadata_bytes:,} bytes", "metadata-too-large")
    content = archive.extractfile(member)
    return content.read() if content is not None else b""


class _Counted(io.RawIOBase):
    """A stream that refuses to go on when it has given too much for the archive's size."""

    def __init__(self, source: IO[bytes] | gzip.GzipFile, filename: str, packed: int, limits: UploadLimits) -> None:
        super().__init__()
        self._source = source
        self._filename = filename
        self._packed = packed
        self._limits = limits
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what RawIOBase hands over
        piece = self._source.read(len(buffer))
        self._given += len(piece)
        check_expansion(self._filename, self._packed, self._given, self._limits)
        buffer[: len(piece)] = piece
        return len(piece)


def _refused(filename: str, because: str, reference: str) -> UploadRefused:
    return UploadRefused(f"File `{filename}` was not stored: {because}", reference=reference)
