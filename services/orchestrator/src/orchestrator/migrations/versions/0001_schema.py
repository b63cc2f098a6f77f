"""Machines, inspections, their queue and its evidence."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "catalogues",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("tools", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_catalogues")),
        schema="orchestrator",
    )
    op.create_table(
        "images",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("uploaded_by", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        schema="orchestrator",
    )
    op.create_index(
        op.f("ix_orchestrator_images_created_at"),
        "images",
        ["created_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_table(
        "inspections",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("inspection_type", sa.Text(), nullable=False),
        sa.Column("pipeline_config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tool_names", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("image_ids", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("is_checked", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_continuous", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="5", nullable=False),
        sa.Column("target_machine_id", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), server_default="", nullable=False),
        sa.Column("strategy", sa.Text(), server_default="load_balanced", nullable=False),
        sa.Column(
            "preferred_machines", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("auto_distribute", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("queued_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("rank_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("not_before", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("assigned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("completed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("machine_id", sa.Text(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("attempt_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts_allowed", sa.Integer(), server_default="5", nullable=False),
        sa.Column("dead_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("estimated_wait_s", sa.Double(), nullable=True),
        sa.Column("estimated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint("priority BETWEEN 1 AND 10", name=op.f("ck_inspections_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspections")),
        schema="orchestrator",
    )
    op.create_index(
        "ix_inspections_completed_at",
        "inspections",
        ["completed_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_index(
        "ix_inspections_created_at",
        "inspections",
        ["created_at", "id"],
        unique=False,
        schema="orchestrator",
    )
    op.create_index(
        "ix_inspections_dead",
        "inspections",
        ["dead_at"],
        unique=False,
        schema="orchestrator",
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.create_index(
        "ix_inspections_expiry",
        "inspections",
        ["lease_expires_at"],
        unique=False,
        schema="orchestrator",
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.create_index(
        "ix_inspections_images",
        "inspections",
        ["image_ids"],
        unique=False,
        schema="orchestrator",
        postgresql_using="gin",
    )
    op.create_index(
        "ix_inspections_leases",
        "inspections",
        ["machine_id"],
        unique=False,
        schema="orchestrator",
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.create_index(
        "ix_inspections_machine",
        "inspections",
        ["machine_id", "created_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_index(
        "ix_inspections_queue",
        "inspections",
        ["rank_at", "id"],
        unique=False,
        schema="orchestrator",
        postgresql_where=sa.text("status = 'pending' AND queued_at IS NOT NULL"),
    )
    op.create_index(
        "ix_inspections_status",
        "inspections",
        ["status", "created_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_index(
        "ix_inspections_type",
        "inspections",
        ["inspection_type", "created_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_table(
        "artifacts",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["orchestrator.inspections.id"],
            name=op.f("fk_artifacts_inspection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inspection_id", "attempt", "name", name=op.f("pk_artifacts")),
        schema="orchestrator",
    )
    op.create_table(
        "attempts",
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=False),
        sa.Column(
            "started_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("processing_time_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["orchestrator.inspections.id"],
            name=op.f("fk_attempts_inspection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("inspection_id", "attempt", name=op.f("pk_attempts")),
        schema="orchestrator",
    )
    op.create_index(
        "ix_attempts_machine",
        "attempts",
        ["machine_id", "started_at"],
        unique=False,
        schema="orchestrator",
    )
    op.create_table(
        "late_reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("inspection_id", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["inspection_id"],
            ["orchestrator.inspections.id"],
            name=op.f("fk_late_reports_inspection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_reports")),
        schema="orchestrator",
    )
    op.create_index(
        op.f("ix_orchestrator_late_reports_inspection_id"),
        "late_reports",
        ["inspection_id"],
        unique=False,
        schema="orchestrator",
    )
    op.create_table(
        "machines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), server_default="", nullable=False),
        sa.Column("ip_address", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("max_concurrent_inspections", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "supported_inspection_types",
            postgresql.ARRAY(sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column(
            "hardware_specs",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("catalogue_digest", sa.Text(), nullable=True),
        sa.Column("tool_names", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column(
            "registered_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), server_default="offline", nullable=False),
        sa.Column("reported_status", sa.Text(), server_default="offline", nullable=False),
        sa.Column(
            "is_in_maintenance", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("last_heartbeat", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("reported_inspections", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "system_info",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column(
            "performance_metrics",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
        sa.Column("blocked_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("push_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_push_error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["catalogue_digest"],
            ["orchestrator.catalogues.digest"],
            name=op.f("fk_machines_catalogue_digest"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machines")),
        sa.UniqueConstraint("name", name=op.f("uq_machines_name")),
        schema="orchestrator",
    )
    op.create_table(
        "costs",
        sa.Column("machine_id", sa.Text(), nullable=False),
        sa.Column("inspection_type", sa.Text(), nullable=False),
        sa.Column("mean_s", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"],
            ["orchestrator.machines.id"],
            name=op.f("fk_costs_machine_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("machine_id", "inspection_type", name=op.f("pk_costs")),
        schema="orchestrator",
    )


def downgrade() -> None:
    op.drop_table("costs", schema="orchestrator")
    op.drop_table("machines", schema="orchestrator")
    op.drop_index(
        op.f("ix_orchestrator_late_reports_inspection_id"),
        table_name="late_reports",
        schema="orchestrator",
    )
    op.drop_table("late_reports", schema="orchestrator")
    op.drop_index("ix_attempts_machine", table_name="attempts", schema="orchestrator")
    op.drop_table("attempts", schema="orchestrator")
    op.drop_table("artifacts", schema="orchestrator")
    op.drop_index("ix_inspections_type", table_name="inspections", schema="orchestrator")
    op.drop_index("ix_inspections_status", table_name="inspections", schema="orchestrator")
    op.drop_index(
        "ix_inspections_queue",
        table_name="inspections",
        schema="orchestrator",
        postgresql_where=sa.text("status = 'pending' AND queued_at IS NOT NULL"),
    )
    op.drop_index("ix_inspections_machine", table_name="inspections", schema="orchestrator")
    op.drop_index(
        "ix_inspections_leases",
        table_name="inspections",
        schema="orchestrator",
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.drop_index(
        "ix_inspections_images",
        table_name="inspections",
        schema="orchestrator",
        postgresql_using="gin",
    )
    op.drop_index(
        "ix_inspections_expiry",
        table_name="inspections",
        schema="orchestrator",
        postgresql_where=sa.text("lease_token IS NOT NULL"),
    )
    op.drop_index(
        "ix_inspections_dead",
        table_name="inspections",
        schema="orchestrator",
        postgresql_where=sa.text("dead_at IS NOT NULL"),
    )
    op.drop_index("ix_inspections_created_at", table_name="inspections", schema="orchestrator")
    op.drop_index("ix_inspections_completed_at", table_name="inspections", schema="orchestrator")
    op.drop_table("inspections", schema="orchestrator")
    op.drop_index(
        op.f("ix_orchestrator_images_created_at"), table_name="images", schema="orchestrator"
    )
    op.drop_table("images", schema="orchestrator")
    op.drop_table("catalogues", schema="orchestrator")
