"""The rows of permissions: one set for every kind of securable. The service asks for CAN_MANAGE on the one named."""

from __future__ import annotations

from wheelyard.control.operation import SIGNED_IN, Operation
from wheelyard.control.permissions import wire
from wheelyard.control.permissions.service import ObjectPermissions

__all__ = ["OPERATIONS"]

_OBJECT = "/api/2.0/permissions/{object_type}/{object_id}"

OPERATIONS = (
    Operation("GET", _OBJECT, wire.OnObject, wire.Permissions, ObjectPermissions.get, needs=SIGNED_IN),
    Operation("PUT", _OBJECT, wire.ChangePermissions, wire.Permissions, ObjectPermissions.set, needs=SIGNED_IN),
    Operation("PATCH", _OBJECT, wire.ChangePermissions, wire.Permissions, ObjectPermissions.update, needs=SIGNED_IN),
    Operation(
        "GET", f"{_OBJECT}/permissionLevels", wire.OnObject, wire.Levels, ObjectPermissions.levels, needs=SIGNED_IN
    ),
)
