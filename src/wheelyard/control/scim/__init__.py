from wheelyard.control.operation import Room
from wheelyard.control.scim.operations import OPERATIONS
from wheelyard.control.scim.service import Directory, Principal

__all__ = ["ROOM", "Directory", "Principal"]

ROOM = Room("scim", Directory, OPERATIONS)
