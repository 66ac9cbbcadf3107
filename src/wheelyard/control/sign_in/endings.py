"""When a session is over, and why, in words: whoever finds it over is told.

A session lasts seven days, and half a day without use. Everything else that ends it is a deed, and is stored with the
session. A session that is over is kept for a day, so that its browser can be told why; then it is as if it never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from wheelyard.control.sign_in.store import SessionRow

__all__ = ["IDLE_SECONDS", "KEPT_SECONDS", "LIFE_SECONDS", "MOST_SESSIONS", "Ending", "Reason", "ending_of"]

LIFE_SECONDS = 7 * 24 * 3600
IDLE_SECONDS = 12 * 3600
KEPT_SECONDS = 24 * 3600
MOST_SESSIONS = 50
"""Of one principal; the one that was opened first ends for another."""

Reason = Literal["signed-out", "revoked", "expired", "idle", "token", "password", "crowded", "principal"]

_WORDS: Mapping[str, str] = {
    "signed-out": "you signed out",
    "revoked": "it was revoked from {where}",
    "expired": "a session lasts 7 days",
    "idle": "it was not used for 12 hours",
    "token": "the access token that it was opened with has expired or is revoked",
    "password": "the password was changed from {where}",
    "crowded": f"{MOST_SESSIONS} sessions were opened after it",
    "principal": "the user is deactivated or was removed",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended. `at` in milliseconds; `where` names the browser that ended it, if another one did.

    >>> ending = Ending("idle", 1_772_614_800_000)
    >>> f"It ended at {ending.when}: {ending.why}."
    'It ended at 2026-03-04 09:00 UTC: it was not used for 12 hours.'
    """

    reason: str
    at: int
    where: str = ""

    @property
    def when(self) -> str:
        return datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")

    @property
    def why(self) -> str:
        return _WORDS[self.reason].format(where=self.where or "another browser")


def ending_of(row: SessionRow, now: int) -> Ending | None:
    """The end of a session, if it has come; whether its principal and its token are still there is not looked at."""
    if row.ended_at is not None:
        return Ending(row.ended_reason, row.ended_at, row.ended_from)
    idle_at = row.last_used_at + IDLE_SECONDS * 1000
    if min(row.expiry_at, idle_at) > now:
        return None
    if idle_at < row.expiry_at:
        return Ending("idle", idle_at)
    cut_short = row.expiry_at < row.created_at + LIFE_SECONDS * 1000
    return Ending("token" if cut_short else "expired", row.expiry_at)
