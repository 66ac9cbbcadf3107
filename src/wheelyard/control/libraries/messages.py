"""The text of a failed library, in the shape the live service gives it. Pure; the caller redacts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["failure_message"]

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "NO_MATCHING_DISTRIBUTION_ERROR": (
            "Pip could not find a version that satisfies the requirement for the library."
            " Please check your library version and dependencies."
        ),
        "DRIVER_LIBRARY_INSTALLATION_FAILURE": "Pip could not install the library.",
    }
)
_MOST_BYTES = 4096


def failure_message(cluster_id: str, code: str, output: str) -> str:
    """Source: facts/workspace-api.md 8; a long output keeps its end, where pip says what went wrong."""
    sentence = _SENTENCES.get(code, _SENTENCES["DRIVER_LIBRARY_INSTALLATION_FAILURE"])
    data = output.encode()
    skipped = max(0, len(data) - _MOST_BYTES)
    kept = data[skipped:].decode(errors="ignore")
    note = f"\n***WARNING: message truncated. Skipped {skipped} bytes of output**" if skipped else ""
    return (
        f"Library installation attempted on the driver node of cluster {cluster_id} and failed. {sentence} "
        f"Error Code: {code}. Error Message: {kept}{note}"
    )
