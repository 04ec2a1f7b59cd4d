"""Media sets under cuts: whatever is killed while a set grows or is cleaned, committed sessions stay."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from pathlib import Path

import pytest

from app.media.api import collect, format_media, list_media, read_label, remove_sessions, sessions, verify
from app.media.mediaset import introduce
from app.model.errors import ArcxoError
from tests.support.faults import Cut, CutAt
from tests.support.media_samples import back_up, restore_to
from tests.support.spanning import TinyMedia
from tests.support.trees import assert_identical
from tests.unit.media.test_media_sets import fill

LIMIT = 300_000


def check(tiny: TinyMedia, kept: dict[tuple[str, int], Path], tmp_path: Path) -> None:
    """Every session that was committed is there, and comes back as it was."""
    for (path, number), copy in kept.items():
        target = tmp_path / "back"
        assert restore_to(path, target, number)[0].problems == 0
        assert_identical(copy, target)
        shutil.rmtree(target)
    for path in tiny.paths:
        assert not verify(path, full=True).damage


@pytest.mark.parametrize("seed", range(3))
def test_a_backup_that_is_cut_while_it_spans_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    tiny = TinyMedia(tmp_path / "devices", LIMIT, monkeypatch)
    source = fill(tmp_path / "source", 8, seed=seed)
    first = tiny.back_up(source)
    copy = tmp_path / "copy"
    shutil.copytree(source, copy)
    kept = {(tiny.paths[-1], first.session): copy}
    fill(source, 12, seed=seed + 50)
    for _ in range(4):
        # A cut of the writing thread may come out as the fault of an object that it could not write.
        cut = CutAt(chance.randrange(5, 150), partial=chance.random() < 0.5)
        with cut, contextlib.suppress(Cut, ArcxoError):
            tiny.back_up(source)
        # What the next start does.
        tiny.paths = [
            one.path for path in sorted(tmp_path.glob("devices/*")) for one in list_media(str(path))
        ]
        for path in tiny.paths:
            tiny.limits[path] = LIMIT
            for left in Path(path, "tmp").iterdir():  # its writer is this process, which lives
                left.unlink()
        for path in tiny.paths:
            introduce(path, tiny.paths)
        for path in tiny.paths:
            collect(path)
        found = {(path, one.number) for path in tiny.paths for one in sessions(path)}
        assert kept.keys() <= found
        check(tiny, kept, tmp_path)
    tiny.paths.sort(key=lambda path: read_label(path).sequence)
    last = tiny.back_up(source)
    kept[tiny.paths[-1], last.session] = source
    check(tiny, kept, tmp_path)


def test_removing_and_collecting_that_are_cut_are_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = TinyMedia(tmp_path / "devices", LIMIT, monkeypatch)
    source = fill(tmp_path / "source", 10)
    first = tiny.back_up(source)
    on = tiny.paths[-1]
    fill(source, 3, seed=7)
    second = tiny.back_up(source)
    kept = {(tiny.paths[-1], second.session): source}
    for at in (1, 2, 3, 5, 8, 12, 17, 25, 40):
        with CutAt(at), contextlib.suppress(Cut):
            remove_sessions(on, [first.session])
            for path in tiny.paths:
                collect(path)
        check(tiny, kept, tmp_path)
    with contextlib.suppress(ArcxoError):
        remove_sessions(on, [first.session])
    for path in tiny.paths:
        collect(path)
    assert (on, first.session) not in {(path, one.number) for path in tiny.paths for one in sessions(path)}
    check(tiny, kept, tmp_path)


def test_formatting_that_is_cut_anywhere_leaves_a_media_or_nothing_that_is_in_the_way(tmp_path: Path) -> None:
    first = format_media(str(tmp_path / "trial"), "A")
    assert first.label is not None
    at = 1
    while True:
        device = tmp_path / f"device{at}"
        with CutAt(at, partial=True) as cut, contextlib.suppress(Cut):
            made = format_media(str(device), "A", set_id=first.label.set_id, sequence=2)
            introduce(made.path, [first.path])
        if not cut.happened:
            break
        found = list_media(str(device)) if device.exists() else []
        assert all(one.label is not None for one in found)
        if not found:
            found = [format_media(str(device), "A", set_id=first.label.set_id, sequence=2)]
        introduce(found[0].path, [first.path])
        (tmp_path / "source").mkdir(exist_ok=True)
        (tmp_path / "source" / "f").write_bytes(b"x")
        assert back_up(found[0].path, tmp_path / "source")[0].session == 1
        shutil.rmtree(device)
        for name in os.listdir(f"{first.path}/members"):
            os.unlink(f"{first.path}/members/{name}")
        at += 1
    assert at > 10
