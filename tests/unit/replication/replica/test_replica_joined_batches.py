"""Batches that wait behind one another are applied as one, and only those that follow each other."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest

from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import encode
from app.replication.frames import Batch, BatchKind, Frame
from app.replication.records import Mark
from app.replication.replica import incoming as incoming_module
from app.replication.replica.ahead import Made, Prepared
from app.replication.replica.applier import SYNC_END
from app.replication.replica.grown import Grown
from app.replication.replica.incoming import Incoming
from app.replication.replica.packed import PackedBatch
from app.replication.sync_frames import ListRequest
from tests.support.capabilities import native_or_report
from tests.support.replica_tree import put, sync_batch

RECORD = encode(put(b"f", b"x"))


def incoming_with(*waiting: Frame | Prepared | ArcxoError) -> Incoming:
    incoming = Incoming([])
    for frame in waiting:
        incoming._frames.put((100, frame))
        incoming._waiting_bytes += 100
    return incoming


def prepared(records: int, ready: int | None = None) -> Prepared:
    made: dict[int, Made | Grown] = {} if ready is None else {ready: Made(b"new/ahead-1", 5, ())}
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


def received(*names: bytes) -> PackedBatch:
    native_or_report("growing")
    found = sync_batch(*(put(name, b"x") for name in names))
    assert isinstance(found, PackedBatch)
    return found


def passed_on(incoming: Incoming, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, object]]:
    found: list[tuple[int, object]] = []
    monkeypatch.setattr(incoming, "_pass_on", lambda size, frame: found.append((size, frame)))
    return found


def test_batches_that_come_one_behind_the_other_are_put_together_up_to_a_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incoming = Incoming([])
    found = passed_on(incoming, monkeypatch)
    monkeypatch.setattr(incoming_module, "_GATHERED_BYTES", 250)
    for name in (b"a", b"b"):
        incoming.put(100, received(name))
    assert incoming.gathers
    assert found == []
    incoming.put(100, received(b"c"))
    ((size, whole),) = found
    assert isinstance(whole, PackedBatch)
    assert (size, len(whole.parts)) == (300, 3)


def test_small_files_are_put_together_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    incoming = Incoming([])
    found = passed_on(incoming, monkeypatch)
    monkeypatch.setattr(incoming_module, "_GATHERED_RECORDS", 2)
    for name in (b"a", b"b", b"c"):
        incoming.put(100, received(name))
    assert [size for size, _ in found] == [200]
    assert incoming.gathers


def test_what_waits_for_more_goes_on_before_anything_else_and_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    incoming = Incoming([])
    found = passed_on(incoming, monkeypatch)
    incoming.put(100, received(b"a"))
    incoming.put(7, ListRequest(0))
    assert [size for size, _ in found] == [100, 7]
    incoming.put(100, received(b"b"))
    incoming.flush()
    incoming.flush()
    assert [size for size, _ in found] == [100, 7, 100]


def test_a_batch_that_ends_with_a_mark_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    native_or_report("growing")
    incoming = Incoming([])
    found = passed_on(incoming, monkeypatch)
    end = sync_batch(Mark(PointKind.SYNCHRONIZATION, "s", SYNC_END, datetime(2026, 1, 1, tzinfo=UTC)))
    assert isinstance(end, PackedBatch)
    incoming.put(100, received(b"a"))
    incoming.put(50, end)
    assert [size for size, _ in found] == [150]


def test_why_the_next_batch_is_none_is_told_after_those_before_it() -> None:
    incoming = Incoming([])
    error = ArcxoError("ER00301", cause="bytes that are not a message")
    incoming._prepared(100, Prepared(batch(BatchKind.SYNC, 9, 1), (put(b"f", b"x"),), {}, 60, 2, error))
    taken = incoming.take(0.1)
    assert taken is not None
    assert taken[1] == 2
    with pytest.raises(ArcxoError, match="ER00301"):
        incoming.take(0.1)
