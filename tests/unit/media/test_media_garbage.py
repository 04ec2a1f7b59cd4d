"""Removing sessions and collecting garbage: what is promised is freed, and nothing that is needed goes."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.backup.api import Change, ChangeKind, archive
from app.media import fossils
from app.media.api import (
    collect,
    erase_media,
    plan_purge,
    read_label,
    read_session,
    remove_erased,
    remove_sessions,
    removed_sessions,
    sessions,
    verify,
)
from app.media.document import encode_document
from app.media.intents import Intent
from app.media.store import DirectoryMediaStore
from app.media.usage import read_refs
from app.model.errors import ArcxoError, BusyError, CanceledError, NotFoundError
from tests.support.capabilities import volume_or_report
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.interleaved import Interleaved
from tests.support.media_samples import archive_task, back_up, flip, new_key, new_media, restore_to
from tests.support.trees import assert_identical


def object_bytes(media: str) -> int:
    """All that counts as freed when it goes."""
    return sum(
        os.stat(f"{media}/{directory}/{name}").st_size
        for directory in ("packs", "index", "sessions")
        for name in os.listdir(f"{media}/{directory}")
        if not name.endswith(".removed")
    )


def unreferenced(media: str) -> set[str]:
    from app.media.usage import Usage

    usage = Usage(DirectoryMediaStore(media))
    usage.refresh()
    return set(os.listdir(f"{media}/packs")) - usage.packs()


class Trees:
    """A source that changes, and what each session must restore to."""

    def __init__(self, directory: Path, media: str, seed: int = 1) -> None:
        self.directory = directory
        self.media = media
        self.source = directory / "source"
        self.source.mkdir()
        self.random = random.Random(seed)
        self.kept: dict[int, Path] = {}
        self.change()

    def change(self) -> None:
        for _ in range(3):
            name = f"f{self.random.randrange(6)}"
            (self.source / name).write_bytes(self.random.randbytes(self.random.randrange(1, 40_000)))
        gone = self.source / f"f{self.random.randrange(6)}"
        gone.unlink(missing_ok=True)
        os.utime(self.source, ns=(10**18, 10**18))

    def keep(self, number: int) -> None:
        self.kept[number] = self.directory / f"kept-{number}"
        shutil.copytree(self.source, self.kept[number], symlinks=True)

    def back_up(self, **more: object) -> int:
        result, _ = back_up(self.media, self.source, **more)
        self.keep(result.session)
        return result.session

    def check(self) -> None:
        """Every session is whole and restores to what it was; there are no others."""
        assert [one.number for one in sessions(self.media)] == sorted(self.kept)
        assert verify(self.media, full=True).damage == ()
        for number, wanted in self.kept.items():
            out = self.directory / "out"
            restore_to(self.media, out, number)
            assert_identical(wanted, out)
            shutil.rmtree(out)


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path, new_media(tmp_path))


def test_removing_a_session_frees_exactly_what_the_plan_says(trees: Trees) -> None:
    first = trees.back_up()
    (trees.source / "f0").write_bytes(os.urandom(100_000))
    second = trees.back_up(base=first)
    (trees.source / "f0").write_bytes(os.urandom(120_000))
    trees.back_up(base=second)
    plan = plan_purge(trees.media, [second])
    before = object_bytes(trees.media)
    assert plan.frees_packs > 0
    assert (plan.sessions, plan.remaining, plan.garbage_bytes, plan.writers) == ((second,), 2, 0, 0)
    assert object_bytes(trees.media) == before, "a plan changes nothing"
    remove_sessions(trees.media, [second])
    report = collect(trees.media)
    assert before - object_bytes(trees.media) == plan.frees_bytes
    assert report.freed_packs == plan.frees_packs
    del trees.kept[second]
    trees.check()
    assert removed_sessions(trees.media) == [second]


def test_the_number_of_a_removed_session_is_not_used_again(trees: Trees) -> None:
    number = trees.back_up()
    remove_sessions(trees.media, [number])
    trees.kept.clear()
    assert trees.back_up() == number + 1


def test_removing_a_session_that_never_was_removes_nothing(trees: Trees) -> None:
    number = trees.back_up()
    with pytest.raises(NotFoundError, match="E4121"):
        remove_sessions(trees.media, [number, 77])
    trees.check()


def test_packs_of_a_backup_that_failed_are_reclaimed(trees: Trees) -> None:
    trees.back_up()
    sound = object_bytes(trees.media)
    trees.change()
    (trees.source / "big").write_bytes(os.urandom(3_000_000))
    calls = durable_calls(lambda: archive(archive_task(trees.media, trees.source), lambda _: None, never))
    remove_sessions(trees.media, [2])
    collect(trees.media)
    assert object_bytes(trees.media) == sound
    with CutAt(len(calls) - 12), pytest.raises(BaseException):  # noqa: B017
        archive(archive_task(trees.media, trees.source), lambda _: None, never)
    assert unreferenced(trees.media)
    end_own_intents(trees.media)
    plan = plan_purge(trees.media)
    assert plan.garbage_bytes == plan.frees_bytes == object_bytes(trees.media) - sound
    collect(trees.media)
    assert object_bytes(trees.media) == sound
    trees.check()


def never(*_: object) -> bool:
    return False


def end_own_intents(media: str) -> None:
    """This process was killed, so to speak: its intents are those of a dead writer."""
    for name in os.listdir(f"{media}/intents"):
        os.unlink(f"{media}/intents/{name}")


def test_a_collection_with_grace_leaves_fresh_garbage_for_the_next_attempt(trees: Trees) -> None:
    trees.back_up()
    remove_sessions(trees.media, [1])
    assert collect(trees.media, grace_s=3600).freed_packs == 0
    assert unreferenced(trees.media)
    assert collect(trees.media).freed_packs > 0


def test_nothing_that_a_writer_at_work_may_share_is_deleted_before_it_is_done(trees: Trees) -> None:
    trees.back_up()
    remove_sessions(trees.media, [1])
    store = DirectoryMediaStore(trees.media)
    # Only packs written well before it began are in question at all; these are.
    for name in os.listdir(f"{trees.media}/packs"):
        os.utime(f"{trees.media}/packs/{name}", (10**9, 10**9))
    intent = Intent(store, 1, 1)
    plan = plan_purge(trees.media)
    assert (plan.writers, plan.waits_bytes) == (1, plan.frees_bytes)
    report = collect(trees.media)
    assert (report.freed_packs, report.writers) == (0, 1)
    assert report.waiting_packs == plan.frees_packs
    # Who comes after shares nothing with the fossils, and the collection does not wait for it.
    later = Intent(store, 2, 2)
    assert fossils.fossil_packs(store) == set(os.listdir(f"{trees.media}/packs"))
    intent.withdraw()
    assert collect(trees.media).freed_packs == plan.frees_packs
    later.withdraw()
    assert os.listdir(f"{trees.media}/fossils") == []


def test_what_a_writer_shared_and_committed_meanwhile_is_kept(trees: Trees) -> None:
    trees.back_up()
    for name in os.listdir(f"{trees.media}/packs"):
        os.utime(f"{trees.media}/packs/{name}", (10**9, 10**9))
    told: list[object] = []

    def collected(event: object) -> bool:
        if not told:
            told.append(event)
            remove_sessions(trees.media, [1])
            assert collect(trees.media).writers == 1
        return False

    # The writer has seen all packs; they become fossils while it works.
    for number in range(40):
        (trees.source / f"more{number}").write_text("x")
    archive(archive_task(trees.media, trees.source), lambda _: None, lambda: collected(None))
    assert told
    trees.kept = {}
    trees.keep(2)
    assert collect(trees.media).waiting_packs == 0
    collect(trees.media)
    assert unreferenced(trees.media) == set()
    trees.check()
    assert os.listdir(f"{trees.media}/fossils") == []


def test_a_writer_elsewhere_is_judged_by_age_unless_it_renews(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryMediaStore(trees.media)
    monkeypatch.setattr("app.media.intents.owner_prefix", lambda: "feedbeef-00000000-1-1")
    quiet, busy = Intent(store, 1, 1), Intent(store, 2, 1)
    for name in os.listdir(f"{trees.media}/intents"):
        os.utime(f"{trees.media}/intents/{name}", (10**9, 10**9))
    monkeypatch.setattr("app.media.intents._RENEW_EVERY_S", 0.0)
    busy.renew()
    busy.renew()
    collect(trees.media)
    busy.claim_commit()
    with pytest.raises(BusyError, match="E4145"):
        quiet.claim_commit()
    busy.withdraw()
    collect(trees.media)
    assert os.listdir(f"{trees.media}/intents") == []


def test_a_writer_judged_dead_after_it_claimed_takes_its_header_back(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = DirectoryMediaStore.put_if_absent

    def put(store: DirectoryMediaStore, name: str, data: bytes) -> bool:
        if name == "sessions/000001":
            end_own_intents(trees.media)  # it stood still, and was judged
        return original(store, name, data)

    monkeypatch.setattr(DirectoryMediaStore, "put_if_absent", put)
    with pytest.raises(BusyError, match="E4145"):
        trees.back_up()
    trees.check()


@pytest.mark.parametrize("lost", ["refs", "header"])
def test_nothing_is_deleted_while_a_session_cannot_say_what_it_needs(trees: Trees, lost: str) -> None:
    first = trees.back_up()
    trees.change()
    second = trees.back_up(base=first)
    remove_sessions(trees.media, [first])
    before = sorted(os.listdir(f"{trees.media}/packs"))
    if lost == "refs":
        flip(f"{trees.media}/sessions/{second:06d}.refs", 40)
    else:
        os.unlink(f"{trees.media}/sessions/{second:06d}")
    with pytest.raises(ArcxoError, match="E4150" if lost == "refs" else "E4152"):
        collect(trees.media, expected=[second])
    with pytest.raises(ArcxoError, match="E4150" if lost == "refs" else "E4152"):
        plan_purge(trees.media, expected=[second])
    assert sorted(os.listdir(f"{trees.media}/packs")) == before
    if lost == "refs":
        # Given up by the person who owns it, it goes, and the rest can be collected again.
        remove_sessions(trees.media, [second])
        collect(trees.media)
        assert os.listdir(f"{trees.media}/packs") == []


def test_a_damaged_header_keeps_its_packs(trees: Trees) -> None:
    number = trees.back_up()
    flip(f"{trees.media}/sessions/{number:06d}", 100)
    before = sorted(os.listdir(f"{trees.media}/packs"))
    collect(trees.media, expected=[number])
    assert sorted(os.listdir(f"{trees.media}/packs")) == before
    flip(f"{trees.media}/sessions/{number:06d}", 100)
    trees.check()


def test_a_media_without_its_directory_of_sessions_is_left_alone(trees: Trees) -> None:
    trees.back_up()
    os.rename(f"{trees.media}/sessions", f"{trees.media}/elsewhere")
    with pytest.raises(ArcxoError, match="E4142"):
        collect(trees.media)
    os.rename(f"{trees.media}/elsewhere", f"{trees.media}/sessions")
    trees.check()


@pytest.mark.parametrize("suffix", ["", ".known", ".end"])
def test_a_damaged_announcement_of_fossils_loses_nothing_and_goes_away(trees: Trees, suffix: str) -> None:
    trees.back_up()
    trees.change()
    trees.back_up(base=1)
    remove_sessions(trees.media, [1])
    del trees.kept[1]
    store = DirectoryMediaStore(trees.media)
    generation = fossils.announce(store, sorted(os.listdir(f"{trees.media}/packs")))
    fossils.waits_for(store, generation.name)
    if suffix == ".end":
        fossils.decide(store, generation, sorted(unreferenced(trees.media)))
    flip(f"{trees.media}/fossils/{generation.name}{suffix}", 30)
    assert [one.code for one in verify(trees.media, full=False).damage] == ["E4153"]
    collect(trees.media)
    collect(trees.media)
    assert unreferenced(trees.media) == set()
    assert os.listdir(f"{trees.media}/fossils") == []
    trees.check()


def test_a_canceled_collection_is_finished_by_the_next(trees: Trees) -> None:
    trees.back_up()
    remove_sessions(trees.media, [1])
    trees.kept.clear()
    asked = iter([False])
    with pytest.raises(CanceledError):
        collect(trees.media, canceled=lambda: next(asked, True))
    collect(trees.media)
    assert os.listdir(f"{trees.media}/packs") == []


def test_a_partly_used_pack_stays_and_is_counted(trees: Trees) -> None:
    for name in ("a", "b", "c"):
        (trees.source / name).write_bytes(os.urandom(100_000))  # together in one block
    first = trees.back_up()
    for entry in trees.source.iterdir():
        if entry.name != "a":
            entry.unlink()
    trees.back_up(base=first)
    plan = plan_purge(trees.media, [first])
    assert plan.partly_dead_packs == 1
    assert 200_000 <= plan.partly_dead_bytes < 400_000
    assert plan.frees_bytes < 100_000


def test_a_backup_of_changes_does_not_hold_on_to_what_only_its_base_used(trees: Trees) -> None:
    for number in range(3):
        (trees.source / f"dir{number}").mkdir()
        (trees.source / f"dir{number}/kept").write_bytes(os.urandom(5_000))
    first = trees.back_up()
    (trees.source / "dir0/large").write_bytes(os.urandom(2_000_000))
    changes = tuple(Change(path, ChangeKind.CHANGED) for path in (b"dir0", b"dir0/large"))
    second = trees.back_up(base=first, changes=changes)
    (trees.source / "dir0/large").unlink()
    third = trees.back_up(base=second, changes=changes)
    assert plan_purge(trees.media, [second]).frees_bytes > 2_000_000
    remove_sessions(trees.media, [first, second])
    collect(trees.media)
    trees.kept = {third: trees.kept[third]}
    trees.check()
    # Its refs name exactly what a walk finds.
    store = DirectoryMediaStore(trees.media)
    fourth = trees.back_up(base=third)
    assert {one.pack_id for one in read_refs(store, third)} == {
        one.pack_id for one in read_refs(store, fourth)
    }


def test_a_small_change_to_a_large_session_looks_at_nothing_but_itself(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
) -> None:
    (trees.source / "dir").mkdir()
    for number in range(300):
        (trees.source / f"dir/f{number}").write_text(str(number))
    first = trees.back_up()
    (trees.source / "new").write_text("new")
    looked: list[object] = []
    monkeypatch.setattr("app.backup.contents.walk", lambda *args: looked.append(args) or iter(()))
    changes = (Change(b"", ChangeKind.CHANGED), Change(b"new", ChangeKind.CHANGED))
    second = trees.back_up(base=first, changes=changes)
    assert looked == []
    assert 0 < read_session(trees.media, second).loose_bytes < 300 * 1024
    trees.check()


def test_removal_and_collection_cut_at_any_write_are_finished_by_the_next(tmp_path: Path) -> None:
    model = Trees(tmp_path, new_media(tmp_path, "model"))
    for base in range(3):
        model.back_up(base=base)
        model.change()

    def prepare(name: str) -> Trees:
        trees = copy.copy(model)
        trees.media = f"{tmp_path}/device/{name}"
        shutil.copytree(model.media, trees.media)
        return trees

    def work(media: str) -> None:
        remove_sessions(media, [2])
        collect(media)

    trial = prepare("trial")
    calls = durable_calls(lambda: work(trial.media))
    assert len(calls) > 20
    left = object_bytes(trial.media)
    for at in every_call(calls):
        trees = prepare(f"at{at}")
        with CutAt(at, partial=True) as layer, pytest.raises(Cut):
            work(trees.media)
        assert layer.happened
        present = {one.number for one in sessions(trees.media)}
        assert present in ({1, 3}, {1, 2, 3})
        # Nothing but a whole state, also before anyone finishes it; then it is finished.
        trees.kept = {number: model.kept[number] for number in present}
        trees.check()
        if 2 in present:
            remove_sessions(trees.media, [2])
            del trees.kept[2]
        collect(trees.media)
        assert object_bytes(trees.media) == left, at
        assert os.listdir(f"{trees.media}/fossils") == []
        trees.check()
        shutil.rmtree(trees.media)


@pytest.mark.parametrize("seed", range(12))
def test_writers_removers_and_collectors_at_once_some_of_them_killed(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    race(tmp_path, seed, monkeypatch)


@pytest.mark.deep
@pytest.mark.timeout(3600)
def test_many_orders_of_writers_removers_and_collectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = int(os.environ.get("ARCXO_SEED") or random.randrange(10**9))
    for seed in range(first, first + int(os.environ.get("ARCXO_ROUNDS") or 400)):
        print("seed", seed)
        with monkeypatch.context() as patch:
            race(tmp_path / str(seed), seed, patch)
        shutil.rmtree(tmp_path / str(seed))


def race(directory: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two writers, two collectors and one who removes, on a media with garbage of a dead writer."""
    directory.mkdir(exist_ok=True)
    media = new_media(directory)
    trees = Trees(directory, media, seed)
    trees.back_up()
    trees.change()
    trees.back_up(base=1)
    trees.change()
    trees.back_up()
    remove_sessions(media, [1])
    for name in os.listdir(f"{media}/packs"):
        os.utime(f"{media}/packs/{name}", (10**9, 10**9))
    del trees.kept[1]
    sources = []
    for name, source in (("one", trees.kept[2]), ("two", trees.kept[3])):
        sources.append(directory / name)
        # A state that shares contents with sessions which are removed meanwhile.
        shutil.copytree(source, sources[-1])
        (sources[-1] / "own").write_bytes(os.urandom(20_000))
    written: dict[int, Path] = {}

    def write(source: Path, base: int) -> None:
        for _ in range(2):
            result, _ = back_up(media, source, base=base)
            written[result.session] = source

    layer = Interleaved(seed, monkeypatch)
    layer.run(
        {
            "writer one": lambda: write(sources[0], 2),
            "writer two": lambda: write(sources[1], 0),
            "remover": lambda: (remove_sessions(media, [2]), remove_sessions(media, [3])),
            "collector one": lambda: (collect(media), collect(media)),
            "collector two": lambda: (collect(media), collect(media)),
        },
        kill=seed % 4,
    )
    for name, error in layer.errors.items():
        # A writer may find that it cannot go on, but only say so.
        assert isinstance(error, ArcxoError), (name, error)
        assert name.startswith("writer"), (name, error)
        assert error.code in {"E4145", "E4146"}, (name, error)
    kept = {number: trees.kept[number] for number in (2, 3) if number in trees.kept}
    present = {one.number for one in sessions(media)}
    if "remover" not in layer.killed:
        assert not present & {2, 3}
    assert written.keys() <= present
    for number in present:
        # What a killed writer committed without having said so is whole as well.
        entity = written.get(number) or kept.get(number)
        out = directory / f"out{number}"
        restore_to(media, out, number)
        if entity is not None:
            assert_identical(entity, out)
        shutil.rmtree(out)
    assert verify(media, full=True).damage == ()
    # One finishes what the killed began; nothing of theirs is left then.
    collect(media)
    collect(media)
    assert unreferenced(media) == set()
    assert os.listdir(f"{media}/fossils") == []
    assert os.listdir(f"{media}/intents") == []
    assert verify(media, full=True).damage == ()


