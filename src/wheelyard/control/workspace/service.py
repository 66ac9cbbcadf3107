"""Notebooks, files and directories of the workspace: the use cases.

Source: workspace-api facts 11; databricks-sdk-py `WorkspaceAPI`.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import cast

from wheelyard.control.caller import Caller
from wheelyard.control.operation import Empty, RawAnswer
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.scim.service import Directory
from wheelyard.control.workspace import store, wire
from wheelyard.control.workspace.access import Access, Level, kind_of, no_path
from wheelyard.control.workspace.contents import Contents, Kept
from wheelyard.control.workspace.formats import Target, notebook_as, parsed, target_of
from wheelyard.control.workspace.notebook_source import NotebookSource
from wheelyard.control.workspace.paths import HOMES, ROOT, STANDARD, Place, parents
from wheelyard.control.workspace.tree import Tree
from wheelyard.core.errors import (
    AlreadyExists,
    BadRequest,
    DirectoryNotEmpty,
    InvalidParameter,
    LimitExceeded,
    NotFound,
)
from wheelyard.storage.blobs import Blobs
from wheelyard.storage.database import Connection, Database

__all__ = ["NotebookExists", "ProtectedDirectory", "Workspace"]

_MEGABYTE = 1024 * 1024


class NotebookExists(AlreadyExists):
    """The taken name is a notebook's: the upload API answers that differently from a file's."""

    default_reference = "notebook-exists"


class ProtectedDirectory(BadRequest):
    """A standard or home directory, which nobody deletes."""

    default_reference = "directory-protected"


class Workspace:
    """The workspace service.

    Args:
        clock: seconds since the epoch.
        notebook_limit_bytes: largest notebook, in and out; also the largest file in a JSON answer.
        file_limit_bytes: largest file.
    """

    def __init__(
        self,
        *,
        database: Database,
        blobs: Blobs,
        permissions: ObjectPermissions,
        directory: Directory,
        clock: Callable[[], float] = time.time,
        notebook_limit_bytes: int = 10 * _MEGABYTE,
        file_limit_bytes: int = 256 * _MEGABYTE,
    ) -> None:
        self._database = database
        self._contents = Contents(database, blobs)
        self._permissions = permissions
        self._tree = Tree(database, permissions, directory, clock)
        self._access = Access(permissions, self._tree.above)
        self._clock = clock
        self._notebook_limit_bytes = notebook_limit_bytes
        self._file_limit_bytes = file_limit_bytes
        self._changes = itertools.count(1)
        self._change_count = 0

    def recover(self) -> None:
        """Make the standard directories. Called once, before anybody is served."""
        self._tree.make_standard()

    def sweep(self, *, stored_before: float, stopped: Callable[[], bool]) -> int:
        """Remove contents that a crash left without an object; see `storage.sweeping`."""
        return self._contents.sweep(stored_before=stored_before, stopped=stopped)

    # -- who may

    def require(self, caller: Caller, path: str, level: Level) -> None:
        """Refuse a caller who holds less than `level` on the object at `path`.

        Raises:
            NotFound: nothing is there.
            PermissionDenied: too weak.
        """
        place = Place.parse(path)
        self._access.require(caller, place, self._tree.nearest(place), level)

    def require_mkdirs(self, caller: Caller, path: str) -> None:
        """Refuse a caller who may not make this directory.

        It takes CAN_EDIT on the nearest directory above; CAN_READ when it is there already.

        Raises:
            PermissionDenied: too weak.
        """
        place = Place.parse(path)
        nearest = self._tree.nearest(place)
        level: Level = "CAN_READ" if nearest.path == place.path else "CAN_EDIT"
        if not self._access.holds(caller, nearest, level):
            raise self._access.refusal(caller, place, level)

    def require_import(self, caller: Caller, body: wire.Import) -> None:
        """Refuse a caller who may not write where this import goes."""
        self._require_write(caller, body.path, self._target(body))

    def require_import_file(self, caller: Caller, body: wire.ImportFile) -> None:
        """Refuse a caller who may not write where this file goes."""
        self._require_write(caller, f"/{body.path}", self._file_target(body))

    # -- endpoints

    def get_status(self, _caller: Caller, body: wire.GetStatus) -> wire.ObjectInfo:
        """One object.

        Raises:
            NotFound: nothing is there.
        """
        place = Place.parse(body.path)
        return _info(self._tree.existing(place), place, with_export=body.return_export_info)

    def list_objects(self, caller: Caller, body: wire.ListObjects) -> wire.Objects:
        """What lies directly in a directory and the caller may read; a file or notebook lists itself.

        Raises:
            NotFound: nothing is there.
        """
        place = Place.parse(body.path)
        if place.path == HOMES:
            self._tree.home(caller.name)
        row = self._tree.existing(place)
        if row.object_type != "DIRECTORY":
            return wire.Objects([_info(row, place)])
        found = self._database.read(lambda tx: store.children(tx, row.object_id))
        since = body.notebooks_modified_after
        recent = (child for child in found if child.object_type != "NOTEBOOK" or child.modified_at > since)
        return wire.Objects([_info(child, place) for child in recent if self._access.holds(caller, child, "CAN_READ")])

    def mkdirs(self, caller: Caller, body: wire.OnPath) -> Empty:
        """Make a directory and those above it; nothing happens when it is there.

        Raises:
            AlreadyExists: something else than a directory is at the path or above it.
        """
        place = Place.parse(body.path)
        self._tree.home_of(place)
        wanted = (*reversed(parents(place.path)), place.path)
        made = self._database.write(lambda tx: self._tree.directories(tx, wanted, by=caller.name))
        for row in made:
            self._permissions.created(kind_of(row), str(row.object_id), caller)
        if made:
            self._changed()
        return Empty()

    def delete(self, _caller: Caller, body: wire.Delete) -> Empty:
        """Remove an object; with `recursive`, everything below it too.

        Raises:
            NotFound: nothing is there.
            DirectoryNotEmpty: it holds something, and `recursive` is not given.
            ProtectedDirectory: a standard directory or a home.
        """
        place = Place.parse(body.path)
        if place.path in STANDARD or place.path == f"{HOMES}/{place.home_owner}":
            raise ProtectedDirectory(f"Folder {place.shown(place.path)} is protected", unchanged="nothing was deleted")

        def work(tx: Connection) -> Sequence[store.ObjectRow]:
            row = store.find(tx, place.path)
            if row is None:
                raise no_path(place.shown(place.path))
            gone = store.tree(tx, row.object_id)
            if len(gone) > 1 and not body.recursive:
                raise DirectoryNotEmpty(
                    f"Folder ({place.shown(place.path)}) is not empty",
                    unchanged="nothing was deleted",
                    hint=f"databricks workspace delete {place.shown(place.path)} --recursive",
                )
            store.delete(tx, (each.object_id for each in gone))
            return gone

        for row in self._database.write(work):
            self._permissions.forget(kind_of(row), str(row.object_id))
            self._contents.drop(row.blob_key)
        self._changed()
        return Empty()

    def export(self, _caller: Caller, body: wire.Export) -> wire.Exported | RawAnswer:
        """An object's content: a notebook in the format asked for, a file as it is.

        Raises:
            NotFound: nothing is there.
            BadRequest: a directory, or a format that is not served.
            LimitExceeded: more than 10 MB; a file may be larger with `direct_download`.
        """
        place = Place.parse(body.path)
        row = self._tree.existing(place)
        content, file_type = self._exported(row, place, body.format)
        limited = row.object_type == "NOTEBOOK" or not body.direct_download
        if limited and len(content) > self._notebook_limit_bytes:
            raise LimitExceeded(
                f"Content of {place.shown(place.path)} has {len(content)} bytes, {self._notebook_limit_bytes} can be"
                " exported.",
                reference="export-too-large",
                hint="databricks workspace export --file … uses direct_download for files",
            )
        return RawAnswer(content) if body.direct_download else wire.Exported(content, file_type)

    def import_object(self, caller: Caller, body: wire.Import) -> Empty:
        """Create a notebook or file, or with `overwrite` replace one of the same type.

        Raises:
            NotFound: the directory does not exist.
            AlreadyExists: something is there, and `overwrite` is not given.
            InvalidParameter: no notebook, no known language, or another type is there.
            LimitExceeded: too large.
        """
        self._write(caller, self._target(body), body.content, overwrite=body.overwrite)
        return Empty()

    def import_file(self, caller: Caller, body: wire.ImportFile) -> Empty:
        """Create or replace a file from the request's bytes; a notebook is recognised as in `formats.py`.

        Raises:
            NotFound: the directory does not exist; the official CLI then makes it and sends the file again.
            NotebookExists, AlreadyExists: something is there, and `overwrite` is not given.
            LimitExceeded: too large.
        """
        self._write(caller, self._file_target(body), body.content, overwrite=body.overwrite)
        return Empty()

    def get_file(self, _caller: Caller, body: wire.OnPath) -> RawAnswer:
        """A file's bytes, or a notebook's as it was written.

        Raises:
            NotFound: nothing is there.
            BadRequest: a directory.
        """
        place = Place.parse(f"/{body.path}")
        return RawAnswer(self._exported(self._tree.existing(place), place, "AUTO")[0])

    # -- for other rooms

    def read_file(self, caller: Caller, path: str) -> bytes:
        """A file's bytes, or a notebook's as it was written, as `caller` may read them.

        Raises:
            NotFound, PermissionDenied, BadRequest: as for the endpoint.
        """
        place = self._readable(caller, path)
        return self._exported(self._tree.existing(place), place, "AUTO")[0]

    def read_notebook(self, caller: Caller, path: str) -> NotebookSource:
        """A notebook's cells, as `caller` may read them.

        Raises:
            NotFound, PermissionDenied: as for the endpoint.
            InvalidParameter: it is no notebook.
        """
        place = self._readable(caller, path)
        row = self._tree.existing(place)
        if row.object_type != "NOTEBOOK":
            raise InvalidParameter(
                f"{place.shown(place.path)} is not a notebook but a {row.object_type.lower()}.",
                reference="not-a-notebook",
            )
        return parsed(self._contents.read(row), row.form, row.language)

    def readable_files(self, caller: Caller) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Every file that `caller` may read: its short path, and how to read it."""
        for row in self._access.readable(caller, self._database.read(store.every)):
            if row.object_type == "FILE":
                yield row.path, partial(self._contents.read, row)

    def change_count(self) -> int:
        """A number that grows with every change of the workspace, for who keeps copies. Each process counts anew."""
        return self._change_count

    # -- inside

    def _readable(self, caller: Caller, path: str) -> Place:
        self.require(caller, path, "CAN_READ")
        return Place.parse(path)

    def _target(self, body: wire.Import) -> Target:
        return target_of(Place.parse(body.path).path, body.content, body.format, body.language)

    def _file_target(self, body: wire.ImportFile) -> Target:
        return target_of(Place.parse(f"/{body.path}").path, body.content, "AUTO")

    def _require_write(self, caller: Caller, asked: str, target: Target) -> None:
        place = replace(Place.parse(asked), path=target.path)
        nearest = self._tree.nearest(place)
        # With the parent missing, who may read what is above is told so by the write.
        level: Level = "CAN_EDIT" if nearest.path in (place.path, *parents(place.path)[:1]) else "CAN_READ"
        if not self._access.holds(caller, nearest, level):
            raise self._access.refusal(caller, place, "CAN_EDIT")

    def _write(self, caller: Caller, target: Target, content: bytes, *, overwrite: bool) -> None:
        self._check_size(target, content)
        self._tree.home_of(Place(target.path))
        kept = self._contents.keep(content)
        try:
            row, replaced = self._database.write(
                lambda tx: self._placed(tx, caller, target, kept, len(content), overwrite=overwrite)
            )
        except BaseException:
            self._contents.drop(kept.blob_key)
            raise
        if replaced is None:
            self._permissions.created(kind_of(row), str(row.object_id), caller)
        else:
            self._contents.drop(replaced.blob_key)
        self._changed()

    def _placed(
        self, tx: Connection, caller: Caller, target: Target, kept: Kept, size_bytes: int, *, overwrite: bool
    ) -> tuple[store.ObjectRow, store.ObjectRow | None]:
        """Write the row of an upload; the row, and the one it replaces."""
        above = store.find(tx, parents(target.path)[0]) if target.path != ROOT else None
        existing = store.find(tx, target.path)
        if existing is not None:
            _check_overwrite(existing, target, overwrite=overwrite)
        elif above is None or above.object_type != "DIRECTORY":
            raise NotFound(
                f"The parent folder ({parents(target.path)[0]}) does not exist.",
                reference="parent-not-found",
                unchanged="nothing was written",
                hint=f"databricks workspace mkdirs {parents(target.path)[0]}",
            )
        row = replace(
            existing or self._tree.new_row(target.path, target.object_type, caller.name, above),
            language=target.language or "",
            form=target.form,
            size_bytes=size_bytes,
            blob_key=kept.blob_key,
            modified_at=int(self._clock() * 1000),
        )
        if existing is None:
            return replace(row, object_id=store.insert(tx, row, kept.inline)), None
        store.update(tx, row, kept.inline)
        return row, existing

    def _check_size(self, target: Target, content: bytes) -> None:
        limit = self._notebook_limit_bytes if target.object_type == "NOTEBOOK" else self._file_limit_bytes
        if len(content) > limit:
            raise LimitExceeded(
                f"{target.path} was not written: it has {len(content)} bytes, a {target.object_type.lower()} may have"
                f" {limit}.",
                reference="import-too-large",
                unchanged="nothing was written",
            )

    def _exported(self, row: store.ObjectRow, place: Place, export_as: wire.ExportFormat) -> tuple[bytes, str]:
        if row.object_type == "DIRECTORY":
            raise BadRequest(
                f"{place.shown(place.path)} is a directory: directories are not exported in one piece here.",
                reference="export-of-directory",
                hint="databricks workspace export-dir SOURCE TARGET",
            )
        content = self._contents.read(row)
        if row.object_type == "NOTEBOOK" and export_as != "RAW":
            return notebook_as(export_as, content, row.form, row.language)
        if export_as not in ("SOURCE", "RAW", "AUTO"):
            raise BadRequest(
                f"{place.shown(place.path)} is a file: it cannot be exported as {export_as}.",
                reference="format-not-served",
                hint="use AUTO",
            )
        return content, PurePosixPath(row.path).suffix[1:]

    def _changed(self) -> None:
        self._change_count = next(self._changes)


def _check_overwrite(existing: store.ObjectRow, target: Target, *, overwrite: bool) -> None:
    if not overwrite:
        kind = NotebookExists if existing.object_type == "NOTEBOOK" else AlreadyExists
        raise kind(
            f"Path ({existing.path}) already exists.", unchanged="nothing was written", hint="give overwrite=true"
        )
    if existing.object_type != target.object_type:
        raise InvalidParameter(
            f"Cannot overwrite the asset at {existing.path} due to type mismatch"
            f" (asked: {target.object_type}, actual: {existing.object_type})",
            reference="overwrite-type-mismatch",
            unchanged="nothing was written",
        )


def _info(row: store.ObjectRow, place: Place, *, with_export: bool = False) -> wire.ObjectInfo:
    notebook, file = row.object_type == "NOTEBOOK", row.object_type == "FILE"
    return wire.ObjectInfo(
        object_type=cast("wire.ObjectType", row.object_type),
        path=place.shown(row.path),
        object_id=row.object_id,
        resource_id=str(row.object_id),
        created_at=row.created_at,
        modified_at=row.modified_at,
        language=cast("wire.Language", row.language) if notebook else None,
        size=row.size_bytes if file else None,
        repos_export_format=row.form if notebook and with_export else None,
    )
