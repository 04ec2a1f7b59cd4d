"""One session on several media: what one media has no room for is on the next one of its set."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.backup.api import Change, ChangeKind, usable_base
from app.media.api import (
    absence,
    collect,
    format_media,
    plan_purge,
    read_label,
    read_session,
    remove_sessions,
    sessions,
    unlock,
    verify,
)
from app.media.fossils import fossil_packs
from app.media.index import ChunkIndex
from app.media.intents import Intent
from app.media.mediaset import CollectorStore, introduce, join_set, membership
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError
from tests.support.media_samples import back_up, flip, new_key, restore_to
from tests.support.spanning import TinyMedia, object_bytes
from tests.support.trees import assert_identical

LIMIT = 400_000


def fill(directory: Path, files: int, seed: int = 1, size: int = 40_000) -> Path:
    directory.mkdir(exist_ok=True)
    for number in range(files):
        (directory / f"f{number:03}").write_bytes(random.Random(seed * 1000 + number).randbytes(size))
    return directory


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyMedia:
    return TinyMedia(tmp_path / "devices", LIMIT, monkeypatch)


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_session_larger_than_a_media_is_restored_from_all_of_them(
    tiny: TinyMedia, tmp_path: Path, password: str
) -> None:
    source = fill(tmp_path / "source", 40)
    key = new_key(tiny.paths[0], password) if password else None
    result = tiny.back_up(source, key=key)
    assert len(tiny.paths) >= 4
    last = tiny.paths[-1]
    assert [len(sessions(path)) for path in tiny.paths] == [0] * (len(tiny.paths) - 1) + [1]
    # What the earlier media took is not written again.
    assert sum(object_bytes(path) for path in tiny.paths) < 1.35 * 40 * 40_000
    opened = unlock(last, password) if password else None
    restored, events = restore_to(last, tmp_path / "back", result.session, key=opened)
    assert (restored.problems, restored.mismatches, events.problems) == (0, 0, [])
    assert_identical(source, tmp_path / "back")
    assert not verify(last, full=True).damage


def test_a_media_that_is_away_is_no_damage_and_what_needs_it_is_named(
    tiny: TinyMedia, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", 20)
    result = tiny.back_up(source)
    first, last = tiny.paths[0], tiny.paths[-1]
    assert absence(last, result.session) is None
    away = tmp_path / "away"
    os.rename(first, away)
    found = absence(last, result.session)
    assert found is not None
    serial = read_label(str(away)).serial
    assert (found.missing, found.packs) == ((serial,), len(list((away / "packs").iterdir())))
    report = verify(last, full=True)
    assert (report.damage, report.missing, report.unproved) == ((), (serial,), (result.session,))
    restored, events = restore_to(last, tmp_path / "part", result.session)
    assert 0 < restored.files < 20
    assert {problem.code for problem in events.problems} == {"E4223"}
    assert all(serial in problem.params["reason"] for problem in events.problems)
    # What was on the media itself is damage, whatever else is away.
    lost = min(os.listdir(f"{last}/packs"))
    os.unlink(f"{last}/packs/{lost}")
    assert [damage.object_name for damage in verify(last, full=False).damage] == [f"packs/{lost}"]
    os.rename(away, first)
    assert absence(last, result.session) is None
    report = verify(last, full=False)
    assert (report.missing, report.unproved) == ((), ())


def test_numbers_of_sessions_go_on_over_the_media_of_a_set(tiny: TinyMedia, tmp_path: Path) -> None:
    tiny.back_up(fill(tmp_path / "source", 2))
    tiny.add()
    assert tiny.back_up(fill(tmp_path / "source", 3)).session == 2
    assert [[one.number for one in sessions(path)] for path in tiny.paths] == [[1], [2]]


def test_a_list_of_changes_builds_on_a_session_of_another_media_of_the_set(
    tiny: TinyMedia, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", 5)
    point = {"incarnation": "I", "change": 7}
    first = tiny.back_up(source, **point)
    base_media = tiny.paths[0]
    tiny.add()
    assert usable_base(base_media, first.session, "I", 7, None)
    (source / "f001").write_bytes(b"new")
    sparse = tmp_path / "changed"
    sparse.mkdir()
    shutil.copy2(source / "f001", sparse / "f001")
    second, _ = back_up(
        tiny.paths[1],
        sparse,
        base=first.session,
        base_media=base_media,
        changes=(Change(b"f001", ChangeKind.CHANGED),),
    )
    assert (second.incremental, second.files) == (True, 5)
    restore_to(tiny.paths[1], tmp_path / "back", second.session)
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }


def test_what_a_session_of_another_media_needs_is_no_garbage(tiny: TinyMedia, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 20)
    result = tiny.back_up(source)
    assert len(tiny.paths) > 1
    for path in tiny.paths:
        assert collect(path).freed_packs == 0
    restored, _ = restore_to(tiny.paths[-1], tmp_path / "back", result.session)
    assert restored.problems == 0
    plan = plan_purge(tiny.paths[-1], [result.session])
    before = sum(object_bytes(path) for path in tiny.paths)
    remove_sessions(tiny.paths[-1], [result.session])
    tombstone = os.stat(f"{tiny.paths[-1]}/sessions/{result.session:06}.removed").st_size
    freed = sum(collect(path).freed_packs for path in tiny.paths)
    after = sum(object_bytes(path) for path in tiny.paths)
    reserves = sum(16 * 1024 for path in tiny.paths if os.path.exists(f"{path}/reserve"))
    assert freed == plan.frees_packs > 0
    assert before - after + tombstone == plan.frees_bytes, reserves


def test_nothing_is_deleted_while_a_media_of_the_set_is_away(tiny: TinyMedia, tmp_path: Path) -> None:
    tiny.back_up(fill(tmp_path / "source", 20))
    away = tiny.paths[-1] + ".away"
    os.rename(tiny.paths[-1], away)
    with pytest.raises(ArcxoError, match="E4160"):
        collect(tiny.paths[0])
    with pytest.raises(ArcxoError, match="E4160"):
        plan_purge(tiny.paths[0])
    os.rename(away, tiny.paths[-1])
    assert collect(tiny.paths[0]).freed_packs == 0


def test_a_collector_waits_for_writers_on_other_media_of_the_set(tiny: TinyMedia, tmp_path: Path) -> None:
    tiny.back_up(fill(tmp_path / "source", 3))
    remove_sessions(tiny.paths[0], [1])
    second = tiny.add()
    intent = Intent(join_set(second), 1, 1)
    report = collect(tiny.paths[0])
    assert (report.freed_packs, report.waiting_packs + report.writers > 0) == (0, True) or not (
        report.freed_packs
    )
    intent.withdraw()
    assert collect(tiny.paths[0]).freed_packs > 0


def test_a_set_that_was_moved_is_found_again_once_it_is_introduced(tiny: TinyMedia, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 20)
    result = tiny.back_up(source)
    moved = []
    for number, path in enumerate(tiny.paths):
        target = tmp_path / f"elsewhere{number}" / "media"
        target.parent.mkdir()
        os.rename(path, target)
        moved.append(str(target))
    assert membership(moved[-1]).missing
    restored, events = restore_to(moved[-1], tmp_path / "lost", result.session)
    assert restored.problems > 0
    assert events.problems
    for path in moved:
        introduce(path, moved)
    assert not membership(moved[0]).missing
    restored, _ = restore_to(moved[-1], tmp_path / "back", result.session)
    assert restored.problems == 0
    assert_identical(source, tmp_path / "back")


def test_media_beside_each_other_need_no_hints(tmp_path: Path) -> None:
    first = format_media(str(tmp_path), "SET")
    assert first.label is not None
    second = format_media(str(tmp_path), "SET", set_id=first.label.set_id, sequence=2)
    assert list(membership(second.path).paths.values()) == [first.path]
    assert membership(first.path).missing == ()
    shutil.rmtree(first.path)
    assert membership(second.path).missing == ("sequence 1",)


def test_a_hint_leads_nowhere_but_to_media_of_the_same_set(tiny: TinyMedia, tmp_path: Path) -> None:
    stranger = format_media(str(tmp_path / "other"), "OTHER").path
    introduce(tiny.paths[0], [stranger])
    assert membership(tiny.paths[0]).paths == {}
    store = DirectoryMediaStore(tiny.paths[0])
    store.put_if_absent("members/garbage", b"not a document")
    assert membership(tiny.paths[0]).missing == ()
    CollectorStore(tiny.paths[0])


def test_damage_on_an_earlier_media_is_told_with_the_session_that_needs_it(
    tiny: TinyMedia, tmp_path: Path
) -> None:
    result = tiny.back_up(fill(tmp_path / "source", 20))
    pack = min(os.listdir(f"{tiny.paths[0]}/packs"))
    flip(f"{tiny.paths[0]}/packs/{pack}", 5_000)
    report = verify(tiny.paths[-1], full=True)
    assert [one.object_name for one in report.damage] == [f"packs/{pack}"]
    assert report.damage[0].sessions == (result.session,)
    assert 1 <= len(report.damage[0].files) <= 3


@pytest.mark.parametrize("seed", range(4))
def test_any_history_over_tiny_media_keeps_every_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    tiny = TinyMedia(tmp_path / "devices", chance.randrange(150_000, 400_000), monkeypatch)
    source = tmp_path / "source"
    kept: dict[tuple[str, int], Path] = {}
    for step in range(5):
        fill(source, chance.randrange(2, 10), seed=chance.randrange(9), size=chance.randrange(1, 60_000))
        result = tiny.back_up(source)
        copy = tmp_path / f"copy{step}"
        shutil.copytree(source, copy)
        kept[tiny.paths[-1], result.session] = copy
        if len(kept) > 2 and chance.random() < 0.6:
            path, number = chance.choice(sorted(kept))
            remove_sessions(path, [number])
            shutil.rmtree(kept.pop((path, number)))
            for one in tiny.paths:
                collect(one)
    for (path, number), copy in kept.items():
        assert read_session(path, number).number == number
        target = tmp_path / f"back{number}"
        assert restore_to(path, target, number)[0].problems == 0
        assert_identical(copy, target)
        shutil.rmtree(target)
    for path in tiny.paths:
        assert not verify(path, full=True).damage


def test_the_reader_that_stands_alone_finds_the_media_of_a_set(tiny: TinyMedia, tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 20)
    result = tiny.back_up(source)
    target = tmp_path / "out"
    command = [sys.executable, "-m", "app.media.extract", tiny.paths[-1], str(result.session), str(target)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_bytes() for path in target.rglob("f*") if path.is_file()}
    assert found == {path.name: path.read_bytes() for path in source.iterdir()}


def test_a_writer_over_a_line_sees_the_fossils_of_all_media(tiny: TinyMedia, tmp_path: Path) -> None:
    tiny.back_up(fill(tmp_path / "source", 3))
    second = tiny.add()
    remove_sessions(tiny.paths[0], [1])
    intent = Intent(DirectoryMediaStore(tiny.paths[0]), 1, 1)
    # Packs as old as the writer's announcement are spared, so make them older.
    for name in os.listdir(f"{tiny.paths[0]}/packs"):
        os.utime(f"{tiny.paths[0]}/packs/{name}", (1, 1))
    assert collect(tiny.paths[0]).waiting_packs > 0
    packs = frozenset(os.listdir(f"{tiny.paths[0]}/packs"))
    assert fossil_packs(join_set(second)) == frozenset()
    assert fossil_packs(join_set(second, fossils=True)) == packs
    index = ChunkIndex(join_set(second), "", sharing=True)
    assert index.packs == []
    intent.withdraw()
