from wheelyard.control.operation import Room
from wheelyard.control.workspace.operations import OPERATIONS
from wheelyard.control.workspace.service import Workspace

__all__ = ["ROOM", "Workspace"]

ROOM = Room("workspace", Workspace, OPERATIONS)
