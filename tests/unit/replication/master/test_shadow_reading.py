"""Rows read in C are those of one state, and the file stays locked against other processes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from app.replication.master import shadow_reading
from app.replication.master.shadow_reading import seen_parts
from tests.support.capabilities import native_or_report
from tests.unit.native.test_recorded import made

_OTHER = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM fact')"


@pytest.fixture(params=["off", ""])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """By the interpreter, or in C."""
    monkeypatch.setenv("ARCXO_NATIVE", request.param)
    if not request.param:
        native_or_report("recorded")
    monkeypatch.setattr("app.replication.master.shadow.PART_ROWS", 10)
    return str(request.param)


def test_the_state_is_that_of_the_call(tmp_path: Path, way: str) -> None:
    shadow = made(tmp_path / "shadow", 35)
    expected = list(shadow.reading().execute("SELECT key FROM entry ORDER BY key"))
    with contextlib.closing(seen_parts(shadow.path, 3)) as parts:
        first = next(parts)
        shadow.reading().execute("DELETE FROM entry")
        rows = [*first, *(row for part in parts for row in part)]
    assert [row[:1] for row in rows] == expected
    assert len(first) == 10
    with contextlib.closing(seen_parts(shadow.path, 3)) as parts:
        assert list(parts) == []
    shadow.close()


def test_the_file_stays_locked_when_the_reading_ends(tmp_path: Path, way: str) -> None:
    shadow = made(tmp_path / "shadow", 35)
    with contextlib.closing(seen_parts(shadow.path, 3)) as parts:
        next(parts)
    other = subprocess.run(
        [sys.executable, "-c", _OTHER, shadow.path], capture_output=True, text=True, check=False, timeout=30
    )
    assert "locked" in other.stderr
    shadow.put(3, next(shadow.children(3, b"00000")))
    shadow.commit()
    shadow.close()


def test_a_damaged_file_is_told_as_sqlite_tells_it(tmp_path: Path, way: str) -> None:
    shadow = made(tmp_path / "shadow", 2000)
    shadow.reading().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shadow.close()
    size = os.path.getsize(shadow.path)
    with open(shadow.path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(sqlite3.DatabaseError):
        list(seen_parts(shadow.path, 3))


def test_without_the_functions_the_interpreter_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native_or_report("recorded")
    monkeypatch.delenv("ARCXO_NATIVE", raising=False)
    monkeypatch.setattr(shadow_reading, "_of_sqlite", lambda _recorded: None)
    shadow = made(tmp_path / "shadow", 3)
    parts = list(seen_parts(shadow.path, 3))
    assert [type(part) for part in parts] == [list]
    shadow.close()
