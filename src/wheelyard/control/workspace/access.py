"""Who may do what to which workspace object.

A permission on a directory holds for everything below it. The owner of a home directory manages it, every user manages
`/Shared`, admins manage everything; nobody else has anything that was not granted. The standard directories themselves
can be listed by everybody.
Source: workspace-api facts 11 and 13.3; the folder and notebook tables of the documentation's access control lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from wheelyard.control.caller import Caller
from wheelyard.control.workspace.paths import SHARED, STANDARD, Place
from wheelyard.control.workspace.store import ObjectRow
from wheelyard.core.errors import NotFound, PermissionDenied

__all__ = ["Access", "Level", "Permissions", "kind_of", "no_path"]

Level = Literal["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"]


class Permissions(Protocol):
    """What the workspace room needs of the permissions room."""

    def created(self, kind: str, object_id: str, caller: Caller) -> None: ...

    def holds(self, caller: Caller, kind: str, object_id: str, level: str) -> bool: ...

    def forget(self, kind: str, object_id: str) -> None: ...


def kind_of(row: ObjectRow) -> str:
    """The securable kind that the permissions room keeps this object under."""
    return row.object_type.lower()


def no_path(path: str) -> NotFound:
    """The error for a path where nothing is."""
    return NotFound(f"Path ({path}) doesn't exist.", reference="path-not-found", hint="databricks workspace list PATH")


class Access:
    """Decides from an object and the directories above it, nearest first."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    def holds(self, caller: Caller, chain: Sequence[ObjectRow], level: Level) -> bool:
        """Whether the caller holds `level` on `chain[0]`, itself or through a directory above."""
        path = chain[0].path
        if caller.is_admin or manages_by_place(caller, path):
            return True
        if level == "CAN_READ" and path in STANDARD:
            return True
        return any(self._permissions.holds(caller, kind_of(row), str(row.object_id), level) for row in chain)

    def require(self, caller: Caller, place: Place, chain: Sequence[ObjectRow], level: Level) -> None:
        """Refuse a caller who does not hold `level` on the nearest object of `chain` that exists.

        A caller learns that a path does not exist only where they may read the directory that would hold it.

        Raises:
            NotFound: nothing is at the path, and the caller may read what is above it.
            PermissionDenied: too weak.
        """
        if chain[0].path != place.path and self.holds(caller, chain, "CAN_READ"):
            raise no_path(place.shown(place.path))
        if chain[0].path != place.path or not self.holds(caller, chain, level):
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
