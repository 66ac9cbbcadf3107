"""The table of service principals' secrets; every function is given one open transaction.

A row holds a keyed hash of the secret, so whoever reads the database cannot sign in with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from wheelyard.storage.database import METADATA, Connection

__all__ = ["SecretRow", "delete_of_principal", "delete_secret", "insert_secret", "secrets_of"]

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
