"""Batches of a synchronisation whose records are read in C, where they lie in the frame that came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.native import native
from app.replication.codec import RECORD_MAX_BYTES, ROOTS_MAX
from app.replication.frame_codec import BATCH_TAG
from app.replication.frames import BATCH_RECORDS_MAX, Batch, BatchKind
from app.replication.link import FRAME_MAX_BYTES

_native = native("growing")


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A batch without its records, and these as `app.native.growing.Records` has them; or several of them."""

    batch: Batch
    parts: tuple[Any, ...]

    def unpacked(self) -> Batch:
        """The same with its records as bytes."""
        records = tuple(part.record(at) for part in self.parts for at in range(part.count))
        return Batch(self.batch.kind, self.batch.epoch, self.batch.first_seq, records)

    @property
    def count(self) -> int:
        """How many records they are."""
        return sum(part.count for part in self.parts)

    @property
    def ends(self) -> bool:
        """Whether what comes last is no content, but a mark perhaps: nothing may follow for long."""
        last = self.parts[-1]
        return not last.count or last.place(last.count - 1) is None

    def and_then(self, other: PackedBatch) -> PackedBatch | None:
        """Both as one; None where they do not belong together."""
        if self.batch != other.batch:
            return None
        return PackedBatch(self.batch, self.parts + other.parts)


def packed_batch(data: bytes | memoryview) -> PackedBatch | None:
    """The batch of a synchronisation that these bytes are.

    None for any other frame, for one that is none, and where C is not used: `decode_frame` takes, or refuses,
    them all.
    """
    if _native is None or len(data) > FRAME_MAX_BYTES:
        return None
    found = _native.read(data, BATCH_TAG, ROOTS_MAX, BATCH_RECORDS_MAX, RECORD_MAX_BYTES)
    if found is None or found[0] != BatchKind.SYNC:
        return None
    _, epoch, first_seq, records = found
    return PackedBatch(Batch(BatchKind.SYNC, epoch, first_seq, ()), (records,))
