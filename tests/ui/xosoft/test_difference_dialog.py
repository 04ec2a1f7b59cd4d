"""The difference report: listed with filter, what is in flight apart, nothing on the console's own thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton

from app.model.errors import BusyError
from app.model.report import Report, ReportedChange, ReportItem, ReportKind
from app.ui.xosoft.difference_dialog import DifferenceDialog

AT = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


class Comparisons:
    """Stands for the services' call."""

    def __init__(self) -> None:
        self.items: tuple[ReportItem, ...] = (
            ReportItem(b"/srv/a.txt", ReportedChange.SIZE, "file", 10, 20),
            ReportItem(b"/srv/b.txt", ReportedChange.MISSING, "file", 30),
            ReportItem(b"/srv/c.txt", ReportedChange.TIME, "file", 5, 5, in_flight=True),
        )
        self.error: Exception | None = None
        self.contents: list[bool] = []
        self.threads: set[str] = set()

    def difference(self, name: str, *, content: bool, limit: int, **_: Any) -> Sequence[Report]:
        self.threads.add(threading.current_thread().name)
        self.contents.append(content)
        if self.error is not None:
            raise self.error
        real = [item for item in self.items if not item.in_flight]
        figures: dict[str, int] = {"compared": 120, "differences": len(real), "in_flight": 1}
        for item in real:
            figures[item.change.value] = figures.get(item.change.value, 0) + 1
        return [
            Report(
                "r1", ReportKind.DIFFERENCE, 1, name, "replica1", AT, AT, figures,
                items=self.items[:limit], item_count=len(self.items), file="/home/r1.items",
            )
        ]  # fmt: skip


@pytest.fixture
def comparisons(services: Any, monkeypatch: pytest.MonkeyPatch) -> Comparisons:
    made = Comparisons()
    monkeypatch.setattr(services.scenarios, "difference", made.difference)
    return made


def opened(context: Any, qtbot: Any) -> DifferenceDialog:
    made = DifferenceDialog(context, "Sales Shares")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(made.again.isEnabled)
    return made


def test_what_differs_is_listed_and_what_is_in_flight_on_request(
    context: Any, qtbot: Any, comparisons: Comparisons
) -> None:
    dialog = opened(context, qtbot)
    assert dialog.title.text() == "2 differences from replica1"
    assert "1 missing on the replica" in dialog.counts.text()
    assert "1 in flight" in dialog.counts.text()
    assert "/home/r1.items" in dialog.where.text()
    assert dialog.model.rowCount() == 2
    flight = next(b for b in dialog.findChildren(QAbstractButton) if b.text() == "With changes in flight")
    flight.click()
    assert dialog.model.rowCount() == 3
    qtbot.keyClicks(dialog.filter, "b.txt")
    qtbot.waitUntil(lambda: dialog.proxy.rowCount() == 1)
    assert dialog.proxy.index(0, 1).data() == "Missing on the replica"
    assert all(name.startswith("console-task") for name in comparisons.threads)


def test_equal_replicas_are_said_to_be(context: Any, qtbot: Any, comparisons: Comparisons) -> None:
    comparisons.items = ()
    dialog = opened(context, qtbot)
    assert dialog.title.text() == "replica1 is equal to the master"
    assert dialog.stack.currentWidget() is dialog.empty
    assert dialog.empty.title.text() == "No differences"


def test_contents_are_compared_when_asked(context: Any, qtbot: Any, comparisons: Comparisons) -> None:
    dialog = opened(context, qtbot)
    dialog.content.setChecked(True)
    dialog.again.click()
    qtbot.waitUntil(lambda: len(comparisons.contents) == 2 and dialog.again.isEnabled())
    assert comparisons.contents == [False, True]


def test_why_it_could_not_be_compared_is_told(context: Any, qtbot: Any, comparisons: Comparisons) -> None:
    comparisons.error = BusyError("ER00444", scenario="Sales Shares", replica="replica1")
    dialog = opened(context, qtbot)
    assert dialog.title.text() == "The comparison could not be made"
    assert "already running" in dialog.counts.text()
