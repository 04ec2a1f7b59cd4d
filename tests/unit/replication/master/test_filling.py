"""The walk that fills the shadow: what it watches when, and what readers behind it see."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.scenario import Filters
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filler import Arm
from app.replication.master.filling import Filling, fill
from app.replication.master.filters import PathFilter
from app.replication.master.shadow import Shadow, ShadowEntry, ShadowReader, ShadowRow


class Place:
    """A root of a few directories, and its shadow."""

    def __init__(self, directory: Path) -> None:
        self.tree = directory / "root"
        for name in ("a/deep", "b", "c"):
            (self.tree / name).mkdir(parents=True)
        for name in ("a/1", "a/deep/2", "b/3", "c/4", "z"):
            (self.tree / name).write_text(name)
        self.shadow = Shadow(str(directory / "shadow.sqlite3"))
        self.filling = Filling(self.shadow.path)
        self.root = ComparedRoot(0, os.fsencode(self.tree))
        self.root.identify()
        self.armed: list[bytes] = []
        self.reported: list[bytes] = []

    def fill(self, arm: Arm | None = None) -> None:
        fill(
            self.root,
            self.shadow,
            PathFilter(Filters()),
            lambda path, _error: self.reported.append(path),
            lambda: False,
            arm or (lambda path, _device, _inode: self.armed.append(path)),
            self.filling.passed,
        )

    def rows(self) -> dict[bytes, ShadowEntry]:
        reader = ShadowReader(self.shadow.path)
        try:
            return {entry.path: entry for entry in reader.listing(0)}
        finally:
            reader.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.shadow.close()


def test_all_is_recorded_and_each_directory_armed_once(place: Place) -> None:
    place.fill()

    assert list(place.rows()) == [
        b"", b"a", b"a/1", b"a/deep", b"a/deep/2", b"b", b"b/3", b"c", b"c/4", b"z",
    ]  # fmt: skip
    assert place.armed == [b"", b"a", b"a/deep", b"b", b"c"]
    assert place.reported == []


def test_what_changes_before_a_directory_is_armed_is_seen(place: Place) -> None:
    """Nothing tells of it: the state of a directory must be that of after its watch."""

    def arm(path: bytes, _device: int, _inode: int) -> None:
        if path == b"b":
            (place.tree / "b" / "late").write_text("late")
            os.chmod(place.tree / "b", 0o700)
            os.utime(place.tree / "b", ns=(5, 5))

    place.fill(arm)

    row = place.rows()[b"b"]
    assert (row.mode & 0o777, row.modified_ns) == (0o700, 5)
    assert row.changed_ns == os.stat(place.tree / "b").st_ctime_ns
    assert b"b/late" in place.rows()


@pytest.mark.parametrize("as_file", [False, True])
def test_a_directory_that_goes_when_it_is_armed_is_not_recorded_as_one(place: Place, as_file: bool) -> None:
    def arm(path: bytes, _device: int, _inode: int) -> None:
        if path == b"b":
            (place.tree / "b/3").unlink()
            (place.tree / "b").rmdir()
            if as_file:
                (place.tree / "b").write_text("file")

    place.fill(arm)

    rows = place.rows()
    assert (b"b" in rows) == as_file
    assert b"b/3" not in rows
    assert b"c/4" in rows


def test_what_is_as_recorded_stays_and_what_is_not_is_put_right(place: Place) -> None:
    place.fill()
    before = place.rows()
    (place.tree / "a/1").write_text("another")
    (place.tree / "b/3").unlink()
    (place.tree / "b/new").symlink_to("x")

    place.fill()

    after = place.rows()
    assert after[b"c/4"] == before[b"c/4"]
    assert after[b"a/1"].size == 7
    assert b"b/3" not in after
    assert after[b"b/new"].target == b"x"
    assert after[b"b"].modified_ns == os.stat(place.tree / "b").st_mtime_ns


def test_a_root_that_goes_meanwhile_is_lost(place: Place, tmp_path: Path) -> None:
    def arm(path: bytes, _device: int, _inode: int) -> None:
        if path == b"c":
            place.tree.rename(tmp_path / "moved")

    with pytest.raises(RootLostError):
        place.fill(arm)


def test_a_reader_follows_the_walk_and_sees_nothing_of_what_is_recorded_later(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.replication.master.filler._PASS_FIRST", 2)
    monkeypatch.setattr("app.replication.master.filler._PASS_MOST", 2)
    reader = place.filling.reader(lambda: None)
    rows = reader.rows(0)
    first: list[bytes] = []
    went_on = threading.Event()

    def arm(path: bytes, _device: int, _inode: int) -> None:
        if path == b"c":
            assert went_on.wait(30)

    def follow() -> None:
        first.extend(next(rows)[0] for _ in range(4))
        went_on.set()

    follower = threading.Thread(target=follow)
    follower.start()
    place.fill(arm)
    follower.join(30)
    assert first == [b"", b"a", b"a\0001", b"a\0deep"]
    whole = [reader.is_whole]

    place.filling.walked(0)
    place.filling.filled()
    place.shadow.remove(0, b"z")
    place.shadow.commit()
    place.filling.begun.set()

    assert [row[0] for row in rows] == [b"a\0deep\0002", b"b", b"b\0003", b"c", b"c\0004", b"z"]
    whole.append(reader.is_whole)
    assert whole == [False, True]
    reader.wait_whole()
    reader.close()
    later = place.filling.reader(lambda: None)
    assert [row[0] for row in later.rows(0)][-1] == b"c\0004"
    later.close()


@pytest.mark.parametrize("at_once", [1, 3, 1_000])
@pytest.mark.parametrize("kept", [0, 3, 1_000])
def test_a_reader_gets_each_row_once_however_far_it_is_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch, kept: int, at_once: int
) -> None:
    monkeypatch.setattr("app.replication.master.filling._READ_MOST", at_once)
    monkeypatch.setattr("app.replication.master.filler._PASS_FIRST", 2)
    monkeypatch.setattr("app.replication.master.filler._PASS_MOST", 2)
    monkeypatch.setattr("app.replication.master.filling._KEPT_ROWS", kept)
    reader = place.filling.reader(lambda: None)
    rows = reader.rows(0)
    first: list[ShadowRow] = []
    place.fill(lambda path, _device, _inode: first.append(next(rows)) if path == b"a/deep" else None)
    place.filling.walked(0)

    found = [*first, *rows]

    after = ShadowReader(place.shadow.path)
    assert found == list(after.rows(0))
    after.close()
    reader.close()


def test_a_reader_far_behind_the_walk_holds_a_part_of_the_rows_only(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.replication.master.filling._KEPT_ROWS", 0)
    monkeypatch.setattr("app.replication.master.filling._READ_MOST", 3)
    reader = place.filling.reader(lambda: None)
    place.fill()
    place.filling.walked(0)
    assert [len(part) for part in reader.parts(0)] == [3, 3, 3, 1]
    reader.close()


def test_a_reader_that_waits_ends_as_it_is_told(place: Place) -> None:
    def check() -> None:
        raise ArcxoError("ER00201", host="h", reason="stopped")

    reader = place.filling.reader(check)

    with pytest.raises(ArcxoError):
        next(reader.rows(0))
    with pytest.raises(ArcxoError):
        reader.wait_whole()
    reader.close()
