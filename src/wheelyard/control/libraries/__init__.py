from wheelyard.control.libraries.operations import OPERATIONS
from wheelyard.control.libraries.service import Libraries
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Libraries"]

ROOM = Room("libraries", Libraries, OPERATIONS)
