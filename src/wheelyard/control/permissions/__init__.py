from wheelyard.control.operation import Room
from wheelyard.control.permissions.operations import OPERATIONS
from wheelyard.control.permissions.service import ObjectPermissions

__all__ = ["ROOM", "ObjectPermissions"]

ROOM = Room("permissions", ObjectPermissions, OPERATIONS)
