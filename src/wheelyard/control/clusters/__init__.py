from wheelyard.control.clusters.operations import OPERATIONS
from wheelyard.control.clusters.service import Clusters
from wheelyard.control.operation import Room

__all__ = ["ROOM", "Clusters"]

ROOM = Room("clusters", Clusters, OPERATIONS)
