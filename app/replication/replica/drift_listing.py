"""What the listing for a synchronisation sees becomes what is known of the root; what differs is told."""

from __future__ import annotations

from collections.abc import Sequence

from app.model.entry import order_key
from app.replication.replica.applied import Position
from app.replication.replica.drift import Finding, kind_of
from app.replication.replica.drift_states import PathState, Seen, file_type
from app.replication.replica.replica_store import ReplicaStore
from app.replication.sync_frames import ListedEntry

_COMMIT_EVERY = 20_000
_FINDINGS_MAX = 5_000
_U63 = (1 << 63) - 1
_LAST_KEY = b"\xff" * 300


class ListedStates:
    """For one listing of one root, in order. With the replica's lock held from the first part to `end`."""

    def __init__(self, store: ReplicaStore, root: int) -> None:
        self._store = store
        self._root = root
        self._vouched = store.states.is_vouched(root)
        self._low = b""
        self._noted = 0
        self._findings: list[Finding] = []

    def part(self, entries: Sequence[ListedEntry]) -> None:
        """A part of the listing."""
        high = order_key(entries[-1].path)
        self._merge([_seen(entry) for entry in entries], high)
        self._low = high + b"\0"

    def end(self) -> list[Finding]:
        """The listing is complete: from now on the root is vouched for. What others had changed."""
        self._merge([], _LAST_KEY)
        self._store.states.vouch(self._root)
        self._commit()
        return self._findings

    def _merge(self, there: list[Seen], high: bytes) -> None:
        states = self._store.states
        rows = states.rows_between(self._root, self._low, high)
        if rows == there:
            return
        known = {row[0]: row for row in rows}
        for seen in there:
            before = known.pop(seen[0], None)
            if before == seen:
                continue
            state = _state(seen)
            states.put(self._root, state)
            self._noted += 1
            self._found(state.path, None if before is None else _state(before), state)
        for before in known.values():
            gone = _state(before)
            states.drop(self._root, gone.path)
            self._noted += 1
            self._found(gone.path, gone, None)
        if self._noted >= _COMMIT_EVERY:
            self._commit()

    def _found(self, path: bytes, before: PathState | None, now: PathState | None) -> None:
        if self._vouched and len(self._findings) < _FINDINGS_MAX:
            self._findings.append(Finding(self._root, path, kind_of(before, now), before, now))

    def _commit(self) -> None:
        self._noted = 0
        store = self._store
        old = store.index.position
        store.index.commit(
            Position(old.epoch, old.sequence, store.change, store.operations, old.sync_batches)
        )


def _seen(entry: ListedEntry) -> Seen:
    return (
        order_key(entry.path),
        entry.inode & _U63,
        file_type(entry.kind) | entry.permissions,
        entry.uid,
        entry.gid,
        entry.size_bytes,
        entry.modified_ns,
        entry.xattrs,
    )


def _state(seen: Seen) -> PathState:
    return PathState(*seen[:7], 0, seen[7])
