"""The table of tokens of every kind; every function is given one open transaction.

A row holds a keyed hash of the value, so whoever reads the database cannot sign in with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "TokenRow",
    "count_tokens",
    "delete_expired",
    "delete_kind",
    "delete_of_principal",
    "delete_session",
    "delete_token",
    "find_token",
    "insert_token",
    "tokens",
]

_TOKENS = sa.Table(
    "token",
    METADATA,
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("principal_id", sa.Text, nullable=False, index=True),
    sa.Column("created_by_id", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False, index=True),
    sa.Column("feed_scope", sa.Text, nullable=False),
    sa.Column("value_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger, nullable=True),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token. Times in milliseconds; no `expiry_at` means that it never expires."""

    token_id: str
    kind: str
    principal_id: str
    created_by_id: str
    comment: str
    session_id: str
    feed_scope: str
    value_hash: bytes
    created_at: int
    expiry_at: int | None


_ROW = [_TOKENS.c[name] for name in TokenRow.__dataclass_fields__]


def insert_token(tx: Connection, row: TokenRow) -> None:
    """Add one."""
    tx.execute(_TOKENS.insert().values({name: getattr(row, name) for name in TokenRow.__dataclass_fields__}))


def find_token(tx: Connection, token_id: str) -> TokenRow | None:
    """Find one by its public id."""
    row = tx.execute(sa.select(*_ROW).where(_TOKENS.c.token_id == token_id)).first()
    return None if row is None else TokenRow(*row)


def tokens(tx: Connection, kinds: Sequence[str], principal_id: str | None, now: int) -> list[TokenRow]:
    """Tokens that are still valid, oldest first; `None` asks for everybody's."""
    chosen = sa.select(*_ROW).where(_TOKENS.c.kind.in_(kinds), _valid(now))
    if principal_id is not None:
        chosen = chosen.where(_TOKENS.c.principal_id == principal_id)
    return [TokenRow(*row) for row in tx.execute(chosen.order_by(_TOKENS.c.created_at, _TOKENS.c.token_id))]


def count_tokens(tx: Connection, kind: str, principal_id: str, now: int) -> int:
    """How many tokens of a kind a principal has that are still valid."""
    here = (_TOKENS.c.kind == kind) & (_TOKENS.c.principal_id == principal_id)
    return int(tx.execute(sa.select(sa.func.count()).select_from(_TOKENS).where(here, _valid(now))).scalar_one())


def delete_token(tx: Connection, token_id: str) -> bool:
    """Remove one; says whether it was there."""
    return tx.execute(_TOKENS.delete().where(_TOKENS.c.token_id == token_id)).rowcount > 0


def delete_session(tx: Connection, session_id: str) -> None:
    """Remove all tokens of a compute session."""
    tx.execute(_TOKENS.delete().where(_TOKENS.c.session_id == session_id))


def delete_of_principal(tx: Connection, principal_id: str) -> None:
    """Remove all tokens of a principal."""
    tx.execute(_TOKENS.delete().where(_TOKENS.c.principal_id == principal_id))


def delete_kind(tx: Connection, kind: str) -> None:
    """Remove all tokens of a kind."""
    tx.execute(_TOKENS.delete().where(_TOKENS.c.kind == kind))


def delete_expired(tx: Connection, now: int) -> None:
    """Remove what nobody can use any more."""
    tx.execute(_TOKENS.delete().where(_TOKENS.c.expiry_at.is_not(None), _TOKENS.c.expiry_at <= now))


def _valid(now: int) -> sa.ColumnElement[bool]:
    return _TOKENS.c.expiry_at.is_(None) | (_TOKENS.c.expiry_at > now)
