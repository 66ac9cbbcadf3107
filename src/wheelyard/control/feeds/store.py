"""Tables of feed roles and feed tokens; every function is given one open transaction.

The feeds themselves and what lies in them are in `feed/store.py`, which the feed's own routes read too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.feed.access import FeedRole
from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "TokenRow",
    "delete_role",
    "delete_token",
    "forget_principal",
    "insert_token",
    "put_role",
    "rename_principal",
    "roles_held",
    "roles_of",
    "token",
    "tokens_of",
]

_ROLES = sa.Table(
    "feed_role",
    METADATA,
    sa.Column("feed_id", sa.ForeignKey("feed.feed_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
)

_TOKENS = sa.Table(
    "feed_token",
    METADATA,
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("feed_id", sa.ForeignKey("feed.feed_id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger),
)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What is known of a feed token, its value excepted; `expiry_at` is None for one that does not expire."""

    token_id: str
    feed_id: str
    scope: str
    comment: str
    principal: str
    created_at: int
    expiry_at: int | None


_TOKEN_FIELDS = tuple(TokenRow.__dataclass_fields__)
_TOKEN_COLUMNS = [_TOKENS.c[name] for name in _TOKEN_FIELDS]


def put_role(tx: Connection, feed_id: str, principal: str, role: FeedRole) -> None:
    """Give a principal a role, in place of the one it has."""
    delete_role(tx, feed_id, principal)
    tx.execute(sa.insert(_ROLES), {"feed_id": feed_id, "principal": principal, "role": role})


def delete_role(tx: Connection, feed_id: str, principal: str) -> bool:
    """Whether there was one."""
    deleted = tx.execute(sa.delete(_ROLES).where(_ROLES.c.feed_id == feed_id, _ROLES.c.principal == principal))
    return deleted.rowcount > 0


def forget_principal(tx: Connection, principal: str) -> None:
    """Take every role from a principal that is gone: a later one of the same name must not inherit them."""
    tx.execute(sa.delete(_ROLES).where(_ROLES.c.principal == principal))
    tx.execute(sa.delete(_TOKENS).where(_TOKENS.c.principal == principal))


def rename_principal(tx: Connection, old: str, new: str) -> None:
    """Let a renamed group keep its roles."""
    tx.execute(sa.update(_ROLES).where(_ROLES.c.principal == old).values(principal=new))


def roles_of(tx: Connection, feed_id: str) -> list[tuple[str, FeedRole]]:
    """Every (principal, role) on a feed."""
    rows = sa.select(_ROLES.c.principal, _ROLES.c.role).where(_ROLES.c.feed_id == feed_id).order_by(_ROLES.c.principal)
    return [(principal, role) for principal, role in tx.execute(rows)]


def roles_held(tx: Connection, principals: Collection[str]) -> list[tuple[str, FeedRole]]:
    """Every (feed id, role) that one of these principals holds."""
    rows = sa.select(_ROLES.c.feed_id, _ROLES.c.role).where(_ROLES.c.principal.in_(principals))
    return [(feed_id, role) for feed_id, role in tx.execute(rows)]


def insert_token(tx: Connection, row: TokenRow) -> None:
    """Remember that a token was issued."""
    tx.execute(sa.insert(_TOKENS), {name: getattr(row, name) for name in _TOKEN_FIELDS})


def token(tx: Connection, feed_id: str, token_id: str) -> TokenRow | None:
    """One token of a feed."""
    found = sa.select(*_TOKEN_COLUMNS).where(_TOKENS.c.feed_id == feed_id, _TOKENS.c.token_id == token_id)
    row = tx.execute(found).one_or_none()
    return TokenRow(*row) if row is not None else None


def tokens_of(tx: Connection, feed_id: str) -> list[TokenRow]:
    """The tokens of a feed, oldest first."""
    found = sa.select(*_TOKEN_COLUMNS).where(_TOKENS.c.feed_id == feed_id).order_by(_TOKENS.c.created_at)
    return [TokenRow(*row) for row in tx.execute(found)]


def delete_token(tx: Connection, token_id: str) -> None:
    """Forget a token that was revoked."""
    tx.execute(sa.delete(_TOKENS).where(_TOKENS.c.token_id == token_id))
