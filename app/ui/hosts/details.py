"""One host in full: what is known of it, its certificate, and what a check of it found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.model.host import CheckOutcome, CheckResult, HostState
from app.ui import formats
from app.ui.hosts.rows import CONNECTED, cause_of, facts_of, state_of
from app.ui.hosts.trust import LOCAL, spaced
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, PaneHeader, button
from app.ui.widgets.check_list import CheckList
from app.ui.widgets.status import StatusLabel


class HostDetails(QWidget):
    """`check_wanted` when a check was asked for."""

    check_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: HostState | None = None
        self._checked: dict[str, tuple[datetime, Sequence[CheckResult]]] = {}
        self._name = Label("", "subject", elide=Qt.TextElideMode.ElideRight)
        self._state = StatusLabel(CONNECTED)
        self._cause = Label("", "small", "error", wrap=True)
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(16)
        self._facts.setVerticalSpacing(6)
        self._values: dict[str, Label] = {}
        self._captions: dict[str, Label] = {}
        self._print_caption = Label("Certificate confirmed (SHA-256)", "small_medium", "muted")
        self._print = Label("", "code", "text2")
        self._print.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        holder = QWidget()
        above = QVBoxLayout(holder)
        above.setContentsMargins(16, 14, 16, 14)
        above.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._state)
        above.addLayout(head)
        above.addWidget(self._cause)
        above.addLayout(self._facts)
        above.addSpacing(4)
        above.addWidget(self._print_caption)
        above.addWidget(self._print)
        above.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(holder)
        self.header = PaneHeader("Checks")
        self.check = button("Check now", "small", "refresh-cw")
        self.check.clicked.connect(self.check_wanted)
        self.header.add(self.check)
        self.list = CheckList("Findings")
        self.none = Label(
            "Not checked yet. A check tries the address, certificate, log-in, version, clock and limits.",
            "small",
            "muted",
            wrap=True,
        )
        self.none.setContentsMargins(16, 4, 16, 12)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 3)
        layout.addWidget(Line())
        layout.addWidget(self.header)
        layout.addWidget(self.none)
        layout.addWidget(self.list, 4)
        self.setMinimumWidth(theme().px(300))

    def show_state(self, state: HostState | None) -> None:
        """Show another host, or how the same one is now."""
        before, self._shown = self._shown, state
        self.setVisible(state is not None)
        if state is None:
            return
        self._name.setText(state.host.name)
        self._state.set_status(state_of(state))
        self._cause.setText(cause_of(state))
        self._cause.setVisible(bool(self._cause.text()))
        self._show_facts(facts_of(state, datetime.now(UTC)))
        confirmed = bool(state.host.fingerprint) and state.host.name != LOCAL
        self._print_caption.setVisible(confirmed)
        self._print.setVisible(confirmed)
        self._print.setText(spaced(state.host.fingerprint))
        if before is None or before.host.name != state.host.name:
            self._show_checks()

    def checking(self) -> None:
        """A check goes on."""
        self.header.note.setText("Checking…")

    def show_checks(self, host: str, checks: Sequence[CheckResult]) -> None:
        """What a check of a host found."""
        self._checked[host] = (datetime.now(UTC), checks)
        self._show_checks()

    def _show_checks(self) -> None:
        name = self._shown.host.name if self._shown is not None else ""
        at, checks = self._checked.get(name, (None, ()))
        self.list.show_checks(checks, in_order=True)
        self.none.setVisible(at is None)
        self.list.setVisible(at is not None)
        bad = sum(check.outcome is not CheckOutcome.OK for check in checks)
        word = formats.counted(bad, "finding") if bad else "Nothing stands in the way"
        self.header.note.setText("" if at is None else f"{word} · {formats.clock(at)}")

    def _show_facts(self, facts: Sequence[tuple[str, str]]) -> None:
        wanted = dict(facts)
        for caption, value in facts:
            if caption not in self._values:
                self._captions[caption] = Label(caption, "body", "muted")
                made = self._values[caption] = Label("", "body", wrap=True)
                made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                self._facts.addRow(self._captions[caption], made)
            self._values[caption].setText(value)
        for caption, label in self._values.items():
            label.setVisible(caption in wanted)
            self._captions[caption].setVisible(caption in wanted)
