"""What each path of a replica was like when the applier, or a listing, last left it.

One row per path in the applied index, kept in the same transaction as the batch that wrote it: after a crash
both are as they were before the batch. What differs from its row was changed by somebody else.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.model.entry import EntryKind, Metadata, kept_ns, order_key
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.replica.applied import AppliedIndex
from app.replication.replica.rooted import Rooted

_U63 = (1 << 63) - 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS states (
    root INTEGER NOT NULL, key BLOB NOT NULL, inode INTEGER NOT NULL, mode INTEGER NOT NULL,
    uid INTEGER NOT NULL, gid INTEGER NOT NULL, size INTEGER NOT NULL, modified INTEGER NOT NULL,
    changed INTEGER NOT NULL, xattrs BLOB NOT NULL, PRIMARY KEY (root, key)
) WITHOUT ROWID;
"""
_COLUMNS = "key, inode, mode, uid, gid, size, modified, changed, xattrs"
_PUT = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
# A key is followed by \0 in those of all that is beneath it, by nothing less than \1 in any other.
_DROP = "DELETE FROM states WHERE root = ? AND key >= ? AND key < ?"
_RENAME = "UPDATE states SET key = CAST(? || substr(key, ?) AS BLOB) WHERE root = ? AND key >= ? AND key < ?"
_VOUCHED = "vouched"
_FORMATS = {
    EntryKind.FILE: stat.S_IFREG,
    EntryKind.DIRECTORY: stat.S_IFDIR,
    EntryKind.SYMLINK: stat.S_IFLNK,
    EntryKind.FIFO: stat.S_IFIFO,
    EntryKind.SOCKET: stat.S_IFSOCK,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
}


StateRow = tuple[int, bytes, int, int, int, int, int, int, int, bytes]
"""A row as the table has it: root, key, inode, mode, uid, gid, size, modified ns, changed ns, digest."""


@dataclass(frozen=True, slots=True)
class PathState:
    """One row. `mode` is the whole `st_mode`; `size` is 0 for all but files; `xattrs` a digest."""

    key: bytes
    inode: int
    mode: int
    uid: int
    gid: int
    size: int
    modified_ns: int
    changed_ns: int
    xattrs: bytes

    @property
    def path(self) -> bytes:
        """The relative path."""
        return self.key.replace(b"\0", b"/")

    def same_status(self, status: os.stat_result) -> bool:
        """Whether nothing at all happened to the entry, as far as `stat` tells."""
        return (
            self.changed_ns == status.st_ctime_ns
            and self.modified_ns == kept_ns(status.st_mtime_ns)
            and self.inode == status.st_ino & _U63
            and self.mode == status.st_mode
            and (self.size == status.st_size or not stat.S_ISREG(status.st_mode))
        )

    def same(self, other: PathState) -> bool:
        """Whether both say the same of all that matters: a change time alone does not.

        A hard link made or removed elsewhere (a snapshot, a kept file) moves the change time.
        """
        return (self.inode, self.mode, self.uid, self.gid, self.size, self.modified_ns, self.xattrs) == (
            other.inode, other.mode, other.uid, other.gid, other.size, other.modified_ns, other.xattrs,
        )  # fmt: skip


def state_of(path: bytes, status: os.stat_result, xattrs: bytes) -> PathState:
    """The state that a look at `path` saw."""
    return PathState(
        order_key(path),
        status.st_ino & _U63,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size if stat.S_ISREG(status.st_mode) else 0,
        kept_ns(status.st_mtime_ns),
        status.st_ctime_ns,
        xattrs,
    )


def state_row(root: int, path: bytes, status: os.stat_result, changed_ns: int, xattrs: bytes) -> StateRow:
    """The row of what a look at `path` saw."""
    mode = status.st_mode
    return (
        root, path.replace(b"/", b"\0"), status.st_ino & _U63, mode, status.st_uid, status.st_gid,
        status.st_size if stat.S_ISREG(mode) else 0, kept_ns(status.st_mtime_ns), changed_ns, xattrs,
    )  # fmt: skip


def file_type(kind: EntryKind) -> int:
    """The part of `st_mode` that says the kind."""
    return _FORMATS[kind]


def look(tree: Rooted, path: bytes) -> PathState | None:
    """The state of `path` now; None when nothing is there. Raises OSError, PathTrouble."""
    status = tree.status(path)
    return None if status is None else state_of(path, status, digest_at(tree, path))


def digest_at(tree: Rooted, path: bytes) -> bytes:
    """The digest of the extended attributes at `path`; b"" where they cannot be read."""
    fd, name = tree.place(path)
    try:
        return xattr_digest(read_xattrs(b"/proc/self/fd/%d/%s" % (fd, name)))
    except OSError:
        return b""


