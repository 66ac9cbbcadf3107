"""Browser sessions: how one is opened, recognised, listed and ended.

A cookie's value is a bearer's proof like a token, and is stored like one: the row holds a keyed hash of it. Who the
session's principal is, and what it may do, is asked of the directory at each request. A session that a personal access
token opened ends with that token.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, cast

from wheelyard.control.caller import Caller, RequestInfo
from wheelyard.control.scim.service import Directory
from wheelyard.control.sign_in import agents, store
from wheelyard.control.sign_in.endings import (
    IDLE_SECONDS,
    KEPT_SECONDS,
    LIFE_SECONDS,
    MOST_SESSIONS,
    Ending,
    Reason,
    ending_of,
)
from wheelyard.control.sign_in.values import COOKIE, PUBLIC_ID, new_value, public_id_of
from wheelyard.control.tokens.service import Tokens
from wheelyard.core.errors import NotFound, Unauthenticated
from wheelyard.core.redaction import Secret
from wheelyard.storage.barrier import Barrier
from wheelyard.storage.database import Connection, Database

__all__ = ["BrowserSession", "DrawnSession", "How", "NewSession", "SessionInfo", "Sessions"]

How = Literal["password", "token", "link"]
"""What somebody signed in with."""

_NOTED_EVERY_MS = 60_000
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A session that is good at this moment. Times in milliseconds.

    `caller` is who its principal is right now, with the request it came with; `csrf_token` proves that a form comes
    from a page of this session.
    """

    session_id: str
    caller: Caller
    csrf_token: str
    how: How
    created_at: int
    last_used_at: int
    expiry_at: int


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session at the one moment its cookie is known."""

    session: BrowserSession
    cookie: Secret[str]
    lifetime_seconds: int


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One line of the list of somebody's sessions. Times in milliseconds; `user_agent` as in `Firefox on Linux`."""

    session_id: str
    how: How
    created_at: int
    last_used_at: int
    expiry_at: int
    client_address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class DrawnSession:
    """A session that is not stored yet."""

    row: store.SessionRow
    cookie: Secret[str]


