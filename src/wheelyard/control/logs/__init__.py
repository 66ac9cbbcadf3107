from wheelyard.control.logs.operations import OPERATIONS
from wheelyard.control.logs.service import Logs
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Logs"]

ROOM = Room("logs", Logs, OPERATIONS)
