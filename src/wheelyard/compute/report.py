"""pip's installation report: what it decided, before anything is in place.

The build of a package runs beside pip and can write whatever it likes into the report. So every value is checked for
its shape before it goes into a key, a path or a line that another installer reads; its truth is proved by hashes.

Source: pip documentation, "Installation Report", version "1"; pip 22.2 to 26.x. Before 23.1 the hash stood in one text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from wheelyard.core.redaction import SafeUrl

__all__ = ["Decision", "UnreadableReportError", "read_report"]

_VERSION = re.compile(r"[0-9A-Za-z.!+_*-]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[0-9A-Za-z._-]+")
_URL = re.compile(r"[^\s\x00-\x1f\x7f]+")


class UnreadableReportError(Exception):
    """It is no report that pip wrote."""


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


def read_report(content: bytes) -> tuple[Decision, ...]:
    """Read a report in the order in which pip would install.

    Raises:
        UnreadableReportError: it does not have the shape of one.
    """
    try:
        return tuple(_decision(item) for item in json.loads(content)["install"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
        raise UnreadableReportError from problem


def _decision(item: Mapping[str, Any]) -> Decision:
    """One item.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: pip writes it otherwise.
    """
    download, metadata = item["download_info"], item["metadata"]
    title, sha256 = _matching(_NAME, metadata["name"]), _sha256(download.get("archive_info") or {})
    return Decision(
        name=canonicalize_name(title),
        title=title,
        version=_matching(_VERSION, metadata["version"]),
        url=_matching(_URL, download["url"]),
        sha256=_matching(_SHA256, sha256) if sha256 else "",
        direct=bool(item.get("is_direct")),
    )


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError("not what pip writes here")
    return text


def _sha256(archive: Mapping[str, Any]) -> str:
    hashes: Mapping[str, str] = archive.get("hashes") or {}
    if "sha256" in hashes:
        return hashes["sha256"]
    algorithm, _, value = str(archive.get("hash") or "").partition("=")
    return value if algorithm == "sha256" else ""
