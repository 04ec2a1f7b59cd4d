"""The real console with a window onto itself: `python -m tests.support.console_probe`.

It runs `run_console` as the program does. Beside that it answers one word per line on standard input, on the
GUI thread between events: `look` gives all visible widgets and rows with their places on the screen, `stall`
the longest time the event loop did not come round since the last `stall`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QRect, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QMenuBar,
    QPlainTextEdit,
    QTabBar,
    QTreeView,
    QWidget,
)

from app import bootstrap
from app.ui.application import make_application, run_console
from app.ui.models.cell import Cell, ItemRole
from app.ui.widgets.delegate import marker_rect
from app.ui.widgets.timeline import Timeline

INTERVAL_MS = 5


class StallWatch(QObject):
    """The longest gap between two rounds of a 5 ms timer, also without waits for a processor."""

    def __init__(self) -> None:
        super().__init__()
        self._before = (time.monotonic(), _waited_for_processor())
        self.longest_ms = self.own_ms = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._on_round)
        self._timer.start(INTERVAL_MS)

    def take(self) -> dict[str, float]:
        """In milliseconds since the last `take`: the longest gap, and the longest without such waits."""
        taken = {"longest_ms": self.longest_ms, "own_ms": self.own_ms}
        self.longest_ms = self.own_ms = 0.0
        self._before = (time.monotonic(), _waited_for_processor())
        return taken

    def _on_round(self) -> None:
        now = (time.monotonic(), _waited_for_processor())
        gap = (now[0] - self._before[0]) * 1000 - INTERVAL_MS
        self.longest_ms = max(self.longest_ms, gap)
        self.own_ms = max(self.own_ms, gap - (now[1] - self._before[1]) * 1000)
        self._before = now


def _waited_for_processor() -> float:
    """Seconds this thread was ready to run and had no processor."""
    try:
        return (
            int(Path(f"/proc/self/task/{threading.get_native_id()}/schedstat").read_text().split()[1]) / 1e9
        )
    except (OSError, IndexError, ValueError):
        return 0.0


def _place(rect: QRect, widget: QWidget) -> list[int]:
    corner = widget.mapToGlobal(rect.topLeft())
    ratio = widget.devicePixelRatioF()
    return [round(value * ratio) for value in (corner.x(), corner.y(), rect.width(), rect.height())]


def _text_of(widget: QWidget) -> str:
    if isinstance(widget, QLabel | QLineEdit | QAbstractButton):
        return widget.text()
    if isinstance(widget, QComboBox):
        return widget.currentText()
    if isinstance(widget, QPlainTextEdit):
        return widget.toPlainText()
    return ""


def _on_top(widget: QWidget) -> bool:
    found: QWidget | None = QApplication.widgetAt(widget.mapToGlobal(widget.rect().center()))
    while found is not None and found is not widget:
        found = found.parentWidget()
    return found is widget


def _describe(widget: QWidget) -> dict[str, Any]:
    said: dict[str, Any] = {
        "kind": type(widget).__name__,
        "name": widget.accessibleName(),
        "text": _text_of(widget),
        "enabled": widget.isEnabled(),
        "focus": widget.hasFocus(),
        "window": widget.window().windowTitle(),
        "top": _on_top(widget),
        "place": _place(widget.rect(), widget),
    }
    if isinstance(widget, QAbstractButton) and widget.isCheckable():
        said["checked"] = widget.isChecked()
    if isinstance(widget, QTabBar):
        said["tabs"] = [
            {"text": widget.tabText(i), "place": _place(widget.tabRect(i), widget)}
            for i in range(widget.count())
        ]
    if isinstance(widget, QMenu | QMenuBar):
        said["actions"] = [
            _describe_action(action, widget) for action in widget.actions() if action.isVisible()
        ]
    if isinstance(widget, QTreeView):
        said["rows"] = _rows(widget)
    if isinstance(widget, Timeline):
        said["marks"] = _marks(widget)
    return said


def _marks(timeline: Timeline) -> list[dict[str, Any]]:
    """The marks in view, each with where it takes clicks."""
    size = 4
    return [
        {
            "text": mark.text,
            "place": _place(
                QRect(
                    round(timeline.left + timeline.span.x(mark.at)) - size // 2,
                    round(row.center().y()) - size // 2,
                    size,
                    size,
                ),
                timeline,
            ),
        }
        for lane, row in zip(timeline.lanes, timeline.rows()[1:], strict=False)
        for mark in lane.marks
        if timeline.span.since <= mark.at <= timeline.span.until
    ]


def _describe_action(action: QAction, menu: QMenu | QMenuBar) -> dict[str, Any]:
    return {
        "text": action.text().replace("&", ""),
        "enabled": action.isEnabled(),
        "place": _place(menu.actionGeometry(action), menu),
    }


def _rows(view: QTreeView) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    model = view.model()
    if model is not None:
        _collect(view, model, QModelIndex(), 0, rows)
    return rows


def _collect(
    view: QTreeView, model: QAbstractItemModel, parent: QModelIndex, depth: int, rows: list[dict[str, Any]]
) -> None:
    for position in range(min(model.rowCount(parent), 400)):
        first = model.index(position, 0, parent)
        rect = view.visualRect(first)
        cells = [
            model.index(position, column, parent).data(ItemRole.CELL)
            for column in range(model.columnCount(parent))
        ]
        said: dict[str, Any] = {
            "depth": depth,
            "cells": [cell.text if isinstance(cell, Cell) else "" for cell in cells],
            "place": _place(rect, view.viewport()),
            "seen": view.viewport().rect().contains(rect.center()) and not rect.isEmpty(),
            "open": view.isExpanded(first),
            "parent": model.hasChildren(first),
        }
        cell = cells[0] if cells else None
        if isinstance(cell, Cell) and cell.marker is not None:
            flat = getattr(view, "flat", False)
            said["marker"] = cell.marker.mark.value
            said["marker_place"] = _place(
                marker_rect(rect.adjusted(14 if flat else 0, 0, 0, 0), first=True), view.viewport()
            )
        rows.append(said)
        if view.isExpanded(first):
            _collect(view, model, first, depth + 1, rows)


def look() -> dict[str, Any]:
    """Everything that can be seen now."""
    widgets = [
        _describe(widget)
        for widget in QApplication.allWidgets()
        if widget.isVisible() and not isinstance(widget, QHeaderView)
    ]
    active = QApplication.activeWindow()
    modal = QApplication.activeModalWidget()
    return {
        "widgets": widgets,
        "active": active.windowTitle() if active is not None else "",
        "modal": modal.windowTitle() if modal is not None else "",
    }


class Answers(QObject):
    """Answers the words that come on standard input."""

    def __init__(self) -> None:
        super().__init__()
        self._watch = StallWatch()
        self._notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_activated)

    def _on_activated(self) -> None:
        word = os.read(sys.stdin.fileno(), 4096).decode().strip()
        if not word:  # the test is gone
            self._notifier.setEnabled(False)
            QApplication.exit(3)
            return
        answer = self._watch.take() if word == "stall" else look()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Run the console; its exit code."""
    make_application()
    answers = Answers()
    code = run_console(bootstrap)
    del answers
    return code


if __name__ == "__main__":
    sys.exit(main())
