"""The tables of passwords, sign-in links and browser sessions; every function is given one open transaction.

A row holds a slow hash of its password or a keyed hash of its value, so whoever reads the database signs in with
nothing that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "LinkRow",
    "PasswordRow",
    "SessionRow",
    "delete_expired_links",
    "delete_link",
    "delete_password",
    "delete_sessions_over_before",
    "end_sessions",
    "find_link",
    "find_password",
    "find_session",
    "insert_session",
    "open_sessions",
    "put_link",
    "put_password",
    "rehash_password",
    "touch_session",
]

_PASSWORDS = sa.Table(
    "user_password",
    METADATA,
    sa.Column("principal_id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("changed_at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class PasswordRow:
    """One user's password. `changed_at` in milliseconds is greater after each change, and the same after a rehash."""

    principal_id: str
    hash: str
    changed_at: int


_PASSWORD = [_PASSWORDS.c[name] for name in PasswordRow.__dataclass_fields__]


def find_password(tx: Connection, principal_id: str) -> PasswordRow | None:
    """Find a user's password."""
    row = tx.execute(sa.select(*_PASSWORD).where(_PASSWORDS.c.principal_id == principal_id)).first()
    return None if row is None else PasswordRow(*row)


def put_password(tx: Connection, principal_id: str, hashed: str, now: int) -> PasswordRow:
    """Set or replace a user's password."""
    former = find_password(tx, principal_id)
    row = PasswordRow(principal_id, hashed, now if former is None else max(now, former.changed_at + 1))
    delete_password(tx, principal_id)
    tx.execute(_PASSWORDS.insert().values({name: getattr(row, name) for name in PasswordRow.__dataclass_fields__}))
    return row


def rehash_password(tx: Connection, former: PasswordRow, hashed: str) -> None:
    """Store the same password under newer parameters, unless it has been changed meanwhile."""
    here = (_PASSWORDS.c.principal_id == former.principal_id) & (_PASSWORDS.c.hash == former.hash)
    tx.execute(_PASSWORDS.update().where(here).values(hash=hashed))


def delete_password(tx: Connection, principal_id: str) -> None:
    """Remove a user's password."""
    tx.execute(_PASSWORDS.delete().where(_PASSWORDS.c.principal_id == principal_id))


_LINKS = sa.Table(
    "sign_in_link",
    METADATA,
    sa.Column("principal_id", sa.Text, primary_key=True),
    sa.Column("link_id", sa.Text, nullable=False, unique=True),
    sa.Column("value_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class LinkRow:
    """The one link of a user that has not been used. Times in milliseconds."""

    principal_id: str
    link_id: str
    value_hash: bytes
    created_at: int
    expiry_at: int


_LINK = [_LINKS.c[name] for name in LinkRow.__dataclass_fields__]


def put_link(tx: Connection, row: LinkRow) -> None:
    """Add a link; the user's earlier one goes."""
    tx.execute(_LINKS.delete().where(_LINKS.c.principal_id == row.principal_id))
    tx.execute(_LINKS.insert().values({name: getattr(row, name) for name in LinkRow.__dataclass_fields__}))


def find_link(tx: Connection, link_id: str) -> LinkRow | None:
    """Find one by its public id."""
    row = tx.execute(sa.select(*_LINK).where(_LINKS.c.link_id == link_id)).first()
    return None if row is None else LinkRow(*row)


def delete_link(tx: Connection, principal_id: str, link_id: str | None = None) -> bool:
    """Remove a user's link, or just this one; says whether it was there."""
    here = _LINKS.c.principal_id == principal_id
    if link_id is not None:
        here &= _LINKS.c.link_id == link_id
    return tx.execute(_LINKS.delete().where(here)).rowcount > 0


def delete_expired_links(tx: Connection, now: int) -> None:
    """Remove what nobody can use any more."""
    tx.execute(_LINKS.delete().where(_LINKS.c.expiry_at <= now))


_SESSIONS = sa.Table(
    "browser_session",
    METADATA,
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("principal_id", sa.Text, nullable=False, index=True),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("pat_id", sa.Text, nullable=False),
    sa.Column("value_hash", sa.LargeBinary, nullable=False),
    sa.Column("client_address", sa.Text, nullable=False),
    sa.Column("user_agent", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("last_used_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger, nullable=True),
    sa.Column("ended_reason", sa.Text, nullable=False),
    sa.Column("ended_from", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One browser signed in. Times in milliseconds.

    `user_agent` is in our words. `pat_id` is of the token that it was opened with, or empty. `ended_at` is None until
    a deed ends the session; time alone does not set it.
    """

    session_id: str
    principal_id: str
    how: str
    pat_id: str
    value_hash: bytes
    client_address: str
    user_agent: str
    created_at: int
    last_used_at: int
    expiry_at: int
    ended_at: int | None = None
    ended_reason: str = ""
    ended_from: str = ""


_SESSION = [_SESSIONS.c[name] for name in SessionRow.__dataclass_fields__]


def insert_session(tx: Connection, row: SessionRow) -> None:
    """Add one."""
    tx.execute(_SESSIONS.insert().values({name: getattr(row, name) for name in SessionRow.__dataclass_fields__}))


def find_session(tx: Connection, session_id: str) -> SessionRow | None:
    """Find one by its public id, ended or not."""
    row = tx.execute(sa.select(*_SESSION).where(_SESSIONS.c.session_id == session_id)).first()
    return None if row is None else SessionRow(*row)


def open_sessions(tx: Connection, principal_id: str) -> list[SessionRow]:
    """A principal's sessions that no deed has ended, oldest first; time may have ended them."""
    here = (_SESSIONS.c.principal_id == principal_id) & _SESSIONS.c.ended_at.is_(None)
    rows = tx.execute(sa.select(*_SESSION).where(here).order_by(_SESSIONS.c.created_at, _SESSIONS.c.session_id))
    return [SessionRow(*row) for row in rows]


def touch_session(tx: Connection, session_id: str, now: int) -> None:
    """Note that a session is used."""
    here = (_SESSIONS.c.session_id == session_id) & (_SESSIONS.c.last_used_at < now)
    tx.execute(_SESSIONS.update().where(here).values(last_used_at=now))


def end_sessions(tx: Connection, session_ids: Iterable[str], now: int, reason: str, where: str = "") -> int:
    """End those that have not ended; returns how many."""
    here = _SESSIONS.c.session_id.in_(list(session_ids)) & _SESSIONS.c.ended_at.is_(None)
    ended = _SESSIONS.update().where(here).values(ended_at=now, ended_reason=reason, ended_from=where)
    return int(tx.execute(ended).rowcount)


def delete_sessions_over_before(tx: Connection, moment: int, idle_ms: int) -> None:
    """Remove those whose end, by deed or by time, lies before a moment."""
    columns = _SESSIONS.c
    by_time = (columns.expiry_at <= moment) | (columns.last_used_at <= moment - idle_ms)
    over = (columns.ended_at <= moment) | (columns.ended_at.is_(None) & by_time)
    tx.execute(_SESSIONS.delete().where(over))
