"""What a replica may say, given what it was told and asked: the rest is refused, and changes nothing.

A replica is another machine: broken, of another make, or taken over. What it says about itself it may say as
it likes; nothing of it reaches the master's files, and its spool only as far as records were really sent.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from app.model.entry import order_key
from app.replication.codec import refuse
from app.replication.frames import (
    Batch,
    BatchKind,
    Committed,
    Fetched,
    FetchRequest,
    Frame,
    PackedBatch,
    Trouble,
    Welcome,
)
from app.replication.sync_frames import ListedEntry, Listing


class Answers:
    """Told of each frame sent and each received, in the order of the link; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._welcomed = False
        self._stream = -1
        self._sync = 0
        self._fetches: deque[FetchRequest] = deque()
        self._fetched: tuple[int, int] | None = None

    def sent(self, frame: Frame | PackedBatch) -> None:
        """A frame is about to be sent."""
        with self._lock:
            if isinstance(frame, FetchRequest):
                self._fetches.append(frame)
            elif isinstance(frame, Batch) and frame.kind is BatchKind.STREAM:
                self._stream = frame.first_seq + len(frame.records) - 1
            elif isinstance(frame, Batch | PackedBatch):
                self._sync += 1

    def begin_synchronization(self) -> None:
        """Batches of a synchronisation are counted from here; of the stream, none is open."""
        with self._lock:
            self._sync = 0
            self._stream = -1

    def check(self, frame: Frame) -> None:
        """A frame was received. Raises ArcxoError ER00301 when it cannot be an answer to what was sent."""
        with self._lock:
            if isinstance(frame, Welcome):
                if self._welcomed:
                    refuse("a second greeting")
                self._welcomed = True
            elif not self._welcomed and isinstance(frame, Committed | Trouble | Fetched):
                refuse("an answer before the greeting")
            elif isinstance(frame, Committed):
                if frame.seq > (self._stream if frame.kind is BatchKind.STREAM else self._sync):
                    refuse("more acknowledged than was sent")
            elif isinstance(frame, Fetched):
                self._check_fetched(frame)

    def _check_fetched(self, part: Fetched) -> None:
        wanted = self._fetches[0] if self._fetches else None
        if wanted is None or (wanted.root, wanted.path) != (part.root, part.path):
            refuse("an entry that nobody asked for")
        size = part.metadata.size_bytes if part.metadata is not None else 0
        promised, got = self._fetched or (size, 0)
        got += len(part.data)
        if part.metadata is None:
            # Not there, or not to be read any further.
            if part.data or not part.last:
                refuse("content of nothing")
        elif size != promised or got > promised:
            refuse("another content than was promised")
        elif not part.last and not part.data:
            refuse("an entry that does not end")
        self._fetched = (promised, got)
        if part.last:
            self._fetched = None
            self._fetches.popleft()


def in_order(listings: Iterator[Listing]) -> Iterator[ListedEntry]:
    """The entries of a root's listing. Raises ArcxoError ER00301 unless each is after the one before."""
    last: bytes | None = None
    for listing in listings:
        if not listing.entries:
            refuse("a part of a listing without entries")
        for entry in listing.entries:
            key = order_key(entry.path)
            if last is not None and key <= last:
                refuse("a listing that is not in order")
            last = key
            yield entry
