from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Record,
    Remove,
    Rename,
    SetMetadata,
    WriteBlocks,
)
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import SideStorePlace, open_side_store
from tests.support.capabilities import missing, volume_or_report
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def apply(store: ReplicaStore, *records: Record) -> list[str]:
    applied = begin_stream(store).apply_stream("e", store.index.position.sequence + 1, records)
    return [trouble.error.code for trouble in applied.troubles]


def link_to(path: bytes, target: bytes) -> MakeEntry:
    return MakeEntry(0, path, Metadata(EntryKind.SYMLINK, 0o777, UID, GID, 0, TIME_NS, (), target))


@pytest.mark.parametrize(
    "path", [b"../out", b"/etc/x", b"a/../../x", b"a//b", b"./x", b"link/x", b"link", b"a\0b", b"x" * 256]
)
def test_hostile_paths_change_nothing_outside(path: bytes, store: ReplicaStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_bytes(b"precious")
    (outside / "target").write_bytes(b"precious")
    assert apply(store, link_to(b"link", os.fsencode(outside)), put(b"a", b"a")) == []
    records: list[Record] = [
        put(path, b"evil"),
        make(path),
        Remove(0, path) if path != b"link" else Remove(0, b"link/target"),
        Rename(0, b"a", path) if path != b"link" else Rename(0, b"a", b"link/a"),
        MakeLink(0, path, b"a") if path != b"link" else MakeLink(0, b"link/b", b"a"),
        WriteBlocks(0, path + b"/target", file_metadata(4), (Extent(0, 4),), b"evil"),
    ]
    before = picture(outside)
    troubles = apply(store, *records)
    assert troubles
    assert picture(outside) == before


def test_rooted_refuses_links_and_dots(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    place = Rooted(os.fsencode(tmp_path))
    for path, code in ((b"link/x", "ER00402"), (b"none/x", "ER00401"), (b"../x", "E1010"), (b"/x", "E1010")):
        with pytest.raises(ArcxoError) as caught:
            place.place(path)
        assert caught.value.code == code
    place.close()


def test_names_of_the_side_store_are_refused(store: ReplicaStore) -> None:
    assert apply(store, put(b".arcxo-0a1b/x", b"1"), Remove(0, b".arcxo-0a1b")) == ["ER00405", "ER00405"]
    assert apply(store, Remove(0, b""), Rename(0, b"a", b"a/b")) == ["ER00405", "ER00405"]


def test_names_and_depths_at_the_limits(store: ReplicaStore, tmp_path: Path) -> None:
    long = b"n" * 255
    assert apply(store, make(long), put(long + b"/" + b"\xff" * 255, b"x")) == []
    deep = b"/".join([b"d" * 99] * 60)
    parts = deep.split(b"/")
    records: list[Record] = [make(b"/".join(parts[: i + 1])) for i in range(len(parts))]
    assert apply(store, *records, put(deep + b"/file", b"down")) == []
    assert len(deep) > 4_096
    block = WriteBlocks(0, deep + b"/file", file_metadata(4), (Extent(0, 1),), b"D")
    assert apply(store, block, SetMetadata(0, deep, directory_metadata(permissions=0o700))) == []
    seen = picture(tmp_path / "replica")
    assert seen[deep + b"/file"][1] == b"Down"
    assert apply(store, Rename(0, parts[0], b"moved"), Remove(0, b"moved")) == []
    assert set(picture(tmp_path / "replica")) == {b"", long, long + b"/" + b"\xff" * 255}


def test_extended_attributes_arrive(store: ReplicaStore, tmp_path: Path) -> None:
    try:
        os.setxattr(tmp_path, b"user.t", b"1")
    except OSError:
        missing("user extended attributes")
    assert apply(store, put(b"f", b"1", xattrs=((b"user.a", b"\0\xff"),))) == []
    assert os.getxattr(tmp_path / "replica/f", b"user.a") == b"\0\xff"
    assert apply(store, SetMetadata(0, b"f", file_metadata(1))) == []
    assert os.listxattr(tmp_path / "replica/f") == []


@pytest.mark.needs_root
def test_side_store_moves_to_the_volume_of_the_root(tmp_path: Path) -> None:
    with volume_or_report(tmp_path, "ext4", 16) as volume:
        root = volume / "in" / "replica"
        root.mkdir(parents=True)
        home = os.fsencode(tmp_path / "side")
        found = open_side_store(os.fsencode(root), home, "ab12", b"1/0", [os.fsencode(root)])
        assert found.place is SideStorePlace.ANCESTOR
        assert found.path == os.fsencode(volume / "in" / ".arcxo-ab12" / "1" / "0")
        top = open_side_store(os.fsencode(volume), home, "ab12", b"1/0", [os.fsencode(volume)])
        assert top.place is SideStorePlace.INSIDE


@pytest.mark.needs_root
@pytest.mark.parametrize("kind", ["ext4", "btrfs"])
def test_a_full_disk_changes_nothing_and_applying_goes_on_later(kind: str, tmp_path: Path) -> None:
    with volume_or_report(tmp_path, kind, 16 if kind == "ext4" else 0) as volume:
        store = open_store(tmp_path / "state", volume / "replica")
        try:
            apply(store, SetMetadata(0, b"", directory_metadata()), make(b"d"), put(b"d/f", b"one" * 1000))
            space = os.statvfs(volume)
            hog = volume / "hog"
            with hog.open("wb") as file:
                file.write(b"\0" * max(0, space.f_bavail * space.f_frsize - (3 << 20)))
            before = picture(volume / "replica")
            position = store.index.position
            big: list[Record] = [put(b"d/f", b"two"), Remove(0, b"d/f")]
            big += [put(b"d/%d" % number, os.urandom(1 << 20)) for number in range(12)]
            with pytest.raises(ArcxoError) as caught:
                apply(store, *big)
            assert caught.value.code == "ER00408"
            assert picture(volume / "replica") == before
            assert store.index.position == position
            hog.unlink()
            assert apply(store, put(b"d/f", b"two"), put(b"d/1", b"1")) == []
            assert (volume / "replica/d/f").read_bytes() == b"two"
        finally:
            store.close()
