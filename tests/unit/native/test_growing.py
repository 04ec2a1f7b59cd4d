"""Batches read in C are what the codec reads, and what is grown from them is what Python grows."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import decode, encode
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import Batch, BatchKind
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Mark,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    Skip,
    StageContent,
)
from app.replication.replica import growing
from app.replication.replica.ahead import Ahead, Prepared
from app.replication.replica.applier import SYNC_BEGIN, Applier
from app.replication.replica.grown import Grown
from app.replication.replica.packed import PackedBatch, packed_batch
from app.replication.replica.replica_store import ReplicaStore
from tests.support.capabilities import native_or_report
from tests.support.faults import CutAt
from tests.support.replica_tree import GID, UID, make, open_store, put
from tests.support.replica_tree import picture as whole_picture

BEGIN = Mark(PointKind.SYNCHRONIZATION, "s", SYNC_BEGIN, datetime(2026, 1, 1, tzinfo=UTC))
SEEDS = (1, 2, 3, 4, 5, 6)


@pytest.fixture(autouse=True)
def built() -> None:
    native_or_report("growing")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def as_batch(records: list[Record]) -> Batch:
    return Batch(BatchKind.SYNC, "e", 1, tuple(encode(record) for record in records))


def packed(records: list[Record]) -> PackedBatch:
    found = packed_batch(encode_frame(as_batch(records)))
    assert found is not None
    return found


def prepare(store: ReplicaStore, batch: Batch | PackedBatch) -> Prepared:
    taken: list[object] = []
    ahead = Ahead(store.trees, lambda _, what: taken.append(what))
    ahead.put(1, batch)
    ahead.drain()
    (found,) = taken
    assert isinstance(found, Prepared), found
    return found


def random_records(seed: int) -> list[Record]:
    """What a synchronisation may send, most of it plain and in order, some of it not."""
    rng = random.Random(seed)
    records: list[Record] = []
    names = [b"a", b"b-", b"c", b"d.d", b"\xff\xfe", b"n" * 255]

    def metadata(kind: EntryKind, size: int = 0) -> Metadata:
        odd = rng.random() < 0.08
        return Metadata(
            kind,
            rng.choice((0o755, 0o700, 0o4750, 0o2711, 0o1777)) if kind is EntryKind.DIRECTORY
            else rng.choice((0o644, 0o600, 0o4711, 0o666)),
            UID + (7 if UID == 0 and rng.random() < 0.3 else 0),
            GID,
            size,
            rng.choice((-1, 0, 1_600_000_000_123_456_789, -1_500_000_000_000_000_001, 5)),
            ((b"user.x", b"y"),) if odd else (),
            b"target" if kind is EntryKind.SYMLINK else b"",
        )  # fmt: skip

    def fill(above: bytes, depth: int) -> None:
        for name in sorted(rng.sample(names, rng.randrange(1, len(names)))):
            path = above + b"/" + name if above else name
            what = rng.random()
            if what < 0.4 and depth < 5:
                records.append(MakeEntry(0, path, metadata(EntryKind.DIRECTORY)))
                fill(path, depth + 1)
            elif what < 0.45:
                records.append(MakeEntry(0, path, metadata(EntryKind.SYMLINK)))
            elif what < 0.48:
                records.append(MakeLink(0, path, records[-1].path if hasattr(records[-1], "path") else b"x"))
            elif what < 0.5:
                records.append(
                    rng.choice((Skip(), Remove(0, path), Rename(0, path, b"z"), StageContent(5, 0, b"s")))
                )
            elif what < 0.53:
                records.append(put(path, b"first"))
                records.append(put(path, b"second"))
            elif what < 0.56:
                size = rng.randrange(1, 100_000)
                records.append(
                    ReplaceFile(
                        0, path, metadata(EntryKind.FILE, size + 10), (Extent(10, size),), b"s" * size
                    )
                )
            else:
                data = rng.randbytes(rng.choice((0, 1, 200, 300, 70_000)))
                extents = (Extent(0, len(data)),) if data else ()
                records.append(ReplaceFile(0, path, metadata(EntryKind.FILE, len(data)), extents, data))
        if rng.random() < 0.2 and above:
            records.append(SetMetadata(0, above, metadata(EntryKind.DIRECTORY)))

    records.append(make(b"top"))
    fill(b"top", 1)
    for number in range(3):
        records.append(make(b"top%d" % number))
        fill(b"top%d" % number, 1)
    return records


def test_what_is_read_is_what_came() -> None:
    records = random_records(7)
    found = packed(records)
    assert [decode(found.parts[0].record(at)) for at in range(len(records))] == records
    assert found.unpacked() == as_batch(records)
    assert (found.batch.epoch, found.batch.first_seq, found.batch.kind) == ("e", 1, BatchKind.SYNC)
    plain = [at for at in range(len(records)) if at not in set(found.parts[0].others())]
    for at in plain:
        record = records[at]
        assert isinstance(record, MakeEntry | ReplaceFile)
        directory = record.metadata.kind is EntryKind.DIRECTORY
        assert found.parts[0].place(at) == (0, record.path, directory)
    assert len(plain) > len(records) // 2


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_grown_in_c_is_what_python_grows(seed: int, tmp_path: Path, store: ReplicaStore) -> None:
    other = open_store(tmp_path / "state-2", tmp_path / "replica-2")
    try:
        records = random_records(seed)
        fast, slow = prepare(store, packed(records)), prepare(other, as_batch(records))
        assert pictured(store, fast) == pictured(other, slow)
        assert fast.made.keys() == slow.made.keys()
        for at, made in fast.made.items():
            expected = slow.made[at]
            if not isinstance(made, Grown):
                assert not isinstance(expected, Grown)
                continue
            assert isinstance(expected, Grown)
            assert (made.path, made.size_bytes, made.names()) == (
                expected.path, expected.size_bytes, expected.names(),
            )  # fmt: skip
            assert without_inodes(made) == without_inodes(expected)
        for at, record in enumerate(fast.records):
            if record is not fast.made.get(at):
                assert record == slow.records[at]
    finally:
        other.close()


def pictured(store: ReplicaStore, prepared: Prepared) -> list[dict[bytes, tuple[object, ...]]]:
    side = Path(os.fsdecode(store.trees[0].side.path))
    grown = {made.side: made for made in prepared.made.values() if isinstance(made, Grown)}
    return [whole_picture(side / os.fsdecode(path)) for path in grown]


def without_inodes(grown: Grown) -> tuple[object, ...]:
    assert [(row[0], row[1].replace(b"\0", b"/")) for row in grown.states] == list(grown.entries)
    assert all(row[2] == grown.entries[row[0], row[1].replace(b"\0", b"/")][0] for row in grown.states)
    return (
        [(*row[:2], *row[3:8], row[8] == 0, row[9]) for row in grown.states],
        {place: metadata for place, (_, metadata) in grown.entries.items()},
        {path: grown.time_of(path) for _, path in grown.entries},
    )


@pytest.mark.parametrize("seed", range(3))
def test_damaged_frames_are_read_as_the_codec_reads_them_or_not_at_all(seed: int) -> None:
    rng = random.Random(seed)
    records = [
        record
        for record in random_records(seed)
        if not isinstance(record, ReplaceFile) or len(record.data or b"") < 400
    ]
    whole = encode_frame(as_batch(records[:40]))
    taken = plain = 0
    for _ in range(4_000):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            data[at] = rng.choice(
                (0, 0x2F, 0x2E, 0x7F, 0x80, 0xC4, 0xC6, 0xCF, 0xD3, 0xFF, rng.randrange(256))
            )
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        elif rng.random() < 0.1:
            data += b"\0"
        found = packed_batch(bytes(data))
        if found is None:
            continue
        taken += 1
        assert decode_frame(bytes(data)) == found.unpacked()
        for at in range(found.parts[0].count):
            place = found.parts[0].place(at)
            if place is not None:
                plain += 1
                record = decode(found.parts[0].record(at))
                assert isinstance(record, MakeEntry | ReplaceFile)
                assert (record.root, record.path) == place[:2]
    assert taken > 50
    assert plain > 500


def test_a_batch_with_a_record_that_is_none_makes_nothing(store: ReplicaStore) -> None:
    encoded = (*as_batch([make(b"d"), put(b"d/f", b"x")]).records, b"nonsense")
    found = packed_batch(encode_frame(Batch(BatchKind.SYNC, "e", 1, encoded)))
    assert found is not None
    taken: list[object] = []
    ahead = Ahead(store.trees, lambda _, what: taken.append(what))
    ahead.put(1, found)
    ahead.drain()
    assert isinstance(taken[0], ArcxoError)
    assert os.listdir(os.fsdecode(store.trees[0].side.path) + "/new") == []


def test_paths_that_are_not_clean_are_not_plain() -> None:
    for path in (
        b"",
        b"/d",
        b"d/",
        b"d//e",
        b"..",
        b"d/../e",
        b".",
        b"d/.",
        b"n" * 256,
        b"d\0",
        b"d/" * 33_000 + b"e",
    ):
        found = packed([make(path), put(path, b"x")])
        assert found.parts[0].others() == [0, 1], path


def test_whoever_replaced_a_function_of_the_system_sees_each_call(store: ReplicaStore) -> None:
    with CutAt(0) as layer:
        prepared = prepare(store, packed([make(b"d"), put(b"d/f", b"x")]))
    assert len(prepared.made) == 2
    assert layer.trace.count("write") == 1
    assert layer.trace.count("mkdir") == 2


def test_what_cannot_be_made_is_left_to_python_without_a_trace(
    store: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than a process may write."""
    import resource

    added: list[bytes] = []
    add = growing.Grower.add

    def watched(self: growing.Grower, tree: object, at: int, record: Record, side: object) -> Grown | None:
        added.append(getattr(record, "path", b""))
        return add(self, tree, at, record, side)  # type: ignore[arg-type]

    monkeypatch.setattr(growing.Grower, "add", watched)
    records: list[Record] = [make(b"d"), put(b"d/a", b"a"), put(b"d/b", b"b" * 9_000), put(b"d/c", b"c")]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that comes with it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
    try:
        prepared = prepare(store, packed(records))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert added == [b"d/b"]
    assert set(prepared.made) == {0, 1, 3}
    grown = prepared.made[0]
    assert isinstance(grown, Grown)
    assert grown.names() == [b"a", b"c"]
    side = Path(os.fsdecode(store.trees[0].side.path)) / os.fsdecode(grown.side)
    assert sorted(os.listdir(side)) == ["a", "c"]


