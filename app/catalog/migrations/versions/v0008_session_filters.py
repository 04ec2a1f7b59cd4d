"""Sessions say what filter they were written with, and what it left out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now backups had no filters."""
    for name in ("filters", "left_out"):
        op.add_column("sessions", sa.Column(name, sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """The media still say it."""
    for name in ("left_out", "filters"):
        op.drop_column("sessions", name)
