"""Edits of a replica kept aside before the master's state came back: linked, listed, dropped in time."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Sequence

from app.held_directories import names_in
from app.model.drift import DriftKind
from app.replication.replica.drift import Finding, ordered
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import is_reserved
from app.replication.replica.steps import ReplicaTree, copy_range
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.walking import remove_tree

KEPT = b"kept"
LEAST_MINUTES = 24 * 60
_ENTRIES_MAX = 100_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    root INTEGER NOT NULL, place BLOB NOT NULL, path BLOB NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (root, place)
) WITHOUT ROWID;
"""
_CANNOT_LINK = frozenset({errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EXDEV})


class KeptEdits:
    """Those of one open store. Use it with the replica's lock held."""

    def __init__(self, store: ReplicaStore) -> None:
        self._store = store
        store.index.prepare(_SCHEMA)
        known = {(root, place) for root, place, *_ in self.rows()}
        for tree in store.trees:
            for name in self._names(tree):
                if (tree.index, KEPT + b"/" + name) not in known:
                    remove_tree(tree.side, KEPT + b"/" + name)

    def rows(self) -> list[tuple[int, bytes, bytes, DriftKind, int, int]]:
        """(root, side path, path, kind, kept at ns, until ns), newest first."""
        rows = self._store.index.reading().execute(
            "SELECT root, place, path, kind, at, until FROM kept ORDER BY at DESC"
        )
        return [(*row[:3], DriftKind(row[3]), *row[4:]) for row in rows.fetchall()]

    def keep(self, finding: Finding, own: Rooted, minutes: int) -> bytes:
        """Keep what is at a finding's path; its absolute place, b"" where nothing is left to keep.

        A file keeps its inode as a second name where that works: what is put in its place is another one.
        The note becomes durable with the next commit. Raises OSError.
        """
        tree = self._store.trees[finding.root]
        place = KEPT + b"/" + secrets.token_hex(6).encode()
        self._make(tree, KEPT)
        self._make(tree, place)
        kept = self._copy_of(tree, own, finding.path, place)
        now = time.time_ns()
        until = now + max(minutes, LEAST_MINUTES) * 60_000_000_000
        self._store.index.note(
            "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?)",
            (finding.root, place, finding.path, finding.kind.value, now, until),
        )
        return tree.store.path + b"/" + kept

    def whole_path(self, root: int, place: bytes, path: bytes) -> bytes:
        """Where what was at `path` is kept, absolute."""
        return self._store.trees[root].store.path + b"/" + place + b"/" + path.rpartition(b"/")[2]

    def drop_old(self, now_ns: int) -> None:
        """Drop what was kept long enough. The note goes with the next commit. Raises OSError."""
        for root, place, _, _, _, until in self.rows():
            if until < now_ns and root < len(self._store.trees):
                remove_tree(self._store.trees[root].side, place)
                self._store.index.note("DELETE FROM kept WHERE root = ? AND place = ?", (root, place))

    def _copy_of(self, tree: ReplicaTree, own: Rooted, path: bytes, place: bytes) -> bytes:
        name = path.rpartition(b"/")[2]
        above = len(path) - len(name)
        for count, at in enumerate(ordered(own, path)):
            if count >= _ENTRIES_MAX:
                break
            if is_reserved(at):
                continue
            target = place + b"/" + at[above:]
            try:
                status = own.status(at)
            except PathTrouble:
                continue
            if status is None:
                continue
            if stat.S_ISDIR(status.st_mode):
                self._make(tree, target, stat.S_IMODE(status.st_mode) | 0o700)
            else:
                self._keep_one(tree, own, at, target, status)
        return place + b"/" + name

    def _keep_one(
        self, tree: ReplicaTree, own: Rooted, path: bytes, target: bytes, status: os.stat_result
    ) -> None:
        from_fd, from_name = own.place(path)
        to_fd, to_name = tree.side.place(target)
        try:
            os.link(from_name, to_name, src_dir_fd=from_fd, dst_dir_fd=to_fd, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in _CANNOT_LINK or not stat.S_ISREG(status.st_mode):
                raise
            source = os.open(from_name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=from_fd)
            try:
                copy = os.open(
                    to_name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=to_fd
                )
                try:
                    copy_range(source, 0, copy, 0, os.fstat(source).st_size)
                finally:
                    os.close(copy)
            finally:
                os.close(source)

    def _make(self, tree: ReplicaTree, path: bytes, mode: int = 0o700) -> None:
        fd, name = tree.side.place(path)
        try:
            os.mkdir(name, mode, dir_fd=fd)
        except FileExistsError:
            return

    def _names(self, tree: ReplicaTree) -> Sequence[bytes]:
        try:
            return names_in(tree.side.directory(KEPT))
        except PathTrouble:
            return []
