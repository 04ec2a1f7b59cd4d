"""Which rewind points are shown: those of a path, of a kind, of a time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import QComboBox, QDateTimeEdit, QHBoxLayout, QWidget

from app.model.paths import is_beneath
from app.model.rewind import PointKind
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label

_MARKS = tuple(kind for kind in PointKind if kind is not PointKind.OPERATION)
_KINDS: tuple[tuple[str, tuple[PointKind, ...]], ...] = (
    ("All points", ()),
    ("Bookmarks", (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)),
    ("Changes of files", (PointKind.OPERATION,)),
    ("Synchronizations", (PointKind.SYNCHRONIZATION,)),
    ("Snapshots", (PointKind.SNAPSHOT,)),
    ("Rewinds", (PointKind.REWIND,)),
    ("All but changes", _MARKS),
)
_TIMES: tuple[tuple[str, timedelta | None], ...] = (
    ("Any time", None),
    ("Last hour", timedelta(hours=1)),
    ("Last 24 hours", timedelta(days=1)),
    ("Last 7 days", timedelta(days=7)),
)
_BETWEEN = "Between"


@dataclass(frozen=True, slots=True)
class ChosenPoints:
    """What is asked for. `path` is the master's, b"" for all."""

    kinds: tuple[PointKind, ...] = ()
    path: bytes = b""
    since: datetime | None = None
    until: datetime | None = None


class RewindFilters(QWidget):
    """A row of choices: `changed()` when any of them is another one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = FilterField("Path of the Master")
        self.path.setMinimumWidth(140)
        self.path.setMaximumWidth(theme().px(280))
        self.path.filtered.connect(self._on_changed)
        self.path.setToolTip("Only changes of this file or directory and what is beneath it")
        self.kinds = QComboBox()
        self.kinds.setAccessibleName("Kind of points")
        self.kinds.addItems([name for name, _ in _KINDS])
        self.kinds.currentIndexChanged.connect(self._on_changed)
        self.times = QComboBox()
        self.times.setAccessibleName("Time of points")
        self.times.addItems([*(name for name, _ in _TIMES), _BETWEEN])
        self.times.currentIndexChanged.connect(self._on_time_chosen)
        now = QDateTime.currentDateTime()
        self.since = _moment("Not before", now.addDays(-1))
        self.until = _moment("Not after", now)
        self._dash = Label("to", "small", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 6)
        row.setSpacing(8)
        row.addWidget(self.path, 4)
        for widget in (self.kinds, self.times, self.since, self._dash, self.until):
            row.addWidget(widget)
        row.addStretch(1)
        self.since.dateTimeChanged.connect(self._on_changed)
        self.until.dateTimeChanged.connect(self._on_changed)
        self._show_between(shown=False)

    @property
    def chosen(self) -> ChosenPoints:
        """What is chosen now. A path that is not absolute counts from the root of the file system."""
        text = self.path.text().strip()
        path = os.fsencode(os.path.normpath("/" + text.lstrip("/"))) if text else b""
        kinds = _KINDS[self.kinds.currentIndex()][1]
        position = self.times.currentIndex()
        if position >= len(_TIMES):
            return ChosenPoints(kinds, path, _utc(self.since), _utc(self.until))
        back = _TIMES[position][1]
        return ChosenPoints(kinds, path, datetime.now(UTC) - back if back is not None else None)

    def path_beneath(self, roots: tuple[bytes, ...]) -> bytes:
        """The path that is chosen when it is in one of the roots, else b""."""
        path = self.chosen.path
        return path if path and any(is_beneath(path, root) for root in roots) else b""

    def _on_time_chosen(self, position: int) -> None:
        self._show_between(shown=position >= len(_TIMES))
        self.changed.emit()

    def _show_between(self, *, shown: bool) -> None:
        for widget in (self.since, self._dash, self.until):
            widget.setVisible(shown)

    def _on_changed(self) -> None:
        self.changed.emit()


def _moment(name: str, value: QDateTime) -> QDateTimeEdit:
    made = QDateTimeEdit(value)
    made.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
    made.setCalendarPopup(True)
    made.setAccessibleName(name)
    made.setToolTip(name)
    return made


def _utc(edit: QDateTimeEdit) -> datetime:
    return datetime.fromtimestamp(edit.dateTime().toSecsSinceEpoch(), UTC)
