"""Removing what nothing names: blobs, and beginnings of blobs, that a crash left behind.

A blob is on disk before the row that names it is committed, and goes only after that row is gone; a crash in between
leaves bytes that no row names. They harm nobody, so they are removed in the background, and only once they are an hour
old: what is younger may belong to a request that is about to commit.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from wheelyard.core.errors import Unavailable
from wheelyard.storage.blobs import Blobs

__all__ = ["DAILY", "Sweep", "Sweeper", "delete_or_leave", "unfinished"]

_LOG = logging.getLogger(__name__)
_OLD_ENOUGH_SECONDS = 3600.0
_CLOSING_SECONDS = 10.0

DAILY = (10.0, 3900.0, 86_400.0)
"""Soon after the start; when what a crash left just before it is old enough; then every day."""


class Sweep(Protocol):
    """Removes what nothing names, stops soon when told to, and says how many blobs it removed."""

    def __call__(self, *, stored_before: float, stopped: Callable[[], bool]) -> int: ...


class Sweeper:
    """Runs sweeps in a thread of its own. A sweep that fails is logged, and tried again the next time.

    Args:
        sweeps: by what they look through.
        waits: seconds before each round; the last one repeats.
        clock: seconds since the epoch, as the blobs' store counts them.
    """

    def __init__(
        self, sweeps: Mapping[str, Sweep], *, waits: Iterable[float] = DAILY, clock: Callable[[], float] = time.time
    ) -> None:
        self._sweeps = sweeps
        self._waits = tuple(waits)
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="blob-sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop; a store that does not answer is not waited for. Fine before `start`, and twice."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_CLOSING_SECONDS)

    def sweep(self) -> int:
        """One round, now: how many blobs were removed."""
        return sum(self._one(name, sweep) for name, sweep in self._sweeps.items())

    def _run(self) -> None:
        for wait in itertools.chain(self._waits, itertools.repeat(self._waits[-1])):
            if self._stopping.wait(wait):
                return
            self.sweep()

    def _one(self, name: str, sweep: Sweep) -> int:
        try:
            removed = sweep(stored_before=self._clock() - _OLD_ENOUGH_SECONDS, stopped=self._stopping.is_set)
        except Exception:  # noqa: BLE001 # nobody waits for it, and it comes again
            if not self._stopping.is_set():
                _LOG.warning("orphans among the %s were not removed", name, exc_info=True)
            return 0
        if removed:
            _LOG.info("%d orphans among the %s were removed", removed, name)
        return removed


def unfinished(blobs: Blobs) -> Sweep:
    """The sweep that removes beginnings of blobs."""

    def sweep(*, stored_before: float, stopped: Callable[[], bool]) -> int:
        return 0 if stopped() else blobs.remove_unfinished(begun_before=stored_before)

    return sweep


def delete_or_leave(blobs: Blobs, key: str) -> None:
    """Delete a blob that no row names any more; if the store does not answer, a sweep does it later."""
    with suppress(Unavailable):
        blobs.delete(key)
