"""What was uploaded to the feed itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from packaging.utils import NormalizedName

from wheelyard.core.simple_api import File, Project
from wheelyard.feed import store
from wheelyard.feed.repository import FileNotFound, ProjectNotFound, StoredFile
from wheelyard.storage.database import Connection, Database

__all__ = ["LocalRepository", "blob_key", "listed"]


class LocalRepository:
    """A feed's own files, read from the database at each call; nothing is kept."""

    def __init__(self, database: Database, feed_id: str) -> None:
        self._database = database
        self._feed_id = feed_id

    def project_names(self) -> Sequence[NormalizedName]:
        return self._database.read(lambda tx: store.project_names(tx, self._feed_id))

    def project(self, name: NormalizedName) -> Project:
        rows = self._database.read(lambda tx: self._rows(tx, name))
        return Project(name, tuple(listed(row) for row in rows))

    def file(self, sha256: str, filename: str) -> StoredFile:
        found = self._database.read(lambda tx: self._file(tx, sha256, filename))
        if found is None:
            raise FileNotFound(f"File `{filename}` with this digest is not in the feed")
        row, metadata = found
        return StoredFile(row.project, listed(row), blob_key(self._feed_id, sha256, filename), metadata)

    def _rows(self, tx: Connection, name: NormalizedName) -> list[store.FileRow]:
        rows = store.files_of(tx, self._feed_id, name)
        if not rows and store.project_revision(tx, self._feed_id, name) is None:
            raise ProjectNotFound(f"Project `{name}` is not in the feed")
        return rows

    def _file(self, tx: Connection, sha256: str, filename: str) -> tuple[store.FileRow, bytes | None] | None:
        row = store.file_at(tx, self._feed_id, sha256, filename)
        if row is None:
            return None
        return row, store.metadata_of(tx, row.file_id) if row.metadata_sha256 else None


def blob_key(feed_id: str, sha256: str, filename: str) -> str:
    """Where a file's bytes lie. Two feeds share no bytes, so one can be deleted without asking the other."""
    return f"feeds/{feed_id}/{sha256[:2]}/{sha256}-{filename}"


def listed(row: store.FileRow) -> File:
    """A stored row as a page lists it."""
    return File(
        filename=row.filename,
        version=row.version,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        uploaded_at=datetime.fromtimestamp(row.uploaded_at / 1000, UTC),
        requires_python=row.requires_python,
        metadata_sha256=row.metadata_sha256,
        yanked=row.yanked,
    )
