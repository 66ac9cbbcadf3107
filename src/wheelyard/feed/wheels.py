"""A wheel, looked into before it is kept: what an installer would stumble over, or a victim would, is refused here.

Every file of the archive is read once and held against RECORD, which also proves that the archive unpacks.
Source: PyPA binary distribution format; facts/packaging.md C3, C4.
"""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from wheelyard.feed.core_metadata import CoreMetadata, read_core_metadata
from wheelyard.feed.distribution import Distribution, check_expansion, check_member_name
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.refusals import UploadRefused

__all__ = ["read_wheel"]

_HASHES = frozenset({"sha256", "sha384", "sha512"})
_WITHOUT_HASH = frozenset({"RECORD", "RECORD.jws", "RECORD.p7s"})
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_PIECE_BYTES = 1 << 18
_READ_AT_ONCE_BYTES = 1 << 20


def read_wheel(path: Path, filename: str, limits: UploadLimits) -> Distribution:
    """Check the wheel at `path`, which is called `filename`, and answer what it is.

    Raises:
        UploadRefused: name, structure, metadata or RECORD is wrong; the text says where.
    """
    try:
        name, version, build, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        raise UploadRefused(
            f"File `{filename}` was not stored: its name is not a wheel's",
            reference="filename-invalid",
            because="a wheel is named {name}-{version}-{python tag}-{abi tag}-{platform tag}.whl",
        ) from None
    try:
        size_bytes = path.stat().st_size
        with _opened(path, size_bytes) as content, zipfile.ZipFile(content) as archive:
            members = _members(archive, size_bytes, filename, limits)
            wheel = _Wheel(archive, members, filename=filename, name=name, version=version, limits=limits)
            metadata, served = wheel.metadata()
            wheel.check_licenses(metadata)
            wheel.check_record()
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError, ValueError) as error:
        raise _broken(filename) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a broken directory makes zipfile seek to before the start
            raise
        raise _broken(filename) from error
    build_text = f"{build[0]}{build[1]}" if build else ""
    tag_text = ".".join(sorted(str(tag) for tag in tags))
    return Distribution(metadata, f"{metadata.version_key}|{build_text}|{tag_text}", served)


