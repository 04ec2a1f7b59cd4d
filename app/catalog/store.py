"""The open catalog: one object that holds all of its parts."""

from __future__ import annotations

import contextlib
import os

from app.catalog import dialect, migration
from app.catalog.alerts import SqlAlerts
from app.catalog.browsing import SqlBrowsing
from app.catalog.database import Database
from app.catalog.form import FILE
from app.catalog.jobs import SqlJobs
from app.catalog.live import LiveStore, SqlLive, SqlServers
from app.catalog.log import SqlActivityLog
from app.catalog.media import SqlMediaRecords
from app.catalog.merging import SqlMerging
from app.catalog.registry import SqlHosts, SqlRegistrations, SqlSettings
from app.catalog.sessions import SqlSessions
from app.model.errors import ArcxoError

LIVE_FILE = "live.sqlite3"


class SqlCatalog:
    """See `app.catalog.api.Catalog`. Thread safe; several processes may have one open."""

    def __init__(self, database: Database, live: LiveStore) -> None:
        self._database = database
        self._live_store = live
        self.settings = SqlSettings(database)
        self.hosts = SqlHosts(database)
        self.registrations = SqlRegistrations(database)
        self.media = SqlMediaRecords(database)
        self.sessions = SqlSessions(database)
        self.merging = SqlMerging(database)
        self.browsing = SqlBrowsing(database)
        self.live = SqlLive(live)
        self.servers = SqlServers(live)
        self.jobs = SqlJobs(database, self.live)
        self.log = SqlActivityLog(database)
        self.alerts = SqlAlerts(database)

    def changes(self) -> tuple[int, int]:
        """Catalog and live revision."""
        return self._database.revision(), self._live_store.revision()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
        self._live_store.close()


def open_catalog(home: str, *, url: str = "", busy_wait_s: float = dialect.BUSY_WAIT_S) -> SqlCatalog:
    """Open the catalog of a home, making or migrating it as needed. `url`: another database than SQLite's.

    Raises:
        ArcxoError: E6002 made by a newer version, E6013 unreadable, E6016 gone, E6017 not writable.
        BusyError: E6001 locked for the whole bounded wait.
    """
    file = os.path.join(home, FILE)
    if not url and os.path.exists(os.path.join(home, "home.json")) and not _has_content(file):
        # A finished home had one: a new, empty one in its place would hide that all of it is lost.
        raise ArcxoError("E6016", file=file)
    if not url:
        _keep_private(file)
    engine = dialect.open_engine(url or f"sqlite:///{file}", busy_wait_s=busy_wait_s)
    database = Database(engine, url.rpartition("@")[2] or file)
    try:
        migration.ensure_current(database)
    except BaseException:
        database.close()
        raise
    return SqlCatalog(database, LiveStore(os.path.join(home, LIVE_FILE)))


def _keep_private(file: str) -> None:
    """Names of files are nobody else's business: the catalog's files are their owner's, like the home.

    SQLite gives its journal files the mode of the database.
    """
    with contextlib.suppress(OSError):
        if not os.path.exists(file):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for name in (file, f"{file}-wal", f"{file}-shm"):
            with contextlib.suppress(FileNotFoundError):
                if os.stat(name).st_mode & 0o077:
                    os.chmod(name, 0o600)


def _has_content(file: str) -> bool:
    """Whether there is anything in a catalog's file or in what is not yet moved into it."""
    for name in (file, f"{file}-wal"):
        with contextlib.suppress(FileNotFoundError):
            if os.stat(name).st_size:
                return True
    return False
