"""Synchronisation at file level: two sorted listings are merged, what differs is sent.

The master's listing is its shadow, so that nothing is walked twice; contents are read now. What changes
meanwhile is captured, spooled and sent after it.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from app.model.entry import EntryKind, order_key
from app.model.rewind import PointKind
from app.model.scenario import ScenarioProperties, SyncProgress
from app.replication.codec import encode
from app.replication.frames import Batch, BatchKind, ListedEntry
from app.replication.master.compare import ComparedRoot
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.observe import xattr_digest
from app.replication.master.reading import Doubt, Report, Send, read_ahead
from app.replication.master.shadow import ShadowEntry, ShadowReader
from app.replication.records import Mark

BATCH_BYTES = 4 * 1024 * 1024
BATCH_RECORDS = 2_000
WINDOW_BATCHES = 12


@dataclass(slots=True)
class SyncFigures:
    """What a running synchronisation has done."""

    started_at: datetime
    files_total: int | None = None
    files_compared: int = 0
    files_sent: int = 0
    removed: int = 0
    sent_bytes: int = 0
    current_path: bytes = b""

    def progress(self) -> SyncProgress:
        """For people."""
        return SyncProgress(
            self.files_compared, self.files_total, self.files_sent, self.sent_bytes, self.current_path,
            self.started_at,
        )  # fmt: skip


class Synchroniser:
    """One synchronisation of one replica. `run` blocks in the sender's thread until it is durable."""

    def __init__(
        self,
        exchange: Exchange,
        roots: list[ComparedRoot],
        reader: ShadowReader,
        filters: PathFilter,
        properties: ScenarioProperties,
        *,
        epoch: str,
        report: Report,
        doubt: Doubt,
        stopped: Callable[[], bool],
        on_root_done: Callable[[ComparedRoot], None],
    ) -> None:
        self._exchange = exchange
        self._roots = roots
        self._reader = reader
        self._filters = filters
        self._properties = properties
        self._epoch = epoch
        self._report = report
        self._doubt = doubt
        self._stopped = stopped
        self._on_root_done = on_root_done
        self.figures = SyncFigures(datetime.now(UTC))
        self._records: list[bytes] = []
        self._bytes = 0
        self._sent_batches = 0
        self._position = 0

    def run(self, position: int) -> bool:
        """Make the replica equal; the stream goes on after `position`. False when it was stopped.

        Raises:
            ArcxoError: the stream has ended, and why.
        """
        self._position = position
        mark_id = secrets.token_hex(8)
        for root in self._roots:
            self._exchange.ask_listing(root.number)
        reader = self._reader
        self.figures.files_total = sum(reader.counts(root.number)[1] for root in self._roots)
        self._put(encode(Mark(PointKind.SYNCHRONIZATION, mark_id, "begin", datetime.now(UTC))))
        for root in self._roots:
            root.check()
            listing = self._exchange.listing(root.number)
            differences = self._differences(root, reader, listing)
            for sent in read_ahead(root, differences, self._report, self._doubt):
                self.figures.current_path = sent.path
                self.figures.sent_bytes += sent.content_bytes
                for record in sent.records:
                    self._put(record)
                if self._stopped():
                    return False
            self._on_root_done(root)
        self._put(encode(Mark(PointKind.SYNCHRONIZATION, mark_id, "end", datetime.now(UTC))))
        self._send()
        return self._settled(0)

    # sending

    def _put(self, record: bytes) -> None:
        if self._records and (self._bytes + len(record) > BATCH_BYTES or len(self._records) >= BATCH_RECORDS):
            self._send()
        self._records.append(record)
        self._bytes += len(record)

    def _send(self) -> None:
        self._settled(WINDOW_BATCHES - 1)
        batch = Batch(BatchKind.SYNC, self._epoch, self._position + 1, tuple(self._records))
        self._exchange.batch(batch)
        self._sent_batches += 1
        self._records = []
        self._bytes = 0

    def _settled(self, most_open: int) -> bool:
        """Wait until no more than `most_open` batches are without an answer."""
        while not self._exchange.wait(
            lambda: self._sent_batches - self._exchange.committed_sync <= most_open, 0.5
        ):
            if self._stopped():
                return False
        return True

    # comparing

    def _differences(
        self, root: ComparedRoot, reader: ShadowReader, listing: Iterator[ListedEntry]
    ) -> Iterator[Send]:
        links = _Links()
        removed = b""
        for ours, listed in merge(reader.listing(root.number), listing):
            theirs = listed
            if ours is None:
                assert theirs is not None
                path = theirs.path
                if (removed and path.startswith(removed)) or self._keeps(theirs):
                    continue
                if theirs.metadata.kind is EntryKind.DIRECTORY:
                    removed = path + b"/"
                self.figures.removed += 1
                yield Send(path, 0, delete=True)
                continue
            if theirs is not None and removed and ours.path.startswith(removed):
                theirs = None
            if theirs is not None and theirs.metadata.kind is not ours.kind:
                if theirs.metadata.kind is EntryKind.DIRECTORY:
                    removed = ours.path + b"/"
                yield from self._one(ours, None, links, remove=True)
                continue
            yield from self._one(ours, theirs, links, remove=False)

    def _keeps(self, theirs: ListedEntry) -> bool:
        """Whether something that only the replica has stays: what filters leave out is not ours to remove."""
        if self._properties.keep_deleted_during_sync or not theirs.path:
            return True
        directory = theirs.metadata.kind is EntryKind.DIRECTORY
        return self._filters.leaves_out(theirs.path, directory=directory)

    def _one(
        self, ours: ShadowEntry, theirs: ListedEntry | None, links: _Links, *, remove: bool
    ) -> Iterator[Send]:
        is_file = ours.kind is EntryKind.FILE
        if is_file:
            self.figures.files_compared += 1
            leader = links.leader(ours, theirs)
            if leader is not None:
                if not links.linked_there(ours, theirs):
                    self.figures.files_sent += 1
                    yield Send(ours.path, 0, ours, remove=remove, link_to=leader)
                return
        if theirs is None:
            self.figures.files_sent += is_file
            yield Send(ours.path, ours.size, ours, remove=remove)
            return
        there = theirs.metadata
        if is_file and (not self._same_content(ours, theirs) or links.wrongly_linked(ours, theirs)):
            self.figures.files_sent += 1
            links.replaced(ours)
            yield Send(ours.path, ours.size, ours)
        elif (there.link_target, there.device) != (ours.target, ours.rdev):
            yield Send(ours.path, 0, ours, remove=True)
        elif not same(ours, theirs):
            yield Send(ours.path, 0, ours, metadata_only=True)

    def _same_content(self, ours: ShadowEntry, theirs: ListedEntry) -> bool:
        # Without this property nothing proves a content the same, so everything is sent.
        return (
            self._properties.ignore_same_size_time
            and ours.size == theirs.metadata.size_bytes
            and ours.modified_ns == theirs.metadata.modified_ns
        )


