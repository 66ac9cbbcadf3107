"""passwords, sign-in links and browser sessions.

Revision 2ce3b0ae486b, after 5decca7bea2d, 2026-11-20.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2ce3b0ae486b"
down_revision = "5decca7bea2d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "browser_session",
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("pat_id", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.Column("ended_from", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_browser_session")),
    )
    with op.batch_alter_table("browser_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_browser_session_principal_id"), ["principal_id"], unique=False)

    op.create_table(
        "sign_in_link",
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_sign_in_link")),
        sa.UniqueConstraint("link_id", name=op.f("uq_sign_in_link_link_id")),
    )
    op.create_table(
        "user_password",
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_user_password")),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("user_password")
    op.drop_table("sign_in_link")
    with op.batch_alter_table("browser_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_browser_session_principal_id"))

    op.drop_table("browser_session")
