from wheelyard.control.operation import Room
from wheelyard.control.sign_in.operations import OPERATIONS
from wheelyard.control.sign_in.service import SignIn

__all__ = ["ROOM", "SignIn"]

ROOM = Room("sign_in", SignIn, OPERATIONS)