class Sessions:
    """Arguments as `SignIn` has them."""

    def __init__(
        self,
        *,
        database: Database,
        barrier: Barrier,
        directory: Directory,
        tokens: Tokens,
        clock: Callable[[], float],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._database = database
        self._barrier = barrier
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._randomness = randomness

    # Opening -------------------------------------------------------------------------------------------------------

    def draw(self, caller: Caller, how: How, pat_id: str = "") -> DrawnSession:
        """Draw a session's id and cookie. One opened by a token never outlives it."""
        cookie, now = new_value(COOKIE, self._randomness), self._now()
        seconds = min(LIFE_SECONDS, self._tokens.pat_seconds_left(pat_id)) if pat_id else LIFE_SECONDS
        row = store.SessionRow(
            session_id=public_id_of(COOKIE, cookie) or "",
            principal_id=caller.principal_id,
            how=how,
            pat_id=pat_id,
            value_hash=self._hash(cookie),
            client_address=caller.request.client_address[:_LONGEST_ADDRESS],
            user_agent=agents.in_words(caller.request.user_agent),
            created_at=now,
            last_used_at=now,
            expiry_at=now + int(seconds * 1000),
        )
        return DrawnSession(row, cookie)

    def insert(self, tx: Connection, drawn: DrawnSession) -> None:
        """Store a session; where it would be one too many, the oldest ends. What has long been over is removed."""
        now = drawn.row.created_at
        store.delete_sessions_over_before(tx, now - KEPT_SECONDS * 1000, IDLE_SECONDS * 1000)
        living = [row for row in store.open_sessions(tx, drawn.row.principal_id) if ending_of(row, now) is None]
        too_many = living[: max(0, len(living) - MOST_SESSIONS + 1)]
        _end(tx, too_many, now, "crowded")
        store.insert_session(tx, drawn.row)

    def opened(self, drawn: DrawnSession, caller: Caller) -> NewSession:
        """What a browser is given for a session that is stored."""
        lifetime_ms = drawn.row.expiry_at - drawn.row.created_at
        return NewSession(self._session(drawn.row, caller), drawn.cookie, lifetime_ms // 1000)

    # Recognising ---------------------------------------------------------------------------------------------------

    def look(self, cookie: Secret[str], request: RequestInfo) -> BrowserSession:
        """The session of a cookie.

        Raises:
            Unauthenticated: `session-ended`, with when and why; or `session-unknown`.
        """
        row, now = self._found(cookie), self._now()
        if row is None:
            raise Unauthenticated(
                "This browser's session is not known here.",
                reference="session-unknown",
                because="it ended more than a day ago, or was never opened here",
                hint="sign in",
            )
        caller = self._living(row, now)
        if isinstance(caller, Ending):
            raise Unauthenticated(
                f"Your session ended at {caller.when}: {caller.why}.", reference="session-ended", hint="sign in again"
            )
        if now - row.last_used_at >= _NOTED_EVERY_MS:
            self._database.write(lambda tx: store.touch_session(tx, row.session_id, now))
        return self._session(row, caller.with_request(request))

    def former_holder(self, cookie: Secret[str]) -> str | None:
        """The principal id of a cookie's session, ended or not."""
        row = self._found(cookie)
        return None if row is None else row.principal_id

    def holder_of(self, session_id: str) -> str | None:
        """The principal id of a session, ended or not."""
        row = self._row(session_id) if PUBLIC_ID.fullmatch(session_id) else None
        return None if row is None else row.principal_id

    def csrf_token(self, session_id: str) -> str:
        """What a form of this session holds. It is computed, not stored, so it can be told after the session's end."""
        known = session_id.encode("utf-8", "surrogatepass")
        return self._barrier.keyed_hash(known, purpose="browser-session-form").hex()

    def of(self, principal_id: str) -> list[SessionInfo]:
        """A principal's sessions, the one used last first."""
        now = self._now()
        rows = [row for row in self._open_rows(principal_id) if ending_of(row, now) is None and self._has_token(row)]
        rows.sort(key=lambda row: (row.last_used_at, row.created_at, row.session_id), reverse=True)
        return [
            SessionInfo(
                session_id=row.session_id,
                how=cast("How", row.how),
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expiry_at=row.expiry_at,
                client_address=row.client_address,
                user_agent=row.user_agent,
            )
            for row in rows
        ]

    # Ending --------------------------------------------------------------------------------------------------------

    def end(self, session_ids: Iterable[str], reason: Reason, by: RequestInfo | None = None) -> int:
        """End sessions, by a request of another one where `by` is given; returns how many there were."""
        ids, now = list(session_ids), self._now()
        where = "" if by is None else _where(by)
        return self._database.write(lambda tx: store.end_sessions(tx, ids, now, reason, where))

    def end_all(
        self, tx: Connection, principal_id: str, reason: Reason, by: RequestInfo | None = None, keep: str = ""
    ) -> int:
        """End a principal's sessions but one, inside a transaction."""
        rows = [row for row in store.open_sessions(tx, principal_id) if row.session_id != keep]
        return _end(tx, rows, self._now(), reason, "" if by is None else _where(by))

    def remove_long_over(self, tx: Connection) -> None:
        """Remove what nobody is told of any more."""
        store.delete_sessions_over_before(tx, self._now() - KEPT_SECONDS * 1000, IDLE_SECONDS * 1000)

    # How it is done ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _hash(self, cookie: Secret[str]) -> bytes:
        return self._barrier.keyed_hash(cookie.reveal().encode(), purpose="browser-session")

    def _row(self, session_id: str) -> store.SessionRow | None:
        """A session that is good, or over for less than a day."""
        row = self._database.read(lambda tx: store.find_session(tx, session_id))
        if row is None:
            return None
        ending, now = ending_of(row, self._now()), self._now()
        return row if ending is None or now - ending.at < KEPT_SECONDS * 1000 else None

    def _found(self, cookie: Secret[str]) -> store.SessionRow | None:
        session_id = public_id_of(COOKIE, cookie)
        row = None if session_id is None else self._row(session_id)
        if row is None or not hmac.compare_digest(row.value_hash, self._hash(cookie)):
            return None
        return row

    def _living(self, row: store.SessionRow, now: int) -> Caller | Ending:
        """Who the session's principal is, or how the session ended."""
        ending = ending_of(row, now)
        if ending is not None:
            return ending
        if not self._has_token(row):
            return self._ended_now(row, "token")
        try:
            return self._directory.caller(row.principal_id)
        except NotFound:
            return self._ended_now(row, "principal")

    def _ended_now(self, row: store.SessionRow, reason: Reason) -> Ending:
        """Store an end that comes to light at this request, so that nothing brings the session back."""
        self.end([row.session_id], reason)
        stored = self._database.read(lambda tx: store.find_session(tx, row.session_id))
        known = None if stored is None else ending_of(stored, self._now())
        return known or Ending(reason, self._now())

    def _has_token(self, row: store.SessionRow) -> bool:
        return not row.pat_id or self._tokens.pat_seconds_left(row.pat_id) > 0

    def _open_rows(self, principal_id: str) -> list[store.SessionRow]:
        return self._database.read(lambda tx: store.open_sessions(tx, principal_id))

    def _session(self, row: store.SessionRow, caller: Caller) -> BrowserSession:
        return BrowserSession(
            session_id=row.session_id,
            caller=caller,
            csrf_token=self.csrf_token(row.session_id),
            how=cast("How", row.how),
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expiry_at=row.expiry_at,
        )


def _end(tx: Connection, rows: Iterable[store.SessionRow], now: int, reason: Reason, where: str = "") -> int:
    return store.end_sessions(tx, [row.session_id for row in rows], now, reason, where)


def _where(request: RequestInfo) -> str:
    browser = agents.in_words(request.user_agent)
    return f"{browser} at {request.client_address[:_LONGEST_ADDRESS]}" if request.client_address else browser
