"""How much one upload may bring."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["UploadLimits"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Sizes are bytes.

    Args:
        file_bytes: of one distribution file.
        field_bytes: of all other form fields together; the description is the largest of them.
        fields: number of form parts.
        expansion_ratio: unpacked size over packed size. Code packs to a quarter, so fifty is no distribution.
        expansion_from_bytes: below this unpacked size the ratio is not looked at: small files pack by chance.
        unpacked_bytes: unpacked size, whatever the ratio.
        members: files in an archive.
        metadata_bytes: of METADATA, PKG-INFO or WHEEL.
        record_bytes: of RECORD.

    Source: sizes of Azure Artifacts and the ratio of warehouse, facts/packaging.md C3 and D.
    """

    file_bytes: int = 500 * 1000 * 1000
    field_bytes: int = 16 * _MIB
    fields: int = 10_000
    expansion_ratio: int = 50
    expansion_from_bytes: int = 8 * _MIB
    unpacked_bytes: int = 8_000 * _MIB
    members: int = 200_000
    metadata_bytes: int = 8 * _MIB
    record_bytes: int = 64 * _MIB
