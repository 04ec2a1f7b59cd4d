"""New entries of a synchronisation prepared in the side store while the batch before is made durable.

What is prepared here has names of its own in the side store, which a batch that is taken back leaves alone:
the batches that follow may refer to them. What is left goes when the stream ends, or at the next start.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from app.held_directories import names_in
from app.model.errors import ArcxoError, Problem
from app.replication.codec import decode
from app.replication.frames import Batch
from app.replication.records import MakeEntry, Record, ReplaceFile
from app.replication.replica.growing import Grower
from app.replication.replica.grown import Grown
from app.replication.replica.packed import PackedBatch
from app.replication.replica.preparing import Preparer
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import AHEAD_PREFIX, NEW
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.walking import remove_tree
from app.replication.turns import Turns

_RECORD_BYTES = 1_500
_MADE = (ReplaceFile, MakeEntry)
_BATCHES = itertools.count(1)
"""Their numbers name directories: a stream may have several synchronisations."""
_THREADS = 3
_PATIENCE_S = 0.1
"""Whoever has waited so long for a turn goes on: the journal of the file system holds up another thread."""


@dataclass(frozen=True, slots=True)
class Made:
    """An entry that is ready to be moved into place: its side path and inode."""

    path: bytes
    inode: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch of a synchronisation, its records decoded, and what is ready by the number of the record.

    A record of what is ready has no content any more that is worth dropping; in the place of one that was
    made with many others stands the directory that they are in.
    """

    batch: Batch
    records: tuple[Record | Grown, ...]
    made: dict[int, Made | Grown]
    """A new directory stands for all records that it holds."""
    kept_bytes: int = 0
    """About how much memory it takes."""
    count: int = 1
    """How many batches it is."""
    error: ArcxoError | None = None
    """Why the batch that came after these is none."""


class Ahead:
    """What was put is given to `take` in order, prepared where it can be, several batches at a time.

    `take(size, what)` gets what was put, a `Prepared` in the place of a batch, the ArcxoError for records
    that are none, or what else preparing raised. It is called in a thread of its own.
    """

    def __init__(self, trees: Sequence[ReplicaTree], take: Callable[[int, Any], None]) -> None:
        self._take = take
        self._waiting: queue.SimpleQueue[tuple[int, object] | None] = queue.SimpleQueue()
        self._makers = [_Maker(trees) for _ in range(_THREADS)]
        self._idle = list(self._makers)
        self._turns = Turns(_PATIENCE_S)
        self._closed = False
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="replica-ahead")
        self._thread = threading.Thread(target=self._work, name="replica-prepared", daemon=True)
        self._thread.start()

    def put(self, size: int, what: object) -> None:
        """Queue something; returns at once. For one thread."""
        if isinstance(what, Batch | PackedBatch):
            what = self._pool.submit(self._prepared, what, next(_BATCHES))
        self._waiting.put((size, what))

    def drain(self) -> None:
        """Return once all that was put is passed on; nothing can be put any more."""
        self._waiting.put(None)
        self._thread.join()

    def close(self) -> None:
        """The same without preparing any more."""
        self._closed = True
        self.drain()

    def _work(self) -> None:
        try:
            while (waiting := self._waiting.get()) is not None:
                size, what = waiting
                try:
                    ready = what.result() if isinstance(what, Future) else what
                except Exception as error:  # noqa: BLE001 - told where it would have been carried out
                    ready = error
                self._take(size, ready)
        finally:
            self._pool.shutdown()
            for maker in self._makers:
                maker.close()

    def _prepared(self, batch: Batch | PackedBatch, number: int) -> object:
        if self._closed:
            return batch if isinstance(batch, Batch) else batch.unpacked()
        # There are as many as threads; taking from a list and giving back to it need no lock.
        maker = self._idle.pop()
        try:
            with self._turns.turn():
                return maker.prepared(batch, number, lambda: self._closed)
        finally:
            self._idle.append(maker)


class _Records:
    """The records of a batch, those that C has read decoded only when they are asked for.

    Raises ArcxoError, at once, when any of them is none.
    """

    def __init__(self, encoded: Any) -> None:
        self.packed = None if isinstance(encoded, tuple) else encoded
        self._encoded = encoded
        self._decoded: list[Record | None]
        if self.packed is None:
            self._decoded = [decode(record) for record in encoded]
        else:
            self._decoded = [None] * encoded.count
            for at in encoded.others():
                self._decoded[at] = decode(encoded.record(at))

    def __len__(self) -> int:
        return len(self._decoded)

    def __getitem__(self, at: int) -> Record:
        known = self._decoded[at]
        if known is None:
            known = self._decoded[at] = decode(self._encoded.record(at))
        return known

    def size(self, made: Container[int]) -> int:
        """The bytes of those that are not made."""
        size = (lambda at: len(self._encoded[at])) if self.packed is None else self.packed.size
        return sum([size(at) for at in range(len(self)) if at not in made])

    def without_content(self, made: Mapping[int, Made | Grown]) -> tuple[Record | Grown, ...]:
        """All of them, without the content of those that are made."""
        found: list[Record | Grown] = []
        for at, record in enumerate(self._decoded):
            ready = made.get(at)
            if record is None:
                found.append(ready if isinstance(ready, Grown) else self[at])
            elif ready is not None and isinstance(record, ReplaceFile) and record.data:
                found.append(ReplaceFile(record.root, record.path, record.metadata, (), b""))
            else:
                found.append(record)
        return tuple(found)


