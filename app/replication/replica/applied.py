"""The applied index of a replica: the committed position, change numbers per path, marks, aside files."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.model.rewind import PointKind
from app.replication.frames import UNSET_METADATA
from app.sqlite_files import connect_private, put_many

CHANGED, REMOVED, SUBTREE = 0, 1, 2
CHANGE_KINDS = ("changed", "removed", "subtree")
_TOMBSTONES_MAX = 1_000_000
_UNSET_MOST = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stamps (
    root INTEGER NOT NULL, path BLOB NOT NULL, kind INTEGER NOT NULL, change INTEGER NOT NULL,
    PRIMARY KEY (root, path, kind)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS stamps_by_change ON stamps (change);
CREATE TABLE IF NOT EXISTS marks (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL,
    at_us INTEGER NOT NULL, change INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS links (
    root INTEGER NOT NULL, path BLOB NOT NULL, inode INTEGER NOT NULL, PRIMARY KEY (root, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS aside (
    root INTEGER NOT NULL, path BLOB NOT NULL, change INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (root, path)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS aside_by_change ON aside (change);
CREATE TABLE IF NOT EXISTS troubles (
    root INTEGER NOT NULL, path BLOB NOT NULL, code TEXT NOT NULL, PRIMARY KEY (root, path)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refused (
    root INTEGER NOT NULL, path BLOB NOT NULL, code TEXT NOT NULL, cause TEXT NOT NULL,
    PRIMARY KEY (root, path)
) WITHOUT ROWID;
"""

