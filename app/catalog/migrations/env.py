"""Alembic's entry: migrate on the connection that `app.catalog.migration` holds."""

from __future__ import annotations

from alembic import context

from app.catalog import migration
from app.catalog.tables import metadata

migration.run(context, context.config.attributes["connection"], metadata)
