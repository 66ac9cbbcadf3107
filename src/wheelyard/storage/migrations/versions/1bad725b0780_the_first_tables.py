"""the first tables.

Revision 1bad725b0780, after nothing, 2026-11-20.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1bad725b0780"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:  # noqa: PLR0915 # one statement a table
    """Bring the schema forward."""
    op.create_table(
        "cluster",
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("creator_name", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_message", sa.Text(), nullable=False),
        sa.Column("termination", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("restarted_at", sa.BigInteger(), nullable=False),
        sa.Column("terminated_at", sa.BigInteger(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("removed", sa.Boolean(), nullable=False),
        sa.Column("context_id", sa.BigInteger(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cluster_id", name=op.f("pk_cluster")),
    )
    with op.batch_alter_table("cluster", schema=None) as batch_op:
        batch_op.create_index("ix_cluster_state", ["state"], unique=False)

    op.create_table(
        "cluster_event",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_cluster_event")),
    )
    with op.batch_alter_table("cluster_event", schema=None) as batch_op:
        batch_op.create_index("ix_cluster_event_cluster_id_at", ["cluster_id", "at"], unique=False)

    op.create_table(
        "cluster_library",
        sa.Column(
            "library_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("library", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("library_id", name=op.f("pk_cluster_library")),
        sa.UniqueConstraint("cluster_id", "key", name=op.f("uq_cluster_library_cluster_id_key")),
    )
    op.create_table(
        "feed",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded_place", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_feed")),
        sa.UniqueConstraint("folded_place", name=op.f("uq_feed_folded_place")),
    )
    op.create_table(
        "job",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("creator_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("one_time", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "job_run",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_run_id", sa.BigInteger(), nullable=False),
        sa.Column("task_key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("original_run_id", sa.BigInteger(), nullable=False),
        sa.Column("life", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_type", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("creator_id", sa.Text(), nullable=False),
        sa.Column("creator_name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("admitted_at", sa.BigInteger(), nullable=False),
        sa.Column("executing_at", sa.BigInteger(), nullable=False),
        sa.Column("executed_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_job_run")),
        sa.UniqueConstraint("token", name=op.f("uq_job_run_token")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.create_index("ix_job_run_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_job_run_life", ["life"], unique=False)
        batch_op.create_index("ix_job_run_parent_run_id", ["parent_run_id"], unique=False)

    op.create_table(
        "job_run_output",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_job_run_output")),
    )
    op.create_table(
        "principal",
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_principal")),
        sa.UniqueConstraint("folded", name=op.f("uq_principal_folded")),
    )
    with op.batch_alter_table("principal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_principal_kind"), ["kind"], unique=False)

    op.create_table(
        "secret_audit",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_secret_audit")),
    )
    op.create_table(
        "secret_scope",
        sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("backend_type", sa.Text(), nullable=False),
        sa.Column("vault_resource_id", sa.Text(), nullable=False),
        sa.Column("vault_dns_name", sa.Text(), nullable=False),
        sa.Column("vault_tenant_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", name=op.f("pk_secret_scope")),
        sa.UniqueConstraint("folded", name=op.f("uq_secret_scope_folded")),
    )
    op.create_table(
        "securable",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_securable")),
    )
    op.create_table(
        "service_principal_secret",
        sa.Column("secret_id", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret_id", name=op.f("pk_service_principal_secret")),
    )
    with op.batch_alter_table("service_principal_secret", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_service_principal_secret_principal_id"), ["principal_id"], unique=False)

    op.create_table(
        "token",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("feed_scope", sa.Text(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_token")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_principal_id"), ["principal_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_token_session_id"), ["session_id"], unique=False)

    op.create_table(
        "workspace_object",
        sa.Column(
            "object_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_workspace_object")),
        sa.UniqueConstraint("path", name=op.f("uq_workspace_object_path")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("workspace_object", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workspace_object_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "feed_burnt_version",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("version_key", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feed.feed_id"], name=op.f("fk_feed_burnt_version_feed_id_feed"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "project", "version_key", name=op.f("pk_feed_burnt_version")),
    )
    op.create_table(
        "feed_project",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feed.feed_id"], name=op.f("fk_feed_project_feed_id_feed"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "project", name=op.f("pk_feed_project")),
    )
    op.create_table(
        "feed_role",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feed.feed_id"], name=op.f("fk_feed_role_feed_id_feed"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feed_id", "principal", name=op.f("pk_feed_role")),
    )
    op.create_table(
        "feed_token",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expiry_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feed.feed_id"], name=op.f("fk_feed_token_feed_id_feed"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_feed_token")),
    )
    with op.batch_alter_table("feed_token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feed_token_feed_id"), ["feed_id"], unique=False)

    op.create_table(
        "group_member",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["principal.principal_id"],
            name=op.f("fk_group_member_group_id_principal"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["principal.principal_id"],
            name=op.f("fk_group_member_member_id_principal"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "member_id", name=op.f("pk_group_member")),
    )
    with op.batch_alter_table("group_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_group_member_member_id"), ["member_id"], unique=False)

    op.create_table(
        "object_permission",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kind", "object_id"],
            ["securable.kind", "securable.object_id"],
            name=op.f("fk_object_permission_kind_object_id_securable"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kind", "object_id", "principal", name=op.f("pk_object_permission")),
    )
    with op.batch_alter_table("object_permission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_object_permission_principal"), ["principal"], unique=False)

    op.create_table(
        "principal_entitlement",
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"],
            ["principal.principal_id"],
            name=op.f("fk_principal_entitlement_principal_id_principal"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("principal_id", "value", name=op.f("pk_principal_entitlement")),
    )
    op.create_table(
        "secret",
        sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["secret_scope.scope_id"], name=op.f("fk_secret_scope_id_secret_scope"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scope_id", "folded", name=op.f("pk_secret")),
    )
    op.create_table(
        "secret_acl",
        sa.Column("scope_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope_id"],
            ["secret_scope.scope_id"],
            name=op.f("fk_secret_acl_scope_id_secret_scope"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("scope_id", "principal", name=op.f("pk_secret_acl")),
    )
    op.create_table(
        "feed_file",
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("version_key", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("blake2b_256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("requires_python", sa.Text(), nullable=False),
        sa.Column("metadata_sha256", sa.Text(), nullable=False),
        sa.Column("yanked", sa.Text(), nullable=True),
        sa.Column("uploaded_at", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id", "project"],
            ["feed_project.feed_id", "feed_project.project"],
            name=op.f("fk_feed_file_feed_id_project_feed_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_feed_file")),
        sa.UniqueConstraint("feed_id", "project", "identity", name=op.f("uq_feed_file_feed_id_project_identity")),
    )
    with op.batch_alter_table("feed_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feed_file_feed_id_sha256"), ["feed_id", "sha256"], unique=False)

    op.create_table(
        "feed_page",
        sa.Column("feed_id", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("html", sa.LargeBinary(), nullable=False),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["feed_id", "project"],
            ["feed_project.feed_id", "feed_project.project"],
            name=op.f("fk_feed_page_feed_id_project_feed_project"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("feed_id", "project", name=op.f("pk_feed_page")),
    )
    op.create_table(
        "feed_file_metadata",
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["feed_file.file_id"], name=op.f("fk_feed_file_metadata_file_id_feed_file"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_feed_file_metadata")),
    )


def downgrade() -> None:  # noqa: PLR0915 # one statement a table
    """Take the schema back."""
    op.drop_table("feed_file_metadata")
    op.drop_table("feed_page")
    with op.batch_alter_table("feed_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feed_file_feed_id_sha256"))

    op.drop_table("feed_file")
    op.drop_table("secret_acl")
    op.drop_table("secret")
    op.drop_table("principal_entitlement")
    with op.batch_alter_table("object_permission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_object_permission_principal"))

    op.drop_table("object_permission")
    with op.batch_alter_table("group_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_group_member_member_id"))

    op.drop_table("group_member")
    with op.batch_alter_table("feed_token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feed_token_feed_id"))

    op.drop_table("feed_token")
    op.drop_table("feed_role")
    op.drop_table("feed_project")
    op.drop_table("feed_burnt_version")
    with op.batch_alter_table("workspace_object", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workspace_object_parent_id"))

    op.drop_table("workspace_object")
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_token_session_id"))
        batch_op.drop_index(batch_op.f("ix_token_principal_id"))

    op.drop_table("token")
    with op.batch_alter_table("service_principal_secret", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_service_principal_secret_principal_id"))

    op.drop_table("service_principal_secret")
    op.drop_table("securable")
    op.drop_table("secret_scope")
    op.drop_table("secret_audit")
    with op.batch_alter_table("principal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_principal_kind"))

    op.drop_table("principal")
    op.drop_table("job_run_output")
    with op.batch_alter_table("job_run", schema=None) as batch_op:
        batch_op.drop_index("ix_job_run_parent_run_id")
        batch_op.drop_index("ix_job_run_life")
        batch_op.drop_index("ix_job_run_job_id")

    op.drop_table("job_run")
    op.drop_table("job")
    op.drop_table("feed")
    op.drop_table("cluster_library")
    with op.batch_alter_table("cluster_event", schema=None) as batch_op:
        batch_op.drop_index("ix_cluster_event_cluster_id_at")

    op.drop_table("cluster_event")
    with op.batch_alter_table("cluster", schema=None) as batch_op:
        batch_op.drop_index("ix_cluster_state")

    op.drop_table("cluster")
