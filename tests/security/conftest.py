"""Real compute, as the tests of the compute room start it."""

from __future__ import annotations

from tests.compute.conftest import cache, index, yard

__all__ = ["cache", "index", "yard"]
