"""A start of compute that is under way, and can be given up from another thread."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TypeVar

from wheelyard.core.errors import LaunchFailed

__all__ = ["StartUnderWay"]

T = TypeVar("T")


class StartUnderWay:
    """One start of the compute `compute_id`."""

    def __init__(self, compute_id: str) -> None:
        self._compute_id = compute_id
        self._news = threading.Event()
        self._given_up = False

    def give_up(self) -> None:
        self._given_up = True
        self._news.set()

    def check(self) -> None:
        """Go no further when it was given up.

        Raises:
            LaunchFailed: it was.
        """
        if self._given_up:
            raise LaunchFailed(f"Compute `{self._compute_id}` was stopped while it was starting", code="USER_REQUEST")

    def wait_for(self, result: Future[T]) -> T:
        """The result of work that others may wait for, too: when this start is given up, the work goes on without it.

        Raises:
            LaunchFailed: this start was given up, or the work raised it.
        """
        result.add_done_callback(lambda _result: self._news.set())
        self._news.wait()
        self.check()
        return result.result()
