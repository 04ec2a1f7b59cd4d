"""Sessions without the names in them, copies of sessions, and readings and rebuildings to be gone on with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is needed; every session that is there has its detail."""
    op.add_column("sessions", sa.Column("detail", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("sessions", sa.Column("detail_at", sa.BigInteger()))
    op.add_column("sessions", sa.Column("origin_serial", sa.Text(), server_default="", nullable=False))
    op.add_column("sessions", sa.Column("origin_number", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_sessions_origin_serial_origin_number", "sessions", ["origin_serial", "origin_number"])
    op.add_column("stagings", sa.Column("source_serial", sa.Text(), server_default="", nullable=False))
    op.add_column("stagings", sa.Column("source_number", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("stagings", sa.Column("position", sa.LargeBinary()))
    op.create_table(
        "rebuilds",
        sa.Column("lineage_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("replaces", sa.BigInteger(), nullable=False),
        sa.Column("plan", sa.Text(), server_default="[]", nullable=False),
        sa.Column("after_name", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["lineage_id"], ["lineages.id"], name="fk_rebuilds_lineage_id"),
        sa.PrimaryKeyConstraint("lineage_id", name="pk_rebuilds"),
        sa.UniqueConstraint("replaces", name="uq_rebuilds_replaces"),
    )


def downgrade() -> None:
    """Take it away again. A session without detail would hide that: it is to be merged anew."""
    op.drop_table("rebuilds")
    op.execute("DELETE FROM stagings WHERE source_serial <> ''")
    for column in ("position", "source_number", "source_serial"):
        op.drop_column("stagings", column)
    op.execute("DELETE FROM sessions WHERE NOT detail")
    op.drop_index("ix_sessions_origin_serial_origin_number", "sessions")
    for column in ("origin_number", "origin_serial", "detail_at", "detail"):
        op.drop_column("sessions", column)
