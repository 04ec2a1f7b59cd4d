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

_NARROW = 240
"""With less room the words below would run into each other."""


class Chart(QWidget):
    """One small chart: lines over the last minutes. The axis maximum only grows until the window passed."""

    def __init__(self, title: str, unit: str, lines: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._lines = tuple(lines)
        self._title, self._unit = title, unit
        self._top = 1.0
        self._marks = (0.0, 0.0, False)
        head = QHBoxLayout()
        head.setContentsMargins(16, 6, 16, 0)
        head.setSpacing(6)
        head.addWidget(Label(title, "small_medium"))
        head.addWidget(Label(unit, "small", "muted"))
        head.addStretch(1)
        for name, role in lines if len(lines) > 1 else ():
            head.addWidget(Label(f"— {name}", "small", role))
        self.plot: Any = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        self.plot.setFrameStyle(0)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Room for the half of the word at the right end.
        self.plot.getPlotItem().layout.setContentsMargins(0, 4, 16, 0)
        self.plot.getPlotItem().showGrid(x=False, y=True, alpha=0.15)
        self._curves = [self.plot.plot([], [], connect="finite") for _ in lines]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(theme().px(100))
        self._on_theme_changed()
        theme().changed.connect(self._on_theme_changed)

    def show_series(self, window: float, times: Sequence[float], *values: Sequence[float]) -> None:
        """Draw the last `window` seconds: times in seconds before now (negative), one list per line."""
        highest = max((v for line in values for v in line if not math.isnan(v)), default=0.0)
        self._top = max(highest * 1.15, 1.0, self._top if highest > self._top * 0.3 else highest * 1.15)
        for curve, line in zip(self._curves, values, strict=True):
            curve.setData(list(times), list(line))
        self.plot.setXRange(-window, 0, padding=0)
        self.plot.setYRange(0, self._top, padding=0)
        narrow = self.plot.width() < theme().px(_NARROW)
        marks = (window, self._top, narrow)
        if marks != self._marks:
            self._marks = marks
            self.plot.getAxis("bottom").setTicks([time_ticks(window, narrow=narrow)])
            self.plot.getAxis("left").setTicks([value_ticks(self._top)])
        newest = [
            f"{name} {line[-1]:.2f}"
            for (name, _), line in zip(self._lines, values, strict=True)
            if line and not math.isnan(line[-1])
        ]
        self.setAccessibleName(f"{self._title} in {self._unit}: {', '.join(newest) or 'no value yet'}")

    def _on_theme_changed(self) -> None:
        self.plot.setBackground(color("surface"))
        for name in ("bottom", "left"):
            axis = self.plot.getAxis(name)
            axis.setPen(pg.mkPen(color("divider")))
            axis.setTextPen(pg.mkPen(color("muted")))
            axis.setStyle(tickFont=font("micro"), tickLength=0)
        self.plot.getAxis("left").setWidth(theme().px(44))
        for (_, role), curve in zip(self._lines, self._curves, strict=True):
            curve.setPen(pg.mkPen(color(role), width=1.6))
            fill = QColor(color(role))
            fill.setAlphaF(0.11)
            curve.setFillLevel(0)
            curve.setBrush(pg.mkBrush(fill))


def time_ticks(window: float, *, narrow: bool = False) -> list[tuple[float, str]]:
    """Marks at round times before now, in words."""
    parts = 2 if narrow else 4 if window < 300 else 3
    step = window / parts
    unit, word = (3600.0, "h") if step >= 3600 else (60.0, "min") if step >= 60 else (1.0, "s")
    return [(-step * n, f"-{step * n / unit:g} {word}" if n else "now") for n in range(parts)]


def value_ticks(top: float) -> list[tuple[float, str]]:
    """Three or four round values up to `top`."""
    rough = top / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    return [(step * n, f"{step * n:,g}") for n in range(int(top / step) + 1)]
