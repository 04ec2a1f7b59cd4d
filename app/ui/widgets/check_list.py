"""Findings of a verification or preflight: one line each, errors first, with a fix where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages import render
from app.model.host import CheckOutcome, CheckResult
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.status import CHECK

_ORDER = {CheckOutcome.ERROR: 0, CheckOutcome.WARNING: 1, CheckOutcome.OK: 2}
FIXES = {"create_directory": "Create directory", "change_login": "Change log-in…"}


class CheckRow(QFrame):
    """One check; `fix_requested(CheckResult)`."""

    fix_requested = Signal(object)

    def __init__(self, check: CheckResult, fixes: Mapping[str, str] = FIXES) -> None:
        super().__init__()
        self.check = check
        status = CHECK[check.outcome]
        said = render(check.code, check.params)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(10)
        row.addWidget(IconLabel(status.icon, status.role, 16))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(check.subject, "medium"))
        good = check.outcome is CheckOutcome.OK
        finding = said.text if good or not said.action else f"{said.text}. {said.action}"
        words.addWidget(Label(finding, "small", "text2" if good else status.role, wrap=True))
        row.addLayout(words, 1)
        self.setAccessibleName(f"{status.text}: {check.subject}, {finding}")
        self.fix = button(fixes.get(check.fix, ""), "small")
        self.fix.setVisible(check.fix in fixes)
        self.fix.clicked.connect(self._on_fix_clicked)
        row.addWidget(self.fix)

    def _on_fix_clicked(self) -> None:
        self.fix.setEnabled(False)
        self.fix_requested.emit(self.check)


class CheckList(QScrollArea):
    """The rows of several checks; `fix_requested(CheckResult)`."""

    fix_requested = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        holder = QWidget()
        self._rows = QVBoxLayout(holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._rows.addStretch(1)
        self.setWidget(holder)
        self.rows: list[CheckRow] = []

    @property
    def errors(self) -> int:
        """How many stand in the way."""
        return sum(row.check.outcome is CheckOutcome.ERROR for row in self.rows)

    def show_checks(self, checks: Sequence[CheckResult], *, in_order: bool = False) -> None:
        """Show these instead of the ones before; errors first unless their order tells something."""
        self.clear()
        for check in checks if in_order else sorted(checks, key=lambda check: _ORDER[check.outcome]):
            row = CheckRow(check)
            row.fix_requested.connect(self.fix_requested)
            self.rows.append(row)
            self._rows.insertWidget(self._rows.count() - 1, row)

    def clear(self) -> None:
        """Show none."""
        for row in self.rows:
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []
