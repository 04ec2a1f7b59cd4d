"""The review of the safety brake: what is listed, what is asked with which counts, what is decided."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex
from PySide6.QtWidgets import QLabel

from app.model.brake import BrakeChange, BrakeDecision, BrakeItem, BrakeResult, BrakeReview
from app.model.entry import EntryKind
from app.model.errors import BusyError, Problem
from app.model.paths import is_beneath
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.xosoft import brake_text
from app.ui.xosoft.brake_dialog import BrakeDialog
from tests.support.memory_services import now

ROOT = b"/srv/sales"


def item(
    path: bytes, change: BrakeChange = BrakeChange.REMOVED, kind: EntryKind = EntryKind.FILE
) -> BrakeItem:
    return BrakeItem(ROOT + b"/" + path, change, kind, 1024, BrakeDecision.UNDECIDED)


class Brake:
    """Stands for the services' brake calls."""

    def __init__(self) -> None:
        self.items = [
            item(b"plans", kind=EntryKind.DIRECTORY),
            item(b"plans/a.dwg"),
            item(b"plans/b.dwg"),
            item(b"report.odt", BrakeChange.REWRITTEN),
            item(b"x"),
        ]
        self.calls: list[tuple[str, bytes]] = []
        self.threads: set[str] = set()
        self.root_lost = False
        self.braked = True
        self.problems: tuple[Problem, ...] = ()

    def review(self, _name: str, *, path: bytes = b"", limit: int = 1000) -> BrakeReview:
        self.threads.add(threading.current_thread().name)
        if not self.braked:
            return BrakeReview(braked=False)
        counts = {
            "removed_files": 3,
            "removed_folders": 1,
            "rewritten_files": 1,
            "undecided": sum(one.decision is BrakeDecision.UNDECIDED for one in self.items),
            "restored": sum(one.decision is BrakeDecision.RESTORED for one in self.items),
        }
        chosen = [one for one in self.items if not path or is_beneath(one.path, path)]
        return BrakeReview(
            braked=True,
            code="ER00260",
            reason="4 of 9 files were removed or rewritten within a minute",
            since=now(),
            root_lost=self.root_lost,
            counts=counts,
            size_bytes=5 * 1024,
            items=tuple(chosen[:limit]),
            truncated=len(chosen) > limit,
            limit_files=3,
            point_id="p",
        )

    def decide(self, action: str, decision: BrakeDecision) -> Callable[..., BrakeResult]:
        def call(_name: str, *, path: bytes = b"") -> BrakeResult:
            self.calls.append((action, path))
            chosen = [one for one in self.items if not path or is_beneath(one.path, path)]
            self.items = [replace(one, decision=decision) if one in chosen else one for one in self.items]
            left = sum(one.decision is BrakeDecision.UNDECIDED for one in self.items)
            self.braked = left > 0
            restored = len(chosen) if action == "reject" else 0
            return BrakeResult(len(chosen), left, left == 0, restored, 1024 * restored, 0, self.problems)

        return call


@pytest.fixture
def brake(services: Any, monkeypatch: pytest.MonkeyPatch) -> Brake:
    made = Brake()
    monkeypatch.setattr(services.scenarios, "brake_review", made.review)
    monkeypatch.setattr(services.scenarios, "brake_accept", made.decide("accept", BrakeDecision.ACCEPTED))
    monkeypatch.setattr(services.scenarios, "brake_reject", made.decide("reject", BrakeDecision.RESTORED))
    return made


@pytest.fixture
def dialog(context: Any, qtbot: Any, brake: Brake) -> BrakeDialog:
    made = BrakeDialog(context, "Sales Shares")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: len(rows(made)) >= 3 or brake.root_lost)
    return made


def rows(dialog: BrakeDialog, *keys: bytes) -> list[QModelIndex]:
    """The rows beneath the root, or beneath a folder in it."""
    parent = dialog.model.find(ROOT, *keys)
    return [dialog.model.index(n, 0, parent) for n in range(dialog.model.rowCount(parent))]


def texts(dialog: BrakeDialog, index: QModelIndex) -> list[str]:
    return [index.siblingAtColumn(column).data() for column in range(4)]


def select(dialog: BrakeDialog, *names: bytes) -> None:
    flags = QItemSelectionModel.SelectionFlag
    for name in names:
        index = dialog.model.find(ROOT, ROOT + b"/" + name)
        dialog.tree.selectionModel().select(index, flags.Select | flags.Rows)


def asked(dialog: BrakeDialog, qtbot: Any) -> tuple[str, ConfirmDialog]:
    qtbot.waitUntil(lambda: dialog.findChild(ConfirmDialog) is not None)
    confirm = dialog.findChild(ConfirmDialog)
    assert confirm is not None
    return " ".join(label.text() for label in confirm.findChildren(QLabel)), confirm


def test_what_is_held_is_listed_with_counts(dialog: BrakeDialog, brake: Brake) -> None:
    assert dialog.title.text() == "4 of 9 files were removed or rewritten within a minute"
    assert "3 files removed, 1 folder removed, 1 file rewritten (5 KB)" in dialog.counts.text().replace(
        ".00", ""
    )
    (root,) = [dialog.model.index(n, 0) for n in range(dialog.model.rowCount())]
    assert texts(dialog, root) == [
        "/srv/sales", "3 files and 1 folder removed, 1 file rewritten", "5.00 KB", "Undecided",
    ]  # fmt: skip
    assert [texts(dialog, one)[0] for one in rows(dialog)] == ["plans", "report.odt", "x"]
    assert texts(dialog, rows(dialog)[1])[1::2] == ["Rewritten", "Undecided"]
    assert texts(dialog, rows(dialog)[0])[1] == "2 files and 1 folder removed"
    assert all(name.startswith("console-task") for name in brake.threads)
    assert not dialog.accept_some.isEnabled()
    assert dialog.accept_all.isEnabled()


