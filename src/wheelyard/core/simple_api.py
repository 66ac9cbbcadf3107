"""The simple index: what a page says, as values, and the same page as HTML or JSON text.

Two media types carry one meaning. The JSON form has everything; the HTML form is frozen at version 1.4 and cannot say
sizes, times or versions. Links are relative, so a page stays right behind a proxy, a path prefix or another host
name, and a client that attaches credentials below the index's root attaches them to files too.

Source: PyPA simple repository API specification (PEPs 503, 592, 629, 658, 691, 700, 714, 792, 833).
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import quote

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

__all__ = [
    "API_VERSION",
    "File",
    "Format",
    "Project",
    "ProjectStatus",
    "file_path",
    "format_named",
    "negotiate",
    "project_list_html",
    "project_list_json",
    "project_page_html",
    "project_page_json",
]

API_VERSION = "1.4"
ProjectStatus = Literal["active", "archived", "quarantined", "deprecated"]


@dataclass(frozen=True, slots=True)
class File:
    """One distribution file as a page lists it.

    Args:
        filename: verbatim, never with a path.
        version: as the file's metadata spells it.
        sha256: lower-case hexadecimal.
        size_bytes: mandatory in JSON. PEP 700.
        uploaded_at: when the index that first had it got it; None only if an upstream did not say. PEP 700.
        requires_python: the metadata's `Requires-Python`, or empty. PEP 503.
        metadata_sha256: of the file answered at the file's URL + `.metadata`, or empty if there is none. PEP 658, 714.
        yanked: the reason, which may be empty; None for a file that is not yanked. PEP 592.
    """

    filename: str
    version: str
    sha256: str
    size_bytes: int
    uploaded_at: datetime | None = None
    requires_python: str = ""
    metadata_sha256: str = ""
    yanked: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """One project's listing. `status` other than active is said on the page. PEP 792."""

    name: NormalizedName
    files: tuple[File, ...] = ()
    status: ProjectStatus = "active"
    status_reason: str = ""

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version with a file, oldest first; what PEP 440 cannot read comes before what it can."""
        return tuple(sorted({file.version for file in self.files}, key=_age))


class Format(StrEnum):
    """A page's media type. Both HTML types have the same body."""

    JSON = "application/vnd.pypi.simple.v1+json"
    V1_HTML = "application/vnd.pypi.simple.v1+html"
    HTML = "text/html"

    @property
    def content_type(self) -> str:
        return "text/html; charset=utf-8" if self is Format.HTML else self.value


_SPELLINGS = {
    "application/vnd.pypi.simple.v1+json": Format.JSON,
    "application/vnd.pypi.simple.latest+json": Format.JSON,
    "application/vnd.pypi.simple.v1+html": Format.V1_HTML,
    "application/vnd.pypi.simple.latest+html": Format.V1_HTML,
    "text/html": Format.HTML,
}
_MATCHED_BY = {
    # A range of media types, and what it stands for, the preferred one first. A client that takes anything gets HTML.
    **{spelling: (format_,) for spelling, format_ in _SPELLINGS.items()},
    "application/*": (Format.JSON, Format.V1_HTML),
    "text/*": (Format.HTML,),
    "*/*": (Format.HTML, Format.JSON, Format.V1_HTML),
}
_EXACTNESS = {"*/*": 0, "text/*": 1, "application/*": 1}
_PREFERENCE = (Format.JSON, Format.V1_HTML, Format.HTML)


def negotiate(accept: str) -> Format:
    """Choose the format for an `Accept` header; an absent or unknown one gets `text/html`.

    The highest `q` wins; between equals the one named more exactly, then JSON.

    >>> negotiate("application/vnd.pypi.simple.v1+json, text/html; q=0.01")
    <Format.JSON: 'application/vnd.pypi.simple.v1+json'>
    >>> negotiate("*/*"), negotiate("image/png")
    (<Format.HTML: 'text/html'>, <Format.HTML: 'text/html'>)
    """
    weights: dict[Format, tuple[int, float]] = {}
    for media_range, weight in _media_ranges(accept):
        exactness = _EXACTNESS.get(media_range, 2)
        for format_ in _MATCHED_BY.get(media_range, ()):
            if exactness >= weights.get(format_, (-1, 0.0))[0]:
                weights[format_] = (exactness, weight)
    wanted = [(weight, exactness, format_) for format_, (exactness, weight) in weights.items() if weight > 0]
    if not wanted:
        return Format.HTML
    weight, exactness, _ = max(wanted, key=lambda row: row[:2])
    best = {
        format_ for row_weight, row_exactness, format_ in wanted if (row_weight, row_exactness) == (weight, exactness)
    }
    order = _MATCHED_BY["*/*"] if exactness == 0 else _PREFERENCE
    return next(format_ for format_ in order if format_ in best)


