"""The tables of service principals' secrets and of browser sign-ins; every function is given one open transaction.

A row holds a keyed hash of its secret or refresh token, so whoever reads the database cannot sign in with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = [
    "SecretRow",
    "SignInRow",
    "delete_expired_sign_ins",
    "delete_of_principal",
    "delete_oldest_sign_ins",
    "delete_secret",
    "delete_sign_in",
    "delete_sign_ins_of_principal",
    "find_sign_in",
    "insert_secret",
    "insert_sign_in",
    "rotate_sign_in",
    "secrets_of",
]

_SECRETS = sa.Table(
    "service_principal_secret",
    METADATA,
    sa.Column("secret_id", sa.Text, primary_key=True),
    sa.Column("principal_id", sa.Text, nullable=False, index=True),
    sa.Column("value_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SecretRow:
    """One secret. Times in milliseconds."""

    secret_id: str
    principal_id: str
    value_hash: bytes
    created_at: int
    expiry_at: int


_ROW = [_SECRETS.c[name] for name in SecretRow.__dataclass_fields__]


def insert_secret(tx: Connection, row: SecretRow) -> None:
    """Add one."""
    tx.execute(_SECRETS.insert().values({name: getattr(row, name) for name in SecretRow.__dataclass_fields__}))


def secrets_of(tx: Connection, principal_id: str) -> list[SecretRow]:
    """All secrets of one principal, expired ones too, oldest first."""
    chosen = sa.select(*_ROW).where(_SECRETS.c.principal_id == principal_id)
    rows = tx.execute(chosen.order_by(_SECRETS.c.created_at, _SECRETS.c.secret_id))
    return [SecretRow(*row) for row in rows]


def delete_secret(tx: Connection, principal_id: str, secret_id: str) -> bool:
    """Remove one; says whether it was there."""
    here = (_SECRETS.c.principal_id == principal_id) & (_SECRETS.c.secret_id == secret_id)
    return tx.execute(_SECRETS.delete().where(here)).rowcount > 0


def delete_of_principal(tx: Connection, principal_id: str) -> None:
    """Remove all secrets of a principal."""
    tx.execute(_SECRETS.delete().where(_SECRETS.c.principal_id == principal_id))


_SIGN_INS = sa.Table(
    "browser_sign_in",
    METADATA,
    sa.Column("sign_in_id", sa.Text, primary_key=True),
    sa.Column("principal_id", sa.Text, nullable=False, index=True),
    sa.Column("pat_id", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("value_hash", sa.LargeBinary, nullable=False),
    sa.Column("access_token_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expiry_at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class SignInRow:
    """One person signed in to one client. Times in milliseconds.

    `value_hash` is of the one refresh token that is good now, `pat_id` of the token the person proved itself with,
    `access_token_id` of the last access token.
    """

    sign_in_id: str
    principal_id: str
    pat_id: str
    client_id: str
    scope: str
    value_hash: bytes
    access_token_id: str
    created_at: int
    expiry_at: int


_SIGN_IN = [_SIGN_INS.c[name] for name in SignInRow.__dataclass_fields__]


def insert_sign_in(tx: Connection, row: SignInRow) -> None:
    """Add one."""
    tx.execute(_SIGN_INS.insert().values({name: getattr(row, name) for name in SignInRow.__dataclass_fields__}))


def find_sign_in(tx: Connection, sign_in_id: str) -> SignInRow | None:
    """Find one."""
    row = tx.execute(sa.select(*_SIGN_IN).where(_SIGN_INS.c.sign_in_id == sign_in_id)).first()
    return None if row is None else SignInRow(*row)


def rotate_sign_in(tx: Connection, newer: SignInRow, former_hash: bytes) -> bool:
    """Replace the refresh token if it is still the one that was read; says whether it was."""
    here = (_SIGN_INS.c.sign_in_id == newer.sign_in_id) & (_SIGN_INS.c.value_hash == former_hash)
    values = {name: getattr(newer, name) for name in ("value_hash", "access_token_id", "expiry_at")}
    return tx.execute(_SIGN_INS.update().where(here).values(values)).rowcount > 0


def delete_sign_in(tx: Connection, sign_in_id: str) -> SignInRow | None:
    """Remove one and return what it was."""
    row = find_sign_in(tx, sign_in_id)
    tx.execute(_SIGN_INS.delete().where(_SIGN_INS.c.sign_in_id == sign_in_id))
    return row


def delete_sign_ins_of_principal(tx: Connection, principal_id: str) -> None:
    """Remove all of a principal."""
    tx.execute(_SIGN_INS.delete().where(_SIGN_INS.c.principal_id == principal_id))


def delete_oldest_sign_ins(tx: Connection, principal_id: str, *, keep: int) -> None:
    """Remove all of a principal but the newest `keep`."""
    chosen = sa.select(_SIGN_INS.c.sign_in_id).where(_SIGN_INS.c.principal_id == principal_id)
    newest_first = chosen.order_by(_SIGN_INS.c.created_at.desc(), _SIGN_INS.c.sign_in_id)
    old = [row[0] for row in tx.execute(newest_first)][keep:]
    tx.execute(_SIGN_INS.delete().where(_SIGN_INS.c.sign_in_id.in_(old)))


def delete_expired_sign_ins(tx: Connection, now: int) -> None:
    """Remove what nobody can use any more."""
    tx.execute(_SIGN_INS.delete().where(_SIGN_INS.c.expiry_at <= now))
