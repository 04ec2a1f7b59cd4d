"""Synchronisation: two sorted listings are merged, what differs is sent, whole or the blocks that differ.

The master's listing is its shadow, so that nothing is walked twice; contents are read now. What changes
meanwhile is captured, spooled and sent after it.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from app.model.entry import EntryKind, kind_of_mode
from app.model.rewind import PointKind
from app.model.scenario import ScenarioProperties, SyncMethod
from app.replication.codec import bin_header, encode
from app.replication.frames import PackedBatch
from app.replication.master.compare import ComparedRoot
from app.replication.master.differences import Difference, Keeps, Pairs, What, kept_extras
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.large_files import SyncMode
from app.replication.master.progress import SyncFigures
from app.replication.master.quick_merge import unequal_parts
from app.replication.master.reading import read_ahead
from app.replication.master.run_reports import SyncItems
from app.replication.master.sends import Became, Doubt, NewRun, Report, Send, SentRun
from app.replication.master.shadow import ShadowEntry, ShadowReader, ShadowRow
from app.replication.records import Mark
from app.replication.sync_frames import ListedEntry

BATCH_BYTES = 4 * 1024 * 1024
BATCH_RECORDS = 2_000
WINDOW_BATCHES = 256
"""The replica keeps no contents of what waits, and holds back what it has no memory for: more at once is
fewer waits for its disk."""


def ask_listings(exchange: Exchange, roots: Sequence[ComparedRoot]) -> None:
    """Have the replica list all roots, unless it was asked to already. Raises ArcxoError."""
    for root in roots:
        if not exchange.has_asked_listing(root.number):
            exchange.ask_listing(root.number)


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
        unread: Callable[[int, bytes], bool],
        doubt: Doubt,
        stopped: Callable[[], bool],
        on_root_done: Callable[[ComparedRoot], None],
        doubt_since: float | None = None,
    ) -> None:
        """What changed after `doubt_since` (seconds since 1970) is compared by content, whatever its time.

        `unread(root, path)` tells whether the path, or a directory above it, has a problem on the master.
        """
        self._exchange = exchange
        self._roots = roots
        self._reader = reader
        self._filters = filters
        self._properties = properties
        self._mode = SyncMode(properties.sync is SyncMethod.BLOCK, properties.block_whole_file_percent)
        self._epoch = epoch
        self._report = report
        self._unread = unread
        self._doubt = doubt
        self._stopped = stopped
        self._on_root_done = on_root_done
        self._unproved_ns = None if doubt_since is None else int(doubt_since * 1e9)
        self.figures = SyncFigures()
        self.items = SyncItems()
        """What is sent and removed, for the report."""
        self._packed: list[bytes] = []
        self._count = self._bytes = 0
        self._sent_batches = 0
        self._position = 0

    def run(self, position: int) -> bool:
        """Make the replica equal; the stream goes on after `position`. False when it was stopped.

        Raises:
            ArcxoError: the stream has ended, and why.
        """
        self._position = position
        mark_id = secrets.token_hex(8)
        ask_listings(self._exchange, self._roots)
        self.figures.begin()
        self._total()
        self._put(encode(Mark(PointKind.SYNCHRONIZATION, mark_id, "begin", datetime.now(UTC))))
        for root in self._roots:
            root.check()
            listing = self._exchange.raw_listing(root.number)
            wanted = self._wanted(root, listing)
            for sent in read_ahead(root, wanted, self._exchange, self._mode, self._report, self._doubt):
                if isinstance(sent, SentRun):
                    self.figures.sent_run(sent)
                    self._put_packed(sent.packed, sent.records)
                else:
                    self.figures.sent(sent)
                    self.items.compared(sent.path, different=sent.became is not Became.NOTHING)
                    for record in sent.records:
                        self._put(record)
                if self._stopped():
                    return False
            self.items.root_done()
            self._on_root_done(root)
        # What was passed is there in any case; that nothing else is, is certain only now.
        self._reader.wait_whole()
        self._put(encode(Mark(PointKind.SYNCHRONIZATION, mark_id, "end", datetime.now(UTC))))
        self._send()
        return self._settled(0)

    # sending

    def _put(self, record: bytes) -> None:
        if self._count and (self._bytes + len(record) > BATCH_BYTES or self._count >= BATCH_RECORDS):
            self._send()
        self._packed.append(bin_header(len(record)))
        self._packed.append(record)
        self._count += 1
        self._bytes += len(record)

    def _put_packed(self, packed: bytes, records: int) -> None:
        """Several records, each behind its header."""
        if self._count and (self._bytes + len(packed) > BATCH_BYTES or self._count + records > BATCH_RECORDS):
            self._send()
        self._packed.append(packed)
        self._count += records
        self._bytes += len(packed)

    def _total(self) -> None:
        """What there is on the master is counted once all of it is walked over."""
        if self.figures.files_total is None and self._reader.is_whole:
            counters = [root.counters for root in self._roots]
            self.figures.total(sum(one.files for one in counters), sum(one.size_bytes for one in counters))

    def _send(self) -> None:
        self._total()
        self._settled(WINDOW_BATCHES - 1)
        batch = PackedBatch(self._epoch, self._position + 1, self._count, tuple(self._packed))
        self._exchange.batch(batch)
        self._sent_batches += 1
        self._packed = []
        self._count = self._bytes = 0

    def _settled(self, most_open: int) -> bool:
        """Wait until no more than `most_open` batches are without an answer."""
        while not self._exchange.wait(
            lambda: self._sent_batches - self._exchange.committed_sync <= most_open, 0.5
        ):
            if self._stopped():
                return False
        return True

    # comparing

    def _wanted(self, root: ComparedRoot, listing: Iterator[bytes]) -> Iterator[Send | NewRun]:
        trusted = self._properties.ignore_same_size_time
        pairs = Pairs(
            keeps=self._keeps(root),
            trust_size_time=trusted,
            unproved_ns=self._unproved_ns,
            on_same=self._same,
        )
        for one in unequal_parts(
            self._reader.parts(root.number),
            listing,
            trust_size_time=trusted,
            unproved_ns=self._unproved_ns,
            on_same_files=self.figures.same_files,
        ):
            if isinstance(one, NewRun):
                self.figures.files_compared += one.files
                self.items.add_new(partial(_paths, root, one.rows), len(one.rows))
                yield one
                continue
            found = pairs.difference(*one)
            if found is None:
                continue
            removed = found.what is What.EXTRA
            if removed:
                # Of a root that goes while it is walked over, all would be extra that was not passed.
                self._reader.wait_whole()
            entry = found.ours if found.ours is not None else found.theirs
            if entry is not None:
                size = found.theirs.size_bytes if removed and found.theirs is not None else 0
                size = found.ours.size if found.ours is not None else size
                whole, kind = root.whole(found.path), entry.kind.value
                if found.what is What.UNPROVED and not found.metadata:
                    self.items.add_if_different(found.path, whole, kind, size)
                else:
                    self.items.add(whole, kind, size, removed=removed)
            yield self._send_of(found)

    def _keeps(self, root: ComparedRoot) -> Keeps:
        kept = kept_extras(self._properties, self._filters)
        unread: dict[bytes, bool] = {}

        def keeps(theirs: ListedEntry) -> bool:
            if kept(theirs):
                return True
            # What cannot be read or recorded is not gone, nor what is in such a directory.
            if self._unread(root.number, theirs.path):
                return True
            directory = theirs.path.rpartition(b"/")[0]
            if directory not in unread:
                unread.clear()
                unread[directory] = _unreadable(root.whole(directory))
            return unread[directory]

        return keeps

    def _same(self, ours: ShadowEntry) -> None:
        if stat.S_ISREG(ours.mode):
            self.figures.same(ours.size)

    def _send_of(self, found: Difference) -> Send:
        ours, figures = found.ours, self.figures
        if ours is None:
            figures.removed += 1
            return Send(found.path, 0, delete=True)
        is_file = stat.S_ISREG(ours.mode)
        figures.files_compared += is_file
        match found.what:
            case What.LINK:
                remove = found.theirs is not None and found.theirs.kind is not EntryKind.FILE
                return Send(found.path, 0, ours, remove=remove, link_to=found.link_to)
            case What.METADATA:
                return Send(found.path, 0, ours, metadata_only=True)
            case What.REPLACED:
                return Send(found.path, ours.size, ours, remove=True)
            case What.UNPROVED:
                return Send(found.path, ours.size, ours, compare=True, metadata=found.metadata)
            case What.CONTENT if self._mode.blocks:
                return Send(found.path, ours.size, ours, compare=True, metadata=True)
        return Send(found.path, ours.size, ours)


def _paths(root: ComparedRoot, rows: list[ShadowRow], most: int) -> Iterator[tuple[bytes, str, int]]:
    """(absolute path, kind, size) of the first of these rows."""
    for row in rows[:most]:
        yield root.whole(row[0].replace(b"\0", b"/")), kind_of_mode(row[14]).value, row[5]


def _unreadable(directory: bytes) -> bool:
    try:
        os.scandir(directory).close()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return False
