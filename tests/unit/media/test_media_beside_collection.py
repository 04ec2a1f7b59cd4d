"""Whoever reads a media is not disturbed by a collection that moves or removes what was just listed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.agent.far_media import MediaRequest
from app.agent.media_gate import MediaGate
from app.backup.api import Change, ChangeKind
from app.backup.comparing import CompareTask, compare
from app.media import repack, writer
from app.media.api import collect, plan_purge, remove_sessions, session_entries, sessions, verify
from app.media.copying import SessionCopier
from app.media.differences import NodeReader, Tree, differences
from app.media.extract import reading
from app.media.extract.__main__ import main as extract
from app.media.index import ChunkIndex, read_index
from app.media.session import load_header
from app.media.store import DirectoryMediaStore, get_if_there
from app.media.usage import read_refs
from app.model.errors import ArcxoError
from tests.support.media_samples import MASTER, back_up, new_media, restore_to
from tests.support.trees import assert_identical

WANTED = 2


class Site:
    """Session 1 has eight files, session 2 three of them and many of its own; 1 is removed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.media = new_media(directory)
        self.source = directory / "source"
        (self.source / "deep").mkdir(parents=True)
        for number in range(8):
            (self.source / f"f{number}").write_bytes(bytes([number]) * 2000 + number.to_bytes(8) * 3000)
        (self.source / "deep/under").write_bytes(b"one")
        back_up(self.media, self.source)
        for number in (0, 2, 4, 5, 6):
            (self.source / f"f{number}").unlink()
        (self.source / "deep/more").write_bytes(b"two")
        back_up(self.media, self.source, base=1)
        remove_sessions(self.media, [1])

    def collect(self) -> None:
        assert collect(self.media).repacked_packs > 0


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(writer, "BLOCK_TARGET_BYTES", 4096)
    monkeypatch.setattr(repack, "WORTH_BYTES", -(1 << 40))
    monkeypatch.setattr(repack, "DEAD_SHARE", 0.01)
    return Site(tmp_path)


def restores(site: Site) -> None:
    out = site.directory / "out"
    result, events = restore_to(site.media, out, WANTED)
    assert (result.mismatches, events.problems) == (0, [])
    assert_identical(site.source, out)
    shutil.rmtree(out)


def verifies(site: Site) -> None:
    report = verify(site.media, full=True)
    assert report.damage == ()
    # What was there when it began, and what took its place.
    assert report.packs >= len(DirectoryMediaStore(site.media).names("packs")) > 0


def compares(site: Site) -> None:
    task = CompareTask(site.media, WANTED, ((MASTER, bytes(site.source)),))
    assert compare(task, lambda _: None, lambda: False).differences == 0


def lists(site: Site) -> None:
    paths = {one.path for one in session_entries(site.media, WANTED)}
    assert MASTER + b"/deep/more" in paths


def merges(site: Site) -> None:
    store = DirectoryMediaStore(site.media)
    tree = Tree(NodeReader(store, "", None), load_header(store, WANTED).root_id)
    assert MASTER + b"/f7" in {one.path for one in differences(tree, None, [MASTER])}


def copies(site: Site) -> None:
    other = new_media(site.directory, f"C{len(list(site.directory.iterdir()))}")
    copied = SessionCopier(site.media, other, lambda _: None, lambda: False).copy(WANTED)
    out = site.directory / "out"
    restore_to(other, out, copied.number)
    assert_identical(site.source, out)


def plans_a_purge(site: Site) -> None:
    assert plan_purge(site.media, [WANTED]).sessions == (WANTED,)


def backs_up_changes(site: Site) -> None:
    (site.source / "f1").write_bytes(b"changed")
    changes = (Change(b"f1", ChangeKind.CHANGED),)
    result, events = back_up(site.media, site.source, base=WANTED, changes=changes)
    assert (result.problems, events.problems, result.incremental) == (0, [], True)
    out = site.directory / "out"
    restore_to(site.media, out, result.session)
    assert_identical(site.source, out)


READERS = [restores, verifies, compares, lists, merges, copies, plans_a_purge, backs_up_changes]


