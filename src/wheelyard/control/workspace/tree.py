"""The tree of objects: what is at a path and above it, and directories that come into being."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec

from wheelyard.control.caller import ANONYMOUS, USERS
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.scim.service import Directory
from wheelyard.control.workspace import store
from wheelyard.control.workspace.access import kind_of, no_path
from wheelyard.control.workspace.paths import HOMES, ROOT, SHARED, STANDARD, Place, parents
from wheelyard.core.errors import AlreadyExists
from wheelyard.storage.database import Connection, Database

__all__ = ["Tree"]

_ALL_USERS = msgspec.structs.replace(ANONYMOUS, name=USERS)


class Tree:
    """Looks objects up and makes directories.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        permissions: ObjectPermissions,
        directory: Directory,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._permissions = permissions
        self._directory = directory
        self._clock = clock

    def make_standard(self) -> None:
        """Make the directories that every workspace has; all users manage the shared one."""
        for row in self._database.write(lambda tx: self.directories(tx, STANDARD, by="")):
            self._permissions.created(kind_of(row), str(row.object_id), _ALL_USERS if row.path == SHARED else ANONYMOUS)

    def above(self, object_id: str) -> Iterator[tuple[str, str]]:
        """The (kind, id) of every directory above an object, nearest first."""
        row = self._database.read(lambda tx: store.find_by_id(tx, int(object_id)))
        paths = () if row is None else parents(row.path)
        found = self._database.read(lambda tx: store.find_all(tx, paths))
        return ((kind_of(found[path]), str(found[path].object_id)) for path in paths if path in found)

    def existing(self, place: Place) -> store.ObjectRow:
        """The object at a place.

        Raises:
            NotFound: nothing is there.
        """
        self.home_of(place)
        row = self._database.read(lambda tx: store.find(tx, place.path))
        if row is None:
            raise no_path(place.shown(place.path))
        return row

    def nearest(self, place: Place) -> store.ObjectRow:
        """The object at a place, or where there is none the nearest directory above; the root is always there."""
        self.home_of(place)
        paths = (place.path, *parents(place.path))
        found = self._database.read(lambda tx: store.find_all(tx, paths))
        return next(found[path] for path in paths if path in found)

    def home_of(self, place: Place) -> None:
        """Make the home directory that a place is in, if it is not there yet."""
        if place.home_owner is not None:
            self.home(place.home_owner)

    def home(self, name: str) -> None:
        """Make a principal's home directory if it is not there yet: it exists as soon as its owner does."""
        path = f"{HOMES}/{name}"
        if self._database.read(lambda tx: store.find(tx, path)) is not None:
            return
        principal = self._directory.find_principal(name)
        if principal is None or principal.name != name or principal.kind == "group":
            return
        for row in self._database.write(lambda tx: self.directories(tx, (path,), by=name)):
            owner = self._directory.caller(principal.principal_id)
            self._permissions.created(kind_of(row), str(row.object_id), owner)

    def directories(self, tx: Connection, paths: Sequence[str], by: str) -> list[store.ObjectRow]:
        """Make those of the directories that are missing, given from the outermost; those made, with their ids."""
        made: list[store.ObjectRow] = []
        existing = store.find_all(tx, {*paths, *(parents(paths[0])[:1])})
        for path in paths:
            row = existing.get(path)
            if row is None:
                above = existing.get(parents(path)[0]) if path != ROOT else None
                row = self.new_row(path, "DIRECTORY", by, above)
                row = replace(row, object_id=store.insert(tx, row))
                made.append(row)
                existing[path] = row
            elif row.object_type != "DIRECTORY":
                raise AlreadyExists(f"Path ({path}) already exists.", because=f"it is a {row.object_type.lower()}")
        return made

    def new_row(self, path: str, object_type: str, by: str, above: store.ObjectRow | None) -> store.ObjectRow:
        """An object as it will be stored, now."""
        now = int(self._clock() * 1000)
        parent_id = None if above is None else above.object_id
        return store.ObjectRow(path, object_type, created_at=now, modified_at=now, created_by=by, parent_id=parent_id)
