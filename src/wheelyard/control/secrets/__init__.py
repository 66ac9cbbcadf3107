from wheelyard.control.operation import Room
from wheelyard.control.secrets.operations import OPERATIONS
from wheelyard.control.secrets.service import Secrets

__all__ = ["ROOM", "Secrets"]

ROOM = Room("secrets", Secrets, OPERATIONS)
