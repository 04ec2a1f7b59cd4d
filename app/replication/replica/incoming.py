"""The frames of one stream that wait to be carried out: how much may wait, and what is taken together."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence

from app.model.errors import ArcxoError
from app.replication.frames import Batch, BatchKind, Frame
from app.replication.records import Mark, Record
from app.replication.replica.ahead import Ahead, Prepared, clean_ahead
from app.replication.replica.applied import SYNC_END
from app.replication.replica.grown import Grown
from app.replication.replica.packed import PackedBatch
from app.replication.replica.steps import ReplicaTree

_WAITING_BYTES_MAX = 64 * 1024 * 1024
_JOINED_BYTES_MAX = 32 * 1024 * 1024
_JOINED_STREAM_BYTES_MAX = 8 * 1024 * 1024
_JOINED_RECORDS_MAX = 16_000
_JOINED_BATCHES_MAX = 24
"""Fewer than a master sends without an answer."""
_JOINED_S = 0.4
_GATHERED_BYTES = 15 * 1024 * 1024
_GATHERED_RECORDS = 32_000
"""What is known of each entry of a new directory takes half a kilobyte until its batch is carried out, while
the next one is made: small files are gathered by their number."""


Waiting = Frame | Prepared | Exception
"""What waits to be carried out, or why nothing more comes."""


class Incoming:
    """See the module. Filled by the thread that reads, taken from by the one that carries out.

    `trees` are the roots of the replica, in whose side stores what a synchronisation sends is prepared.
    """

    def __init__(self, trees: Sequence[ReplicaTree]) -> None:
        self._trees = trees
        self._frames: queue.Queue[tuple[int, Waiting]] = queue.Queue()
        self._next: tuple[int, Waiting] | None = None
        self._ahead: Ahead | None = None
        self._gathered: PackedBatch | None = None
        self._gathered_bytes = 0
        self._waiting_bytes = 0
        self._room = threading.Condition()
        self._ended = threading.Event()
        self.lost: ArcxoError | None = None
        """Why no more frames come."""

    # the reading side

    @property
    def ended(self) -> bool:
        """Whether nothing is taken any more."""
        return self._ended.is_set()

    def put(self, size: int, frame: Frame | PackedBatch) -> None:
        """Queue a frame of so many bytes; waits for room.

        A batch of a synchronisation goes through the thread that prepares.
        """
        with self._room:
            full = self._waiting_bytes >= _WAITING_BYTES_MAX
        if full:
            # What is put together here would be waited for, and nobody could take it.
            self.flush()
        with self._room:
            self._room.wait_for(lambda: self._waiting_bytes < _WAITING_BYTES_MAX or self._ended.is_set())
            self._waiting_bytes += size
        if self._gathered is not None or isinstance(frame, PackedBatch):
            self._gather(size, frame)
        else:
            self._pass_on(size, frame)

    def _gather(self, size: int, frame: Frame | PackedBatch) -> None:
        """Put batches together: a new directory that goes on in the next one is made as one then."""
        both = None
        if self._gathered is not None and isinstance(frame, PackedBatch):
            both = self._gathered.and_then(frame)
        if both is None:
            self.flush()
            if not isinstance(frame, PackedBatch):
                self._pass_on(size, frame)
                return
        gathered: PackedBatch = both or frame  # type: ignore[assignment]  # a batch in either case
        self._gathered = gathered
        self._gathered_bytes += size
        full = self._gathered_bytes >= _GATHERED_BYTES or gathered.count >= _GATHERED_RECORDS
        if full or (isinstance(frame, PackedBatch) and frame.ends):
            self.flush()

    @property
    def gathers(self) -> bool:
        """Whether batches wait for others to be put together with: `flush` passes them on."""
        return self._gathered is not None

    def flush(self) -> None:
        """Nothing more came for a while."""
        gathered, size = self._gathered, self._gathered_bytes
        self._gathered, self._gathered_bytes = None, 0
        if gathered is not None:
            self._pass_on(size, gathered)

    def _pass_on(self, size: int, frame: Frame | PackedBatch) -> None:
        synchronizes = isinstance(frame, PackedBatch) or (
            isinstance(frame, Batch) and frame.kind is BatchKind.SYNC
        )
        if synchronizes and self._ahead is None:
            self._ahead = Ahead(self._trees, self._prepared)
        if isinstance(frame, PackedBatch) or (self._ahead is not None and synchronizes):
            assert self._ahead is not None
            self._ahead.put(size, frame)
        else:
            self._stop_ahead()
            self._frames.put((size, frame))

    def lose(self, error: ArcxoError) -> None:
        """No more frames come; whoever takes is told after those that did."""
        self.lost = error
        self.flush()
        self._stop_ahead()
        self._frames.put((0, error))

    def _prepared(self, size: int, what: Waiting) -> None:
        """Something passed on by the thread that prepares: what became of its contents waits no more."""
        if isinstance(what, Prepared):
            self._taken(size - what.kept_bytes)
            size = what.kept_bytes
        self._frames.put((size, what))
        if isinstance(what, Prepared) and what.error is not None:
            self._frames.put((0, what.error))

    def _stop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.drain()
            self._ahead = None

    # the carrying side

    def take(self, timeout_s: float) -> tuple[Frame | Prepared, int] | None:
        """What is to be carried out next, and how many frames it is; None when nothing came in time.

        Batches that wait one behind the other are taken as one. Raises why no more comes.
        """
        try:
            size, frame = self._next or self._frames.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._next = None
        self._taken(size)
        if isinstance(frame, Exception):
            raise frame
        if isinstance(frame, Batch):
            return self._joined(frame, size)
        if isinstance(frame, Prepared):
            return self._joined_sync(frame, size)
        return frame, 1

    def _taken(self, size: int) -> None:
        with self._room:
            self._waiting_bytes -= size
            self._room.notify()

    def _joined(self, batch: Batch, size: int) -> tuple[Batch, int]:
        """`batch` and those that wait right behind it as one, and how many: each alone waits for the disk."""
        records = list(batch.records)
        count = 1
        while self._next is None and not self._frames.empty():
            more, frame = self._next = self._frames.get_nowait()
            following = batch.first_seq + len(records)
            if (
                not isinstance(frame, Batch)
                or (frame.kind, frame.epoch, frame.first_seq) != (batch.kind, batch.epoch, following)
                or size + more > _JOINED_STREAM_BYTES_MAX
                or len(records) + len(frame.records) > _JOINED_RECORDS_MAX
            ):
                break
            self._next = None
            self._taken(more)
            records += frame.records
            size += more
            count += 1
        return Batch(batch.kind, batch.epoch, batch.first_seq, tuple(records)), count

    def _joined_sync(self, first: Prepared, size: int) -> tuple[Prepared, int]:
        """The same for batches of a synchronisation, none of which is waited for: for a while more may come.

        Each time a file system is made durable, whoever makes files in it waits as well.
        """
        records = list(first.records)
        made = dict(first.made)
        count = first.count
        until = time.monotonic() + _JOINED_S
        while self._next is None and not _ends(records):
            try:
                more, frame = self._next = self._frames.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if (
                not isinstance(frame, Prepared)
                or (frame.batch.epoch, frame.batch.first_seq) != (first.batch.epoch, first.batch.first_seq)
                or size + more > _JOINED_BYTES_MAX
                or len(records) + len(frame.records) > _JOINED_RECORDS_MAX
                or count + frame.count > _JOINED_BATCHES_MAX
            ):
                break
            self._next = None
            self._taken(more)
            made.update((len(records) + number, ready) for number, ready in frame.made.items())
            records += frame.records
            size += more
            count += frame.count
        return Prepared(first.batch, tuple(records), made), count

    def end(self) -> None:
        """Nothing is taken any more: whoever waits to put something goes on."""
        with self._room:
            self._ended.set()
            self._room.notify()

    def close(self) -> None:
        """After `end`, and when nothing is put any more: remove what was prepared and not taken."""
        if self._ahead is not None:
            self._ahead.close()
        for tree in self._trees:
            # What is left goes at the next start at the latest.
            with contextlib.suppress(OSError, ArcxoError):
                clean_ahead(tree.side.path)


def _ends(records: Sequence[Record | Grown]) -> bool:
    last = records[-1] if records else None
    return isinstance(last, Mark) and last.text == SYNC_END