def test_no_descriptor_stays_open(store: ReplicaStore) -> None:
    before = len(os.listdir("/proc/self/fd"))
    prepare(store, packed(random_records(11)))
    assert len(os.listdir("/proc/self/fd")) <= before + 1


def gathered(*batches: list[Record]) -> PackedBatch:
    whole = packed(batches[0])
    for batch in batches[1:]:
        both = whole.and_then(packed(batch))
        assert both is not None
        whole = both
    return whole


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_batches_put_together_are_grown_as_if_they_were_one(
    seed: int, tmp_path: Path, store: ReplicaStore
) -> None:
    other = open_store(tmp_path / "state-2", tmp_path / "replica-2")
    try:
        once: dict[bytes, Record] = {}
        for one in random_records(seed):
            if isinstance(one, MakeEntry | ReplaceFile):
                once.setdefault(one.path, one)
        records = list(once.values())
        cuts = sorted(random.Random(seed).sample(range(1, len(records)), 3))
        parts = [records[a:b] for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True)]
        fast, slow = prepare(store, gathered(*parts)), prepare(other, packed(records))
        assert fast.count == 4
        assert pictured(store, fast) == pictured(other, slow)
        assert fast.made.keys() == slow.made.keys()
        assert {type(one) for one in fast.made.values()} == {type(one) for one in slow.made.values()}
        applied = [
            Applier(where).apply_sync(
                "e", 1, (BEGIN, *ready.records), 1, {at + 1: one for at, one in ready.made.items()}
            )
            for where, ready in ((store, fast), (other, slow))
        ]
        told = [[(one.error.code, one.error.params) for one in done.troubles] for done in applied]
        assert told[0] == told[1]
        # A symbolic link takes no attributes of users.
        assert {code for code, _ in told[0]} <= {"WR00236"}
        assert picture(tmp_path / "replica") == picture(tmp_path / "replica-2")
    finally:
        other.close()