@pytest.mark.parametrize("listed", ["packs", "index", "sessions"])
@pytest.mark.parametrize("read", READERS, ids=lambda one: one.__name__)
def test_a_collection_between_listing_and_opening_disturbs_no_reader(
    site: Site, monkeypatch: pytest.MonkeyPatch, read: Callable[[Site], None], listed: str
) -> None:
    names = DirectoryMediaStore.names
    done: list[int] = []

    def hooked(self: DirectoryMediaStore, directory: str) -> list[tuple[str, int]]:
        found = names(self, directory)
        if directory == listed and self.location == site.media and not done:
            done.append(1)
            site.collect()
        return found

    monkeypatch.setattr(DirectoryMediaStore, "names", hooked)
    read(site)
    monkeypatch.undo()
    assert sessions(site.media)[0].number == WANTED
    assert verify(site.media, full=True).damage == ()


@pytest.mark.parametrize("read", READERS, ids=lambda one: one.__name__)
def test_a_collection_before_the_first_content_is_read_disturbs_no_reader(
    site: Site, monkeypatch: pytest.MonkeyPatch, read: Callable[[Site], None]
) -> None:
    get_range = DirectoryMediaStore.get_range
    done: list[int] = []

    def hooked(self: DirectoryMediaStore, name: str, offset: int, length: int) -> bytes:
        if name.startswith("packs/") and self.location == site.media and not done:
            done.append(1)
            site.collect()
        return get_range(self, name, offset, length)

    monkeypatch.setattr(DirectoryMediaStore, "get_range", hooked)
    read(site)


def test_the_lone_reader_finds_what_was_moved_since_it_listed_the_packs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = reading.names
    done: list[int] = []

    def hooked(directory: str) -> list[str]:
        found = original(directory)
        if directory.endswith("/packs") and not done:
            done.append(1)
            site.collect()
        return found

    monkeypatch.setattr(reading, "names", hooked)
    out = site.directory / "out"
    assert extract([site.media, str(WANTED), str(out)]) == 0
    assert_identical(site.source, out / MASTER.decode().lstrip("/"))


def test_a_restore_from_another_host_may_read_what_was_moved(site: Site) -> None:
    gate = MediaGate(site.media, [WANTED], None)
    store = DirectoryMediaStore(site.media)
    before = {one.pack_id for one in read_refs(store, WANTED)}
    assert gate.answer(MediaRequest(1, site.media, "read", f"packs/{min(before)}", length=10)).error is None
    site.collect()
    moved = {one.pack_id for one in read_refs(store, WANTED)} - before
    answer = gate.answer(MediaRequest(2, site.media, "read", f"packs/{min(moved)}", length=10))
    assert (answer.error, len(answer.data)) == (None, 10)
    stranger = gate.answer(MediaRequest(3, site.media, "read", f"packs/{'0' * 32}", length=10))
    assert stranger.error is not None
    assert stranger.error.code == "E4158"


def test_an_object_that_comes_between_two_looks_is_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pack is there before its index object: who opens that at this moment reads it all the same."""
    store = DirectoryMediaStore(site.media)
    pack_id, _ = store.names("packs")[0]
    data = store.get(f"index/{pack_id}")
    store.delete(f"index/{pack_id}")
    get = DirectoryMediaStore.get

    def hooked(self: DirectoryMediaStore, name: str) -> bytes:
        try:
            return get(self, name)
        except ArcxoError:
            if not store.size(name):
                store.put_if_absent(name, data)
            raise

    monkeypatch.setattr(DirectoryMediaStore, "get", hooked)
    assert get_if_there(store, f"index/{pack_id}") == data
    store.delete(f"index/{pack_id}")
    assert verify(site.media, full=False).damage == ()
    assert read_index(store, pack_id) is not None


def test_what_is_truly_gone_is_told_as_damage_soon(site: Site) -> None:
    store = DirectoryMediaStore(site.media)
    packs = [name for name, _ in store.names("packs")]
    for pack_id in packs:
        store.delete(f"packs/{pack_id}")
        store.delete(f"index/{pack_id}")
    assert ChunkIndex(store, "").packs == []
    with pytest.raises(ArcxoError, match="E4125"):
        list(session_entries(site.media, WANTED))