class TreeStates:
    """The rows. Notes become durable with the next commit of the index. One thread at a time."""

    def __init__(self, index: AppliedIndex) -> None:
        self.drifting = False
        """Whether any path is known to differ from its row; `Drift` keeps it."""
        self._index = index
        index.prepare(_SCHEMA)

    def put(self, root: int, state: PathState) -> None:
        """Note the state of one path."""
        if self.drifting:
            self._index.note("DELETE FROM drifts WHERE root = ? AND key = ?", (root, state.key))
        self._index.note(
            _PUT,
            (
                root, state.key, state.inode, state.mode, state.uid, state.gid, state.size,
                state.modified_ns, state.changed_ns, state.xattrs,
            ),
        )  # fmt: skip

    def put_wanted(self, root: int, path: bytes, inode: int, metadata: Metadata) -> None:
        """Note that this inode was left at `path` with this metadata; when it changed is not known."""
        key = order_key(path)
        if self.drifting:
            self._index.note("DELETE FROM drifts WHERE root = ? AND key = ?", (root, key))
        self._index.note(
            _PUT,
            (
                root, key, inode & _U63, _FORMATS[metadata.kind] | metadata.permissions, metadata.uid,
                metadata.gid, metadata.size_bytes, metadata.modified_ns, 0, xattr_digest(metadata.xattrs),
            ),
        )  # fmt: skip

    def put_rows(self, rows: Iterable[StateRow]) -> None:
        """Note the states of paths none of which had a row, nor was known to differ."""
        self._index.note_all(_PUT, rows)

    def drop(self, root: int, path: bytes) -> None:
        """Note that nothing is at `path`, nor beneath it."""
        key = order_key(path)
        if key:
            self._end_beneath(root, key)
            self._index.note(_DROP, (root, key, key + b"\1"))

    def rename(self, root: int, path: bytes, new_path: bytes) -> None:
        """Note that `path`, with all beneath it, is at `new_path` now, where nothing was."""
        key = order_key(path)
        self._end_beneath(root, key)
        self._index.note(_RENAME, (order_key(new_path), len(key) + 1, root, key, key + b"\1"))

    def _end_beneath(self, root: int, key: bytes) -> None:
        if self.drifting:
            self._index.note(
                "DELETE FROM drifts WHERE root = ? AND key >= ? AND key < ?", (root, key, key + b"\1")
            )

    def trusts(self, root: int, path: bytes, status: os.stat_result) -> bool:
        """Whether the file at `path` is, as far as is known, what the applier left: blocks may be changed."""
        row = self.get(root, path)
        return row is None or (row.inode, row.size, row.modified_ns) == (
            status.st_ino & _U63,
            status.st_size,
            kept_ns(status.st_mtime_ns),
        )

    def has_drifted(self, root: int, path: bytes) -> bool:
        """Whether `path` is known to be other than its row."""
        return self.drifting and bool(
            self._one("SELECT 1 FROM drifts WHERE root = ? AND key = ?", (root, order_key(path)))
        )

    def changed_by_others(self, root: int, path: bytes) -> bool:
        """Whether the content at `path` is known to be somebody else's."""
        return self.drifting and bool(
            self._one(
                "SELECT 1 FROM drifts WHERE root = ? AND key = ?"
                " AND kind IN ('changed', 'created', 'renamed')",
                (root, order_key(path)),
            )
        )

    def vouch(self, root: int) -> None:
        """Note that every path of the root has its row."""
        self._index.note("INSERT OR REPLACE INTO meta VALUES (?, '1')", (f"{_VOUCHED} {root}",))

    def is_vouched(self, root: int) -> bool:
        """Whether every path of the root has its row: what has none was made by somebody else."""
        return bool(self._one("SELECT 1 FROM meta WHERE key = ?", (f"{_VOUCHED} {root}",)))

    def get(self, root: int, path: bytes) -> PathState | None:
        """What is durably noted of `path`."""
        row = self._one(f"SELECT {_COLUMNS} FROM states WHERE root = ? AND key = ?", (root, order_key(path)))
        return _state(row) if row else None

    def between(self, root: int, low: bytes, high: bytes, most: int = -1) -> list[PathState]:
        """The rows with `low` <= key <= `high`, by key, at most so many of them."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM states WHERE root = ? AND key >= ? AND key <= ? ORDER BY key LIMIT ?",
            (root, low, high, most),
        )
        return [_state(row) for row in rows.fetchall()]

    def rows_from(self, root: int, low: bytes, most: int) -> list[Any]:
        """The first rows with `low` <= key, each with the columns of a `PathState`."""
        return self._database.execute(
            f"SELECT {_COLUMNS} FROM states WHERE root = ? AND key >= ? ORDER BY key LIMIT ?",
            (root, low, most),
        ).fetchall()

    @property
    def _database(self) -> sqlite3.Connection:
        return self._index.reading()

    def _one(self, statement: str, args: tuple[object, ...]) -> Any:
        return self._database.execute(statement, args).fetchone()


def count_directories(database: sqlite3.Connection) -> int:
    """Directories in all roots. Reads every row. Raises sqlite3.Error."""
    row = database.execute("SELECT count(*) FROM states WHERE mode & 61440 = 16384").fetchone()
    return int(row[0])


def count_files(database: sqlite3.Connection) -> int:
    """Files in all roots. Reads every row. Raises sqlite3.Error."""
    row = database.execute("SELECT count(*) FROM states WHERE mode & 61440 = 32768").fetchone()
    return int(row[0])


def _state(row: Any) -> PathState:
    return PathState(*row)
