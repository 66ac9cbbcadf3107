"""browser sign-ins.

Revision 5decca7bea2d, after 5ebcd83ba840, 2026-11-20.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5decca7bea2d"
down_revision = "5ebcd83ba840"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "browser_sign_in",
        sa.Column("sign_in_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("pat_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_token_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_id", name=op.f("pk_browser_sign_in")),
    )
    with op.batch_alter_table("browser_sign_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_browser_sign_in_principal_id"), ["principal_id"], unique=False)


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("browser_sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_browser_sign_in_principal_id"))

    op.drop_table("browser_sign_in")
