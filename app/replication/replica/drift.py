"""Drift of one replica: what differs from what the applier left, noted durably, listed, counted.

Looks need the replica's lock, so that no batch is half way; then every difference is somebody else's doing.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.held_directories import entries_in
from app.model.drift import DriftKind
from app.model.entry import order_key
from app.replication.replica.applied import CHANGED, SUBTREE, Position
from app.replication.replica.drift_states import PathState, look
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble

_SCHEMA = """
CREATE TABLE IF NOT EXISTS drifts (
    root INTEGER NOT NULL, key BLOB NOT NULL, kind TEXT NOT NULL, other BLOB NOT NULL, inner INTEGER NOT NULL,
    found INTEGER NOT NULL, changed INTEGER NOT NULL, reverting INTEGER NOT NULL, inode INTEGER NOT NULL,
    mode INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, xattrs BLOB NOT NULL, PRIMARY KEY (root, key)
) WITHOUT ROWID;
"""
_SEEN = "inode, mode, uid, gid, size, modified, xattrs"
_NOTHING = PathState(b"", 0, 0, 0, 0, 0, 0, 0, b"")
RANGE_ROWS = 1000
"""So many noted paths are looked at in one go: whoever waits for the replica's lock waits that long."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One path that is not as the applier left it. `before` None: nothing was there; `now` None: nothing is.

    `inner`: told of by a finding above it. `other`: where a renamed entry was, or (removed) is now.
    """

    root: int
    path: bytes
    kind: DriftKind
    before: PathState | None
    now: PathState | None
    other: bytes = b""
    inner: bool = False

    @property
    def told(self) -> bool:
        """Whether it is an item of its own."""
        return not self.inner and not (self.kind is DriftKind.REMOVED and self.other)


class Drift:
    """The drift of one open store. Use it with the replica's lock held, between batches."""

    def __init__(self, store: ReplicaStore) -> None:
        self._store = store
        store.index.prepare(_SCHEMA)
        self._count = 0
        self._recount()

    @property
    def count(self) -> int:
        """Items that are there now, as of the last look."""
        return self._count

    def refresh(self) -> int:
        """Count again what is there; batches may have ended some of it."""
        if self._count or self._store.states.drifting:
            self._recount()
        return self._count

    # looking

    def check(self, root: int, tree: Rooted, paths: Iterable[bytes]) -> list[Finding]:
        """What is new among `paths`; what is no drift any more is forgotten. Raises OSError."""
        states = self._store.states
        found = []
        for path in paths:
            finding = self._compare(root, tree, path, states.get(root, path))
            if finding is not None:
                found.append(finding)
        return found

    def check_range(
        self, root: int, tree: Rooted, low: bytes, high: bytes, there: Sequence[bytes]
    ) -> tuple[list[Finding], bytes]:
        """The same for `there`, and for every noted path with `low` <= key <= `high`.

        Where very many are noted it ends before that; the second is the key up to which all was looked at.
        """
        noted = self._store.states.between(root, low, high, RANGE_ROWS)
        if len(noted) == RANGE_ROWS:
            high = order_key(noted[-1].path)
            there = [path for path in there if order_key(path) <= high]
        rows = {row.path: row for row in noted}
        found = []
        for path in sorted({*rows, *there}, key=order_key):
            finding = self._compare(root, tree, path, rows.get(path))
            if finding is not None:
                found.append(finding)
        return found, high

    def _compare(self, root: int, tree: Rooted, path: bytes, row: PathState | None) -> Finding | None:
        try:
            status = tree.status(path)
        except PathTrouble:
            status = None
        if row is not None and status is not None and row.same_status(status):
            self._end(root, path)
            return None
        now = None
        if status is not None:
            try:
                now = look(tree, path)
            except PathTrouble:
                now = None
        if (row is None and now is None) or (row is not None and now is not None and row.same(now)):
            self._end(root, path)
            return None
        if self._known(root, path, now):
            return None
        return Finding(root, path, kind_of(row, now), row, now)

    # noting

    def note(self, findings: Sequence[Finding], *, reverting: bool) -> None:
        """Keep findings, durably, and stamp their paths so that the next backup reads them."""
        if not findings:
            return
        store, index = self._store, self._store.index
        at = time.time_ns()
        store.change += 1
        index.add_unlogged(store.change)
        for finding in findings:
            seen = finding.now or _NOTHING
            index.note(
                "INSERT OR REPLACE INTO drifts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    finding.root, order_key(finding.path), finding.kind.value, finding.other,
                    int(finding.inner), at, changed_at_ns(finding), int(reverting), seen.inode, seen.mode,
                    seen.uid, seen.gid, seen.size, seen.modified_ns, seen.xattrs,
                ),
            )  # fmt: skip
            if finding.inner:
                continue
            if finding.now is None:
                was_directory = finding.before is not None and stat.S_ISDIR(finding.before.mode)
                index.stamp_removed(finding.root, finding.path, store.change, directory=was_directory)
            else:
                whole = stat.S_ISDIR(finding.now.mode) and finding.kind is not DriftKind.METADATA
                index.stamp(finding.root, finding.path, store.change, SUBTREE if whole else CHANGED)
        self.commit()
        self._recount()

    def commit(self) -> None:
        """Make notes durable; the position in the stream stays."""
        store = self._store
        old = store.index.position
        store.index.commit(
            Position(old.epoch, old.sequence, store.change, store.operations, old.sync_batches)
        )

    def items(self, limit: int) -> list[tuple[int, bytes, DriftKind, bytes, int, int, int, bool]]:
        """(root, path, kind, other, found ns, changed ns, size, reverting) of items, by path."""
        rows = self._store.index.reading().execute(
            "SELECT root, key, kind, other, found, changed, size, reverting FROM drifts"
            " WHERE inner = 0 AND NOT (kind = 'removed' AND other != x'') ORDER BY root, key LIMIT ?",
            (limit,),
        )
        return [
            (root, bytes(key).replace(b"\0", b"/"), DriftKind(kind), bytes(other), *rest, bool(going))
            for root, key, kind, other, *rest, going in rows.fetchall()
        ]

    def reverting(self) -> int:
        """How many paths the master's state was asked for and has not come yet."""
        row = self._store.index.reading().execute("SELECT count(*) FROM drifts WHERE reverting = 1")
        return int(row.fetchone()[0])

    def beneath(self, root: int, path: bytes) -> int:
        """How many entries beneath an item drifted with it."""
        key = order_key(path)
        row = self._store.index.reading().execute(
            "SELECT count(*) FROM drifts WHERE root = ? AND key > ? AND key < ? AND inner = 1",
            (root, key + b"\0", key + b"\1"),
        )
        return int(row.fetchone()[0])

    def _known(self, root: int, path: bytes, now: PathState | None) -> bool:
        """Whether exactly this was found before."""
        if not self._store.states.drifting:
            return False
        row: Any = self._store.index.reading().execute(
            f"SELECT {_SEEN} FROM drifts WHERE root = ? AND key = ?",
            (root, order_key(path)),
        ).fetchone()  # fmt: skip
        if row is None:
            return False
        seen = PathState(b"", row[0], row[1], row[2], row[3], row[4], row[5], 0, row[6])
        return seen.same(replace(now or _NOTHING, key=b"", changed_ns=0))

    def _end(self, root: int, path: bytes) -> None:
        """The path is as it should be."""
        if self._store.states.drifting:
            self._store.index.note("DELETE FROM drifts WHERE root = ? AND key = ?", (root, order_key(path)))

    def _recount(self) -> None:
        database = self._store.index.reading()
        every, told = database.execute(
            "SELECT count(*), coalesce(sum(inner = 0 AND NOT (kind = 'removed' AND other != x'')), 0)"
            " FROM drifts"
        ).fetchone()
        self._count = int(told)
        self._store.states.drifting = bool(every)


