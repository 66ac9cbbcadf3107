from wheelyard.control.command_execution.operations import OPERATIONS
from wheelyard.control.command_execution.service import Commands
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Commands"]

ROOM = Room("command_execution", Commands, OPERATIONS)
