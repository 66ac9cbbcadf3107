"""One-time links: whoever opens one sets a password, and is signed in.

A link is good once and until it expires. A user has one at most: a new one replaces it, and so does a password that is
changed in any other way, so no forgotten link opens the door later.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from wheelyard.control.sign_in import store
from wheelyard.control.sign_in.values import LINK, new_value, public_id_of
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = ["IssuedLink", "Links"]

_PURPOSE = "sign-in-link"


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link at the one moment its value is known. `expiry_at` in milliseconds."""

    value: Secret[str]
    expiry_at: int


class Links:
    """Arguments as `SignIn` has them."""

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        clock: Callable[[], float],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._clock = clock
        self._randomness = randomness

    def make(self, principal_id: str, lifetime_seconds: int) -> IssuedLink:
        """Make a link for somebody who may have one."""
        value, now = new_value(LINK, self._randomness), int(self._clock() * 1000)
        row = store.LinkRow(
            principal_id=principal_id,
            link_id=public_id_of(LINK, value) or "",
            value_hash=self._hash(value),
            created_at=now,
            expiry_at=now + lifetime_seconds * 1000,
        )

        def put(tx: Connection) -> None:
            store.delete_expired_links(tx, now)
            store.put_link(tx, row)

        self._database.write(put)
        return IssuedLink(value, row.expiry_at)

    def find(self, link: Secret[str]) -> store.LinkRow | None:
        """The row of a link that is good now."""
        link_id = public_id_of(LINK, link)
        row = None if link_id is None else self._database.read(lambda tx: store.find_link(tx, link_id))
        if row is None or not hmac.compare_digest(row.value_hash, self._hash(link)):
            return None
        return row if self._clock() * 1000 < row.expiry_at else None

    def _hash(self, link: Secret[str]) -> bytes:
        return self._barrier.keyed_hash(link.reveal().encode(), purpose=_PURPOSE)