def picture(root: Path) -> dict[bytes, tuple[object, ...]]:
    return {path: entry for path, entry in whole_picture(root).items() if path}


def test_a_path_that_comes_again_in_a_later_batch_is_not_grown_over(store: ReplicaStore) -> None:
    ready = prepare(store, gathered([make(b"d"), put(b"d/a", b"1")], [put(b"d/a", b"2"), put(b"d/b", b"3")]))
    first = ready.made[0]
    assert isinstance(first, Grown)
    assert first.names() == [b"a"]
    assert not any(isinstance(ready.made[at], Grown) for at in (2, 3))


def test_batches_before_one_that_is_none_are_prepared_and_tell_of_it(store: ReplicaStore) -> None:
    bad = packed_batch(encode_frame(Batch(BatchKind.SYNC, "e", 1, (b"nonsense",))))
    assert bad is not None
    both = packed([make(b"d"), put(b"d/f", b"x")]).and_then(bad)
    assert both is not None
    ready = prepare(store, both)
    assert (len(ready.records), ready.count) == (2, 1)
    assert ready.error is not None
    assert ready.error.code == "ER00301"


def test_a_batch_of_another_synchronisation_is_not_put_together_with_it() -> None:
    other = packed_batch(encode_frame(Batch(BatchKind.SYNC, "e", 2, (encode(make(b"e")),))))
    assert other is not None
    assert packed([make(b"d")]).and_then(other) is None