class _Wheel:
    """An open wheel whose members have safe names and bounded sizes."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        members: dict[str, zipfile.ZipInfo],
        *,
        filename: str,
        name: NormalizedName,
        version: Version,
        limits: UploadLimits,
    ) -> None:
        self._archive = archive
        self._members = members
        self._filename = filename
        self._name = name
        self._version = version
        self._limits = limits
        self._contents: dict[str, bytes] = {}
        self._info = self._dist_info()

    def metadata(self) -> tuple[CoreMetadata, bytes]:
        content = self._read("METADATA", self._limits.metadata_bytes)
        self._read("WHEEL", self._limits.metadata_bytes)
        return read_core_metadata(content, self._filename, self._name, self._version), content

    def check_licenses(self, metadata: CoreMetadata) -> None:
        """PEP 639: each License-File lies in `licenses/` of the dist-info folder."""
        for license_file in metadata.license_files:
            if f"{self._info}/licenses/{license_file}" not in self._members:
                raise self._refused(
                    f"its metadata names License-File `{license_file}`, which it does not hold", "license-file-missing"
                )

    def check_record(self) -> None:
        """Hold every member against its row in RECORD, and every row against its member."""
        rows = self._record()
        prefix = f"{self._info}/"
        for member in self._members:
            if member.startswith(prefix) and member.removeprefix(prefix) in _WITHOUT_HASH:
                continue
            if member not in rows:
                raise self._refused(f"`{member}` is in the archive but not in RECORD", "record-incomplete")
            self._check_member(member, *rows[member])
        absent = next((member for member in rows if member not in self._members), None)
        if absent is not None:
            raise self._refused(f"`{absent}` is in RECORD but not in the archive", "record-names-absent-file")

    def _check_member(self, member: str, digest: str, size: str) -> None:
        algorithm, _, expected = digest.partition("=")
        if algorithm not in _HASHES:
            raise self._refused(f"RECORD has no sha256, sha384 or sha512 of `{member}`", "record-without-hash")
        found, length = self._digest(member, algorithm)
        if found != expected.rstrip("="):
            raise self._refused(f"`{member}` does not have the hash that RECORD gives", "record-hash-mismatch")
        if size and size != str(length):
            raise self._refused(f"`{member}` has {length} bytes, RECORD says {size}", "record-size-mismatch")

    def _digest(self, member: str, algorithm: str) -> tuple[str, int]:
        digest, length = hashlib.new(algorithm), 0
        if member in self._contents:
            digest.update(self._contents[member])
            return _unpadded(digest.digest()), len(self._contents[member])
        with self._archive.open(self._members[member]) as content:
            while piece := content.read(_PIECE_BYTES):
                digest.update(piece)
                length += len(piece)
        return _unpadded(digest.digest()), length

    def _record(self) -> Mapping[str, tuple[str, str]]:
        text = self._read("RECORD", self._limits.record_bytes).decode()
        rows: dict[str, tuple[str, str]] = {}
        try:
            for row in csv.reader(text.splitlines()):
                if row:
                    member, digest, size = row
                    if member in rows:
                        raise self._refused(f"RECORD has `{member}` twice", "record-malformed")
                    rows[member] = (digest, size)
        except (csv.Error, ValueError):
            raise self._refused("RECORD is not lines of path, hash and size", "record-malformed") from None
        return rows

    def _read(self, name: str, most: int) -> bytes:
        member = self._members.get(f"{self._info}/{name}")
        if member is None:
            raise self._refused(f"it has no `{self._info}/{name}`", f"wheel-without-{name.lower()}")
        if member.file_size > most:
            raise self._refused(f"its {name} is larger than {most:,} bytes", "metadata-too-large")
        content = self._contents[member.filename] = self._archive.read(member)
        return content

    def _dist_info(self) -> str:
        """The one `.dist-info` folder, which belongs to the project and version of the file's name."""
        folders = {member.partition("/")[0] for member in self._members if ".dist-info/" in member}
        folders = {folder for folder in folders if folder.endswith(".dist-info")}
        if len(folders) != 1:
            raise self._refused(f"it has {len(folders)} .dist-info folders, one is needed", "wheel-dist-info")
        folder = folders.pop()
        name, _, version = folder.removesuffix(".dist-info").partition("-")
        if canonicalize_name(name) != self._name or not _is_version(version, self._version):
            raise self._refused(f"its folder `{folder}` does not belong to the file's name", "wheel-dist-info")
        return folder

    def _refused(self, because: str, reference: str) -> UploadRefused:
        return UploadRefused(f"File `{self._filename}` was not stored: {because}", reference=reference)


def _opened(path: Path, size_bytes: int) -> BinaryIO:
    """A small wheel is read at once: `zipfile` asks a file for its place a dozen times and more."""
    return BytesIO(path.read_bytes()) if size_bytes <= _READ_AT_ONCE_BYTES else path.open("rb")


def _members(
    archive: zipfile.ZipFile, packed_bytes: int, filename: str, limits: UploadLimits
) -> dict[str, zipfile.ZipInfo]:
    """The files of the archive by path; folders are left out."""
    entries = archive.infolist()
    if len(entries) > limits.members:
        raise UploadRefused(
            f"File `{filename}` was not stored: it holds more than {limits.members:,} files",
            reference="archive-too-many",
        )
    check_expansion(filename, packed_bytes, sum(entry.file_size for entry in entries), limits)
    members: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        check_member_name(filename, entry.orig_filename)
        _check_entry(entry, filename)
        if entry.filename in members:
            raise UploadRefused(
                f"File `{filename}` was not stored: it holds `{entry.filename}` twice", reference="archive-duplicate"
            )
        if not entry.is_dir():
            members[entry.filename] = entry
    return members


def _check_entry(entry: zipfile.ZipInfo, filename: str) -> None:
    if entry.flag_bits & 0x1 or entry.compress_type not in _COMPRESSIONS:
        raise UploadRefused(
            f"File `{filename}` was not stored: `{entry.filename}` is packed in a way installers cannot read",
            reference="archive-unreadable",
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise UploadRefused(
            f"File `{filename}` was not stored: its member `{entry.filename}` is a link", reference="archive-link"
        )


def _unpadded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _is_version(text: str, version: Version) -> bool:
    try:
        return Version(text.replace("_", "-")) == version
    except InvalidVersion:
        return False


def _broken(filename: str) -> UploadRefused:
    return UploadRefused(
        f"File `{filename}` was not stored: it is not a zip archive, or a broken one",
        reference="archive-unreadable",
        hint="build it again, and check that the upload is not cut short",
    )
