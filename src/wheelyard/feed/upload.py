"""A file's way into a feed: form, checks, bytes, row. Nothing is linked before it is whole and on disk.

The bytes are made durable first and the row last; a crash in between leaves bytes that nobody links. The answer is
given only after the commit, so what was answered survives.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from wheelyard.core.errors import NotFound
from wheelyard.feed import store
from wheelyard.feed.access import Grant
from wheelyard.feed.changes import FeedChanges
from wheelyard.feed.components.local import blob_key
from wheelyard.feed.core_metadata import check_form
from wheelyard.feed.distribution import Distribution, check_filename
from wheelyard.feed.form import FormReader, ReceivedFile, UploadForm
from wheelyard.feed.limits import UploadLimits
from wheelyard.feed.orphans import BlobClaims
from wheelyard.feed.refusals import FileExists, UploadRefused, VersionBurnt
from wheelyard.feed.sdists import read_sdist
from wheelyard.feed.wheels import read_wheel
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Connection, Database
from wheelyard.storage.durable_files import sync_file
from wheelyard.storage.sweeping import delete_or_leave

__all__ = ["Uploads"]

_FILE_TYPES = {".whl": "bdist_wheel", ".tar.gz": "sdist"}
_NO_DIGEST = ""


class Uploads:
    """Takes files in. Methods are called in worker threads, any number at a time; close it when they have ended.

    Args:
        claims: shared with whoever removes orphans.
        folder: where files lie while they come in; on the file system of the blobs, so that keeping one is a rename.
            What a crash left there is removed.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        changes: FeedChanges,
        claims: BlobClaims,
        folder: Path,
        limits: UploadLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._changes = changes
        self._claims = claims
        self._folder = folder
        self.limits = limits or UploadLimits()
        self._clock = clock
        self._syncs = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feed-sync")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob("upload-*"):
            left.unlink(missing_ok=True)

    def reader(self, boundary: bytes) -> FormReader:
        return FormReader(boundary, self._folder, self.limits)

    def take(self, form: UploadForm, grant: Grant) -> None:
        """Check a file and keep it; the same file again is taken in silence.

        Raises:
            UploadRefused: form or file is not in order.
            FileExists: the name is taken by other content.
            VersionBurnt: the version was deleted here.
        """
        _check_envelope(form)
        on_disk = self._syncs.submit(sync_file, form.file.path)  # meanwhile it is looked into
        try:
            distribution = self._read(form.file)
            check_form(form, distribution.metadata)
        except UploadRefused:
            if self._has(form.file, grant):
                return  # it was in order when it came first
            raise
        row = self._row(form.file, distribution, grant)
        on_disk.result()  # the disk tells of a failed write only once
        self._keep(row, form.file.path, distribution.served_metadata)

    def close(self) -> None:
        """Let what is under way finish."""
        self._syncs.shutdown(wait=True)

    def _has(self, file: ReceivedFile, grant: Grant) -> bool:
        found = self._database.read(lambda tx: store.file_at(tx, grant.feed_id, file.sha256, file.filename))
        return found is not None

    def _read(self, file: ReceivedFile) -> Distribution:
        read = read_wheel if file.filename.endswith(".whl") else read_sdist
        return read(file.path, file.filename, self.limits)

    def _keep(self, row: store.FileRow, path: Path, metadata: bytes | None) -> None:
        key = blob_key(row.feed_id, row.sha256, row.filename)
        with self._claims.claimed(key):
            self._blobs.put_file(key, path)
            try:
                self._insert(row, metadata)
            except (FileExists, VersionBurnt, NotFound):
                delete_or_leave(self._blobs, key)
                raise
        self._changes.changed(row.feed_id, row.project)

    def _insert(self, row: store.FileRow, metadata: bytes | None) -> None:
        def insert(tx: Connection) -> None:
            if _check_free(tx, row):
                store.touch_project(tx, row.feed_id, row.project)
                store.insert_file(tx, row, metadata)

        try:
            self._database.write(insert)
        except sa.exc.IntegrityError:
            # Another server on the same database was first, or the feed has just been deleted.
            if self._database.read(lambda tx: _check_free(tx, row)):
                raise NotFound("The feed was deleted while the file came in", reference="feed-not-found") from None

    def _row(self, file: ReceivedFile, distribution: Distribution, grant: Grant) -> store.FileRow:
        metadata, served = distribution.metadata, distribution.served_metadata
        return store.FileRow(
            feed_id=grant.feed_id,
            project=metadata.normalized_name,
            identity=distribution.identity,
            filename=file.filename,
            version=metadata.version,
            version_key=metadata.version_key,
            sha256=file.sha256,
            blake2b_256=file.blake2b_256,
            size_bytes=file.size_bytes,
            requires_python=metadata.requires_python,
            metadata_sha256=hashlib.sha256(served).hexdigest() if served is not None else _NO_DIGEST,
            yanked=None,
            uploaded_at=int(self._clock() * 1000),
            uploaded_by=grant.principal,
        )


def _check_envelope(form: UploadForm) -> None:
    """What the form says around the file: the action, the protocol, the kind of file and its digests."""
    file = form.file
    if form.text(":action") != "file_upload" or form.text("protocol_version") not in {"", "1"}:
        raise UploadRefused(
            "Upload cannot be read: its `:action` is not `file_upload`, protocol version 1", reference="upload-protocol"
        )
    check_filename(file.filename)
    expected = next((kind for suffix, kind in _FILE_TYPES.items() if file.filename.endswith(suffix)), None)
    if expected is None or form.text("filetype") not in {"", expected}:
        raise UploadRefused(
            f"File `{file.filename}` was not stored: a feed takes wheels (.whl) and sdists (.tar.gz)",
            reference="filetype-unknown",
        )
    _check_digests(form)


def _check_digests(form: UploadForm) -> None:
    """Each digest that was sent must be the file's. Where a client sends MD5 only, it at least finds broken bytes."""
    file = form.file
    rows = [("sha256_digest", file.sha256), ("blake2_256_digest", file.blake2b_256)]
    if form.text("md5_digest") and not form.text("sha256_digest"):
        with file.path.open("rb") as content:
            rows.append(
                ("md5_digest", hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest())
            )
    for field, found in rows:
        sent = form.text(field).lower()
        if sent and sent != found:
            raise UploadRefused(
                f"File `{file.filename}` was not stored: the form gives another `{field}` than the file has",
                reference="upload-digest-mismatch",
                because=f"the form says {sent[:64]}, the {file.size_bytes:,} bytes that arrived have {found}",
                hint="upload again",
            )


def _check_free(tx: Connection, row: store.FileRow) -> bool:
    """Whether the file is still to be stored; False if the very same one is there."""
    found = store.in_the_way(tx, row)
    files = [one for one in found if one.filename]
    if store.InTheWay(row.filename, row.sha256) in files:
        return False
    if files:
        raise FileExists(row.filename, files[0].filename)
    if found:
        raise VersionBurnt(row.filename, row.version)
    return True
