from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.entry import EntryKind, Metadata
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.replica_tree import (
    GID,
    TIME_NS,
    UID,
    begin_stream,
    directory_metadata,
    file_metadata,
    make,
    open_store,
    picture,
    put,
)


class Bench:
    """A replica with one root whose process can be ended and started again."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "replica"
        self.store: ReplicaStore = open_store(base / "state", self.root)
        self.applier: Applier = begin_stream(self.store)

    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.base / "state", self.root)
        self.applier = Applier(self.store)

    def apply(self, *records: Record) -> None:
        first = self.store.index.position.sequence + 1
        result = self.applier.apply_stream("e", first, records)
        assert result.troubles == (), [str(t.error) for t in result.troubles]

    def undo_uncommitted(self) -> None:
        self.restart()

    def picture(self) -> dict[bytes, tuple[object, ...]]:
        return picture(self.root)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def symlink(path: bytes, target: bytes) -> MakeEntry:
    return MakeEntry(0, path, Metadata(EntryKind.SYMLINK, 0o777, UID, GID, 0, TIME_NS, (), target))


BASE: list[Record] = [
    SetMetadata(0, b"", directory_metadata()),
    make(b"a"),
    make(b"a/b"),
    put(b"a/f", b"one"),
    put(b"a/b/g", b"x" * 200_000),
    put(b"a/b/h", b"linked"),
    MakeLink(0, b"a/l", b"a/b/h"),
    symlink(b"s", b"a/f"),
    make(b"empty"),
    make(b"tree"),
    put(b"tree/1", b"1"),
    make(b"tree/in"),
    put(b"tree/in/2", b"2"),
]

KINDS: dict[str, list[Record]] = {
    "create file": [put(b"new", b"n")],
    "replace file": [put(b"a/f", b"two", permissions=0o600)],
    "replace directory by file": [put(b"tree", b"flat")],
    "replace link by file": [put(b"s", b"real")],
    "write blocks": [WriteBlocks(0, b"a/b/g", file_metadata(200_000), (Extent(65_536, 3),), b"abc")],
    "shrink": [WriteBlocks(0, b"a/b/g", file_metadata(10), (Extent(0, 3),), b"abc")],
    "grow": [WriteBlocks(0, b"a/b/g", file_metadata(300_000), (Extent(250_000, 3),), b"abc")],
    "write a hard-linked file": [WriteBlocks(0, b"a/l", file_metadata(6), (Extent(0, 1),), b"L")],
    "make directory": [make(b"d/"[:-1]), make(b"d/e"), put(b"d/e/f", b"deep")],
    "directory stays": [make(b"a", permissions=0o700, modified_ns=5)],
    "directory for file": [make(b"a/f"), put(b"a/f/x", b"x")],
    "symlink": [symlink(b"a/new-link", b"/nowhere")],
    "replace symlink": [symlink(b"s", b"other")],
    "fifo": [MakeEntry(0, b"a/fifo", Metadata(EntryKind.FIFO, 0o600, UID, GID, 0, TIME_NS))],
    "link": [MakeLink(0, b"a/f2", b"a/f")],
    "link over": [MakeLink(0, b"tree/1", b"a/f")],
    "link to new": [put(b"n", b"n"), MakeLink(0, b"n2", b"n")],
    "remove file": [Remove(0, b"a/f")],
    "remove one name": [Remove(0, b"a/l")],
    "remove tree": [Remove(0, b"tree")],
    "remove nothing": [Remove(0, b"gone/away")],
    "remove emptied tree": [Remove(0, b"tree/1"), Remove(0, b"tree")],
    "rename file": [Rename(0, b"a/f", b"a/b/f")],
    "rename over": [Rename(0, b"a/f", b"tree/1")],
    "rename tree": [Rename(0, b"tree", b"a/tree"), put(b"a/tree/in/2", b"changed")],
    "rename over tree": [Rename(0, b"empty", b"tree")],
    "rename new tree": [make(b"n"), put(b"n/1", b"1"), Rename(0, b"n", b"m"), put(b"m/2", b"2")],
    "swap": [Rename(0, b"a/f", b"t"), Rename(0, b"tree/1", b"a/f"), Rename(0, b"t", b"tree/1")],
    "metadata": [SetMetadata(0, b"a/f", file_metadata(3, permissions=0o444, modified_ns=7))],
    "metadata of directory": [
        put(b"a/z", b"z"),
        SetMetadata(0, b"a", directory_metadata(permissions=0o711, modified_ns=-9)),
        put(b"a/y", b"y"),
    ],
    "metadata of root": [SetMetadata(0, b"", directory_metadata(permissions=0o701))],
    "metadata of link": [
        SetMetadata(0, b"s", Metadata(EntryKind.SYMLINK, 0o777, UID, GID, 0, 3, (), b"a/f"))
    ],
    "staged": [
        StageContent(5, 0, b"st"),
        StageContent(5, 2, b"aged"),
        ReplaceFile(0, b"big", file_metadata(6), (Extent(0, 6),), None, 5),
    ],
    "staged blocks": [
        StageContent(6, 0, b"QQ"),
        WriteBlocks(0, b"a/b/g", file_metadata(200_000), (Extent(9, 2),), None, 6),
    ],
    "sparse": [ReplaceFile(0, b"sparse", file_metadata(1 << 20), (Extent(500_000, 2),), b"ab")],
    "same path again": [put(b"a/f", b"2"), put(b"a/f", b"3"), Remove(0, b"a/f"), put(b"a/f", b"4")],
}


@pytest.mark.parametrize("name", KINDS)
def test_each_record_is_undone_exactly_wherever_the_batch_is_cut(name: str, tmp_path: Path) -> None:
    records = KINDS[name]
    (tmp_path / "count").mkdir()
    probe = Bench(tmp_path / "count")
    probe.apply(*BASE)
    calls = durable_calls(lambda: probe.apply(*records))
    after = probe.picture()
    probe.store.close()
    for at in every_call(calls):
        (tmp_path / str(at)).mkdir()
        bench = Bench(tmp_path / str(at))
        bench.apply(*BASE)
        before = bench.picture()
        with CutAt(at, partial=True) as layer, pytest.raises(Cut):
            bench.apply(*records)
        committed = bench.store.index.position.sequence
        bench.restart()
        if committed == len(BASE):
            assert bench.picture() == before, layer.trace
            bench.apply(*records)
        assert bench.picture() == after, layer.trace
        bench.store.close()