SYNC_BEGIN, SYNC_END = "begin", "end"
"""The texts of the marks at both ends of a synchronisation."""


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A bookmark, synchronisation boundary, snapshot or rewind: the state just after `change`."""

    id: str
    kind: PointKind
    text: str
    at: datetime
    change: int


@dataclass(slots=True)
class Position:
    """Up to where the master's stream is durable here. `epoch` "" = no valid position.

    `sync_batches` counts durable batches of a synchronisation that has begun and not ended (-1: none).
    """

    epoch: str = ""
    sequence: int = 0
    change: int = 0
    operations: int = 0
    sync_batches: int = -1


class AppliedIndex:
    """One SQLite file. Not thread safe. Notes are collected in memory until `commit` makes all durable."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._db = connect_private(path, timeout_s=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._pending: list[tuple[str, list[tuple[object, ...]]]] = []
        known = self._get("incarnation")
        self.fresh = known is None
        self.incarnation = known or secrets.token_hex(8)
        self.position = self._load()
        self._unset = 0
        self._troubled = self._read_troubled()
        self._begin_stamps()

    def _begin_stamps(self) -> None:
        """Give up what an index knows of changes that kept one stamp per path: it may have lost some."""
        if self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'changes'").fetchone() is None:
            return
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT OR REPLACE INTO meta VALUES ('horizon', ?)", (str(self.position.change),))
        self._db.execute("DROP TABLE changes")
        self._db.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def prepare(self, schema: str) -> None:
        """Make tables of other parts, whose rows belong to the same commits."""
        self._db.executescript(schema)

    def note(self, statement: str, row: tuple[object, ...]) -> None:
        """Note a row of such a table; durable with the next commit."""
        self._add(statement, row)

    def note_all(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """The same for many rows."""
        if self._pending and self._pending[-1][0] == statement:
            self._pending[-1][1].extend(rows)
        else:
            self._pending.append((statement, list(rows)))

    @property
    def has_notes(self) -> bool:
        """Whether anything waits for the next commit."""
        return bool(self._pending)

    def reading(self) -> sqlite3.Connection:
        """The connection, to read what is committed."""
        return self._db

    def begin_incarnation(self) -> None:
        """Keep the incarnation of a `fresh` index; from now on it vouches for what it notes."""
        self._db.execute("INSERT INTO meta VALUES ('incarnation', ?)", (self.incarnation,))
        self.fresh = False

    def stamp(self, root: int, path: bytes, change: int, kind: int) -> None:
        """Note that `path` changed (or its whole subtree did).

        The latest of each kind is kept: a change of a directory does not unsay what became of all in it.
        """
        self._add("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?, ?)", (root, path, kind, change))

    def stamp_removed(self, root: int, path: bytes, change: int, *, directory: bool) -> None:
        """Note that `path`, and all beneath it, is gone."""
        if directory:
            self._add(
                "DELETE FROM stamps WHERE root = ? AND path > ? AND path < ?",
                (root, path + b"/", path + b"0"),
            )
        self._add("INSERT OR REPLACE INTO stamps VALUES (?, ?, ?, ?)", (root, path, REMOVED, change))

    def add_mark(self, mark: StoredMark) -> None:
        """Note a rewind point."""
        at_us = (mark.at - _EPOCH) // timedelta(microseconds=1)
        self._add(
            "INSERT INTO marks (id, kind, text, at_us, change) VALUES (?, ?, ?, ?, ?)",
            (mark.id, mark.kind.value, mark.text, at_us, mark.change),
        )

    def set_link(self, root: int, path: bytes, inode: int | None) -> None:
        """Note that `path` is one of several names of `inode`, or (None) no longer."""
        if inode is None:
            self._add("DELETE FROM links WHERE root = ? AND path = ?", (root, path))
        else:
            self._add("INSERT OR REPLACE INTO links VALUES (?, ?, ?)", (root, path, inode))

    def note_trouble(self, root: int, path: bytes, code: str) -> None:
        """Note that `path` must be sent again: it is not what the committed position promises."""
        self._add("INSERT OR REPLACE INTO troubles VALUES (?, ?, ?)", (root, path, code))
        self._troubled[root, path] = False

    def note_refused(self, root: int, path: bytes, code: str, cause: str) -> None:
        """Note that `path` is not what the committed position promises, and cannot be as things are here."""
        unset = code == UNSET_METADATA
        if unset and self._troubled.get((root, path)) is False:
            # More than that is lacking there.
            return
        if unset and self._unset >= _UNSET_MOST and (root, path) not in self._troubled:
            # The master is told of it all the same; so many at a restart tell enough.
            return
        self._add("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", (root, path, code, cause))
        self._unset += unset - self._troubled.get((root, path), False)
        self._troubled[root, path] = unset

    def is_lacking(self, root: int, path: bytes) -> bool:
        """Whether `path` is not what the committed position promises."""
        return (root, path) in self._troubled

    def is_unset(self, root: int, path: bytes) -> bool:
        """Whether `path` has all but some metadata that were refused."""
        return self._troubled.get((root, path), False)

    def drop_unset(self, root: int, path: bytes) -> None:
        """Note that the metadata of `path` were sent, where no more than those was lacking."""
        if self._troubled and self.is_unset(root, path):
            self.drop_trouble(root, path)

    def drop_trouble(self, root: int, path: bytes) -> None:
        """Note that `path` was sent in full."""
        if (root, path) in self._troubled:
            self._add("DELETE FROM troubles WHERE root = ? AND path = ?", (root, path))
            self._add("DELETE FROM refused WHERE root = ? AND path = ?", (root, path))
            self._unset -= self._troubled.pop((root, path))

    def drop_troubles_beneath(self, root: int, path: bytes) -> None:
        """Note that nothing is at `path` nor beneath it any more, so that nothing is lacking there."""
        for lacking in self._troubled_beneath(root, path):
            self.drop_trouble(root, lacking)

    def move_troubles(self, root: int, path: bytes, new_path: bytes) -> list[bytes]:
        """Note that all at `path` is at `new_path` now; returns where in it something is lacking."""
        moved = []
        for lacking in self._troubled_beneath(root, path):
            moved.append(new_path + lacking[len(path) :])
            there = new_path + lacking[len(path) :]
            values = (there, root, lacking)
            self._add("UPDATE OR REPLACE troubles SET path = ? WHERE root = ? AND path = ?", values)
            self._add("UPDATE OR REPLACE refused SET path = ? WHERE root = ? AND path = ?", values)
            unset = self._troubled.pop((root, lacking))
            self._unset -= self._troubled.get((root, there), False)
            self._troubled[root, there] = unset
        return moved

    def _troubled_beneath(self, root: int, path: bytes) -> list[bytes]:
        if not self._troubled:
            return []
        prefix = path + b"/"
        return [one for number, one in self._troubled if number == root and (one + b"/").startswith(prefix)]

    @property
    def is_troubled(self) -> bool:
        """Whether anything is lacking."""
        return bool(self._troubled)

    def drop_troubles_of(self, places: Iterable[tuple[int, bytes]]) -> None:
        """Note that all of these (root, path) were sent in full."""
        if self._troubled:
            for root, path in self._troubled.keys() & set(places):
                self.drop_trouble(root, path)

    def drop_troubles(self) -> None:
        """Note that a synchronisation begins, which compares everything."""
        if self._troubled:
            self._add("DELETE FROM troubles WHERE root >= ?", (0,))
            self._add("DELETE FROM refused WHERE root >= ?", (0,))
            self._troubled.clear()
            self._unset = 0

    def troubles(self) -> list[tuple[int, bytes, str]]:
        """(root, path, code) of everything that must be sent again."""
        rows: list[tuple[int, bytes, str]] = self._db.execute(
            "SELECT root, path, code FROM troubles ORDER BY root, path"
        ).fetchall()
        return rows

    def refused(self) -> list[tuple[int, bytes, str, str]]:
        """(root, path, code, cause) of everything that could not be taken."""
        rows: list[tuple[int, bytes, str, str]] = self._db.execute(
            "SELECT root, path, code, cause FROM refused ORDER BY root, path"
        ).fetchall()
        return rows

    def _read_troubled(self) -> dict[tuple[int, bytes], bool]:
        """What is lacking; whether that is no more than metadata."""
        refused = self._db.execute("SELECT root, path, code FROM refused")
        found = {(root, path): code == UNSET_METADATA for root, path, code in refused}
        found.update(dict.fromkeys(self._db.execute("SELECT root, path FROM troubles"), False))
        self._unset = sum(found.values())
        return found

    def set_aside(self, root: int, path: bytes, change: int, size_bytes: int) -> None:
        """Note an aside file as needed by entries up to `change`."""
        self._add("INSERT OR REPLACE INTO aside VALUES (?, ?, ?, ?)", (root, path, change, size_bytes))

    def drop_aside(self, root: int, path: bytes) -> None:
        """Note that an aside file is no longer there."""
        self._add("DELETE FROM aside WHERE root = ? AND path = ?", (root, path))

    def commit(self, position: Position) -> None:
        """Make all notes and `position` durable together. Raises sqlite3.Error; nothing is noted then."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for statement, rows in self._pending:
                put_many(self._db, statement, rows)
            for key, value in (
                ("epoch", position.epoch),
                ("sequence", position.sequence),
                ("change", position.change),
                ("operations", position.operations),
                ("sync_batches", position.sync_batches),
            ):
                self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._pending.clear()
        self.position = position

    def discard(self) -> None:
        """Forget all notes since the last commit."""
        self._pending.clear()
        self.position = self._load()
        self._troubled = self._read_troubled()

    @property
    def horizon(self) -> int:
        """Of changes up to this one not all is known any more."""
        return int(self._get("horizon") or 0)

    def changed_since(self, change: int) -> list[tuple[int, bytes, int]] | None:
        """(root, path, kind) of everything stamped after `change`, or None when not all is known any more.

        One per path. Something new where something was removed is a subtree: what was in the one is not in
        the other.
        """
        if change < self.horizon or change > self.position.change:
            return None
        rows = self._db.execute(
            "SELECT root, path,"
            " max(CASE WHEN kind = ? THEN change END), max(CASE WHEN kind = ? THEN change END),"
            " max(CASE WHEN kind = ? THEN change END)"
            " FROM stamps WHERE change > ? GROUP BY root, path ORDER BY root, path",
            (CHANGED, REMOVED, SUBTREE, change),
        ).fetchall()
        return [(root, path, _strongest(*changes)) for root, path, *changes in rows]

    def marks(self) -> Iterator[StoredMark]:
        """All marks, newest first."""
        rows = self._db.execute("SELECT id, kind, text, at_us, change FROM marks ORDER BY number DESC")
        for mark_id, kind, text, at_us, change in rows.fetchall():
            yield StoredMark(mark_id, PointKind(kind), text, _EPOCH + timedelta(microseconds=at_us), change)

    def links(self) -> list[tuple[int, bytes, int]]:
        """(root, path, inode) of every name known to share its inode."""
        rows: list[tuple[int, bytes, int]] = self._db.execute("SELECT * FROM links").fetchall()
        return rows

    def replace_links(self, root: int, names: Sequence[tuple[bytes, int]]) -> None:
        """What a listing found replaces what was known of a root's hard links."""
        self._add("DELETE FROM links WHERE root = ?", (root,))
        for path, inode in names:
            self.set_link(root, path, inode)

    def add_rewound(self, first: int, last: int) -> None:
        """Note that the changes `first` to `last` are those of a whole rewind, all of it done."""
        self._add("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"rewound {first}", str(last)))

    def rewound(self) -> list[tuple[int, int]]:
        """(first, last) change of each whole rewind, oldest first."""
        rows = self._db.execute("SELECT key, value FROM meta WHERE key GLOB 'rewound *'")
        return sorted((int(key.split()[1]), int(value)) for key, value in rows.fetchall())

    def add_unlogged(self, change: int) -> None:
        """Note that this change is not the applier's: the undo log has nothing of it."""
        self._add("INSERT OR REPLACE INTO meta VALUES (?, '')", (f"unlogged {change}",))

    def unlogged(self) -> set[int]:
        """Those of the changes that can be gone back to."""
        rows = self._db.execute("SELECT key FROM meta WHERE key GLOB 'unlogged *'")
        return {int(key.split()[1]) for (key,) in rows.fetchall()}

    def aside_bytes(self, first: int = 0, last: int = 1 << 62) -> int:
        """Bytes of the aside files that the changes from `first` to `last` made."""
        statement = "SELECT coalesce(sum(bytes), 0) FROM aside WHERE change BETWEEN ? AND ?"
        return int(self._db.execute(statement, (first, last)).fetchone()[0])

    def asides(self, root: int, up_to: int | None = None) -> list[tuple[bytes, int]]:
        """(path, bytes) of the aside files of a root needed by no entry above `up_to` (None: all)."""
        rows: list[tuple[bytes, int]] = self._db.execute(
            "SELECT path, bytes FROM aside WHERE root = ? AND change <= ?",
            (root, (1 << 62) if up_to is None else up_to),
        ).fetchall()
        return rows

    def forget_before(self, change: int) -> None:
        """Rewinding to before `change` is over: drop its marks, and tombstones when there are too many."""
        self._add("DELETE FROM marks WHERE change < ?", (change,))
        for first, last in self.rewound():
            if last <= change:
                self._add("DELETE FROM meta WHERE key = ?", (f"rewound {first}",))
        for unlogged in self.unlogged():
            if unlogged <= change:
                self._add("DELETE FROM meta WHERE key = ?", (f"unlogged {unlogged}",))
        for row in self._db.execute(
            "SELECT change FROM stamps WHERE kind = ? ORDER BY change DESC LIMIT 1 OFFSET ?",
            (REMOVED, _TOMBSTONES_MAX),
        ).fetchall():
            self._add("DELETE FROM stamps WHERE kind = ? AND change <= ?", (REMOVED, row[0]))
            self._add("INSERT OR REPLACE INTO meta VALUES ('horizon', ?)", (str(row[0]),))

    def _add(self, statement: str, row: tuple[object, ...]) -> None:
        if self._pending and self._pending[-1][0] == statement:
            self._pending[-1][1].append(row)
        else:
            self._pending.append((statement, [row]))

    def _get(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _load(self) -> Position:
        return Position(
            self._get("epoch") or "",
            int(self._get("sequence") or 0),
            int(self._get("change") or 0),
            int(self._get("operations") or 0),
            int(self._get("sync_batches") or -1),
        )


def _strongest(changed: int | None, removed: int | None, subtree: int | None) -> int:
    if subtree is not None:
        return SUBTREE
    if removed is None:
        return CHANGED
    return REMOVED if changed is None or changed < removed else SUBTREE
