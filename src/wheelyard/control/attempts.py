"""How often somebody may be wrong before they must wait. Counts live in memory and end with the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from wheelyard.core.errors import Throttled

__all__ = ["Attempt", "Attempts"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt that has begun: whose, and when the count began that it is part of."""

    key: str
    counted_from: float


class Attempts:
    """Each key, an address or a name, may be wrong `most` times in `seconds`.

    Against guessing a token, of 256 random bits, no wall is needed: there it keeps a broken or hostile program from
    turning a page into work for the database. Against guessing a password it is the wall.

    Args:
        clock: seconds since the epoch.
        whom: completes "There were too many wrong attempts …".
        most: attempts that may be wrong.
        seconds: how long the first of them counts, and all with it.
        size: of so many keys the oldest is forgotten.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        whom: str = "from this address",
        most: int = 10,
        seconds: float = 60.0,
        size: int = 1000,
    ) -> None:
        self._clock = clock
        self._whom = whom
        self._most = most
        self._seconds = seconds
        self._size = size
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[float, int]] = {}

    def begin(self, key: str) -> Attempt:
        """Count an attempt as wrong until `succeeded` says otherwise.

        Raises:
            Throttled: the key has had its attempts. Being refused is not counted.
        """
        now = self._clock()
        with self._lock:
            counted_from, count = self._counts.get(key, (now, 0))
            if not 0 <= now - counted_from < self._seconds:
                counted_from, count = now, 0
            if count >= self._most:
                raise Throttled(
                    f"There were too many wrong attempts {self._whom}.",
                    retry_after_seconds=max(1, round(counted_from + self._seconds - now)),
                )
            self._counts.pop(key, None)
            while len(self._counts) >= self._size:
                del self._counts[next(iter(self._counts))]
            self._counts[key] = (counted_from, count + 1)
        return Attempt(key, counted_from)

    def succeeded(self, attempt: Attempt) -> None:
        """Forget this attempt and no other; those that were wrong stay counted."""
        with self._lock:
            counted_from, count = self._counts.get(attempt.key, (0.0, 0))
            if count and counted_from == attempt.counted_from:
                self._counts[attempt.key] = (counted_from, count - 1)
