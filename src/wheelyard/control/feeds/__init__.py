from wheelyard.control.feeds.operations import OPERATIONS
from wheelyard.control.feeds.service import Feeds
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Feeds"]

ROOM = Room("feeds", Feeds, OPERATIONS)
