"""Names are found by their first and last letter."""

from __future__ import annotations

from alembic import op

from app.catalog import name_ends

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled from the names there are."""
    name_ends.make(op.get_bind())


def downgrade() -> None:
    """Patterns without three letters in a row read all names again."""
    name_ends.drop(op.get_bind())
