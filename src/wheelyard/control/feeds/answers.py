"""Rows turned into the bodies that answer them."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import NormalizedName
from packaging.version import Version

from wheelyard.control.feeds import wire
from wheelyard.control.feeds.store import TokenRow
from wheelyard.core.simple_api import file_path
from wheelyard.feed.access import FeedPlace, FeedRole
from wheelyard.feed.store import FeedRow, FileRow, ProjectSummary

__all__ = ["feed", "package", "package_summary", "token_info"]


def feed(row: FeedRow, role: FeedRole, base_url: str) -> wire.Feed:
    """A feed with the addresses a client uses; `base_url` is the one it came by."""
    root = base_url + row.place.root
    return wire.Feed(
        feed_id=row.feed_id,
        name=row.name,
        organization=row.organization,
        project=row.project,
        index_url=f"{root}simple/",
        upload_url=f"{root}upload/",
        description=row.description,
        created_at=row.created_at,
        created_by=row.created_by,
        role=role,
    )


def token_info(row: TokenRow) -> wire.TokenInfo:
    """What may be told of a token at any time."""
    return wire.TokenInfo(
        token_id=row.token_id,
        scope=row.scope,
        created_by=row.principal,
        creation_time=row.created_at,
        expiry_time=-1 if row.expiry_at is None else row.expiry_at,
        comment=row.comment,
    )


def package_summary(summary: ProjectSummary) -> wire.PackageSummary:
    """One line of the list of packages."""
    return wire.PackageSummary(
        name=summary.project,
        latest_version=_latest(summary.versions),
        versions=len(summary.versions),
        files=summary.files,
    )


def package(name: NormalizedName, place: FeedPlace, rows: Iterable[FileRow], base_url: str) -> wire.Package:
    """A package with every version and file."""
    by_version: dict[str, list[FileRow]] = {}
    for row in rows:
        by_version.setdefault(row.version_key, []).append(row)
    newest_first = sorted(by_version.values(), key=lambda files: Version(files[0].version), reverse=True)
    return wire.Package(name=name, versions=[_version(files, base_url + place.root) for files in newest_first])


def _version(rows: list[FileRow], root: str) -> wire.Version:
    """A version counts as yanked when all its files are."""
    return wire.Version(
        version=rows[0].version,
        files=[_file(row, root) for row in rows],
        yanked=all(row.yanked is not None for row in rows),
        yanked_reason=next((row.yanked for row in rows if row.yanked), ""),
    )


def _file(row: FileRow, root: str) -> wire.File:
    return wire.File(
        filename=row.filename,
        size=row.size_bytes,
        sha256=row.sha256,
        url=root + file_path(row.sha256, row.filename),
        uploaded_at=row.uploaded_at,
        uploaded_by=row.uploaded_by,
        requires_python=row.requires_python,
    )


def _latest(versions: tuple[str, ...]) -> str:
    """The newest final release, or the newest of all when there is none, as an installer would choose."""
    parsed = [Version(version) for version in versions]
    finals = [version for version in parsed if not version.is_prerelease]
    return str(max(finals or parsed))
