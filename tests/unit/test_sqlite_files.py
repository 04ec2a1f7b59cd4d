"""Files of SQLite on volumes that are full: an error, never a signal that ends the process."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.sqlite_files import connect_private, journal_of_shared
from tests.support.capabilities import volume_or_report

_WRITE_ON_A_FULL_VOLUME = """
import sqlite3, subprocess, sys
from app.sqlite_files import connect_private, journal_of_shared
place = sys.argv[1]
private = connect_private(place + "/private", timeout_s=1)
private.execute("PRAGMA journal_mode = WAL")
shared = sqlite3.connect(place + "/shared", isolation_level=None)
shared.execute("PRAGMA journal_mode = " + journal_of_shared(place + "/shared"))
for database in (private, shared):
    database.execute("CREATE TABLE t (x)")
    database.execute("INSERT INTO t VALUES (1)")
subprocess.run(["sync", "-f", place])
for name in ("ballast", "rest"):
    with open(place + "/" + name, "wb", buffering=0) as ballast:
        try:
            while ballast.write(b"x" * (1 << 16)):
                pass
        except OSError:
            pass
    subprocess.run(["sync", "-f", place])
refused = 0
for database in (private, shared):
    for number in range(200):
        try:
            database.execute("INSERT INTO t VALUES (zeroblob(20000))")
        except sqlite3.OperationalError:
            refused += 1
    assert database.execute("SELECT count(*) FROM t WHERE x = 1").fetchone() == (1,)
assert refused, "the volume was not full"
"""


@pytest.mark.needs_root
@pytest.mark.parametrize("kind", ["btrfs", "ext4"])
def test_full_volume_is_an_error_and_no_signal(tmp_path: Path, kind: str) -> None:
    with volume_or_report(tmp_path, kind, 128 if kind == "btrfs" else 16) as volume:
        done = subprocess.run(
            [sys.executable, "-c", _WRITE_ON_A_FULL_VOLUME, str(volume)],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.returncode, done.stderr[-2000:])


def test_private_file_is_shared_by_connections_of_one_process_only(tmp_path: Path) -> None:
    path = str(tmp_path / "a name with ? and %")
    with (
        contextlib.closing(connect_private(path, timeout_s=1)) as writer,
        contextlib.closing(connect_private(path, timeout_s=1)) as reader,
    ):
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE t (x)")
        writer.execute("INSERT INTO t VALUES (1)")
        assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
        # A reader's state stays while the writer goes on, as ever with WAL.
        reader.execute("BEGIN")
        reader.execute("SELECT x FROM t").fetchall()
        writer.execute("INSERT INTO t VALUES (2)")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        with contextlib.closing(connect_private(path, timeout_s=1, read_only=True)) as third:
            assert third.execute("SELECT count(*) FROM t").fetchone() == (2,)
            with pytest.raises(sqlite3.OperationalError):
                third.execute("INSERT INTO t VALUES (3)")
        assert not os.path.exists(path + "-shm")
        ask = f"import sqlite3; sqlite3.connect({path!r}, timeout=0).execute('SELECT * FROM t')"
        other = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
        assert "locked" in other.stderr
    assert os.listdir(tmp_path) == ["a name with ? and %"]


def test_shared_file_has_a_journal_where_its_directory_is_not_there(tmp_path: Path) -> None:
    assert journal_of_shared(str(tmp_path / "none" / "file")) == "WAL"
