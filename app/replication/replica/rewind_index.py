"""An index over the headers of the undo log, so that points are found by path and time among millions.

It is derived: it may be lost or damaged at any time and is filled again from the log. Nothing but listings of
points depends on it, so it is not synced.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from app.model.entry import order_key
from app.replication.replica.steps import Operation
from app.replication.replica.undo_log import UndoHeader, UndoLog
from app.sqlite_files import connect_private

_FORMAT = "1"
_ROWS_AT_ONCE = 20_000
_FEW = 20_000
_TREE = int(Operation.TREE)
_ALL = "SELECT * FROM operations"
_PAGE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
    change INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, at_ns INTEGER NOT NULL, operation INTEGER NOT NULL,
    root INTEGER NOT NULL, path BLOB NOT NULL, new_path BLOB NOT NULL, size INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_at ON operations (at_ns);
CREATE TABLE IF NOT EXISTS names (
    root INTEGER NOT NULL, key BLOB NOT NULL, change INTEGER NOT NULL, PRIMARY KEY (root, key, change)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which operations: `below` is a change number they are smaller than, times are bounds in ns (None: any).

    `root` -1 means all; else those at or beneath `path`, and those that made a directory around it with all
    that was in it then, whatever that was.
    """

    below: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    root: int = -1
    path: bytes = b""


