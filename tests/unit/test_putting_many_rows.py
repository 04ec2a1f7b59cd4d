"""Rows put many at a time are those put one by one."""

from __future__ import annotations

import sqlite3

import pytest

from app.sqlite_files import put_many


@pytest.mark.parametrize("count", [0, 1, 332, 333, 334, 1000])
def test_all_rows_are_put_and_the_last_of_a_key_stays(count: int) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("CREATE TABLE one (key INTEGER PRIMARY KEY, value TEXT, other BLOB)")
    rows: list[tuple[object, ...]] = [(number // 2, str(number), None) for number in range(count)]
    put_many(database, "INSERT OR REPLACE INTO one VALUES (?, ?, ?)", rows)
    found = {key: value for key, value, _ in database.execute("SELECT * FROM one")}
    assert found == {number // 2: str(number) for number in range(count)}
    database.close()


def test_other_statements_are_carried_out_for_each_row() -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.execute("CREATE TABLE one (key INTEGER PRIMARY KEY, value TEXT)")
    put_many(database, "INSERT INTO one VALUES (?, 'same')", [(number,) for number in range(1500)])
    put_many(database, "DELETE FROM one WHERE key >= ? AND key < ?", [(0, 700), (800, 1500)])
    assert [row[0] for row in database.execute("SELECT key FROM one")] == list(range(700, 800))
    database.close()
