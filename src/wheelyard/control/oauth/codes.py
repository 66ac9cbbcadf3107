"""Authorization codes. They live for a minute, and do not outlive the process.

A code that is lost in a crash is simply asked for again. Codes are kept as keyed hashes, so a dump of memory that is
found later exchanges nothing.
"""

from __future__ import annotations

import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from wheelyard.control.oauth.authorization import Authorization
from wheelyard.core.redaction import Secret

__all__ = ["Code", "Codes"]


@dataclass(slots=True)
class Code:
    """What a code stands for. `expiry_at` in seconds."""

    authorization: Authorization
    principal_id: str
    pat_id: str
    sign_in_id: str
    """Of the sign-in it begins; a code that is used twice ends it."""
    expiry_at: float
    is_used: bool = False


class Codes:
    """At most `size` codes, each good once and for 60 seconds.

    Args:
        keyed_hash: of a code.
        clock: seconds since the epoch.
        randomness: as `os.urandom`.
        size: the oldest code makes room.
    """

    def __init__(
        self,
        *,
        keyed_hash: Callable[[Secret[str]], bytes],
        clock: Callable[[], float],
        randomness: Callable[[int], bytes],
        lifetime_seconds: float = 60,
        size: int = 1000,
    ) -> None:
        self._keyed_hash = keyed_hash
        self._clock = clock
        self._randomness = randomness
        self._lifetime_seconds = lifetime_seconds
        self._size = size
        self._lock = threading.Lock()
        self._codes: dict[bytes, Code] = {}

    def make(self, authorization: Authorization, *, principal_id: str, pat_id: str, sign_in_id: str) -> Secret[str]:
        """Make a code."""
        value = Secret(urlsafe_b64encode(self._randomness(32)).decode().rstrip("="))
        code = Code(authorization, principal_id, pat_id, sign_in_id, self._clock() + self._lifetime_seconds)
        with self._lock:
            self._drop_expired()
            while len(self._codes) >= self._size:
                del self._codes[next(iter(self._codes))]
            self._codes[self._keyed_hash(value)] = code
        return value

    def use(self, value: Secret[str]) -> tuple[Code | None, bool]:
        """What a code stands for and whether this is its first use; nothing for one unknown or expired."""
        with self._lock:
            self._drop_expired()
            code = self._codes.get(self._keyed_hash(value))
            if code is None:
                return None, False
            is_first, code.is_used = not code.is_used, True
            return code, is_first

    def forget_principal(self, principal_id: str) -> None:
        """Drop a principal's codes."""
        with self._lock:
            self._codes = {key: code for key, code in self._codes.items() if code.principal_id != principal_id}

    def _drop_expired(self) -> None:
        now = self._clock()
        self._codes = {key: code for key, code in self._codes.items() if now < code.expiry_at}
