"""Who may do what to which workspace object.

A permission on a directory holds for everything below it. The owner of a home directory manages it, every user manages
`/Shared`, admins manage everything; nobody else has anything that was not granted. The standard directories themselves
can be listed by everybody.
Source: workspace-api facts 11 and 13.3; the folder and notebook tables of the documentation's access control lists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from wheelyard.control.caller import Caller
from wheelyard.control.permissions.service import ObjectPermissions
from wheelyard.control.workspace.paths import SHARED, STANDARD, Place
from wheelyard.control.workspace.store import ObjectRow
from wheelyard.core.errors import NotFound, PermissionDenied

__all__ = ["KINDS", "Access", "Level", "kind_of", "no_path"]

Level = Literal["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]


KINDS = ("directory", "notebook", "file")
"""The securable kinds of the permissions room that this room's objects are kept under."""


def kind_of(row: ObjectRow) -> str:
    """The securable kind of an object, one of `KINDS`."""
    return row.object_type.lower()


def no_path(path: str) -> NotFound:
    """The error for a path where nothing is."""
    return NotFound(f"Path ({path}) doesn't exist.", reference="path-not-found", hint="databricks workspace list PATH")


class Access:
    """Asks the permissions room, after the rules that come with a place.

    Args:
        permissions: keeps what was granted.
        above: from an object id to the (kind, id) of every directory above, nearest first.
    """

    def __init__(self, permissions: ObjectPermissions, above: Callable[[str], Iterable[tuple[str, str]]]) -> None:
        self._permissions = permissions
        permissions.inherit(KINDS, above)

    def holds(self, caller: Caller, row: ObjectRow, level: Level) -> bool:
        """Whether the caller holds `level` on an object, itself or through a directory above."""
        if caller.is_admin or manages_by_place(caller, row.path):
            return True
        if level == "CAN_READ" and row.path in STANDARD:
            return True
        return self._permissions.holds(caller, kind_of(row), str(row.object_id), level)

    def readable(self, caller: Caller, rows: Iterable[ObjectRow]) -> Iterator[ObjectRow]:
        """Those of many objects, given parents first, that the caller may read."""
        granted = self._permissions.directly_held(caller, KINDS, "CAN_READ")
        known: set[int] = set()
        for row in rows:
            by_place = caller.is_admin or manages_by_place(caller, row.path)
            if by_place or row.parent_id in known or (kind_of(row), str(row.object_id)) in granted:
                known.add(row.object_id)
                yield row

    def require(self, caller: Caller, place: Place, nearest: ObjectRow, level: Level) -> None:
        """Refuse a caller who does not hold `level` on the object at a place.

        `nearest` is that object, or where there is none the nearest directory above. A caller learns that a path does
        not exist only where they may read the directory that would hold it.

        Raises:
            NotFound: nothing is at the path, and the caller may read what is above it.
            PermissionDenied: too weak.
        """
        if nearest.path != place.path and self.holds(caller, nearest, "CAN_READ"):
            raise no_path(place.shown(place.path))
        if nearest.path != place.path or not self.holds(caller, nearest, level):
            raise self.refusal(caller, place, level)

    def refusal(self, caller: Caller, place: Place, level: Level) -> PermissionDenied:
        """The error for a caller who holds less than `level`."""
        return PermissionDenied(
            f"{caller.name} does not have {level} permissions on {place.shown(place.path)}. Please contact the owner or"
            " an administrator for access.",
            reference="path-permission-denied",
            hint="databricks permissions update directories OBJECT_ID --json …, by somebody who manages it",
        )


def manages_by_place(caller: Caller, path: str) -> bool:
    """Whether the caller manages whatever lies at this path: it is in their home directory, or shared by all."""
    return Place(path).home_owner == caller.name or path == SHARED or path.startswith(f"{SHARED}/")
