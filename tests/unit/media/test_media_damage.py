"""Damage is found wherever it is, named by exactly the files it reaches, and healed where possible."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.media.api import KeyInfo, collect, heal, read_session, remove_sessions, verify
from app.media.index import ChunkIndex
from app.media.pack import DATA, HEADER, PackHeader
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError
from app.model.owners import HostOwners, Owner
from tests.support.cuts import Cuts, at_cuts
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.media_samples import MASTER, back_up, flip, new_key, new_media, restore_to
from tests.support.trees import picture

OWNERS = HostOwners((Owner(4001, "anna"),), (Owner(5001, "sales"),))
_ROUNDS = int(os.environ.get("ARCXO_ROUNDS") or 2000)


class Backed:
    """Three sessions of a changing tree, and what each of them restores to."""

    def __init__(self, directory: Path, *, encrypted: bool) -> None:
        self.directory = directory
        self.media = new_media(directory)
        self.key: KeyInfo | None = new_key(self.media) if encrypted else None
        self.keys = (self.key.data_key,) if self.key else ()
        chooser = random.Random(7)
        self.source = directory / "source"
        for folder in ("a", "b/c"):
            (self.source / folder).mkdir(parents=True)
            for number in range(4):
                content = chooser.randbytes(chooser.choice((700, 30_000, 300_000)))
                (self.source / folder / f"f{number}").write_bytes(content)
        self.kept: dict[int, Path] = {}
        for number in (1, 2, 3):
            back_up(self.media, self.source, base=number - 1, key=self.key, owners=OWNERS)
            self.kept[number] = directory / f"kept{number}"
            shutil.copytree(self.source, self.kept[number])
            (self.source / "a/f1").write_bytes(chooser.randbytes(20_000))
            (self.source / f"b/new{number}").write_bytes(chooser.randbytes(400_000))

    def not_restored(self, number: int) -> set[bytes]:
        """The files of a session that a restore does not bring back as they were; what it does is right."""
        out = self.directory / f"out{random.randrange(10**9)}"
        told = set()
        try:
            _, events = restore_to(self.media, out, number, key=self.key)
            told = {path for code, path in events.codes() if code == "E4223"}
        except ArcxoError as error:
            # The list of the topmost directories is lost: nothing can be restored.
            if error.code != "E4125":
                raise
            told = {b"/"}
        wanted, got = picture(self.kept[number]), picture(out) if out.exists() else {}
        lost = {
            MASTER + b"/" + path
            for path in wanted
            if path not in got and os.path.isfile(os.fsencode(self.kept[number]) + b"/" + path)
        }
        for path in got:
            if os.path.isfile(os.fsencode(out) + b"/" + path):
                assert got[path] == wanted[path], path
        shutil.rmtree(out, ignore_errors=True)
        # A directory whose list is lost is told as such, with all beneath it.
        assert all(
            any(path == one or path.startswith(one.rstrip(b"/") + b"/") for one in told) for path in lost
        )
        return lost

    def objects(self) -> list[str]:
        found = [
            f"{directory}/{name}"
            for directory in ("packs", "index", "sessions", "keys")
            for name in os.listdir(f"{self.media}/{directory}")
        ]
        return [*sorted(found), "label", "reserve"]


def named(backed: Backed, number: int) -> tuple[bool, set[bytes]]:
    """Whether a full check finds anything, and the files it names for a session."""
    try:
        report = verify(backed.media, full=True, data_keys=backed.keys)
    except ArcxoError as error:
        if error.code not in ("E4106", "E4107"):
            raise
        return True, set()
    files = {
        path for one in report.damage for session, paths in one.reached if session == number for path in paths
    }
    return bool(report.damage), files


def reached_by(files: set[bytes], path: bytes) -> bool:
    return any(path == one or (one.endswith(b"/") and path.startswith(one)) for one in files)


def check_flip(backed: Backed, name: str, where: int, bit: int) -> None:
    path = f"{backed.media}/{name}"
    sound = Path(path).read_bytes()
    at = where % len(sound)
    Path(path).write_bytes(sound[:at] + bytes([sound[at] ^ (1 << bit)]) + sound[at + 1 :])
    try:
        for number in backed.kept:
            found, files = named(backed, number)
            assert found, (name, at)
            if name == f"sessions/{number:06d}":
                with pytest.raises(ArcxoError, match="E4122"):
                    restore_to(backed.media, backed.directory / "none", number, key=backed.key)
                continue
            lost = backed.not_restored(number)
            assert all(reached_by(files, path) for path in lost), (name, at, lost, files)
            for path_named in files:
                if not path_named.endswith(b"/"):
                    assert path_named in lost, (name, at, lost, files)
    finally:
        Path(path).write_bytes(sound)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "encrypted"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backed:
    return Backed(tmp_path_factory.mktemp("damage"), encrypted=request.param)


@given(data=some.data())
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_flipped_bit_is_found_and_names_exactly_what_cannot_be_restored(
    shared: Backed, data: some.DataObject
) -> None:
    name = data.draw(some.sampled_from(shared.objects()))
    check_flip(shared, name, data.draw(some.integers(0, 10**9)), data.draw(some.integers(0, 7)))


def test_with_one_of_two_passwords_only_files_of_its_own_sessions_are_named(tmp_path: Path) -> None:
    media = new_media(tmp_path)
    one, other = new_key(media, "one"), new_key(media, "other")
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(5000))
    for key in (one, other):
        back_up(media, source, key=key)
    for pack in Path(media, "packs").iterdir():
        if PackHeader.decode(pack.read_bytes()[: HEADER.size]).kind == DATA:
            flip(str(pack), HEADER.size)
    report = verify(media, full=True, data_keys=(one.data_key,))
    assert report.names_hidden
    assert {found for damage in report.damage for found in damage.reached} == {
        (1, (MASTER + b"/file",)),
        (2, ()),
    }


def test_damaged_names_of_owners_are_told_of_their_session_and_no_file(tmp_path: Path) -> None:
    media = new_media(tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    back_up(media, source, owners=OWNERS)
    header = read_session(media, 1)
    store = DirectoryMediaStore(media)
    place = ChunkIndex(store, "").locate(bytes.fromhex(header.owners_id))
    assert place is not None
    table = place.pack.table
    flip(store.path(place.pack.object_name), table.offsets[place.block] + place.offset + 1)
    report = verify(media, full=True)
    assert [damage.sessions for damage in report.damage] == [(1,)]


@pytest.mark.deep
@pytest.mark.timeout(3600)
@given(data=some.data())
@settings(max_examples=_ROUNDS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_very_many_flipped_bits_are_found(shared: Backed, data: some.DataObject) -> None:
    name = data.draw(some.sampled_from(shared.objects()))
    check_flip(shared, name, data.draw(some.integers(0, 10**9)), data.draw(some.integers(0, 7)))


@pytest.fixture
def backed(tmp_path: Path) -> Backed:
    return Backed(tmp_path, encrypted=False)


def first_pack(backed: Backed) -> str:
    """The largest pack of contents; all sessions use it."""
    packs = f"{backed.media}/packs"
    return max(os.listdir(packs), key=lambda name: os.stat(f"{packs}/{name}").st_size)


def damage_of(backed: Backed, *, full: bool = True) -> tuple[object, ...]:
    return verify(backed.media, full=full, data_keys=backed.keys).damage


def all_restore(backed: Backed) -> None:
    for number in backed.kept:
        assert backed.not_restored(number) == set()


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_pack_is_healed_from_a_copy_of_the_media_without_any_password(
    tmp_path: Path, encrypted: bool
) -> None:
    backed = Backed(tmp_path, encrypted=encrypted)
    copy = str(tmp_path / "copy")
    shutil.copytree(backed.media, copy)
    pack = first_pack(backed)
    sound = Path(f"{backed.media}/packs/{pack}").read_bytes()
    flip(f"{backed.media}/packs/{pack}", 5_000)
    # The copy is damaged too, elsewhere.
    flip(f"{copy}/packs/{pack}", len(sound) - 20)
    os.unlink(f"{backed.media}/index/{pack}")
    for name in ("000002", "000003.refs"):
        flip(f"{backed.media}/sessions/{name}", 60)
    report = heal(backed.media, damage_of(backed), twins=[copy])
    assert set(report.healed) >= {f"packs/{pack}", "sessions/000002", "sessions/000003.refs"}
    assert report.quarantined == ()
    assert Path(f"{backed.media}/packs/{pack}").read_bytes() == sound
    assert damage_of(backed) == ()
    all_restore(backed)


@pytest.mark.parametrize(("encrypted", "level"), [(False, 1), (True, 1), (True, 3)])
def test_the_next_backup_writes_what_the_source_still_has_and_the_pack_is_healed_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool, level: int
) -> None:
    with monkeypatch.context() as before:
        before.setattr("app.media.writer._LEVEL", level)  # a pack of a version that compressed harder
        backed = Backed(tmp_path, encrypted=encrypted)
    pack = first_pack(backed)
    sound = Path(f"{backed.media}/packs/{pack}").read_bytes()
    for at in range(2_000, len(sound) - 20_000, 150_000):
        flip(f"{backed.media}/packs/{pack}", at)
    found = damage_of(backed)
    lost = {number: backed.not_restored(number) for number in backed.kept}
    assert lost[3]
    report = heal(backed.media, found, data_keys=backed.keys)
    assert (report.healed, report.quarantined) == ((), (f"packs/{pack}",))
    assert not os.path.exists(f"{backed.media}/packs/{pack}")
    # In quarantine it serves those who read as before, and nothing is built on it.
    assert {number: backed.not_restored(number) for number in backed.kept} == lost
    shutil.rmtree(backed.source)
    shutil.copytree(backed.kept[1], backed.source)
    back_up(backed.media, backed.source, base=3, key=backed.key)
    backed.kept[4] = backed.kept[1]
    all_restore(backed)
    assert heal(backed.media, damage_of(backed), data_keys=backed.keys).healed == (f"packs/{pack}",)
    assert Path(f"{backed.media}/packs/{pack}").read_bytes() == sound
    assert os.listdir(f"{backed.media}/quarantine") == []
    assert damage_of(backed) == ()
    all_restore(backed)


def test_a_pack_is_healed_from_another_media_with_the_same_content(backed: Backed) -> None:
    other = new_media(backed.directory, "other")
    for number in (1, 2, 3):
        back_up(other, backed.kept[number])
    pack = first_pack(backed)
    sound = Path(f"{backed.media}/packs/{pack}").read_bytes()
    os.unlink(f"{backed.media}/packs/{pack}")
    report = heal(backed.media, damage_of(backed), twins=[other])
    assert f"packs/{pack}" in report.healed
    assert Path(f"{backed.media}/packs/{pack}").read_bytes() == sound
    assert damage_of(backed) == ()


def test_a_session_of_another_media_is_not_taken_for_a_lost_one(backed: Backed) -> None:
    other = new_media(backed.directory, "other")
    back_up(other, backed.kept[1])
    flip(f"{backed.media}/sessions/000001", 60)
    assert heal(backed.media, damage_of(backed), twins=[other]).healed == ()
    assert [one.object_name for one in damage_of(backed)] == ["sessions/000001"]


def test_nothing_new_is_built_on_a_pack_in_quarantine_and_it_goes_with_its_sessions(backed: Backed) -> None:
    pack = first_pack(backed)
    flip(f"{backed.media}/packs/{pack}", 5_000)
    heal(backed.media, damage_of(backed))
    store = DirectoryMediaStore(backed.media)
    assert pack not in {one.pack_id for one in ChunkIndex(store, "", sharing=True).packs}
    assert pack in {one.pack_id for one in ChunkIndex(store, "").packs}
    collect(backed.media)
    assert os.listdir(f"{backed.media}/quarantine") == [pack]
    remove_sessions(backed.media, [1, 2, 3])
    collect(backed.media)
    assert os.listdir(f"{backed.media}/quarantine") == []
    assert os.listdir(f"{backed.media}/index") == []


@at_cuts
def test_healing_cut_at_any_write_loses_nothing_and_is_repeated(backed: Backed, cuts: Cuts) -> None:
    copy = f"{backed.directory}/copy"
    shutil.copytree(backed.media, copy)
    pack = first_pack(backed)
    flip(f"{backed.media}/packs/{pack}", 5_000)
    flip(f"{backed.media}/sessions/000002.refs", 60)
    lost = {number: backed.not_restored(number) for number in backed.kept}
    found = damage_of(backed)
    trial = f"{backed.directory}/trial"
    shutil.copytree(backed.media, trial)
    calls = durable_calls(lambda: heal(trial, found, twins=[copy]))
    original = backed.media
    for at in cuts(calls):
        backed.media = f"{backed.directory}/at{at}"
        shutil.copytree(original, backed.media)
        with CutAt(at, partial=True), pytest.raises(Cut):
            heal(backed.media, found, twins=[copy])
        for number in backed.kept:
            assert backed.not_restored(number) <= lost[number], at
        heal(backed.media, damage_of(backed), twins=[copy])
        assert damage_of(backed) == (), at
        all_restore(backed)
        collect(backed.media)
        assert os.listdir(f"{backed.media}/quarantine") == [], at
        shutil.rmtree(backed.media)


def test_a_lost_index_object_loses_no_file_and_is_made_again(backed: Backed) -> None:
    pack = first_pack(backed)
    os.unlink(f"{backed.media}/index/{pack}")
    all_restore(backed)
    (found,) = damage_of(backed, full=False)
    assert (found.object_name, found.sessions) == (f"index/{pack}", ())  # type: ignore[attr-defined]
    assert heal(backed.media, (found,)).healed == (f"index/{pack}",)  # type: ignore[arg-type]
    assert damage_of(backed) == ()


def test_of_a_pack_that_was_cut_short_only_what_is_missing_is_lost(backed: Backed) -> None:
    # Each is one chunk, so that some are whole before the cut, in whatever order the chunks came.
    for number in range(8):
        (backed.source / f"large{number}").write_bytes(os.urandom(200_000))
    back_up(backed.media, backed.source, base=3)
    backed.kept[4] = backed.source
    pack = first_pack(backed)
    os.truncate(f"{backed.media}/packs/{pack}", os.stat(f"{backed.media}/packs/{pack}").st_size // 2)
    (found,) = damage_of(backed, full=False)
    lost = backed.not_restored(4)
    assert 0 < len(lost) < 10
    assert found.reached == ((4, tuple(sorted(lost))),)  # type: ignore[attr-defined]
