"""Files that a restore makes many at a time are what it makes one by one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.backup import new_files
from app.backup.api import RestoreTask, UndoTask, restore, undo
from app.backup.journal import Fingerprint, Journal, Record, Step, read_journal
from app.model.archive import RestoreResult
from app.model.paths import is_beneath
from tests.support.capabilities import native_or_report
from tests.support.media_samples import MASTER, Events, back_up, flip, new_media
from tests.support.trees import assert_identical, picture

FILES = 60


@pytest.fixture
def task(tmp_path: Path) -> RestoreTask:
    source = tmp_path / "source"
    for number in range(FILES):
        folder = source / f"{number % 7}" / "deep"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"file {number}"
        path.write_bytes(b"%d " % number * (number * number))
        path.chmod((0o644, 0o600, 0o755, 0o440)[number % 4])
        os.utime(path, ns=(0, number * 1_234_567_891 - 10**10))
    (source / "0" / "empty").touch()
    media = new_media(tmp_path)
    back_up(media, source)
    targets = ((MASTER, os.fsencode(tmp_path / "out")),)
    return RestoreTask(media, 1, (), targets, state=str(tmp_path / "state"), undo_days=7)


def run(task: RestoreTask) -> tuple[RestoreResult, Events]:
    events = Events()
    return restore(task, events, lambda: False), events


def without_inodes(directory: Path) -> list[tuple[Any, ...]]:
    found = []
    for record in read_journal(str(directory)):
        after = None if record.after is None else replace(record.after, inode=0)
        found.append((record.step, record.target, record.kept, record.before, after))
    return sorted(found, key=repr)


def test_both_ways_bring_back_and_note_the_same(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_or_report("making")
    together: list[int] = []
    make = new_files.make

    def counted(cuts: Any, block: bytes, reader: Any) -> list[list[int]]:
        results = make(cuts, block, reader)
        together.extend(inode for some in results for inode in some)
        return results

    monkeypatch.setattr("app.backup.making.make", counted)
    result, events = run(task)
    assert len(together) == FILES - 1  # one is empty
    assert min(together) > 0
    assert events.codes() == []
    assert_identical(tmp_path / "source", tmp_path / "out")
    monkeypatch.setattr(new_files, "_making", None)
    targets = ((MASTER, os.fsencode(tmp_path / "other")),)
    other, events = run(replace(task, targets=targets, state=str(tmp_path / "other-state")))
    assert len(together) == FILES - 1
    assert result == other
    assert events.codes() == []
    assert picture(tmp_path / "out") == picture(tmp_path / "other")
    noted = without_inodes(tmp_path / "other-state")
    here, there = os.fsencode(tmp_path / "out"), os.fsencode(tmp_path / "other")
    assert without_inodes(tmp_path / "state") == [
        (step, target.replace(there, here), *rest) for step, target, *rest in noted
    ]
    undo(UndoTask(task.state, tuple(task.directories())), Events(), lambda: False)
    assert not (tmp_path / "out").exists()


def test_what_is_refused_is_made_by_itself(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = new_files.make

    def refused(cuts: Any, block: bytes, reader: Any) -> list[list[int]]:
        results = make(cuts, block, reader)
        for cut, inodes in zip(cuts, results, strict=True):
            for index, entry in enumerate(cut.entries):
                if index % 3 == 0:
                    os.unlink(cut.place + b"/" + entry[0])
                    inodes[index] = -5
        return results

    monkeypatch.setattr("app.backup.making.make", refused)
    result, events = run(task)
    assert (result.problems, result.mismatches, result.verified_files) == (0, 0, FILES + 1)
    assert events.codes() == []
    assert_identical(tmp_path / "source", tmp_path / "out")


def test_a_damaged_block_is_told_of_each_of_its_files(task: RestoreTask, tmp_path: Path) -> None:
    packs = sorted((Path(task.media_path) / "packs").iterdir(), key=lambda path: path.stat().st_size)
    flip(str(packs[-1]), 200)
    result, events = run(task)
    damaged = {path for code, path in events.codes() if code == "E4223"}
    assert damaged
    assert len(events.codes()) == len(damaged) == result.problems
    for path in (tmp_path / "source").rglob("file*"):
        relative = path.relative_to(tmp_path / "source")
        there = tmp_path / "out" / relative
        lost = any(is_beneath(MASTER + b"/" + os.fsencode(relative), one) for one in damaged)
        assert there.exists() != lost
        if there.exists():
            assert there.read_bytes() == path.read_bytes()


def test_calls_of_the_system_that_somebody_watches_are_made_in_python(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.write, []

    def watched(descriptor: int, data: Any) -> int:
        written.append(bytes(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    run(task)
    assert len([one for one in written if one]) >= FILES - 2
    assert_identical(tmp_path / "source", tmp_path / "out")


def test_records_of_new_files_are_as_any(tmp_path: Path) -> None:
    marks = [(b"/a/%d" % number, (number, 1 << 40, -number, 0o100644, 0, 1 << 31)) for number in range(2000)]
    many, single = Journal(str(tmp_path / "many")), Journal(str(tmp_path / "single"))
    many.append_created(marks)
    for target, mark in marks:
        single.append(Record(Step.CREATE, target, after=Fingerprint(*mark)))
    many.close()
    single.close()
    assert (tmp_path / "many/journal").read_bytes() == (tmp_path / "single/journal").read_bytes()
    assert len(list(read_journal(str(tmp_path / "many")))) == len(marks)
