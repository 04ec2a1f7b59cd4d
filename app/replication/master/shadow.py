"""The shadow index: what of each root has been recorded. Durable, and never ahead of the spool.

One SQLite file per scenario. Written by the recorder alone; synchronisation and sweep read it through
connections of their own, each seeing one consistent state.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from app.model.entry import EntryKind, Metadata, Xattrs, kind_of_mode, order_key
from app.sqlite_files import connect_private, put_many

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    root INTEGER NOT NULL, key BLOB NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL,
    links INTEGER NOT NULL, mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL,
    size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL, xattrs BLOB NOT NULL,
    target BLOB NOT NULL, rdev INTEGER NOT NULL, hashes BLOB,
    PRIMARY KEY (root, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_inode ON entry (root, inode) WHERE mode & 61440 = 32768;
CREATE INDEX IF NOT EXISTS entry_unhashed ON entry (modified)
    WHERE hashes IS NULL AND size > 1048576 AND mode & 61440 = 32768;
CREATE INDEX IF NOT EXISTS entry_elsewhere ON entry (root, key) WHERE device <> 0 AND mode & 61440 = 16384;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = "key, device, inode, links, mode, uid, gid, size, modified, changed, xattrs, target, rdev, hashes"
_PUT = "INSERT OR REPLACE INTO entry VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
_IS_FILE = "mode & 61440 = 32768"
# Left to itself, SQLite walks over all of the root.
_BY_INODE = "INDEXED BY entry_inode"
_ELSEWHERE = "INDEXED BY entry_elsewhere"
# From the second on as in a listing of the replica, whose entries are compared with these at once.
_ROW_COLUMNS = (
    "key, mode >> 12, mode & 4095, uid, gid, size, modified, xattrs, target, rdev, links, device, inode,"
    " changed, mode, hashes"
)

_PLAIN_VALUES = 10
# 999 values is what every build takes at once.
_PLAIN_AT_ONCE = 999 // _PLAIN_VALUES * _PLAIN_VALUES
PART_ROWS = 2_000

ShadowRow = tuple[Any, ...]
"""The columns of `_ROW_COLUMNS`."""

# From the second on as `observe.Seen`, and then what a look at an entry does not tell.
_SEEN_COLUMNS = "key, changed, modified, mode, inode, device, links, size, xattrs, target, hashes"
SEEN_STATEMENT = f"SELECT {_SEEN_COLUMNS} FROM entry WHERE root = ? ORDER BY key"
SeenRow = tuple[bytes, int, int, int, int, int, int, int, bytes, bytes, bytes | None]
"""The columns of `_SEEN_COLUMNS`."""

PutRow = tuple[int, bytes, int, int, int, int, int, int, int, int, int, bytes, bytes, int, None]
"""A row as the table has it, of something whose blocks are not hashed."""


class ShadowEntry(NamedTuple):
    """One recorded entry. `device` is 0 on the root's own file system; `xattrs` is a digest (b"" = none).

    `changed_ns` is the change time of the inode at which all of this, the content of a file above all, was
    proved to be so: an inode that still has it is known without being read. It is 0 when it was read so soon
    after its change that the same change time may come with another content, and the negative change time
    when only the rest was looked at: a file may be given back its size and time after it was written. Both
    are put right by a second look; after a crash, which loses the hints it was waiting for, by reading.
    """

    path: bytes
    device: int
    inode: int
    links: int
    mode: int
    uid: int
    gid: int
    size: int
    modified_ns: int
    changed_ns: int
    xattrs: bytes
    target: bytes
    rdev: int
    hashes: bytes | None = None

    @property
    def kind(self) -> EntryKind:
        """File, directory, and so on."""
        return kind_of_mode(self.mode)

    def metadata(self, xattrs: Xattrs = ()) -> Metadata:
        """As a metadata value; the shadow itself keeps only a digest of the extended attributes."""
        kind = self.kind
        return Metadata(
            kind, self.mode & 0o7777, self.uid, self.gid,
            self.size if kind is EntryKind.FILE else 0, self.modified_ns, xattrs, self.target, self.rdev,
        )  # fmt: skip


class ShadowReader:
    """Reads one consistent state of the shadow until closed. For one thread."""

    def __init__(self, path: str) -> None:
        self._database = connect_private(path, timeout_s=60)
        self._database.execute("BEGIN")
        # The state to be read is the one of now, not of the first row asked for.
        self._database.execute("SELECT 1 FROM fact LIMIT 1").fetchone()

    def listing(self, root: int) -> Iterator[ShadowEntry]:
        """All entries of a root in the order of `order_key`."""
        for row in self._database.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE root = ? ORDER BY key", (root,)
        ):
            yield _entry(row)

    def rows(self, root: int) -> Iterator[ShadowRow]:
        """The same as plain tuples, for comparing many; `entry_of_row` makes an entry of one."""
        return iter(
            self._database.execute(f"SELECT {_ROW_COLUMNS} FROM entry WHERE root = ? ORDER BY key", (root,))
        )

    def seen_parts(self, root: int) -> Iterator[list[SeenRow]]:
        """What tells of all entries of a root whether they are as they were; lists as those of `parts`."""
        found = self._database.execute(SEEN_STATEMENT, (root,))
        while part := found.fetchmany(PART_ROWS):
            yield part

    def parts(self, root: int) -> Iterator[Sequence[ShadowRow]]:
        """`rows` in lists, none of them empty."""
        found = self._database.execute(
            f"SELECT {_ROW_COLUMNS} FROM entry WHERE root = ? ORDER BY key", (root,)
        )
        while part := found.fetchmany(PART_ROWS):
            yield part

    def rows_between(self, root: int, low: bytes | None, high: bytes | None) -> Iterator[ShadowRow]:
        """Those of them after the key `low` and up to `high`."""
        where, args = "root = ?", [root, low, high]
        where += " AND key > ?" if low is not None else ""
        where += " AND key <= ?" if high is not None else ""
        return iter(
            self._database.execute(
                f"SELECT {_ROW_COLUMNS} FROM entry WHERE {where} ORDER BY key",
                [arg for arg in args if arg is not None],
            )
        )

    @property
    def is_whole(self) -> bool:
        """Whether all of the roots is recorded, and was there to the end."""
        return True

    def wait_whole(self) -> None:
        """Return once `is_whole`: at once, but where the shadow is still being filled."""

    def get(self, root: int, path: bytes) -> ShadowEntry | None:
        """What is recorded at `path`."""
        return _get(self._database, root, path)

    def children(self, root: int, path: bytes) -> Iterator[ShadowEntry]:
        """What is recorded directly in the directory `path`, by name."""
        return _children(self._database, root, path)

    def names_of(self, root: int, inode: int) -> list[bytes]:
        """The recorded files on the root's own file system that have this inode."""
        rows = self._database.execute(
            f"SELECT key FROM entry {_BY_INODE} WHERE root = ? AND inode = ? AND device = 0 AND {_IS_FILE}",
            (root, inode),
        ).fetchall()
        return [bytes(row[0]).replace(b"\0", b"/") for row in rows]

    def counts(self, root: int) -> tuple[int, int, int]:
        """(entries, files, bytes) of a root."""
        return _counts(self._database, root)

    def unhashed(self, most: int) -> list[tuple[int, ShadowEntry]]:
        """(root, file) of large files recorded without hashes of their blocks, those changed last first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS}, root FROM entry WHERE hashes IS NULL AND size > 1048576 AND {_IS_FILE}"
            " ORDER BY modified DESC LIMIT ?",
            (most,),
        ).fetchall()
        return [(int(row[-1]), _entry(row[:-1])) for row in rows]

    def close(self) -> None:
        """Give the state back."""
        self._database.close()


class Shadow:
    """The writer. Changes are collected in one transaction until `commit`. For one thread at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._database = connect_private(path, timeout_s=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("PRAGMA cache_size=-16384")
        self._database.executescript(_SCHEMA)
        self._writing = False

    def _begin(self) -> sqlite3.Connection:
        if not self._writing:
            self._database.execute("BEGIN IMMEDIATE")
            self._writing = True
        return self._database

    def prepare(self, schema: str) -> None:
        """Make tables that belong to the same transactions."""
        self._database.executescript(schema)

    def writing(self) -> sqlite3.Connection:
        """The connection, in the transaction that `commit` ends."""
        return self._begin()

    def reading(self) -> sqlite3.Connection:
        """The connection, whatever it is in."""
        return self._database

    def commit(self) -> None:
        """Keep what was put and removed. Call only after the records of it are durable in the spool."""
        if self._writing:
            self._database.execute("COMMIT")
            self._writing = False

    def rollback(self) -> None:
        """Forget what was put and removed since the last commit."""
        if self._writing:
            self._writing = False
            # A full disk may have ended the transaction already.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    def give_back(self) -> None:
        """Forget the pages in memory: those of a walk are seldom used next."""
        self._database.execute("PRAGMA shrink_memory")

    def close(self) -> None:
        """Close without committing."""
        self.rollback()
        self._database.close()

    def fact(self, name: str) -> str:
        """A small durable fact ("" if unknown)."""
        row = self._database.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_fact(self, name: str, value: str) -> None:
        """Note a fact with the transaction."""
        self._begin().execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def get(self, root: int, path: bytes) -> ShadowEntry | None:
        """What is recorded at `path`."""
        return _get(self._database, root, path)

    def children(self, root: int, path: bytes) -> Iterator[ShadowEntry]:
        """What is recorded directly in the directory `path`, by name."""
        return _children(self._database, root, path)

    def put(self, root: int, entry: ShadowEntry) -> None:
        """Record an entry."""
        self._begin().execute(
            _PUT,
            (
                root, order_key(entry.path), entry.device, entry.inode, entry.links, entry.mode, entry.uid,
                entry.gid, entry.size, entry.modified_ns, entry.changed_ns, entry.xattrs, entry.target,
                entry.rdev, entry.hashes,
            ),
        )  # fmt: skip

    def put_rows(self, rows: Sequence[PutRow]) -> None:
        """Record many entries."""
        if rows:
            put_many(self._begin(), _PUT, rows)

    def put_plain(self, root: int, values: Sequence[object]) -> None:
        """Record many entries that have neither attributes nor hashes, and are no links or devices.

        `values` has (key, device, inode, links, mode, uid, gid, size, modified, changed) of each, one after
        another: each value that needs not be handed over is time.
        """
        database = self._begin()
        for start in range(0, len(values), _PLAIN_AT_ONCE):
            part = values[start : start + _PLAIN_AT_ONCE]
            one = f"({root:d},?,?,?,?,?,?,?,?,?,?,x'',x'',0,NULL)"
            many = ",".join([one] * (len(part) // _PLAIN_VALUES))
            database.execute(f"INSERT OR REPLACE INTO entry VALUES {many}", part)

    def linked_beneath(self, root: int, path: bytes) -> list[ShadowEntry]:
        """Files with several names that have one at or beneath `path`, for each such name."""
        where, args = subtree(root, path)
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE {where} AND links > 1 AND inode <> 0 AND {_IS_FILE}", args
        )
        return [_entry(row) for row in rows]

    def remove(self, root: int, path: bytes) -> tuple[int, int, int]:
        """Forget an entry and all beneath it; (entries, files, bytes) forgotten."""
        where, args = subtree(root, path)
        database = self._begin()
        row = database.execute(
            f"SELECT count(*), ifnull(sum({_IS_FILE}),0),"
            f" ifnull(sum(CASE WHEN {_IS_FILE} THEN size ELSE 0 END),0) FROM entry WHERE {where}",
            args,
        ).fetchone()
        database.execute(f"DELETE FROM entry WHERE {where}", args)
        return int(row[0]), int(row[1]), int(row[2])

    def rename(self, root: int, path: bytes, new_path: bytes) -> None:
        """Move an entry and all beneath it."""
        where, args = subtree(root, path)
        self._begin().execute(
            f"UPDATE entry SET key = CAST(? || substr(key, ?) AS BLOB) WHERE {where}",
            (order_key(new_path), len(path) + 1, *args),
        )

    def elsewhere(self, root: int) -> Iterator[ShadowEntry]:
        """The recorded directories that are not on the root's own file system, in the order of their keys."""
        for row in self._database.execute(
            f"SELECT {_COLUMNS} FROM entry {_ELSEWHERE} WHERE root = ? AND device <> 0"
            " AND mode & 61440 = 16384 ORDER BY key",
            (root,),
        ):
            yield _entry(row)

    def names_of(self, root: int, device: int, inode: int) -> list[ShadowEntry]:
        """The recorded files that have this inode, by name."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM entry {_BY_INODE} WHERE root = ? AND inode = ? AND device = ?"
            f" AND {_IS_FILE} ORDER BY key",
            (root, inode, device),
        ).fetchall()
        return [_entry(row) for row in rows]

    def counts(self, root: int) -> tuple[int, int, int]:
        """(entries, files, bytes) of a root."""
        return _counts(self._database, root)

    def drop(self, root: int, key: bytes) -> None:
        """Forget one entry, by its `order_key`."""
        self._begin().execute("DELETE FROM entry WHERE root = ? AND key = ?", (root, key))

    def drop_roots_from(self, count: int) -> None:
        """Forget roots a scenario no longer has."""
        self._begin().execute("DELETE FROM entry WHERE root >= ?", (count,))


def subtree(root: int, path: bytes) -> tuple[str, tuple[int | bytes, ...]]:
    """The SQL condition for an entry and all beneath it, and its arguments."""
    if not path:
        return "root = ?", (root,)
    # One range, which SQLite goes to: all that begins with the key and \0, and the key itself.
    key = order_key(path)
    return "root = ? AND key >= ? AND key < ?", (root, key, key + b"\1")


def _get(database: sqlite3.Connection, root: int, path: bytes) -> ShadowEntry | None:
    row = database.execute(
        f"SELECT {_COLUMNS} FROM entry WHERE root = ? AND key = ?",
        (root, order_key(path)),
    ).fetchone()
    return _entry(row) if row else None


def _children(database: sqlite3.Connection, root: int, path: bytes) -> Iterator[ShadowEntry]:
    # Everything beneath a child begins with its key and \0: \1 is past it and not past any sibling.
    low = order_key(path) + b"\0" if path else b"\1"
    high = order_key(path) + b"\1" if path else b"\xff" * 256
    while True:
        row = database.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE root = ? AND key >= ? AND key < ? ORDER BY key LIMIT 1",
            (root, low, high),
        ).fetchone()
        if row is None:
            return
        yield _entry(row)
        low = bytes(row[0]) + b"\1"


def _counts(database: sqlite3.Connection, root: int) -> tuple[int, int, int]:
    row = database.execute(
        f"SELECT count(*), ifnull(sum({_IS_FILE}),0),"
        f" ifnull(sum(CASE WHEN {_IS_FILE} THEN size ELSE 0 END),0) FROM entry WHERE root = ? AND key != x''",
        (root,),
    ).fetchone()
    return int(row[0]), int(row[1]), int(row[2])


def _entry(row: Any) -> ShadowEntry:
    return ShadowEntry(bytes(row[0]).replace(b"\0", b"/"), *row[1:])


def entry_of_row(row: ShadowRow) -> ShadowEntry:
    """The entry that a row of `ShadowReader.rows` is."""
    key, _, _, uid, gid, size, modified, xattrs, target, rdev, links, device, inode, changed, mode, hashes = (
        row
    )
    path = key.replace(b"\0", b"/")
    return ShadowEntry(
        path, device, inode, links, mode, uid, gid, size, modified, changed, xattrs, target, rdev, hashes
    )
