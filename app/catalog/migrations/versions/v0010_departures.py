"""What is gone between two sessions is kept once it was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty: housekeeping fills it."""
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "comparisons",
        sa.Column("id", row_id, nullable=False),
        sa.Column("older_id", row_id, nullable=False),
        sa.Column("newer_id", row_id, nullable=False),
        sa.Column("whole", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["older_id"], ["sessions.id"], name="fk_comparisons_older_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["newer_id"], ["sessions.id"], name="fk_comparisons_newer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
        sa.UniqueConstraint("older_id", "newer_id", name="uq_comparisons_older_id_newer_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_comparisons_newer_id", "comparisons", ["newer_id"])
    op.create_table(
        "departures",
        sa.Column("comparison_id", sa.BigInteger(), nullable=False),
        sa.Column("name_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("comparison_id", "name_id", name="pk_departures"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_departures_name_id", "departures", ["name_id"])


def downgrade() -> None:
    """It can be found again."""
    op.drop_table("departures")
    op.drop_table("comparisons")
