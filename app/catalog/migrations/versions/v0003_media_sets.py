"""What is known of whole media sets, media pools, the identity of devices, and when media expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is needed; sets that are there begin in no pool."""
    op.add_column("devices", sa.Column("identity", sa.Text(), server_default="", nullable=False))
    op.add_column("media", sa.Column("expires_at", sa.BigInteger()))
    op.create_table(
        "media_sets",
        sa.Column("set_id", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), server_default="", nullable=False),
        sa.Column("pool_set", sa.Text(), server_default="", nullable=False),
        sa.Column("last_written_at", sa.BigInteger()),
        sa.Column("retired", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("run", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("set_id", name="pk_media_sets"),
    )
    op.create_table(
        "pools",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("minimum_save", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pools"),
    )
    # When a set was last written to is when its newest session ended.
    op.execute(
        "INSERT INTO media_sets (set_id, last_written_at)"
        " SELECT media.set_id, max(sessions.finished_at) FROM media"
        " LEFT JOIN sessions ON sessions.media_serial = media.serial GROUP BY media.set_id"
    )


def downgrade() -> None:
    """Take it away again: media stay, pools are forgotten."""
    op.drop_table("pools")
    op.drop_table("media_sets")
    op.drop_column("media", "expires_at")
    op.drop_column("devices", "identity")
