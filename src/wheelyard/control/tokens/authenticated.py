"""Callers that were recognised lately, so that the next request of theirs costs a look in a dictionary.

An entry is good until its token expires, a token is revoked, or anything changes in the directory: all three are
rare, so the last two simply make every older entry stale. The key is a hash: values of tokens are not kept in memory.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from hashlib import blake2b

from wheelyard.control.caller import Caller
from wheelyard.core.redaction import Secret

__all__ = ["AuthenticatedCallers"]


@dataclass(frozen=True, slots=True)
class _Entry:
    caller: Caller
    expiry_at: int | None
    generation: tuple[int, int]


class AuthenticatedCallers:
    """At most `size` callers; the oldest entry makes room.

    A generation is (revocations so far, changes of the directory so far), read *before* the token was checked: an entry
    that was checked while something changed is stale from the start.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: dict[bytes, _Entry] = {}

    def find(self, token: Secret[str], generation: tuple[int, int], now: int) -> Caller | None:
        """The caller of a token, unless the entry is stale."""
        entry = self._entries.get(_key(token))
        if entry is None or entry.generation != generation:
            return None
        return entry.caller if entry.expiry_at is None or now < entry.expiry_at else None

    def keep(self, token: Secret[str], caller: Caller, expiry_at: int | None, generation: tuple[int, int]) -> None:
        """Remember a caller."""
        with self._lock:
            self._entries.pop(_key(token), None)
            while len(self._entries) >= self._size:
                del self._entries[next(iter(self._entries))]
            self._entries[_key(token)] = _Entry(caller, expiry_at, generation)


def _key(token: Secret[str]) -> bytes:
    return blake2b(token.reveal().encode("utf-8", "surrogatepass"), digest_size=32).digest()
