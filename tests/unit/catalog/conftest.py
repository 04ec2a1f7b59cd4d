"""The catalog of a test: on SQLite, and the same again on a PostgreSQL server that the tests start."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.catalog import open_catalog
from app.catalog.store import SqlCatalog
from app.catalog.tables import metadata
from tests.support.capabilities import missing
from tests.support.database_load import PostgreSQL
from tests.support.volumes import MissingCapabilityError

ON_BOTH = (
    "test_catalog_browsing",
    "test_catalog_deletions",
    "test_catalog_intervals",
    "test_catalog_jobs",
    "test_catalog_media_sets",
    "test_catalog_merging",
    "test_catalog_migrations",
    "test_catalog_search",
    "test_log_search",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What every catalog must do is asked of both databases; the rest is about SQLite's file."""
    if "database" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        kinds = ["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))]
        metafunc.parametrize("database", kinds, indirect=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A server of its own, run without privileges, in a directory that its user can reach."""
    place = Path(tempfile.mkdtemp(prefix="arcxo-postgresql-"))
    place.chmod(0o711)
    data, sockets = place / "data", place / "s"
    data.mkdir()
    try:
        server = PostgreSQL(data, sockets)
    except MissingCapabilityError as error:
        missing(str(error))
        raise
    server.initialize()
    server.start()
    open_catalog(str(tmp_path_factory.mktemp("postgresql")), url=_url(sockets)).close()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(place)


def _url(sockets: Path) -> str:
    return f"postgresql+psycopg://load@/postgres?host={sockets}"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty catalog; "" for SQLite."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return ""
    server: PostgreSQL = request.getfixturevalue("cluster")
    server.query(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE")
    return _url(server.data.parent / "s")


@pytest.fixture
def catalog(tmp_path: Path, database: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(str(tmp_path), url=database)
    yield opened
    opened.close()
