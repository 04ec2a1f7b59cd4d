"""Bring a catalog to this version's form.

Opening costs one query; Alembic is imported only when there is something to do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect, text

from app.catalog.database import Database
from app.catalog.form import KNOWN, NEWEST
from app.model.errors import ArcxoError

_MIGRATING = 0x6172_6378_6F02
"""The advisory lock of a database server under which one process makes or migrates the tables."""


def ensure_current(database: Database) -> None:
    """Make or migrate the tables. Several processes may do it at once: one does, the others wait.

    Raises:
        ArcxoError: E6002 a newer version made this catalog. BusyError: E6001.
    """
    if _version(database) == NEWEST:
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "app.catalog:migrations")
    with database.write() as connection:
        if database.shared:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATING})
        # Another process may have migrated while this one waited for the lock.
        config.attributes["connection"] = connection
        command.upgrade(config, NEWEST)


def is_empty(database: Database) -> bool:
    """Whether there are no tables of a catalog."""
    with database.read() as connection:
        return not inspect(connection).has_table("alembic_version")


def downgrade(database: Database, revision: str) -> None:
    """Bring a catalog back to an earlier form; what only later ones know is lost."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "app.catalog:migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def _version(database: Database) -> str:
    with database.read() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    version = "" if found is None else str(found)
    if version and version not in KNOWN:
        raise ArcxoError("E6002", file=database.file, found=version, known=NEWEST)
    return version


def run(context: Any, connection: Any, metadata: Any) -> None:
    """What `migrations/env.py` does: migrate on the given connection, in its transaction."""
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
    context.run_migrations()
