"""Warnings and errors of the activity log have an index: they are few, and looked for among all lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_INDEX = "ix_activity_trouble"


def upgrade() -> None:
    """Filled from the lines there are."""
    where = sa.text("severity IN ('warning', 'error', 'critical')")
    op.create_index(_INDEX, "activity", ["id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """All lines are read again."""
    op.drop_index(_INDEX, table_name="activity")
