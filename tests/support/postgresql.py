"""A PostgreSQL server of a test's own, run without privileges in a directory that its user can reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.capabilities import MissingCapabilityError, missing
from tests.support.database_load import PostgreSQL


class Cluster:
    """`url` names a database in it; `server` may be stopped and started again."""

    def __init__(self, place: Path, server: PostgreSQL) -> None:
        self.server = server
        self._sockets = place / "s"

    @property
    def url(self) -> str:
        """As the command line takes it."""
        return f"postgresql://load@/postgres?host={self._sockets}"

    @property
    def driver_url(self) -> str:
        """As SQLAlchemy takes it."""
        return self.url.replace("postgresql:", "postgresql+psycopg:", 1)

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""
        self.server.query(f'CREATE DATABASE "{name}"')
        return self.url.replace("/postgres?", f"/{name}?")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """One that runs. A machine without PostgreSQL is reported as lacking it."""
    place = Path(tempfile.mkdtemp(prefix="arcxo-postgresql-"))
    place.chmod(0o711)
    (place / "data").mkdir()
    try:
        server = PostgreSQL(place / "data", place / "s", ("fsync=off",))
    except MissingCapabilityError as error:
        shutil.rmtree(place)
        missing(str(error))
        raise
    server.initialize()
    server.start()
    try:
        yield Cluster(place, server)
    finally:
        server.stop()
        shutil.rmtree(place)