class _Links:
    """Which names of the master are one file, and which the replica has as one."""

    def __init__(self) -> None:
        self._leaders: dict[tuple[int, int], tuple[bytes, tuple[int, int] | None]] = {}
        self._owners: dict[tuple[int, int], tuple[int, int]] = {}

    def leader(self, ours: ShadowEntry, theirs: ListedEntry | None) -> bytes | None:
        """The first name of the same file, if `ours` is another one."""
        if ours.links < 2:
            return None
        key = (ours.device, ours.inode)
        known = self._leaders.get(key)
        if known is not None:
            return known[0]
        self._leaders[key] = (ours.path, _inode(theirs))
        return None

    def linked_there(self, ours: ShadowEntry, theirs: ListedEntry | None) -> bool:
        """Whether the replica has this name and the first one as one file."""
        first = self._leaders[ours.device, ours.inode][1]
        return theirs is not None and first is not None and first == _inode(theirs)

    def replaced(self, ours: ShadowEntry) -> None:
        """The first name gets a new inode there, so that no other name is linked to it any more."""
        key = (ours.device, ours.inode)
        if key in self._leaders and self._leaders[key][0] == ours.path:
            self._leaders[key] = (ours.path, None)

    def wrongly_linked(self, ours: ShadowEntry, theirs: ListedEntry) -> bool:
        """Whether the replica has this file and one that is another here as one."""
        if theirs.identity.links < 2:
            return False
        inode = (theirs.identity.device, theirs.identity.inode)
        return self._owners.setdefault(inode, (ours.device, ours.inode)) != (ours.device, ours.inode)


def _inode(theirs: ListedEntry | None) -> tuple[int, int] | None:
    return None if theirs is None else (theirs.identity.device, theirs.identity.inode)


def same(ours: ShadowEntry, theirs: ListedEntry) -> bool:
    """Whether permissions, owner, time and extended attributes are the same."""
    there = theirs.metadata
    return (
        ours.mode & 0o7777 == there.permissions
        and ours.uid == there.uid
        and ours.gid == there.gid
        and ours.modified_ns == there.modified_ns
        and ours.xattrs == xattr_digest(there.xattrs)
    )


def merge(
    ours: Iterator[ShadowEntry], theirs: Iterator[ListedEntry]
) -> Iterator[tuple[ShadowEntry | None, ListedEntry | None]]:
    """Two listings side by side; None where one side has nothing."""
    mine, other = next(ours, None), next(theirs, None)
    while mine is not None or other is not None:
        if other is None:
            yield mine, None
            yield from zip(ours, itertools.repeat(None))
            return
        if mine is None:
            yield None, other
            yield from zip(itertools.repeat(None), theirs)
            return
        left, right = order_key(mine.path), order_key(other.path)
        if left == right:
            yield mine, other
            mine, other = next(ours, None), next(theirs, None)
        elif left < right:
            yield mine, None
            mine = next(ours, None)
        else:
            yield None, other
            other = next(theirs, None)
