"""The open catalog: one object that holds all of its parts."""

from __future__ import annotations

import contextlib
import os

from sqlalchemy import delete

from app.catalog import dialect, migration
from app.catalog.alerts import SqlAlerts
from app.catalog.browsing import SqlBrowsing
from app.catalog.database import Database
from app.catalog.form import FILE
from app.catalog.jobs import SqlJobs
from app.catalog.live import LiveStore, SqlLive, SqlServers
from app.catalog.location import INSTALLATION, database_name, read_location
from app.catalog.log import SqlActivityLog
from app.catalog.media import SqlMediaRecords
from app.catalog.merging import SqlMerging
from app.catalog.registry import SqlHosts, SqlRegistrations, SqlSettings
from app.catalog.sessions import SqlSessions
from app.catalog.shared_live import LIVE_CHANGES, SharedLive, SharedServers, make_live_tables
from app.catalog.tables import metadata
from app.model.errors import ArcxoError

LIVE_FILE = "live.sqlite3"


class SqlCatalog:
    """See `app.catalog.api.Catalog`. Thread safe; several processes may have one open."""

    def __init__(self, database: Database, live: LiveStore | None) -> None:
        self._database = database
        self._live_store = live
        self.settings = SqlSettings(database)
        self.hosts = SqlHosts(database)
        self.registrations = SqlRegistrations(database)
        self.media = SqlMediaRecords(database)
        self.sessions = SqlSessions(database)
        self.merging = SqlMerging(database)
        self.browsing = SqlBrowsing(database)
        self.live: SqlLive | SharedLive = SharedLive(database) if live is None else SqlLive(live)
        self.servers: SqlServers | SharedServers = (
            SharedServers(database) if live is None else SqlServers(live)
        )
        self.jobs = SqlJobs(database, self.live)
        self.log = SqlActivityLog(database)
        self.alerts = SqlAlerts(database)

    def changes(self) -> tuple[int, int]:
        """Catalog and live revision."""
        if self._live_store is None:
            return self._database.revision(), self._database.revision(LIVE_CHANGES)
        live = self._live_store.revision()
        return self._database.revision(), live

    @property
    def name(self) -> str:
        """The catalog's file, or the database, as it is named to people: without any password."""
        return self._database.file

    @property
    def shared(self) -> bool:
        """Whether several servers may work on it."""
        return self._live_store is None

    def be_patient(self, seconds: float) -> None:
        """Wait so long, in each call, for a shared database that does not answer."""
        self._database.patience_s = seconds

    def hurry(self) -> None:
        """Wait no longer: this process is to end."""
        self._database.hurry()

    def clear(self) -> None:
        """Remove all that is in it: what a making that was cut short left."""
        with self._database.write() as c:
            for table in reversed(metadata.sorted_tables):
                c.execute(delete(table))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
        if self._live_store is not None:
            self._live_store.close()


def open_catalog(home: str, *, url: str = "", busy_wait_s: float = dialect.BUSY_WAIT_S) -> SqlCatalog:
    """Open the catalog of a home, making or migrating it as needed. `url`: another database than the home's.

    Raises:
        ArcxoError: E6002 made by a newer version, E6013 unreadable, E6016 gone, E6017 not writable, E6042 the
            shared database is another installation's, E6048 it is not there.
        BusyError: E6001 locked for the whole bounded wait, E6040 the database server does not answer.
        CredentialsError: E6041 the database server refuses.
    """
    location = None if url else read_location(home)
    if location is not None:
        opened = _open_shared(home, location.full_url, busy_wait_s, made=True)
        try:
            check_installation(opened, location.installation)
        except BaseException:
            opened.close()
            raise
        return opened
    if url and not url.startswith("sqlite"):
        return _open_shared(home, url, busy_wait_s, made=False)
    file = os.path.join(home, FILE)
    if not url and os.path.exists(os.path.join(home, "home.json")) and not _has_content(file):
        # A finished home had one: a new, empty one in its place would hide that all of it is lost.
        raise ArcxoError("E6016", file=file)
    if not url:
        _keep_private(file)
    engine = dialect.open_engine(url or f"sqlite:///{file}", busy_wait_s=busy_wait_s)
    database = Database(engine, url.rpartition("@")[2] or file)
    _made_current(database)
    return SqlCatalog(database, LiveStore(os.path.join(home, LIVE_FILE)))


def check_installation(catalog: SqlCatalog, installation: str) -> None:
    """Raise ArcxoError E6042 unless the catalog is of that installation."""
    found = catalog.settings.get(INSTALLATION, "")
    if found != installation:
        raise ArcxoError("E6042", file=catalog.name, found=found or "-")


def _open_shared(home: str, url: str, busy_wait_s: float, *, made: bool) -> SqlCatalog:
    try:
        engine = dialect.open_engine(url, busy_wait_s=busy_wait_s)
    except ModuleNotFoundError as error:
        raise ArcxoError("E6046", module=error.name) from error
    database = Database(engine, database_name(url))
    if made and os.path.exists(os.path.join(home, "home.json")):
        try:
            empty = migration.is_empty(database)
        except BaseException:
            database.close()
            raise
        if empty:
            database.close()
            raise ArcxoError("E6042", file=database.file, found="-")
    _made_current(database)
    try:
        make_live_tables(database)
    except BaseException:
        database.close()
        raise
    return SqlCatalog(database, None)


def _made_current(database: Database) -> None:
    try:
        migration.ensure_current(database)
    except BaseException:
        database.close()
        raise


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
