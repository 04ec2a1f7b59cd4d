"""What the listing for a synchronisation sees becomes what is known of the root; what differs is told."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from app.model.entry import kept_ns, order_key
from app.replication.replica.applied import Position
from app.replication.replica.drift import Finding, kind_of
from app.replication.replica.drift_states import PathState, file_type
from app.replication.replica.replica_store import ReplicaStore
from app.replication.sync_frames import ListedEntry

_COMMIT_EVERY = 20_000
_FINDINGS_MAX = 5_000
_CHUNK = 2_000
_YOUNG_NS = 2_000_000_000
_U63 = (1 << 63) - 1
_FORMAT = 0o170000


class ListedStates:
    """For one listing of one root, in order. With the replica's lock held from the first entry to `end`.

    `digest` is asked of each entry; `listed` is told of it where that did not know it, `vanished` where it
    is gone by then.
    """

    def __init__(self, store: ReplicaStore, root: int) -> None:
        self._store = store
        self._root = root
        self._vouched = store.states.is_vouched(root)
        self._noted = 0
        self._findings: list[Finding] = []
        self._old_ns = time.time_ns() - _YOUNG_NS
        self._rows: list[Any] = store.states.rows_from(root, b"", _CHUNK)
        self._at = 0
        self._asked: Any = None
        """What is noted of the entry that was asked of last."""

    def digest(self, path: bytes, status: os.stat_result) -> bytes | None:
        """The digest of the extended attributes of an entry that is just as it was noted; else None.

        The change time tells: nothing of an entry changes without it.
        """
        key = path.replace(b"/", b"\0")
        self._pass(key)
        row = self._row()
        if row is None or row[0] != key:
            self._asked = None
            return None
        self._asked = row
        self._at += 1
        _, inode, mode, _, _, size, modified, changed, xattrs = row
        if (
            changed == status.st_ctime_ns
            and changed
            and modified == kept_ns(status.st_mtime_ns)
            and inode == status.st_ino & _U63
            and mode == status.st_mode
            and (size == status.st_size or mode & _FORMAT != stat.S_IFREG)
        ):
            digest: bytes = xattrs
            return digest
        return None

    def listed(self, entry: ListedEntry, changed_ns: int) -> None:
        """The entry that `digest` was asked of, and its change time from before it was read."""
        before = None if self._asked is None else PathState(*self._asked)
        # Later, the same change time may come with something else.
        known_ns = changed_ns if changed_ns < self._old_ns else 0
        now = _state(entry, known_ns)
        if before is None or not before.same(now):
            self._note(now.path, before, now)
        elif known_ns and not self._store.states.drifting:
            self._keep(now)

    def vanished(self) -> None:
        """There is no such entry any more."""
        if self._asked is not None:
            gone = PathState(*self._asked)
            self._note(gone.path, gone, None)

    def end(self) -> list[Finding]:
        """The listing is complete: from now on the root is vouched for. What others had changed."""
        self._pass(None)
        self._store.states.vouch(self._root)
        self._commit()
        return self._findings

    def waiting(self) -> tuple[list[Any], int]:
        """Some of the rows of which nothing was listed yet, and which is the first; none at the end."""
        if self._at >= len(self._rows) > 0:
            # In parts: what is noted meanwhile is of what was passed.
            self._rows = self._store.states.rows_from(self._root, self._rows[-1][0] + b"\0", _CHUNK)
            self._at = 0
        return self._rows, self._at

    def met(self, at: int) -> None:
        """Of these rows, those before `at` are of entries that are listed as they were noted."""
        self._at = at

    def _row(self) -> Any:
        rows, at = self.waiting()
        return rows[at] if rows else None

    def _pass(self, key: bytes | None) -> None:
        """What was noted before `key` and was not listed is gone."""
        while (row := self._row()) is not None and (key is None or row[0] < key):
            gone = PathState(*row)
            self._note(gone.path, gone, None)
            self._at += 1

    def _note(self, path: bytes, before: PathState | None, now: PathState | None) -> None:
        states = self._store.states
        if now is None:
            states.drop(self._root, path)
        else:
            states.put(self._root, now)
        if self._vouched and len(self._findings) < _FINDINGS_MAX:
            self._findings.append(Finding(self._root, path, kind_of(before, now), before, now))
        self._count()

    def _keep(self, now: PathState) -> None:
        """Note when it changed of what is as it was noted: the next listing need not read its attributes."""
        self._store.states.put(self._root, now)
        self._count()

    def _count(self) -> None:
        self._noted += 1
        if self._noted >= _COMMIT_EVERY:
            self._commit()

    def _commit(self) -> None:
        self._noted = 0
        store = self._store
        old = store.index.position
        store.index.commit(
            Position(old.epoch, old.sequence, store.change, store.operations, old.sync_batches)
        )


def _state(entry: ListedEntry, changed_ns: int) -> PathState:
    return PathState(
        order_key(entry.path),
        entry.inode & _U63,
        file_type(entry.kind) | entry.permissions,
        entry.uid,
        entry.gid,
        entry.size_bytes,
        entry.modified_ns,
        changed_ns,
        entry.xattrs,
    )