KILLED = """
import os, signal, sys, threading
from app.media.api import collect, remove_sessions
remove_sessions(sys.argv[1], [1])
deleted = []
def dies(step):
    deleted.append(step)
    if len(deleted) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
collect(sys.argv[1], emit=dies)
"""


@pytest.mark.parametrize("after", [1, 2])
def test_a_collector_killed_while_it_deletes_is_followed_by_another(trees: Trees, after: int) -> None:
    trees.back_up()
    for name in os.listdir(trees.source):
        os.unlink(trees.source / name)
    (trees.source / "new").write_bytes(os.urandom(10_000))
    trees.back_up()
    ended = subprocess.run([sys.executable, "-c", KILLED, trees.media, str(after)], check=False)
    assert ended.returncode == -9
    del trees.kept[1]
    trees.check()
    assert os.listdir(f"{trees.media}/fossils")
    collect(trees.media)
    assert unreferenced(trees.media) == set()
    assert os.listdir(f"{trees.media}/fossils") == []
    trees.check()


@pytest.mark.needs_root
def test_deleting_works_on_a_full_disk_and_sets_the_reserve_aside_again(tmp_path: Path) -> None:
    with volume_or_report(tmp_path, "ext4", 48) as volume:
        media = new_media(volume)
        assert os.path.exists(f"{media}/reserve")
        trees = Trees(tmp_path, media)
        for name in os.listdir(trees.source):
            os.unlink(trees.source / name)
        (trees.source / "big").write_bytes(os.urandom(12 << 20))
        trees.back_up()
        (trees.source / "big").unlink()
        trees.change()
        trees.back_up(base=1)
        trees.change()
        with contextlib.suppress(OSError), open(volume / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))
        with pytest.raises(OSError, match="No space"):
            (volume / "one more").write_bytes(bytes(4096))
        with pytest.raises(ArcxoError, match="E4141"):
            back_up(media, trees.source, base=2)
        remove_sessions(media, [1])
        del trees.kept[1]
        assert collect(media).freed_bytes > 12 << 20
        assert os.path.exists(f"{media}/reserve")
        trees.check()
        trees.back_up(base=2)
        trees.check()


