"""pip's installation report: what it decided, before anything is in place.

Source: pip documentation, "Installation Report", version "1"; pip 22.2 to 26.x. Before 23.1 the hash stood in one text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from wheelyard.core.redaction import SafeUrl

__all__ = ["Decision", "read_report"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One distribution that pip wants in place.

    Args:
        name: normalised; `title` is the name as its metadata spells it.
        url: where its file lies. pip leaves credentials out.
        sha256: of that file, in hex; empty when pip does not know it.
        direct: asked for by URL or path, and not found on an index.
    """

    name: str
    title: str
    version: str
    url: str
    sha256: str
    direct: bool

    @property
    def spelling(self) -> str:
        return f"{self.title}-{self.version}"

    @property
    def wheel(self) -> bool:
        return urlsplit(self.url).path.endswith(".whl")

    @property
    def local_path(self) -> str:
        """Path of a file that was named by path, as the process sees it; empty for anything else."""
        parts = urlsplit(self.url)
        return unquote(parts.path) if parts.scheme == "file" else ""

    @property
    def origin(self) -> str:
        """Masked URL of the place the file comes from."""
        return str(SafeUrl(self.url.rpartition("#")[0] or self.url))


def read_report(text: str) -> tuple[Decision, ...]:
    """Read a report in the order in which pip would install."""
    return tuple(_decision(item) for item in json.loads(text)["install"])


def _decision(item: Mapping[str, Any]) -> Decision:
    download, metadata = item["download_info"], item["metadata"]
    return Decision(
        name=canonicalize_name(metadata["name"]),
        title=metadata["name"],
        version=metadata["version"],
        url=download["url"],
        sha256=_sha256(download.get("archive_info") or {}),
        direct=bool(item.get("is_direct")),
    )


def _sha256(archive: Mapping[str, Any]) -> str:
    hashes: Mapping[str, str] = archive.get("hashes") or {}
    if "sha256" in hashes:
        return hashes["sha256"]
    algorithm, _, value = str(archive.get("hash") or "").partition("=")
    return value if algorithm == "sha256" else ""
