from wheelyard.control.operation import Room
from wheelyard.control.probes.operations import OPERATIONS
from wheelyard.control.probes.service import Probes

__all__ = ["ROOM", "Probes"]

ROOM = Room("probes", Probes, OPERATIONS)
