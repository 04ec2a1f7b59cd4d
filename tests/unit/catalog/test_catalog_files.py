"""The catalog's files: making, versions, locks, other processes, and the small registers."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.catalog import migration, open_catalog
from app.catalog.api import Registration
from app.catalog.migration import KNOWN
from app.catalog.name_index import is_of_index
from app.catalog.store import SqlCatalog
from app.catalog.store import open_catalog as open_store
from app.catalog.tables import metadata
from app.model.errors import ArcxoError, BusyError, NotFoundError, UsageError
from app.model.events import Severity
from app.model.host import Host
from app.model.media import Device, MediaInfo
from app.model.search import Query
from tests.support.catalog_rows import ENTITY, MACHINE, ROOT, SET, back_up, file, names, session, tree


def test_the_migrations_make_what_the_tables_say(catalog: SqlCatalog) -> None:
    with catalog._database.read() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or not is_of_index(name)}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_the_files_of_the_catalog_are_their_owners_alone(tmp_path: Path) -> None:
    open_store(str(tmp_path)).close()
    os.chmod(tmp_path / "catalog.sqlite3", 0o644)  # as earlier versions made it
    catalog = open_store(str(tmp_path))
    try:
        catalog.settings.put("key", "value")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("*.sqlite3*")}
        assert set(modes.values()) == {0o600}, modes
    finally:
        catalog.close()


def test_a_catalog_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    open_catalog(str(tmp_path)).close()
    with sqlite3.connect(tmp_path / "catalog.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ArcxoError, match="E6002") as refused:
        open_catalog(str(tmp_path))
    assert (refused.value.params["found"], refused.value.params["known"]) == ("9999", KNOWN[-1])


def test_a_file_that_is_no_catalog_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite3").write_bytes(b"this is not a database" * 100)
    with pytest.raises(ArcxoError, match="E6013") as refused:
        open_catalog(str(tmp_path))
    assert refused.value.params["file"].endswith("catalog.sqlite3")


def test_a_locked_catalog_is_busy_after_a_bounded_wait_and_can_still_be_read(tmp_path: Path) -> None:
    catalog = open_store(str(tmp_path), busy_wait_s=0.2)
    locker = sqlite3.connect(tmp_path / "catalog.sqlite3", isolation_level=None)
    try:
        locker.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(BusyError, match="E6001") as refused:
            catalog.settings.put("a", "b")
        assert time.monotonic() - started < 3
        assert refused.value.params["file"].endswith("catalog.sqlite3")
        assert catalog.settings.get("a", "nothing") == "nothing"
        locker.execute("ROLLBACK")
        catalog.settings.put("a", "b")
        assert catalog.settings.all() == {"a": "b"}
    finally:
        locker.close()
        catalog.close()


_OPEN_AND_LOG = """
import sys
from app.catalog import migration, open_catalog
from app.model.events import Severity
catalog = open_catalog(sys.argv[1])
catalog.log.append("N5040", Severity.INFORMATION)
catalog.live.progress(1)
catalog.close()
"""


def test_several_processes_may_make_and_use_one_catalog_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _OPEN_AND_LOG, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    catalog = open_catalog(str(tmp_path))
    assert len(catalog.log.list()) == 3
    catalog.close()


def test_changes_of_others_and_own_ones_move_the_revision(tmp_path: Path) -> None:
    one, other = open_catalog(str(tmp_path)), open_catalog(str(tmp_path))
    try:
        seen = one.changes()
        assert one.changes() == seen
        other.settings.put("a", "1")
        assert one.changes()[0] != seen[0]
        seen = one.changes()
        one.settings.put("a", "2")
        assert one.changes()[0] != seen[0]
        seen = one.changes()
        other.servers.put("id", "name", 1, "1.0", ["host:a"])
        assert (one.changes()[0], one.changes()[1] != seen[1]) == (seen[0], True)
    finally:
        one.close()
        other.close()


def test_a_damaged_live_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "live.sqlite3").write_bytes(b"garbage" * 1000)
    catalog = open_catalog(str(tmp_path))
    catalog.servers.put("id", "name", 1, "1.0")
    assert [server.name for server in catalog.servers.list()] == ["name"]
    catalog.close()


def test_hosts_always_include_localhost(catalog: SqlCatalog) -> None:
    assert [host.name for host in catalog.hosts.list()] == ["localhost"]
    catalog.hosts.put(Host("alpha", "alpha:1", "u", "fp"))
    catalog.hosts.put(Host("alpha", "alpha:2", "u", "fp"))
    assert catalog.hosts.show("alpha").address == "alpha:2"
    catalog.hosts.remove("alpha")
    with pytest.raises(NotFoundError, match="E6012"):
        catalog.hosts.show("alpha")


def test_names_of_registered_scenarios_are_unique(catalog: SqlCatalog) -> None:
    catalog.registrations.put(Registration(1, "files", "m", ("r",), (b"/a\xff",)))
    shown = catalog.registrations.show("1")
    assert (shown.name, shown.roots, shown.registered_at is not None) == ("files", (b"/a\xff",), True)
    with pytest.raises(UsageError, match="E6005"):
        catalog.registrations.put(Registration(2, "files", "m", ("r",), (b"/b",)))
    catalog.registrations.put(Registration(1, "renamed", "m", ("r",), (b"/a",)))
    assert [one.name for one in catalog.registrations.list()] == ["renamed"]
    catalog.registrations.remove(1)
    with pytest.raises(NotFoundError, match="E6011"):
        catalog.registrations.show("renamed")


def test_media_are_found_by_serial_name_or_id_where_that_is_unique(catalog: SqlCatalog) -> None:
    now = datetime.now(UTC)
    catalog.media.put_device(Device("media", "/home/media", "GROUP0"))
    for serial, media_id in (("S1", "9C43"), ("S2", "AAAA")):
        catalog.media.put_media(
            MediaInfo("name", media_id, serial, 1, f"set{serial}", "media", "GROUP0", now)
        )
    assert catalog.media.show_media("9c43").serial == "S1"
    assert catalog.media.show_media("S2").created_at == now
    assert (catalog.media.groups(), len(catalog.media.devices())) == (["GROUP0"], 1)
    with pytest.raises(UsageError, match="E6006"):
        catalog.media.show_media("name")
    with pytest.raises(NotFoundError, match="E6010"):
        catalog.media.show_media("nothing")


def test_the_log_is_newest_first_and_filtered(catalog: SqlCatalog) -> None:
    log = catalog.log
    first = log.append("I5911", Severity.INFORMATION, name="Files", id=7, scenario="Files")
    log.append("AE0465", Severity.ERROR, job_id=3, parent_job_id=2, name="x", id=1)
    log.append("W5041", Severity.WARNING, job_id=2)
    assert [one.code for one in log.list()] == ["W5041", "AE0465", "I5911"]
    assert [one.code for one in log.list(job_id=2)] == ["W5041", "AE0465"]
    assert [one.code for one in log.list(severities=[Severity.ERROR])] == ["AE0465"]
    assert [one.code for one in log.list(newer_than=first)] == ["W5041", "AE0465"]
    assert [one.code for one in log.list(text="WAS registered")] == ["I5911"]
    assert log.list()[-1].params == {"name": "Files", "id": "7", "scenario": "Files"}
    assert log.prune(datetime.now(UTC) + timedelta(days=1)) == 3


@pytest.mark.slow
def test_writers_wait_little_while_a_large_session_is_staged(catalog: SqlCatalog) -> None:
    job_done = threading.Event()
    waits: list[float] = []

    def beat() -> None:
        while not job_done.is_set():
            started = time.monotonic()
            catalog.settings.put("beat", "x")
            waits.append(time.monotonic() - started)
            job_done.wait(0.005)

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        staging = catalog.sessions.begin(MACHINE, ENTITY, SET, [ROOT])
        staging.add(file(ROOT + b"/d%d/f%d" % (i % 2000, i), "c") for i in range(200_000))
        started = time.monotonic()
        staging.publish(session(1))
        published = time.monotonic() - started
    finally:
        job_done.set()
        beating.join()
    waits.sort()
    p99 = waits[int(len(waits) * 0.99)]
    print(
        f"beats {len(waits)} p99 {p99 * 1000:.0f} ms max {waits[-1] * 1000:.0f} ms publish {published:.3f} s"
    )
    assert waits[-1] < 2.0  # one transaction for all rows would take several seconds
    assert p99 < 1.0


def test_a_catalog_goes_to_the_form_before_and_back_with_all_its_rows(tmp_path: Path) -> None:
    catalog = open_store(str(tmp_path))
    entries = tree({b"annual report.txt": "1", b"d/invoice.pdf": "2"})
    back_up(catalog, 1, entries)
    migration.downgrade(catalog._database, "0001")
    catalog.close()
    connection = sqlite3.connect(tmp_path / "catalog.sqlite3")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not {name for name in tables if name.startswith("name")} - {"names"}
    assert connection.execute("SELECT count(*) FROM names WHERE text = 'invoice.pdf'").fetchone() == (1,)
    # What an earlier version of the program adds in between is found as well afterwards.
    connection.execute(
        "INSERT INTO names (folder_id, name, text) SELECT max(folder_id), x'61', 'later' FROM names"
    )
    connection.commit()
    connection.close()
    catalog = open_store(str(tmp_path))
    try:
        found = catalog.browsing.query(Query(pattern="report"))
        assert names(found) == [ROOT + b"/annual report.txt"]
        assert names(catalog.browsing.browse_tree(MACHINE, ROOT)) == [
            ROOT + b"/d",
            ROOT + b"/annual report.txt",
        ]
        with catalog._database.read() as reading:
            options = {"include_name": lambda name, kind, _: kind != "table" or not is_of_index(name)}
            assert compare_metadata(MigrationContext.configure(reading, opts=options), metadata) == []
            matching = "SELECT count(*) FROM name_index WHERE name_index MATCH '\"lat\"'"
            assert reading.exec_driver_sql(matching).scalar_one() == 1
    finally:
        catalog.close()
