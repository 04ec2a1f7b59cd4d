"""Batches that wait behind one another are applied as one, and only those that follow each other."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import encode
from app.replication.frames import Batch, BatchKind, Frame, ListRequest
from app.replication.records import Mark
from app.replication.replica import incoming as incoming_module
from app.replication.replica.ahead import Made, Prepared
from app.replication.replica.applier import SYNC_END
from app.replication.replica.incoming import Incoming
from tests.support.replica_tree import put

RECORD = encode(put(b"f", b"x"))


def incoming_with(*waiting: Frame | Prepared | ArcxoError) -> Incoming:
    incoming = Incoming([])
    for frame in waiting:
        incoming._frames.put((100, frame))
        incoming._waiting_bytes += 100
    return incoming


def prepared(records: int, ready: int | None = None) -> Prepared:
    made = {} if ready is None else {ready: Made(b"new/ahead-1", 5, ())}
    return Prepared(batch(BatchKind.SYNC, 9, records), (put(b"f", b"x"),) * records, made)


def batch(kind: BatchKind, first: int, records: int, epoch: str = "e") -> Batch:
    return Batch(kind, epoch, first, (RECORD,) * records)


def test_waiting_batches_of_a_synchronisation_become_one() -> None:
    incoming = incoming_with(prepared(2), prepared(3, ready=1), ListRequest(0))
    joined, count = incoming._joined_sync(prepared(1, ready=0), 100)
    assert (len(joined.records), joined.batch.first_seq, count) == (6, 9, 3)
    assert set(joined.made) == {0, 4}
    assert incoming._next == (100, ListRequest(0))
    assert incoming._waiting_bytes == 100


def test_more_of_a_synchronisation_is_waited_for_but_not_behind_its_end() -> None:
    end = Mark(PointKind.SYNCHRONIZATION, "s", SYNC_END, datetime(2026, 1, 1, tzinfo=UTC))
    incoming = incoming_with()
    later = threading.Timer(0.05, lambda: incoming._frames.put((100, prepared(2))))
    later.start()
    incoming._waiting_bytes = 100
    joined, count = incoming._joined_sync(prepared(1), 100)
    later.join()
    assert (len(joined.records), count) == (3, 2)
    began = time.monotonic()
    whole = Prepared(batch(BatchKind.SYNC, 9, 1), (put(b"f", b"x"), end), {})
    assert incoming._joined_sync(whole, 100) == (whole, 1)
    assert time.monotonic() - began < incoming_module._JOINED_S


@pytest.mark.parametrize(
    "follower",
    [
        batch(BatchKind.STREAM, 7, 1),
        batch(BatchKind.STREAM, 6, 1, epoch="another"),
        batch(BatchKind.SYNC, 6, 1),
        ArcxoError("ER00201", host="h", reason="lost"),
    ],
)
def test_what_does_not_follow_waits_for_its_turn(follower: Frame | ArcxoError) -> None:
    incoming = incoming_with(batch(BatchKind.STREAM, 5, 1), follower)
    joined, count = incoming._joined(batch(BatchKind.STREAM, 3, 2), 100)
    assert (len(joined.records), joined.first_seq, count) == (3, 3, 2)
    assert incoming._next == (100, follower)


def test_the_size_of_what_is_joined_is_bounded() -> None:
    incoming = incoming_with(batch(BatchKind.STREAM, 4, 1))
    joined, count = incoming._joined(batch(BatchKind.STREAM, 3, 1), 8 << 20)
    assert (len(joined.records), count) == (1, 1)
