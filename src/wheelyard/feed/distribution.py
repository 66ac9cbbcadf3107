"""What wheels and sdists have in common once they have been looked into, and the rules for any archive's members."""

from __future__ import annotations

import re
from dataclasses import dataclass

from wheelyard.feed.core_metadata import CoreMetadata
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.refusals import UploadRefused

__all__ = ["Distribution", "check_expansion", "check_filename", "check_member_name"]

_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,254}")
_ODD_MEMBER = re.compile(r"[A-Za-z]:|.*[\x00-\x1f\\]", re.DOTALL)
"""A drive, a control character, or a separator of another system."""
_NO_NAMES = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Distribution:
    """A checked file.

    Args:
        metadata: what its core metadata says.
        identity: equal for two files of one project that an installer could not tell apart, however they are spelled.
        served_metadata: bytes for `<url>.metadata`; None for an sdist, whose metadata may change when it is built.
    """

    metadata: CoreMetadata
    identity: str
    served_metadata: bytes | None


def check_filename(filename: str) -> None:
    """Refuse a name that is more than a name, before it is part of any path or URL."""
    if not _FILENAME.fullmatch(filename) or ".." in filename:
        raise UploadRefused(
            f"File {filename[:80]!r} was not stored: a distribution's file name has letters, digits and `._+!-` only",
            reference="filename-invalid",
        )


def check_member_name(filename: str, member: str) -> None:
    """Refuse an archive member that could be written outside of where the archive is unpacked."""
    parts = member.removesuffix("/").split("/")
    if _ODD_MEMBER.match(member) or not _NO_NAMES.isdisjoint(parts):
        raise UploadRefused(
            f"File `{filename}` was not stored: its member {member[:80]!r} has a path that leaves the archive",
            reference="archive-path-escape",
        )


def check_expansion(filename: str, packed_bytes: int, unpacked_bytes: int, limits: UploadLimits) -> None:
    """Refuse an archive that unpacks to much more than it weighs."""
    most = max(limits.expansion_from_bytes, packed_bytes * limits.expansion_ratio)
    if unpacked_bytes > min(most, limits.unpacked_bytes):
        raise UploadRefused(
            f"File `{filename}` was not stored: it unpacks to at least {unpacked_bytes:,} bytes from {packed_bytes:,}",
            reference="archive-expands-too-much",
            because=f"an archive may unpack to {limits.expansion_ratio} times its size",
        )
