from wheelyard.control.operation import Room
from wheelyard.control.tokens.operations import OPERATIONS
from wheelyard.control.tokens.service import IssuedToken, Tokens

__all__ = ["ROOM", "IssuedToken", "Tokens"]

ROOM = Room("tokens", Tokens, OPERATIONS)