def test_the_list_can_be_filtered(dialog: BrakeDialog, qtbot: Any) -> None:
    qtbot.keyClicks(dialog.filter, "dwg")
    qtbot.waitUntil(lambda: [texts(dialog, one)[0] for one in rows(dialog)] == ["plans"])
    dialog.tree.expand(rows(dialog)[0])
    qtbot.waitUntil(lambda: len(rows(dialog, ROOT + b"/plans")) == 2)


def test_some_are_brought_back_after_a_question_with_exact_counts(
    dialog: BrakeDialog, brake: Brake, qtbot: Any
) -> None:
    dialog.tree.expand(rows(dialog)[0])
    qtbot.waitUntil(lambda: len(rows(dialog, ROOT + b"/plans")) == 2)
    select(dialog, b"plans")
    dialog.tree.selectionModel().select(
        rows(dialog, ROOT + b"/plans")[0], QItemSelectionModel.SelectionFlag.Select
    )
    assert dialog.selected_paths() == (b"/srv/sales/plans",)
    dialog.reject_some.click()
    text, confirm = asked(dialog, qtbot)
    assert "2 files and 1 folder removed" in text
    assert "/srv/sales/plans" in text
    assert "never overwritten" in text
    assert brake.calls == []
    confirm.accept()
    qtbot.waitUntil(lambda: "2 still undecided" in dialog.outcome.text())
    assert brake.calls == [("reject", b"/srv/sales/plans")]
    qtbot.waitUntil(lambda: texts(dialog, rows(dialog)[0])[3] == "Brought back")
    assert texts(dialog, dialog.model.index(0, 0))[3] == "Mixed"
    assert texts(dialog, rows(dialog, ROOT + b"/plans")[0])[3] == "Brought back", "open folders stay open"
    dialog.chosen._group.button(1).click()
    assert [texts(dialog, one)[0] for one in rows(dialog)] == ["report.odt", "x"]


def test_a_question_that_is_declined_decides_nothing(dialog: BrakeDialog, brake: Brake, qtbot: Any) -> None:
    dialog.accept_all.click()
    text, confirm = asked(dialog, qtbot)
    assert "1 file rewritten" in text
    assert "rewind log" in text
    confirm.reject()
    assert brake.calls == []
    assert dialog.accept_all.isEnabled()


def test_accepting_all_releases_and_closes(dialog: BrakeDialog, brake: Brake, qtbot: Any) -> None:
    dialog.accept_all.click()
    _, confirm = asked(dialog, qtbot)
    with qtbot.waitSignal(dialog.released) as told:
        confirm.accept()
    assert told.args == ["5 changes accepted"]
    assert brake.calls == [("accept", b"")]
    assert not dialog.isVisible()


def test_several_selected_are_decided_one_after_the_other(
    dialog: BrakeDialog, brake: Brake, qtbot: Any
) -> None:
    select(dialog, b"report.odt", b"x")
    dialog.accept_some.click()
    text, confirm = asked(dialog, qtbot)
    assert "in 2 places" in text
    assert "1 file removed, 1 file rewritten" in text
    confirm.accept()
    qtbot.waitUntil(lambda: "2 changes accepted; 3 still undecided" in dialog.outcome.text())
    assert brake.calls == [("accept", b"/srv/sales/report.odt"), ("accept", b"/srv/sales/x")]


def test_a_lost_root_is_decided_as_a_whole(context: Any, brake: Brake, qtbot: Any) -> None:
    brake.root_lost = True
    brake.items = []
    dialog = BrakeDialog(context, "Sales Shares")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.accept_all.isEnabled)
    assert "as a whole" in dialog.counts.text()
    assert "as a whole" in dialog.accept_some.toolTip()
    dialog.accept_all.click()
    text, confirm = asked(dialog, qtbot)
    assert "taken as it is now" in text
    confirm.reject()


def test_what_cannot_be_brought_back_is_told_and_stays_listed(
    dialog: BrakeDialog, brake: Brake, qtbot: Any
) -> None:
    brake.problems = (
        Problem("WR00231", b"/srv/sales/x", {"path": "x", "replica": "r", "cause": "no space"}),
    )
    dialog.reject_all.click()
    asked(dialog, qtbot)[1].accept()
    qtbot.waitUntil(lambda: "no space" in dialog.outcome.text())
    assert dialog.isVisible()


def test_an_error_is_shown_and_the_buttons_come_back(
    dialog: BrakeDialog, qtbot: Any, services: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_name: str, *, path: bytes = b"") -> BrakeResult:
        raise BusyError("ER00267", scenario="Sales Shares")

    monkeypatch.setattr(services.scenarios, "brake_reject", refuse)
    dialog.reject_all.click()
    asked(dialog, qtbot)[1].accept()
    qtbot.waitUntil(lambda: "Bringing" not in dialog.outcome.text() and bool(dialog.outcome.text()))
    assert dialog.reject_all.isEnabled()


def test_what_is_added_meanwhile_appears(
    dialog: BrakeDialog, brake: Brake, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    brake.items.append(item(b"later"))
    dialog._on_timer()
    qtbot.waitUntil(lambda: len(rows(dialog)) == 4)


def test_words_of_counts_and_places() -> None:
    assert brake_text.topmost([b"/a/b", b"/a", b"/ab", b"/c/d"]) == (b"/a", b"/ab", b"/c/d")
    assert brake_text.summary([], more=True).startswith("At least nothing")
