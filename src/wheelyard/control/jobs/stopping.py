"""The order to stop, as it reaches what runs: a flag to look at, and callbacks for what cannot look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wheelyard.control.jobs.outcomes import Outcome

__all__ = ["Stop", "TaskFailed"]


class TaskFailed(Exception):
    """A task cannot go on; it ends like this."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class Stop:
    """Given once; the first reason stands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.outcome: Outcome | None = None

    def order(self, outcome: Outcome) -> None:
        with self._lock:
            if self.outcome is not None:
                return
            self.outcome = outcome
            self._event.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def is_ordered(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Leave what is being done, if the order was given.

        Raises:
            TaskFailed: with the order's reason.
        """
        if self.outcome is not None:
            raise TaskFailed(self.outcome)

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call this when the order comes, at once if it has come."""
        with self._lock:
            self._callbacks.append(callback)
            ordered = self.outcome is not None
        if ordered:
            callback()
        try:
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
