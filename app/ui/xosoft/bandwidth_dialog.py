"""The bandwidth limit of a replica by hour of the week, as a grid."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from app.model.bandwidth import MOST_KBPS, BandwidthSchedule, format_bandwidth
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button
from app.ui.xosoft.bandwidth_grid import BandwidthGrid

_CHOICES = (0, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)


class BandwidthDialog(QDialog):
    """`chosen(BandwidthSchedule)` on OK."""

    chosen = Signal(object)

    def __init__(self, schedule: BandwidthSchedule, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Bandwidth limit")
        self.grid = BandwidthGrid()
        self.grid.set_schedule(schedule)
        self.grid.marked.connect(self._show)
        self.text = Label("", "small", "muted", wrap=True)
        self.text.setMinimumHeight(theme().px(36))
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.marked = Label("", "small", "text2")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label("Mark hours, then choose what this replica may receive in them", "subject"))
        layout.addWidget(
            Label(
                "Drag over the hours; Ctrl adds to them, Shift reaches from the last one. Kbps: 1,000 bits a "
                "second, by the clock of the Master. Too low a limit lets the Master's spool grow.",
                "body",
                "text2",
                wrap=True,
            )
        )
        layout.addWidget(self.grid)
        layout.addLayout(self._choices())
        layout.addLayout(self._own())
        layout.addWidget(self.text)
        layout.addWidget(self._buttons())
        self.grid.setFocus()
        self._show()

    def schedule(self) -> BandwidthSchedule:
        """What stands in the grid."""
        return self.grid.schedule()

    def _choices(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        for kbps in _CHOICES:
            choice = button(f"{kbps:,}" if kbps else "Unlimited", "small")
            choice.setAccessibleName(f"{kbps:,} Kbps" if kbps else "Unlimited")
            choice.setProperty("kbps", kbps)
            choice.clicked.connect(self._on_choice)
            row.addWidget(choice)
        row.addWidget(Label("Kbps", "small", "muted"))
        row.addStretch(1)
        return row

    def _own(self) -> QHBoxLayout:
        self.other = QSpinBox()
        self.other.setRange(1, MOST_KBPS)
        self.other.setValue(1000)
        self.other.setGroupSeparatorShown(True)
        self.other.setMinimumWidth(theme().px(120))
        self.other.setAccessibleName("Another value in Kbps")
        self.other.lineEdit().setTextMargins(7, 0, 7, 0)
        apply_other = button("Apply Kbps", "small")
        apply_other.clicked.connect(self._on_other)
        sunday = button("Apply Sunday's value to all work days", "small")
        sunday.clicked.connect(self._on_sunday)
        reset = button("Reset", "small")
        reset.clicked.connect(self._on_reset)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.other)
        row.addWidget(apply_other)
        row.addWidget(self.marked)
        row.addStretch(1)
        row.addWidget(sunday)
        row.addWidget(reset)
        return row

    def _buttons(self) -> QDialogButtonBox:
        done = button("OK", "primary")
        done.clicked.connect(self._on_ok)
        buttons = QDialogButtonBox()
        buttons.addButton(done, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        return buttons

    def _show(self) -> None:
        count = len(self.grid.marks())
        self.marked.setText(
            f"{count} {'hour' if count == 1 else 'hours'} marked" if count else "Nothing marked"
        )
        self.text.setText(format_bandwidth(self.schedule()) or "Unlimited at all hours")

    def _on_choice(self) -> None:
        self.grid.set_kbps(int(self.sender().property("kbps")))
        self._show()

    def _on_other(self) -> None:
        self.grid.set_kbps(self.other.value())
        self._show()

    def _on_sunday(self) -> None:
        self.grid.sunday_to_work_days()
        self._show()

    def _on_reset(self) -> None:
        self.grid.reset()
        self._show()

    def _on_ok(self) -> None:
        self.chosen.emit(self.schedule())
        self.accept()
