from tests.control.compute_rooms import rooms, server

__all__ = ["rooms", "server"]
