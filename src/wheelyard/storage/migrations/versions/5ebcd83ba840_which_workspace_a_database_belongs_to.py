"""which workspace a database belongs to.

Revision 5ebcd83ba840, after 1bad725b0780, 2026-11-20.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5ebcd83ba840"
down_revision = "1bad725b0780"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "workspace_identity",
        sa.Column("workspace_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_workspace_identity")),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("workspace_identity")