def _read_all(parts: Sequence[Any]) -> tuple[list[_Records], ArcxoError | None]:
    """The parts up to the first that is none, and why that is so. Raises it when that is the first of all."""
    read: list[_Records] = []
    for part in parts:
        try:
            read.append(_Records(part))
        except ArcxoError as error:
            if not read:
                raise
            return read, error
    return read, None


class _Maker:
    """What one thread prepares with."""

    def __init__(self, trees: Sequence[ReplicaTree]) -> None:
        self._sides = [
            ReplicaTree(tree.index, tree.tree, Rooted(tree.side.path), tree.store) for tree in trees
        ]
        self._preparer = _Preparer()

    def close(self) -> None:
        """Close what is open."""
        for tree in self._sides:
            tree.side.close()

    def prepared(self, batch: Batch | PackedBatch, number: int, closed: Callable[[], bool]) -> Prepared:
        """The batch with all that can be prepared of it. Raises ArcxoError for records that are none.

        Of several batches those before one that is none are prepared, and tell of it.
        """
        if isinstance(batch, Batch):
            empty = Batch(batch.kind, batch.epoch, batch.first_seq, ())
            parts, failed = [_Records(batch.records)], None
        else:
            empty = batch.batch
            parts, failed = _read_all(batch.parts)
        can_make = True
        try:
            self._preparer.begin(self._sides, number)
        except OSError:
            # A disk that is full, or fails, shows itself where the records are carried out.
            can_make = False
        growing = self._make_all(parts, closed) if can_make else [{} for _ in parts]
        records: list[Record | Grown] = []
        made: dict[int, Made | Grown] = {}
        kept = 0
        for part, ready in zip(parts, growing, strict=True):
            kept += len(part) * _RECORD_BYTES + part.size(ready)
            before = len(records)
            made.update({before + at: one for at, one in ready.items()} if before else ready)
            records += part.without_content(ready)
        return Prepared(empty, tuple(records), made, kept, len(parts), failed)

    def _make_all(self, parts: list[_Records], closed: Callable[[], bool]) -> list[dict[int, Made | Grown]]:
        """What is made of each part, which goes on growing what the part before has begun."""
        grower = Grower(parts[0].packed)
        growers, found = [grower], []
        for part in parts:
            if part is not parts[0] and not grower.follow(part.packed):
                grower.end()
                grower = Grower(part.packed)
                growers.append(grower)
            made: dict[int, Made | Grown] = {}
            self._make(grower, part, made, closed)
            found.append(made)
        grower.end()
        whole = {one for each in growers for one in each.whole}
        for made in found:
            for at, ready in list(made.items()):
                if isinstance(ready, Grown) and id(ready) not in whole:
                    del made[at]
        return found

    def _make(
        self, grower: Grower, records: _Records, made: dict[int, Made | Grown], closed: Callable[[], bool]
    ) -> None:
        sides, name = self._sides, self._preparer.name
        at, end = 0, len(records)
        while at < end and not closed():
            try:
                following, together = grower.run(at, sides, name)
                if together is not None:
                    made.update(dict.fromkeys(range(at, following), together))
                    at = following
                    continue
                record = records[at]
                root = getattr(record, "root", len(sides))
                if root < len(sides):
                    grown = grower.add(sides[root], at, record, name)
                    if grown is not None:
                        made[at] = grown
                    elif isinstance(record, _MADE):
                        made[at] = self._make_one(sides[root], record)
            except (OSError, ArcxoError):
                # Told where it is carried out by itself.
                pass
            at += 1

    def _make_one(self, tree: ReplicaTree, record: ReplaceFile | MakeEntry) -> Made:
        preparer = self._preparer
        preparer.problems = []
        if isinstance(record, MakeEntry):
            path, inode = preparer.entry(tree, record.path, record.metadata)
        elif record.data is None:
            raise FileNotFoundError(record.path)
        else:
            path, inode = preparer.file(tree, record.path, record.metadata, record.extents, record.data, -1)
        return Made(path, inode, tuple(problem for _, problem in preparer.problems))


class _Preparer(Preparer):
    """A directory for each batch: making files in one does not wait for those moved out of another."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = b""

    def begin(self, trees: Sequence[ReplicaTree], batch: int) -> None:
        """Names of a batch with this number. Raises OSError."""
        self._directory = b"%s/%s%x" % (NEW, AHEAD_PREFIX, batch)
        for tree in trees:
            directory, name = tree.side.place(self._directory)
            os.mkdir(name, 0o700, dir_fd=directory)

    def name(self) -> bytes:
        """A side path nothing has yet."""
        self._number += 1
        return b"%s/%x" % (self._directory, self._number)


def clean_ahead(side: bytes) -> None:
    """Remove what was prepared ahead in a side store and is not in place. Raises OSError."""
    place = Rooted(side)
    try:
        for name in names_in(place.directory(NEW)):
            if name.startswith(AHEAD_PREFIX):
                remove_tree(place, NEW + b"/" + name)
    finally:
        place.close()
