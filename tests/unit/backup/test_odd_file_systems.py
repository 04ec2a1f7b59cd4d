"""Backups of file systems that say other things than the usual ones do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from app.backup import contents
from app.backup.api import ArchiveRoot, archive
from app.backup.manifests import SnapshotManifest
from app.backup.source import chunks
from app.media.api import list_directory, read_session
from app.media.extract.__main__ import main
from app.model.job import Structure
from app.snapshot.hardlink import HardLinkProvider
from tests.support.capabilities import missing
from tests.support.hanging_mount import hanging_mount
from tests.support.media_samples import MASTER, archive_task, back_up, restore_to
from tests.support.volumes import mounted_tmpfs

LONG_NAME = ("\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 255).encode()
"""255 characters, as many as file systems from elsewhere (exFAT, NTFS) take; in UTF-8 they are 765 bytes."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    return root


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system that says its one file takes no room; its name is longer than usual."""
    place = tmp_path / "far"
    place.mkdir()
    try:
        with hanging_mount(place, LONG_NAME):
            yield place
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")


@pytest.mark.needs_root
def test_a_file_that_takes_no_room_on_its_file_system_is_read_all_the_same(media: str, far: Path) -> None:
    result, events = back_up(media, far)
    assert events.problems == []
    assert (result.files, result.size_bytes) == (1, len(b"far away"))


@pytest.mark.needs_root
def test_a_name_of_more_bytes_than_usual_is_carried_and_told_where_it_cannot_be_made(
    media: str, far: Path, tmp_path: Path
) -> None:
    back_up(media, far)
    (found,) = list_directory(media, 1, MASTER)
    assert found.path == MASTER + b"/" + LONG_NAME
    result, events = restore_to(media, tmp_path / "out")
    assert result.files == 0
    assert [code for code, _ in events.codes()] == ["E4225"]
    result, _ = restore_to(media, tmp_path / "again", paths=(MASTER + b"/" + LONG_NAME,))
    assert result.files == 0


def test_a_file_whose_holes_were_looked_for_is_read_from_its_beginning(
    media: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "one").write_bytes(b"content")
    os.link(source / "one", source / "two")
    monkeypatch.setattr(contents, "data_extents", lambda descriptor, _: os.lseek(descriptor, 0, 2) and None)
    _, events = back_up(media, source)
    assert events.problems == []
    restore_to(media, tmp_path / "out")
    assert (tmp_path / "out/two").read_bytes() == b"content"


def test_a_sparse_file_that_shrinks_while_it_is_read_can_be_restored(
    media: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(1 << 20)
    with open(source / "sparse", "wb") as file:
        file.write(data)
        file.seek(3 << 20)
        file.write(data)
        file.truncate(8 << 20)

    def shrinking(_descriptor: int, _found: os.stat_result) -> list[list[int]]:
        os.truncate(source / "sparse", (3 << 20) + 5)
        return [[0, 1 << 20], [3 << 20, 1 << 20]]

    monkeypatch.setattr(contents, "data_extents", shrinking)
    _, events = back_up(media, source)
    assert events.codes() == [("W4210", b"/srv/data/sparse")]
    assert read_session(media, 1).incomplete
    result, events = restore_to(media, tmp_path / "out")
    assert (result.files, events.problems) == (1, [])
    restored = (tmp_path / "out/sparse").read_bytes()
    assert restored == data + bytes(2 << 20) + data[:5]


def test_a_sparse_file_that_is_cut_each_time_it_was_read_leaves_its_directory_readable(
    media: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / "beside").write_text("beside")
    with open(source / "sparse", "wb") as file:
        file.write(os.urandom(1 << 20))
        file.seek(3 << 20)
        file.write(os.urandom(1 << 20))
        file.truncate(8 << 20)

    lengths = [7 << 19, 1 << 20]

    def cutting(descriptor: int, extents: list[list[int]]) -> Iterator[memoryview]:
        yield from chunks(descriptor, extents)
        os.truncate(source / "sparse", lengths.pop(0))

    monkeypatch.setattr(contents, "chunks", cutting)
    _, events = back_up(media, source)
    assert events.codes() == [("W4210", b"/srv/data/sparse")]
    result, events = restore_to(media, tmp_path / "out")
    assert (result.files, events.problems) == (2, [])
    assert (tmp_path / "out/beside").read_text() == "beside"


@pytest.mark.needs_root
def test_links_of_two_file_systems_with_the_same_inodes_stay_two_files(media: str, tmp_path: Path) -> None:
    names, roots, manifests = (b"/srv/one", b"/srv/two"), [], {}
    with ExitStack() as mounts:
        for name in names:
            replica = tmp_path / os.path.basename(os.fsdecode(name))
            replica.mkdir()
            mounts.enter_context(mounted_tmpfs(replica))
            (replica / "root").mkdir()
            (replica / "area").mkdir()
            (replica / "root/first").write_bytes(name)
            os.link(replica / "root/first", replica / "root/second")
            area = os.fsencode(replica / "area")
            snapshot = HardLinkProvider().create(os.fsencode(replica / "root"), area, "one", None)
            assert snapshot.manifest is not None
            manifests[name] = SnapshotManifest(snapshot.manifest)
            roots.append(ArchiveRoot(name, snapshot.path))
        assert len({os.stat(tmp_path / one / "root/first").st_ino for one in ("one", "two")}) == 1
        task = replace(archive_task(media, b"/"), roots=tuple(roots))
        archive(task, lambda _: None, lambda: False, manifests)
    restore_to(media, tmp_path / "out", relocate=True, structure=Structure.FULL)
    assert main([media, "1", str(tmp_path / "lone")]) == 0
    for place in (tmp_path / "out", tmp_path / "lone"):
        for name in names:
            made = place / os.fsdecode(name[1:])
            assert (made / "first").read_bytes() == (made / "second").read_bytes() == name
            assert (made / "first").samefile(made / "second")
