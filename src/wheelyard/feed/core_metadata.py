"""METADATA of a wheel and PKG-INFO of an sdist: read, and held against the file's name and the upload form.

The form is a copy that the client made; the file is what installers will read, so the file decides and the form may
only agree. A metadata version with an unknown minor part is taken (it adds fields), one with an unknown major part is
not.
Source: PyPA core metadata specification; facts/packaging.md C3, C4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion, Version

from wheelyard.feed.form import UploadForm
from wheelyard.feed.refusals import UploadRefused

__all__ = ["CoreMetadata", "check_form", "read_core_metadata"]

_METADATA_VERSION = re.compile(r"([12])\.(\d{1,3})")
_LICENSE_FILES_FROM = (2, 4)


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What the feed needs of a distribution's metadata; `version` as it is spelled there.

    `license_files` is empty below metadata version 2.4, where the field was no standard and its place is not known.
    """

    name: str
    version: str
    requires_python: str
    license_files: tuple[str, ...]

    @property
    def normalized_name(self) -> NormalizedName:
        return canonicalize_name(self.name)

    @property
    def version_key(self) -> str:
        """The version's PEP 440 identity: `1.0` and `1.0.0` are one."""
        return canonicalize_version(self.version)


def read_core_metadata(content: bytes, filename: str, name: NormalizedName, version: Version) -> CoreMetadata:
    """Read the metadata of `filename`, whose name says it is `name` at `version`.

    Raises:
        UploadRefused: a field an installer relies on is missing, cannot be read, or contradicts the file's name.
    """
    raw, _unknown = parse_email(content)
    metadata_version = _checked_metadata_version(raw.get("metadata_version", ""), filename)
    metadata = CoreMetadata(
        name=_name(raw.get("name", ""), filename),
        version=_version(raw.get("version", ""), filename),
        requires_python=_requires_python(raw.get("requires_python", ""), filename),
        license_files=_license_files(raw, metadata_version),
    )
    _check_requirements(raw.get("requires_dist", ()), filename)
    if metadata.normalized_name != name:
        raise _contradiction(filename, "name", metadata.name, name)
    if Version(metadata.version) != version:
        raise _contradiction(filename, "version", metadata.version, str(version))
    return metadata


def check_form(form: UploadForm, metadata: CoreMetadata) -> None:
    """Refuse a form that contradicts the file. A field that is not sent contradicts nothing.

    The form's metadata version is only held to be one we know: flit sends a fixed one whatever the file has.
    """
    filename = form.file.filename
    name, version = form.text("name"), form.text("version")
    if name and canonicalize_name(name) != metadata.normalized_name:
        raise _form_contradiction(filename, "name", name, metadata.name)
    if version and not _same_version(version, metadata.version):
        raise _form_contradiction(filename, "version", version, metadata.version)
    if form.text("metadata_version"):
        _checked_metadata_version(form.text("metadata_version"), filename)


def _checked_metadata_version(text: str, filename: str) -> tuple[int, int]:
    found = _METADATA_VERSION.fullmatch(text)
    if found is None:
        raise UploadRefused(
            f"File `{filename}` was not stored: its metadata version is {_quoted(text)}, 1.x and 2.x are known",
            reference="metadata-version-unknown",
        )
    return int(found[1]), int(found[2])


def _name(text: str, filename: str) -> str:
    try:
        canonicalize_name(text, validate=True)
    except InvalidName:
        raise _bad_field(filename, "Name", text) from None
    return text


def _version(text: str, filename: str) -> str:
    try:
        Version(text)
    except InvalidVersion:
        raise _bad_field(filename, "Version", text) from None
    return text


def _requires_python(text: str, filename: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise _bad_field(filename, "Requires-Python", text) from None
    return text


def _check_requirements(lines: Iterable[str], filename: str) -> None:
    for line in lines:
        try:
            Requirement(line)
        except InvalidRequirement:
            raise _bad_field(filename, "Requires-Dist", line) from None


def _license_files(raw: RawMetadata, metadata_version: tuple[int, int]) -> tuple[str, ...]:
    return tuple(raw.get("license_files", ())) if metadata_version >= _LICENSE_FILES_FROM else ()


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def _bad_field(filename: str, field: str, text: str) -> UploadRefused:
    return UploadRefused(
        f"File `{filename}` was not stored: `{field}` of its metadata is {_quoted(text)}, which installers cannot read",
        reference="metadata-invalid",
    )


def _contradiction(filename: str, field: str, inside: str, outside: str) -> UploadRefused:
    return UploadRefused(
        f"File `{filename}` was not stored: its metadata says {field} {_quoted(inside)}, its name says `{outside}`",
        reference=f"metadata-{field}-mismatch",
    )


def _form_contradiction(filename: str, field: str, sent: str, inside: str) -> UploadRefused:
    return UploadRefused(
        f"File `{filename}` was not stored: the form says {field} {_quoted(sent)}, the file's metadata says `{inside}`",
        reference=f"form-{field}-mismatch",
    )


def _quoted(text: str) -> str:
    return f"`{text[:80]}`" if text else "missing"
