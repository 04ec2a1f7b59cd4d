"""SQLAlchemy tables, repositories, queries, activity log, migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.catalog.store import SqlCatalog


def open_catalog(home: str, *, url: str = "") -> SqlCatalog:
    """Open the catalog of a home; see `app.catalog.store.open_catalog`. Imports SQLAlchemy only now."""
    from app.catalog.store import open_catalog as open_store

    return open_store(home, url=url)
