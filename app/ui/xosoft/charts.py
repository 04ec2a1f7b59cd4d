"""Throughput and lag of the scenario in view, from real counters (pyqtgraph)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.ui.theme import color, font, theme
from app.ui.widgets.basics import Label
from app.ui.xosoft.history import WINDOW_SECONDS


class Chart(QWidget):
    """One small chart: lines over the last minutes. The axis maximum only grows until the window passed."""

    def __init__(self, title: str, unit: str, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._lines = tuple(lines)
        self._title, self._unit = title, unit
        self._top = 1.0
        head = QHBoxLayout()
        head.setContentsMargins(16, 6, 16, 0)
        head.setSpacing(6)
        head.addWidget(Label(title, "small_medium"))
        head.addWidget(Label(unit, "small", "muted"))
        head.addStretch(1)
        for name, role in lines:
            head.addWidget(Label(f"— {name}", "small", role))
        self.plot: Any = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setFrameStyle(0)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.getPlotItem().showGrid(x=False, y=True, alpha=0.15)
        self._curves = [self.plot.plot([], [], connect="finite") for _ in lines]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(theme().px(110))
        self._on_theme_changed()
        theme().changed.connect(self._on_theme_changed)

    def show_series(self, times: Sequence[float], *values: Sequence[float]) -> None:
        """Draw: times in seconds before now (negative), one list per line."""
        highest = max((v for line in values for v in line if not math.isnan(v)), default=0.0)
        self._top = max(highest * 1.15, 1.0, self._top if highest > self._top * 0.3 else highest * 1.15)
        for curve, line in zip(self._curves, values, strict=True):
            curve.setData(list(times), list(line))
        first = max(WINDOW_SECONDS * -1.0, min(times, default=-60.0))
        self.plot.setXRange(min(first, -60.0), 0, padding=0)
        self.plot.setYRange(0, self._top, padding=0)
        self.plot.getAxis("bottom").setTicks([_ticks(min(first, -60.0))])
        newest = [
            f"{name} {line[-1]:.2f}" for (name, _), line in zip(self._lines, values, strict=True) if line
        ]
        self.setAccessibleName(f"{self._title} in {self._unit}: {', '.join(newest) or 'no value yet'}")

    def _on_theme_changed(self) -> None:
        self.plot.setBackground(color("surface"))
        for name in ("bottom", "left"):
            axis = self.plot.getAxis(name)
            axis.setPen(pg.mkPen(color("divider")))
            axis.setTextPen(pg.mkPen(color("muted")))
            axis.setStyle(tickFont=font("micro"), tickLength=0)
        self.plot.getAxis("left").setWidth(44)
        for (_, role), curve in zip(self._lines, self._curves, strict=True):
            curve.setPen(pg.mkPen(color(role), width=1.6))
            fill = QColor(color(role))
            fill.setAlphaF(0.11)
            curve.setFillLevel(0)
            curve.setBrush(pg.mkBrush(fill))


def _ticks(first: float) -> list[tuple[float, str]]:
    step = 15.0 if first >= -60 else 30.0 if first >= -120 else 60.0 if first >= -300 else 300.0
    count = int(-first // step)
    return [
        (
            -step * n,
            "now"
            if n == 0
            else f"-{step * n:.0f} s"
            if step * n < 120 and step < 60
            else f"-{step * n / 60:.0f} min",
        )
        for n in range(count + 1)
    ]
