"""Alembic migrations of the catalog; run by `app.catalog.migration`."""