def kind_of(before: PathState | None, now: PathState | None) -> DriftKind:
    """What happened to a path that was `before` and is `now`; one of them is not None."""
    if before is None:
        return DriftKind.CREATED
    if now is None:
        return DriftKind.REMOVED
    if stat.S_IFMT(before.mode) != stat.S_IFMT(now.mode):
        return DriftKind.CHANGED
    if stat.S_ISDIR(now.mode):
        return DriftKind.CHANGED if before.inode != now.inode else DriftKind.METADATA
    if (before.inode, before.size, before.modified_ns) != (now.inode, now.size, now.modified_ns):
        return DriftKind.CHANGED
    return DriftKind.METADATA


def changed_at_ns(finding: Finding) -> int:
    """When it was changed, as the file system tells; 0 when it does not."""
    return 0 if finding.now is None else finding.now.changed_ns


def digest(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of one look, those that belong together put together.

    An entry that left one path and is at another is a rename; what is in a folder that was created, removed
    or renamed as a whole is told of by the folder; a folder's time alone, by what is in it.
    """
    gone = {
        (f.root, f.before.inode, stat.S_IFMT(f.before.mode)): f
        for f in findings
        if f.now is None and f.before is not None
    }
    renames: dict[tuple[int, bytes], bytes] = {}
    for finding in findings:
        if finding.kind is not DriftKind.CREATED or finding.now is None:
            continue
        old = gone.get((finding.root, finding.now.inode, stat.S_IFMT(finding.now.mode)))
        if old is not None:
            renames[finding.root, finding.path] = old.path
    moved_from = {(root, old): new for (root, new), old in renames.items()}
    whole: set[tuple[int, bytes]] = set()
    holders: set[tuple[int, bytes]] = {
        (f.root, f.path.rpartition(b"/")[0]) for f in findings if f.path and not _time_alone(f)
    }
    told: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.root, order_key(f.path))):
        place = (finding.root, finding.path)
        inner = _beneath(whole, finding) or (_time_alone(finding) and place in holders)
        kind, other = finding.kind, b""
        if place in renames:
            kind, other = DriftKind.RENAMED, renames[place]
        elif place in moved_from:
            other = moved_from[place]
        if kind in (DriftKind.CREATED, DriftKind.REMOVED, DriftKind.RENAMED) and _is_directory(finding):
            whole.add(place)
        told.append(replace(finding, kind=kind, other=other, inner=inner))
    return told


def _beneath(whole: set[tuple[int, bytes]], finding: Finding) -> bool:
    above = finding.path.rpartition(b"/")[0]
    while above:
        if (finding.root, above) in whole:
            return True
        above = above.rpartition(b"/")[0]
    return False


def _is_directory(finding: Finding) -> bool:
    state = finding.now or finding.before
    return state is not None and stat.S_ISDIR(state.mode)


def _time_alone(finding: Finding) -> bool:
    """Whether only the time of a folder differs, as when something in it came or went."""
    before, now = finding.before, finding.now
    return (
        before is not None
        and now is not None
        and stat.S_ISDIR(now.mode)
        and now.same(replace(before, modified_ns=now.modified_ns))
    )


def ordered(tree: Rooted, top: bytes) -> Iterable[bytes]:
    """Every path beneath `top` (and `top`), in the order of `order_key`; what vanishes is left out.

    For a `Rooted` that nobody else uses. Raises OSError for directories that cannot be read.
    """
    waiting = [iter([(top, True)])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        yield found[0]
        if found[1]:
            waiting.append(iter(_names(tree, found[0])))


def _names(tree: Rooted, path: bytes) -> list[tuple[bytes, bool]]:
    try:
        fd = tree.directory(path)
    except PathTrouble:
        return []
    prefix = path + b"/" if path else b""
    with entries_in(fd) as entries:
        found = [(prefix + os.fsencode(e.name), e.is_dir(follow_symlinks=False)) for e in entries]
    found.sort()
    return found