class RewindIndex:
    """One SQLite file. One thread at a time. Raises sqlite3.Error when the disk refuses."""

    def __init__(self, path: str, incarnation: str) -> None:
        self._path = path
        self._incarnation = incarnation
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def update(self, log: UndoLog, committed: int, *, most: int | None = None) -> bool:
        """Take in what the log has up to `committed`, `most` rows of it; whether it then is up to date."""
        try:
            return self._update(self._open(), log, committed, most)
        except sqlite3.DatabaseError:
            # Damaged, or of another time: it is only derived.
            self.close()
            for name in (self._path, self._path + "-wal", self._path + "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
            return self._update(self._open(), log, committed, most)

    def operations(self, wanted: Wanted) -> Iterator[UndoHeader]:
        """The operations wanted that the index has, newest first."""
        below = wanted.below if wanted.below is not None else 1 << 62
        if wanted.root >= 0 and wanted.path and self._count(wanted) < _FEW:
            yield from self._of_few(wanted, below)
            return
        while True:
            page = self._page(wanted, below)
            yield from page
            if len(page) < _PAGE:
                return
            below = page[-1].change

    def density(self, wanted: Wanted, parts: int) -> list[int]:
        """How many of the operations wanted fall into each of equal `parts` of its time, which has an end."""
        assert wanted.since_ns is not None
        assert wanted.until_ns is not None
        width = max(1, -(-(wanted.until_ns - wanted.since_ns) // parts))
        select, within = "SELECT (at_ns - ?) / ?, count(*) FROM operations", "at_ns >= ? AND at_ns <= ?"
        bounds = (
            wanted.since_ns,
            width,
            wanted.since_ns,
            min(wanted.until_ns, wanted.since_ns + width * parts - 1),
        )
        if wanted.root >= 0:
            low, high = _range(wanted.path) if wanted.path else (b"", b"\xff" * 256)
            around = _around(wanted.path)
            rows = self._open().execute(
                f"{select} WHERE {within} AND (change IN"  # noqa: S608 - no value is written into it
                " (SELECT change FROM names WHERE root = ? AND key >= ? AND key < ?)"
                f" OR (operation = {_TREE} AND root = ? AND path IN ({_marks(around)}))) GROUP BY 1",
                (*bounds, wanted.root, low, high, wanted.root, *around),
            )
        else:
            rows = self._open().execute(
                f"{select} INDEXED BY operations_at WHERE {within} GROUP BY 1", bounds
            )
        counts = [0] * parts
        for part, count in rows.fetchall():
            counts[part] = count
        return counts

    def oldest_ns(self) -> int | None:
        """When the oldest operation was made."""
        found = self._open().execute("SELECT at_ns FROM operations ORDER BY change LIMIT 1").fetchone()
        return None if found is None else int(found[0])

    def newest_at(self, at_ns: int) -> int | None:
        """The newest change that was made at or before a time."""
        row = self._open().execute("SELECT max(change) FROM operations WHERE at_ns <= ?", (at_ns,)).fetchone()
        return None if row[0] is None else int(row[0])

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = connect_private(self._path, timeout_s=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.execute("PRAGMA cache_size=-32768")
            self._db.executescript(_SCHEMA)
        return self._db

    def _update(self, db: sqlite3.Connection, log: UndoLog, committed: int, most: int | None) -> bool:
        of = f"{_FORMAT} {self._incarnation}"
        row = db.execute("SELECT value FROM meta WHERE key = 'of'").fetchone()
        if row is None or row[0] != of:
            db.execute("BEGIN IMMEDIATE")
            db.execute("DELETE FROM operations")
            db.execute("DELETE FROM names")
            db.execute("INSERT OR REPLACE INTO meta VALUES ('of', ?)", (of,))
            db.execute("COMMIT")
        segments = log.segments()
        oldest = segments[0][1] if segments else committed + 1
        # Asked for apart, each is one look into the table.
        first = db.execute("SELECT min(change) FROM operations").fetchone()[0]
        last = db.execute("SELECT max(change) FROM operations").fetchone()[0]
        if first is not None and (first < oldest or last > committed):
            self._drop(db, oldest, committed)
            last = db.execute("SELECT max(change) FROM operations").fetchone()[0]
        if last is not None and last >= committed:
            return True
        rows: list[UndoHeader] = []
        for taken, header in enumerate(log.headers_oldest_first(last or 0), 1):
            if header.change > committed:
                break
            rows.append(header)
            if len(rows) >= _ROWS_AT_ONCE:
                self._insert(db, rows)
                rows.clear()
            if most is not None and taken >= most:
                self._insert(db, rows)
                return False
        self._insert(db, rows)
        return True

    def _insert(self, db: sqlite3.Connection, rows: list[UndoHeader]) -> None:
        if not rows:
            return
        names = []
        for row in rows:
            names.append((row.root, order_key(row.path), row.change))
            if row.new_path:
                names.append((row.root, order_key(row.new_path), row.change))
        names.sort()
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany(
                "INSERT OR REPLACE INTO operations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (r.change, r.sequence, r.at_ns, r.operation, r.root, r.path, r.new_path, r.size_bytes)
                    for r in rows
                ],
            )
            db.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", names)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _drop(self, db: sqlite3.Connection, oldest: int, committed: int) -> None:
        db.execute("BEGIN IMMEDIATE")
        for table in ("operations", "names"):
            db.execute(f"DELETE FROM {table} WHERE change < ? OR change > ?", (oldest, committed))  # noqa: S608 - two fixed names
        db.execute("COMMIT")

    def _count(self, wanted: Wanted) -> int:
        low, high = _range(wanted.path)
        row = self._open().execute(
            "SELECT count(*) FROM (SELECT 1 FROM names WHERE root = ? AND key >= ? AND key < ? LIMIT ?)",
            (wanted.root, low, high, _FEW),
        )
        return int(row.fetchone()[0])

    def _of_few(self, wanted: Wanted, below: int) -> Iterator[UndoHeader]:
        low, high = _range(wanted.path)
        found = "SELECT operations.* FROM names JOIN operations USING (change) WHERE names.root = ?"
        within = "AND change < ? AND at_ns >= ? AND at_ns <= ?"
        bounds = (below, *_times(wanted))
        around = _around(wanted.path)
        rows = self._open().execute(
            f"{found} AND key >= ? AND key < ? {within} UNION"
            f" {found} AND key IN ({_marks(around)}) AND operation = {_TREE} {within} ORDER BY change DESC",
            (
                wanted.root, low, high, *bounds,
                wanted.root, *(order_key(one) for one in around), *bounds,
            ),
        )  # fmt: skip
        for row in rows.fetchall():
            header = UndoHeader(*row)
            if _is_about(header, wanted):
                yield header

    def _page(self, wanted: Wanted, below: int) -> list[UndoHeader]:
        if wanted.root < 0 or not wanted.path:
            rows = self._open().execute(
                "SELECT * FROM operations WHERE change < ? AND at_ns >= ? AND at_ns <= ?"
                " AND (? < 0 OR root = ?) ORDER BY change DESC LIMIT ?",
                (below, *_times(wanted), wanted.root, wanted.root, _PAGE),
            )
            return [UndoHeader(*row) for row in rows.fetchall()]
        path = wanted.path
        around = _around(path)
        rows = self._open().execute(
            f"{_ALL} WHERE change < ? AND at_ns >= ? AND at_ns <= ? AND root = ? AND ("
            " path = ? OR substr(path, 1, ?) = ? OR new_path = ? OR substr(new_path, 1, ?) = ?"
            f" OR (operation = {_TREE} AND path IN ({_marks(around)}))) ORDER BY change DESC LIMIT ?",
            (
                below,
                *_times(wanted),
                wanted.root,
                path,
                len(path) + 1,
                path + b"/",
                path,
                len(path) + 1,
                path + b"/",
                *around,
                _PAGE,
            ),
        )
        return [UndoHeader(*row) for row in rows.fetchall()]


def _range(path: bytes) -> tuple[bytes, bytes]:
    """The keys from that of `path` to behind that of the last one beneath it."""
    key = order_key(path)
    return key, key + b"\x01"


def _times(wanted: Wanted) -> tuple[int, int]:
    low = wanted.since_ns if wanted.since_ns is not None else -(1 << 62)
    return low, wanted.until_ns if wanted.until_ns is not None else 1 << 62


def _around(path: bytes) -> list[bytes]:
    """The directories that `path` is in."""
    names = path.split(b"/")
    return [b"/".join(names[:count]) for count in range(1, len(names))]


def _marks(values: list[bytes]) -> str:
    return ", ".join("?" * len(values))


def _is_about(header: UndoHeader, wanted: Wanted) -> bool:
    prefix = wanted.path + b"/"
    if header.operation == _TREE and wanted.path.startswith(header.path + b"/"):
        return True
    return any(name == wanted.path or name.startswith(prefix) for name in (header.path, header.new_path))
