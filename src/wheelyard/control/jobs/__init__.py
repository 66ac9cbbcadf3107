from wheelyard.control.jobs.operations import OPERATIONS
from wheelyard.control.jobs.service import Jobs
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Jobs"]

ROOM = Room("jobs", Jobs, OPERATIONS)