def test_an_erased_media_takes_its_reserve_along(trees: Trees) -> None:
    device, serial = os.path.dirname(trees.media), read_label(trees.media).serial
    erase_media(trees.media, serial)
    remove_erased(device, serial)
    assert os.listdir(device) == []


def test_encrypted_sessions_are_removed_without_their_password(trees: Trees) -> None:
    key = new_key(trees.media)
    back_up(trees.media, trees.source, key=key)
    trees.back_up()
    remove_sessions(trees.media, [1])
    assert collect(trees.media).freed_packs > 0
    assert unreferenced(trees.media) == set()
    trees.check()


def test_a_verification_meanwhile_reports_no_damage(trees: Trees) -> None:
    for _ in range(4):
        trees.change()
        trees.back_up()
    stop = threading.Event()
    found: list[object] = []

    def check() -> None:
        while not stop.is_set():
            found.extend(verify(trees.media, full=True).damage)

    thread = threading.Thread(target=check)
    thread.start()
    for number in (1, 3):
        remove_sessions(trees.media, [number])
        del trees.kept[number]
        collect(trees.media)
    stop.set()
    thread.join(30)
    assert found == []
    trees.check()


def test_a_header_of_a_version_before_is_read_and_its_session_built_on(trees: Trees) -> None:
    (trees.source / "dir").mkdir()
    (trees.source / "dir/f").write_text("f")
    first = trees.back_up()
    path = f"{trees.media}/sessions/{first:06d}"
    fields = json.loads(Path(path).read_bytes().rpartition(b"blake3 ")[0])
    assert fields.pop("loose_bytes") == 0
    Path(path).write_bytes(encode_document(fields))
    assert read_session(trees.media, first).loose_bytes == -1
    (trees.source / "f9").write_text("new")
    changes = (Change(b"", ChangeKind.CHANGED), Change(b"f9", ChangeKind.CHANGED))
    second = trees.back_up(base=first, changes=changes)
    # What it does not know it finds out.
    assert read_session(trees.media, second).loose_bytes == 0
    trees.check()
