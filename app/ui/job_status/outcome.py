"""What a backup was estimated to look at, store and take, beside what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from app.model.events import ActivityRecord
from app.ui import formats
from app.ui.job_status.job_report import newest_run
from app.ui.widgets.basics import Label

ESTIMATE, OUTCOME = "N5048", "N5049"
HEADINGS = ("", "Estimated", "Actual")


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure: what was estimated, and what became of it ("" = it is not known yet)."""

    name: str
    estimated: str
    actual: str


def compared(records: Sequence[ActivityRecord]) -> list[Compared]:
    """Of the newest run; empty when nothing was estimated."""
    run = newest_run(records)
    found = next((one for one in run if one.code in (OUTCOME, ESTIMATE)), None)
    if found is None:
        return []
    params = found.params
    size = _number(params, "size_bytes")
    return [
        Compared(
            "Looked at",
            formats.NONE if size is None else formats.size(round(size)),
            _size(params, "actual_size_bytes"),
        ),
        Compared(
            "New on media", _range(_size(params, "new_least"), _size(params, "new_most")),
            _size(params, "actual_new_bytes"),
        ),
        Compared(
            "Time", _range(_time(params, "seconds_least"), _time(params, "seconds_most")),
            _time(params, "actual_seconds"),
        ),
    ]  # fmt: skip


class OutcomePane(QWidget):
    """The figures as a small table; hidden while there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Compared] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(3, 1)
        self.hide()

    def show_records(self, records: Sequence[ActivityRecord]) -> None:
        """Show what these lines of a job say."""
        self.rows = compared(records)
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        if self.rows:
            for column, heading in enumerate(HEADINGS):
                self._put(heading, 0, column, "small_medium", "muted")
            for row, one in enumerate(self.rows, 1):
                self._put(one.name, row, 0, "body", "muted")
                self._put(one.estimated, row, 1, "body", "text")
                self._put(one.actual or "Not known yet", row, 2, "body", "text" if one.actual else "muted")
        self.setAccessibleName("; ".join(f"{one.name}: {one.estimated}, {one.actual}" for one in self.rows))
        self.setVisible(bool(self.rows))

    def _put(self, text: str, row: int, column: int, font: str, role: str) -> None:
        align = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
        self._grid.addWidget(Label(text, font, role), row, column, align)


def _number(params: Mapping[str, str], name: str) -> float | None:
    try:
        return float(params.get(name, ""))
    except ValueError:
        return None


def _size(params: Mapping[str, str], name: str) -> str:
    found = _number(params, name)
    return "" if found is None else formats.size(round(found))


def _time(params: Mapping[str, str], name: str) -> str:
    found = _number(params, name)
    return "" if found is None else formats.duration(found)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