def format_named(name: str) -> Format | None:
    """The format that `?format=` asks for, or None if we have no such format. PEP 691."""
    return _SPELLINGS.get(name.strip().lower())


def file_path(sha256: str, filename: str) -> str:
    """Where a file lies below the feed's root: the digest is part of it, so what it answers never changes."""
    return f"files/{sha256[:2]}/{sha256}/{quote(filename)}"


def project_page_html(project: Project) -> str:
    """One project as HTML. PEP 503, 592, 629, 658, 714, 792."""
    title = html.escape(f"Links for {project.name}")
    status = _status_meta(project)
    links = "".join(_link(file) for file in project.files)
    return _document(f"<title>{title}</title>{status}", f"<h1>{title}</h1>\n{links}")


def project_page_json(project: Project) -> str:
    """One project as JSON. PEP 691, 700, 714, 792."""
    page: dict[str, Any] = {
        "meta": {"api-version": API_VERSION},
        "name": project.name,
        "versions": project.versions,
        "files": [_json_file(file) for file in project.files],
    }
    if project.status != "active":
        page["project-status"] = {"status": project.status} | (
            {"reason": project.status_reason} if project.status_reason else {}
        )
    return _json(page)


def project_list_html(names: Sequence[NormalizedName]) -> str:
    """All projects as HTML. PEP 503."""
    return _document("<title>Simple index</title>", "".join(f'<a href="{name}/">{name}</a><br>\n' for name in names))


def project_list_json(names: Iterable[NormalizedName]) -> str:
    """All projects as JSON. PEP 691. Nothing in a normalised name has to be escaped."""
    projects = ",".join([f'{{"name":"{name}"}}' for name in names])
    return f'{{"meta":{{"api-version":"{API_VERSION}"}},"projects":[{projects}]}}'


def _media_ranges(accept: str) -> Iterable[tuple[str, float]]:
    for part in accept.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((value[2:] for value in parameters if value.startswith("q=")), "1")
        yield media_range, _weight(weight)


def _weight(text: str) -> float:
    """A `q` value; one that cannot be read counts as not wanted."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _age(version: str) -> tuple[bool, Version, str]:
    try:
        return True, Version(version), version
    except InvalidVersion:
        return False, Version("0"), version


def _json(page: dict[str, Any]) -> str:
    return json.dumps(page, separators=(",", ":"), ensure_ascii=False)


def _json_file(file: File) -> dict[str, Any]:
    """PEP 714 renamed `dist-info-metadata` to `core-metadata`; old clients read the old key."""
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": f"../../{file_path(file.sha256, file.filename)}",
        "hashes": {"sha256": file.sha256},
        "size": file.size_bytes,
        "yanked": file.yanked or file.yanked is not None,
    }
    if file.uploaded_at is not None:
        entry["upload-time"] = _time(file.uploaded_at)
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    metadata = {"sha256": file.metadata_sha256} if file.metadata_sha256 else False
    return entry | {"core-metadata": metadata, "dist-info-metadata": metadata}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _link(file: File) -> str:
    attributes = [f'href="../../{file_path(file.sha256, file.filename)}#sha256={file.sha256}"']
    if file.requires_python:
        attributes.append(f'data-requires-python="{html.escape(file.requires_python)}"')
    if file.metadata_sha256:
        attributes += [f'data-{key}-metadata="sha256={file.metadata_sha256}"' for key in ("core", "dist-info")]
    if file.yanked is not None:
        attributes.append(f'data-yanked="{html.escape(file.yanked)}"')
    return f"<a {' '.join(attributes)}>{html.escape(file.filename)}</a><br>\n"


def _status_meta(project: Project) -> str:
    if project.status == "active":
        return ""
    rows = [("pypi:project-status", project.status), ("pypi:project-status-reason", project.status_reason)]
    return "".join(f'<meta name="{name}" content="{html.escape(value)}">' for name, value in rows if value)


def _document(head: str, body: str) -> str:
    version = f'<meta name="pypi:repository-version" content="{API_VERSION}">'
    return f"<!DOCTYPE html>\n<html><head>{version}{head}</head>\n<body>\n{body}</body></html>\n"
