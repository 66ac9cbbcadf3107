from wheelyard.control.oauth.operations import OPERATIONS
from wheelyard.control.oauth.service import OAuth
from wheelyard.control.operation import Room

__all__ = ["ROOM", "OAuth"]

ROOM = Room("oauth", OAuth, OPERATIONS)
