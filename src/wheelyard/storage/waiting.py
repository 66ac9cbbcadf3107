"""Trying something without waiting: a thread that must not wait is told at once what would make it.

The event loop may try work that mostly finds its answer in memory. Whoever would go to a disk or another thread for it
asks `refuse_to_wait` first; the work then ends with `WouldWait`, and is done again where waiting is allowed. So it is
safe by construction, and how long a disk takes does not matter: the loop never asks it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["WouldWait", "at_once", "refuse_to_wait"]

T = TypeVar("T")


class WouldWait(Exception):  # no error: says where work has to be done
    """The work has to be done where waiting is allowed; nothing of it has happened."""


class _Here(threading.local):
    must_not_wait = False


_HERE = _Here()


def at_once(work: Callable[[], T]) -> T:
    """Do work that must not wait.

    >>> at_once(lambda: refuse_to_wait())
    Traceback (most recent call last):
    wheelyard.storage.waiting.WouldWait

    Raises:
        WouldWait: it would have had to.
    """
    _HERE.must_not_wait = True
    try:
        return work()
    finally:
        _HERE.must_not_wait = False


def refuse_to_wait() -> None:
    """Call this before anything that may take longer than memory does.

    Raises:
        WouldWait: this thread must not wait now.
    """
    if _HERE.must_not_wait:
        raise WouldWait
