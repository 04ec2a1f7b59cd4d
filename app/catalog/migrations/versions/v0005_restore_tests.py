"""How much of a session its last restore test brought back and compared."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Until now only restores of whole sessions counted."""
    op.add_column(
        "sessions", sa.Column("restore_tested_percent", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.execute("UPDATE sessions SET restore_tested_percent = 100 WHERE restore_tested_at IS NOT NULL")


def downgrade() -> None:
    """A test of a part would pass for one of the whole: it is forgotten."""
    op.execute("UPDATE sessions SET restore_tested_at = NULL WHERE restore_tested_percent < 100")
    op.drop_column("sessions", "restore_tested_percent")
