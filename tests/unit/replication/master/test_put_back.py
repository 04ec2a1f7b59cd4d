from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.messages.catalogue import describe
from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.model.rewind import RewindAction
from app.replication.frames import Fetched
from app.replication.master.put_back import PutBack
from app.replication.master.reverse import ReverseStep, reverse_steps
from app.replication.sync_frames import ListedEntry

UID, GID = os.geteuid(), os.getegid()
TIME_NS = 1_600_000_000_000_000_000


def listed(path: bytes, kind: EntryKind = EntryKind.FILE, size: int = 0, target: bytes = b"") -> ListedEntry:
    mode = 0o755 if kind is EntryKind.DIRECTORY else 0o644
    return ListedEntry(path, kind, mode, UID, GID, size, TIME_NS, b"", target, 0, 9, abs(hash(path)), 1)


def content(path: bytes, data: bytes, size: int | None = None) -> list[Fetched]:
    metadata = Metadata(EntryKind.FILE, 0o644, UID, GID, len(data) if size is None else size, TIME_NS)
    return [Fetched(0, path, metadata, data, True)]


class Replica:
    """What a replica answers; anything it was not told is not there."""

    def __init__(self) -> None:
        self.answers: dict[bytes, list[Fetched]] = {}

    def fetch(self, _root: int, path: bytes) -> Iterator[Fetched]:
        yield from self.answers.get(path, [Fetched(0, path, None, b"", True)])


@pytest.fixture
def replica() -> Replica:
    return Replica()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


def create(entry: ListedEntry) -> ReverseStep:
    return ReverseStep(entry.path, RewindAction.CREATE, entry, entry.size_bytes)


def put(root: Path, replica: Replica, *steps: ReverseStep) -> list[str]:
    work = PutBack(0, os.fsencode(root), b"20260101-000000", replica.fetch)
    try:
        for step in steps:
            work.carry(step)
        work.finish()
    finally:
        work.close()
    return [problem.code for problem in work.problems]


def test_nothing_is_written_through_a_link_that_the_replica_makes(
    tmp_path: Path, root: Path, replica: Replica
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    replica.answers[b"way/file"] = content(b"way/file", b"x")
    link = listed(b"way", EntryKind.SYMLINK, target=os.fsencode(outside))
    assert put(root, replica, create(link), create(listed(b"way/file", size=1))) == ["ER00402"]
    assert list(outside.iterdir()) == []
    assert os.readlink(root / "way") == str(outside)


@pytest.mark.parametrize("path", [b"../out", b"/etc/x", b"a/../../out", b"a//b", b""])
def test_a_path_that_is_not_clean_is_not_written(
    path: bytes, tmp_path: Path, root: Path, replica: Replica
) -> None:
    replica.answers[path] = content(path, b"x")
    before = sorted(tmp_path.rglob("*"))
    with contextlib.suppress(ArcxoError):
        assert put(root, replica, create(listed(path, size=1))) != []
    assert sorted(tmp_path.rglob("*")) == before


def test_more_content_than_a_file_has_is_refused(root: Path, replica: Replica) -> None:
    replica.answers[b"f"] = content(b"f", b"x" * 50, size=10)
    with pytest.raises(ArcxoError) as refused:
        put(root, replica, create(listed(b"f", size=10)))
    assert refused.value.code == "ER00301"
    assert list(root.iterdir()) == []


def test_a_file_that_vanished_on_the_replica_stays_as_it_is_here(root: Path, replica: Replica) -> None:
    (root / "f").write_text("mine")
    step = ReverseStep(b"f", RewindAction.OVERWRITE, listed(b"f", size=3), 3)
    assert put(root, replica, step) == ["WR00280"]
    assert (root / "f").read_text() == "mine"
    assert [path.name for path in root.iterdir()] == ["f"]


def test_a_full_disk_ends_it_with_what_was_there_whole(
    root: Path, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "f").write_text("mine")
    replica.answers[b"f"] = content(b"f", b"theirs")

    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(ArcxoError) as told:
        put(root, replica, ReverseStep(b"f", RewindAction.OVERWRITE, listed(b"f", size=6), 6))
    assert told.value.code == "ER00281"
    assert "arcxo scenario recover" in describe(told.value)
    assert (root / "f").read_text() == "mine"
    assert [path.name for path in root.iterdir()] == ["f"]


def test_what_is_replaced_is_kept_and_the_time_of_the_root_stays(root: Path, replica: Replica) -> None:
    (root / "f").write_text("mine")
    os.utime(root, ns=(TIME_NS, TIME_NS))
    replica.answers[b"f"] = content(b"f", b"theirs")
    step = ReverseStep(b"f", RewindAction.OVERWRITE, listed(b"f", size=6), 6, parent=(b"", TIME_NS))
    assert put(root, replica, step) == []
    assert (root / "f").read_text() == "theirs"
    assert (root / ".arcxo-replaced-20260101-000000/f").read_text() == "mine"
    assert os.stat(root).st_mtime_ns == TIME_NS


def test_a_listing_out_of_order_is_refused(root: Path) -> None:
    theirs = [listed(b"", EntryKind.DIRECTORY), listed(b"b"), listed(b"a")]
    with pytest.raises(ArcxoError) as refused:
        list(reverse_steps(os.fsencode(root), iter([(b"", os.lstat(root))]), iter(theirs), None))
    assert refused.value.code == "ER00301"
