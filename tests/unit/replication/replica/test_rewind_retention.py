from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.model.errors import ArcxoError, NotFoundError
from app.model.rewind import PointKind
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.records import Extent, Mark, Record, Remove, SetMetadata, WriteBlocks
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewind_points import find_point, points_newest_first
from app.replication.replica.rewinding import undo
from tests.support.faults import Cut, CutAt
from tests.support.replica_tree import (
    begin_stream,
    directory_metadata,
    file_metadata,
    open_store,
    picture,
    put,
)

SCENARIO = Scenario(
    7, "s", ServerType.FILE_SERVER, ProductType.DR, "localhost", (Root(b"/m"),), (ReplicaSpec("r", (b"/r",)),)
)
MB = 1 << 20
MINUTE_NS = 60_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def apply(store: ReplicaStore, *records: Record) -> None:
    applied = begin_stream(store).apply_stream("e", store.index.position.sequence + 1, records)
    assert not applied.troubles


def bookmark(store: ReplicaStore, text: str) -> None:
    apply(store, Mark(PointKind.BOOKMARK, text + "-id", text, datetime.now(UTC)))


def disk_bytes(*places: Path) -> int:
    """What is really taken, each inode once."""
    found = {}
    for place in places:
        for directory, _, files in os.walk(place):
            for name in files:
                status = os.lstat(os.path.join(directory, name))
                found[status.st_ino] = status.st_blocks * 512
    return sum(found.values())


def rewind(store: ReplicaStore, change: int) -> None:
    undoing = entries_after(store, change)
    problems: list[object] = []
    Applier(store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
    assert problems == []


def filled(store: ReplicaStore, count: int, size: int = 200_000) -> dict[int, object]:
    """`count` versions of a file, each keeping the one before aside; the pictures by change."""
    root = Path(os.fsdecode(store.trees[0].tree.path))
    apply(store, SetMetadata(0, b"", directory_metadata()))
    pictures: dict[int, object] = {}
    for number in range(count):
        apply(store, put(b"f", bytes([number]) * size))
        bookmark(store, f"v{number}")
        pictures[store.change] = picture(root)
    return pictures


def test_what_is_beyond_the_size_is_released_oldest_first_and_the_rest_stays_exact(
    tmp_path: Path, store: ReplicaStore
) -> None:
    pictures = filled(store, 12)
    for _ in range(3):
        store.retain(60, 1)
        apply(store, put(b"g", b"x" * 300_000))
    store.retain(60, 1)
    root = Path(os.fsdecode(store.trees[0].tree.path))
    assert disk_bytes(tmp_path / "state/side", tmp_path / "state/undo") <= MB
    oldest = store.oldest_change()
    assert oldest > 1
    apply(store, put(b"f", b"later" * 50_000))
    for change in sorted((c for c in pictures if c >= oldest - 1), reverse=True):
        rewind(store, change)
        assert picture(root) == pictures[change]


def test_what_is_older_than_the_time_goes_and_what_is_younger_stays(store: ReplicaStore) -> None:
    filled(store, 3)
    store.log.end_segment()
    now = time.time_ns()
    store.retain(60, 1000, now + 30 * MINUTE_NS)
    assert store.oldest_change() == 1
    store.retain(60, 1000, now + 61 * MINUTE_NS)
    assert store.oldest_change() == store.change + 1
    assert store.rewind_bytes() == 0
    assert os.listdir(store.trees[0].side.directory(b"aside")) == []


def test_a_bookmark_out_of_retention_is_not_listed_and_asking_for_it_says_so(store: ReplicaStore) -> None:
    filled(store, 4)
    listed = [p.text for p in points_newest_first(store, SCENARIO, "r") if p.kind is PointKind.BOOKMARK]
    assert listed == ["v3", "v2", "v1", "v0"]
    store.retain(60, 1000, time.time_ns() + 61 * MINUTE_NS)
    apply(store, put(b"f", b"new"))
    listed = [p.text for p in points_newest_first(store, SCENARIO, "r") if p.kind is PointKind.BOOKMARK]
    assert listed == ["v3"], "the state at the last one can still be reached"
    with pytest.raises(NotFoundError) as refused:
        find_point(store, SCENARIO, "r", "v1")
    assert refused.value.code == "ER00417"


def test_with_rewind_disabled_nothing_is_kept(tmp_path: Path, store: ReplicaStore) -> None:
    filled(store, 4)
    store.retain(0, 1000)
    assert disk_bytes(tmp_path / "state/side") == 0
    assert store.log.segments() == []
    root = Path(os.fsdecode(store.trees[0].tree.path))
    before = picture(root)
    with pytest.raises(Cut), CutAt(12):
        apply(store, put(b"f", b"half"), Remove(0, b"f"))
    store.close()
    again = open_store(tmp_path / "state", root)
    assert picture(root) == before
    again.close()


def test_what_is_kept_is_told_as_it_is(tmp_path: Path, store: ReplicaStore) -> None:
    from app.replication.records import MakeLink

    apply(store, put(b"a", b"a" * 100_000), MakeLink(0, b"b", b"a"))
    apply(store, Remove(0, b"a"))
    assert store.index.aside_bytes() == 0, "its other name holds the content in the tree"
    apply(store, Remove(0, b"b"))
    assert store.index.aside_bytes() == disk_bytes(tmp_path / "state/side")


def test_retention_cut_anywhere_leaves_every_point_that_is_listed_reachable(tmp_path: Path) -> None:
    at = 0
    done = False
    while not done:
        at += 2
        base = tmp_path / str(at)
        base.mkdir()
        store = open_store(base / "state", base / "replica")
        pictures = filled(store, 6, 90_000)
        try:
            with CutAt(at):
                store.retain(60, 1, time.time_ns())
                store.retain(30, 1000, time.time_ns() + 31 * MINUTE_NS)
            done = True
        except Cut:
            pass
        store.close()
        store = open_store(base / "state", base / "replica")
        oldest = store.oldest_change()
        root = base / "replica"
        known = {path for path, _ in store.index.asides(0)}
        there = {
            b"aside/" + os.fsencode(name) for name in os.listdir(store.trees[0].side.directory(b"aside"))
        }
        assert known == there
        for change in sorted((c for c in pictures if c >= oldest - 1), reverse=True):
            rewind(store, change)
            assert picture(root) == pictures[change]
        store.close()


def test_a_full_disk_is_told_and_lets_go_of_what_need_not_be_kept(
    store: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store, 3)
    root = Path(os.fsdecode(store.trees[0].tree.path))
    before = picture(root)
    write: Callable[..., int] = os.write
    full = True

    def no_room(fd: int, data: bytes) -> int:
        if full and os.readlink(f"/proc/self/fd/{fd}").endswith(".undo"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr(os, "write", no_room)
    released = []
    applier = begin_stream(store)
    applier.on_full = lambda: released.append(store.retain(60, 1000, time.time_ns() + 61 * MINUTE_NS))
    sequence = store.index.position.sequence + 1
    record = WriteBlocks(0, b"f", file_metadata(10), (Extent(0, 10),), b"0123456789")
    with pytest.raises(ArcxoError) as told:
        applier.apply_stream("e", sequence, [record])
    assert told.value.code == "ER00408"
    assert "space" in told.value.params["cause"]
    assert picture(root) == before
    assert released
    assert store.rewind_bytes() == 0
    full = False
    assert applier.apply_stream("e", sequence, [record]).troubles == ()
    assert (root / "f").read_bytes() == b"0123456789"
