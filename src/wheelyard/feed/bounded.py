"""A dictionary that forgets what was not asked for lately, bounded by the bytes it holds."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

__all__ = ["BoundedMap", "Weighed"]


class Weighed(Protocol):
    """A value that knows what keeping it costs."""

    @property
    def weight_bytes(self) -> int: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Weighed)


class BoundedMap(Generic[K, V]):
    """Reading takes one dictionary lookup and no lock; making room passes over what was used since the last time."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._held = 0
        self._lock = threading.Lock()
        self._slots: dict[K, _Slot[V]] = {}

    def get(self, key: K) -> V | None:
        slot = self._slots.get(key)
        if slot is None:
            return None
        slot.used = True
        return slot.value

    def put(self, key: K, value: V) -> None:
        """Keep a value; one larger than a quarter of the whole is not kept, lest it push out everything else."""
        weight = value.weight_bytes
        with self._lock:
            self._drop(key)
            if weight > self._most // 4:
                return
            while self._held + weight > self._most:
                self._evict()
            self._slots[key] = _Slot(value, weight)
            self._held += weight

    def drop(self, key: K) -> None:
        with self._lock:
            self._drop(key)

    def drop_where(self, first: Hashable) -> None:
        """Forget every entry whose key is a tuple that begins with `first`."""
        with self._lock:
            for key in [key for key in self._slots if isinstance(key, tuple) and key[0] == first]:
                self._drop(key)

    @property
    def held_bytes(self) -> int:
        return self._held

    def _drop(self, key: K) -> None:
        slot = self._slots.pop(key, None)
        if slot is not None:
            self._held -= slot.weight

    def _evict(self) -> None:
        key = next(iter(self._slots))
        slot = self._slots.pop(key)
        if slot.used:
            slot.used = False
            self._slots[key] = slot
        else:
            self._held -= slot.weight


class _Slot(Generic[V]):
    __slots__ = ("used", "value", "weight")

    def __init__(self, value: V, weight: int) -> None:
        self.value = value
        self.weight = weight
        self.used = False
