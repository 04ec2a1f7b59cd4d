"""A restore into a replica that was cut off and gone on with is taken back: both runs noted the paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.agent.applier_sink import ApplierSink
from app.backup import undo as undoing
from app.backup.api import UndoTask, undo
from app.backup.journal import Fingerprint, Journal, Record, Step
from app.model.errors import Problem
from app.model.restore import UndoAction, UndoItem
from app.replication.staged import RestoreArea, StagedOperation

NAMES = ["one", "two", "three"]


class CutOff:
    """Files that a run was about to replace, or remove, when it was killed; the next one did it."""

    def __init__(self, place: Path, step: Step) -> None:
        self.root, self.kept, self.area = place / "root", place / "kept", place / "area"
        for directory in (self.root, self.kept, self.area):
            directory.mkdir()
        self.state = place / "state"
        self.events: list[object] = []
        journal = Journal(str(self.state))
        for run in ("first", "second"):
            journal.append(Record(Step.BEGIN, more={"job": 7}))
            for name in NAMES:
                self._note(journal, run, name, step)
        for name in NAMES:
            if step is Step.REPLACE:
                os.replace(self.root / f"{name} of second", self.root / name)
                (self.root / f"{name} of first").unlink()
            else:
                (self.root / name).unlink()
        journal.append(Record(Step.END))
        journal.sync()
        journal.close()

    def _note(self, journal: Journal, run: str, name: str, step: Step) -> None:
        target, kept = self.root / name, self.kept / f"{name} {run}"
        if not target.exists():
            target.write_text("as it was")
        os.link(target, kept)
        after = None
        if step is Step.REPLACE:
            new = self.root / f"{name} of {run}"
            new.write_text(f"restored by the {run}")
            after = Fingerprint.of(new.lstat())
        before = Fingerprint.of(target.lstat())
        journal.append(Record(step, os.fsencode(target), kept=os.fsencode(kept), before=before, after=after))

    def undo(self) -> Any:
        area = RestoreArea(7, (os.fsencode(self.area),))
        sink = ApplierSink(self._apply, area, [os.fsencode(self.root)])
        return undo(UndoTask(str(self.state), (os.fsencode(self.root),)), self.events.append, no, sink)

    def plan(self) -> tuple[Any, list[UndoItem]]:
        items: list[UndoItem] = []
        task = UndoTask(str(self.state), (os.fsencode(self.root),), plan_only=True)
        return undo(task, self.events.append, no, None, items.append), items

    def _apply(self, operations: Sequence[StagedOperation]) -> list[Problem]:
        for one in operations:
            assert one.staged_path is not None
            os.replace(one.staged_path, os.fsencode(self.root) + b"/" + one.path)
        return []


def no() -> bool:
    return False


@pytest.fixture(params=[Step.REPLACE, Step.REMOVE])
def cut(tmp_path: Path, request: pytest.FixtureRequest) -> CutOff:
    return CutOff(tmp_path, request.param)


@pytest.mark.parametrize("copied", [False, True], ids=["linked", "copied"])
def test_all_is_back_and_nothing_was_changed_by_others(
    cut: CutOff, monkeypatch: pytest.MonkeyPatch, *, copied: bool
) -> None:
    if copied:
        # As for what is kept on another file system.
        monkeypatch.setattr(undoing.os, "link", refuse)
    result = cut.undo()
    assert (result.brought_back, result.changed, result.problems) == (len(NAMES), 0, 0)
    assert [(cut.root / name).read_text() for name in NAMES] == ["as it was"] * len(NAMES)
    assert not [event for event in cut.events if isinstance(event, Problem)]


def test_the_plan_says_so(cut: CutOff) -> None:
    result, items = cut.plan()
    assert (result.brought_back, result.changed) == (len(NAMES), 0)
    assert [one.action for one in items] == [UndoAction.BRING_BACK] * len(NAMES)


def refuse(*_: object, **__: object) -> None:
    raise OSError(18, "Invalid cross-device link")
