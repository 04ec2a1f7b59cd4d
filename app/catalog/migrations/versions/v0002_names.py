"""Names are found by any part of them, and the folders of a folder without looking at its files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.catalog import name_index

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEX = "ix_names_folders"


def upgrade() -> None:
    """Add what is needed and fill it from the rows there are."""
    op.add_column("names", sa.Column("ever_folder", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(
        "UPDATE names SET ever_folder = true"
        " WHERE id IN (SELECT name_id FROM versions WHERE kind = 'directory')"
    )
    where = sa.text("ever_folder")
    op.create_index(_INDEX, "names", ["folder_id", "name"], sqlite_where=where, postgresql_where=where)
    name_index.make(op.get_bind())


def downgrade() -> None:
    """Take it away again; nothing else is lost."""
    name_index.drop(op.get_bind())
    op.drop_index(_INDEX, "names")
    op.drop_column("names", "ever_folder")
