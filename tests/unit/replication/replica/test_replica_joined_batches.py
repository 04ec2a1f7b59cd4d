"""Batches that wait behind one another are applied as one, and only those that follow each other."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import encode
from app.replication.frames import Batch, BatchKind, Frame, ListRequest
from app.replication.records import Mark
from app.replication.replica import stream as stream_module
from app.replication.replica.ahead import Made, Prepared
from app.replication.replica.applier import SYNC_END
from app.replication.replica.stream import ReplicaStream
from tests.support.replica_tree import put

RECORD = encode(put(b"f", b"x"))


def stream_with(*waiting: Frame | Prepared | ArcxoError) -> ReplicaStream:
    nothing: Any = None
    stream = ReplicaStream(nothing, nothing)
    for frame in waiting:
        stream._frames.put((100, frame))
        stream._waiting_bytes += 100
    return stream


def prepared(records: int, ready: int | None = None) -> Prepared:
    made = {} if ready is None else {ready: Made(b"new/ahead-1", 5, ())}
    return Prepared(batch(BatchKind.SYNC, 9, records), (put(b"f", b"x"),) * records, made)


def batch(kind: BatchKind, first: int, records: int, epoch: str = "e") -> Batch:
    return Batch(kind, epoch, first, (RECORD,) * records)


def test_waiting_batches_of_a_synchronisation_become_one() -> None:
    stream = stream_with(prepared(2), prepared(3, ready=1), ListRequest(0))
    joined, count = stream._joined_sync(prepared(1, ready=0), 100)
    assert (len(joined.records), joined.batch.first_seq, count) == (6, 9, 3)
    assert set(joined.made) == {0, 4}
    assert stream._next == (100, ListRequest(0))
    assert stream._waiting_bytes == 100


def test_more_of_a_synchronisation_is_waited_for_but_not_behind_its_end() -> None:
    end = Mark(PointKind.SYNCHRONIZATION, "s", SYNC_END, datetime(2026, 1, 1, tzinfo=UTC))
    stream = stream_with()
    later = threading.Timer(0.05, lambda: stream._frames.put((100, prepared(2))))
    later.start()
    stream._waiting_bytes = 100
    joined, count = stream._joined_sync(prepared(1), 100)
    later.join()
    assert (len(joined.records), count) == (3, 2)
    began = time.monotonic()
    whole = Prepared(batch(BatchKind.SYNC, 9, 1), (put(b"f", b"x"), end), {})
    assert stream._joined_sync(whole, 100) == (whole, 1)
    assert time.monotonic() - began < stream_module._JOINED_S


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
    stream = stream_with(batch(BatchKind.STREAM, 5, 1), follower)
    joined, count = stream._joined(batch(BatchKind.STREAM, 3, 2), 100)
    assert (len(joined.records), joined.first_seq, count) == (3, 3, 2)
    assert stream._next == (100, follower)


def test_the_size_of_what_is_joined_is_bounded() -> None:
    stream = stream_with(batch(BatchKind.STREAM, 4, 1))
    joined, count = stream._joined(batch(BatchKind.STREAM, 3, 1), 8 << 20)
    assert (len(joined.records), count) == (1, 1)
