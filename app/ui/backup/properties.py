"""The properties of the scenario in view: only what the services know."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.model.media import Consistency, SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.source_rows import SERVER_TYPES, shown_state
from app.ui.home.protection import badges
from app.ui.widgets.basics import IconLabel, Label, Line, PaneHeader, button
from app.ui.widgets.controls import ProofBadges
from app.ui.widgets.status import Pill

_CONSISTENCY = {
    Consistency.APPLICATION: "Application-consistent",
    Consistency.CRASH: "Crash-consistent",
    Consistency.QUIET: "Quiet: nothing changed meanwhile",
    Consistency.FUZZY: "Fuzzy",
}


class PropertiesPane(QFrame):
    """Two columns of captions and values; `delete_wanted` from its button."""

    delete_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self.header = PaneHeader("Properties")
        self.delete = button("Delete machine/object", "small", "trash-2")
        self.delete.clicked.connect(self.delete_wanted)
        self.header.add(self.delete)
        self._texts = {
            name: Label("", elide=Qt.TextElideMode.ElideRight)
            for name in ("Scenario", "Scenario ID", "Server type", "Group", "Method", "Consistency", "Size")
        }
        self.state = Pill("", "info", "muted")
        self.master = _Host("master")
        self.replica = _Host("replica")
        self.session = Label("")
        self.badges = ProofBadges()
        last = QWidget()
        row = QHBoxLayout(last)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.session)
        row.addWidget(self.badges)
        row.addStretch(1)
        left = (
            ("Scenario", self._texts["Scenario"]),
            ("Scenario ID", self._texts["Scenario ID"]),
            ("Server type", self._texts["Server type"]),
            ("State", self.state),
            ("Master", self.master),
            ("Replica", self.replica),
        )
        right = (
            ("Group", self._texts["Group"]),
            ("Backup method", self._texts["Method"]),
            ("Last session", last),
            ("Its size", self._texts["Size"]),
            ("Its consistency", self._texts["Consistency"]),
        )
        self._texts["Method"].setText("Full; only what changed is stored again")
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(16, 10, 16, 12)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(6)
        for side, pairs in ((0, left), (2, right)):
            for position, (caption, value) in enumerate(pairs):
                grid.addWidget(Label(caption, "body", "muted"), position, side)
                grid.addWidget(value, position, side + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        grid.setRowStretch(len(left), 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Line())
        layout.addWidget(self.header)
        layout.addWidget(Line())
        layout.addWidget(area, 1)

    def show_status(self, status: ScenarioStatus, session: SessionInfo | None) -> None:
        """Show a scenario and its newest session."""
        scenario = status.scenario
        look = shown_state(status)
        self._texts["Scenario"].setText(formats.visible(scenario.name))
        self._texts["Scenario ID"].setText(str(scenario.id))
        self._texts["Server type"].setText(SERVER_TYPES[scenario.server_type][0])
        self._texts["Group"].setText(formats.visible(scenario.group))
        self.state.set_pill(look.text, look.icon, look.role)
        self.state.setToolTip(status.reason)
        self.master.show_host(scenario.master)
        hosts = [replica.host for replica in scenario.replicas]
        more = f" and {len(hosts) - 1:,} more, not backed up" if len(hosts) > 1 else ""
        self.replica.show_host(f"{hosts[0]}{more}" if hosts else formats.NONE)
        self.badges.setVisible(session is not None)
        if session is None:
            self.session.setText("Not backed up yet")
            self.session.set_role("muted")
            self._texts["Size"].setText(formats.NONE)
            self._texts["Consistency"].setText(formats.NONE)
            return
        self.session.set_role("text")
        self.session.setText(f"{session.number}, {formats.moment(session.started_at)}")
        self.session.setToolTip(f"{session.media_name}, {formats.full_time(session.started_at)}")
        written, verified, tested = (state for _, state in badges(session))
        self.badges.set_states((written, verified, tested), _proof_words(session))
        self._texts["Size"].setText(
            f"{formats.size(session.size_bytes)}, {formats.size(session.stored_bytes)} newly stored"
        )
        problems = f", {formats.counted(session.problems, 'problem')}" if session.problems else ""
        self._texts["Consistency"].setText(_CONSISTENCY[session.consistency] + problems)


def _proof_words(session: SessionInfo) -> str:
    facts = (
        ("Written", session.written_at),
        ("Verified", session.verified_at),
        ("Restore-tested", session.restore_tested_at),
    )
    return "\n".join(f"{name} {formats.full_time(at) if at else 'not yet'}" for name, at in facts)


class _Host(QWidget):
    """A host with the symbol of its role."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._name = Label("", elide=Qt.TextElideMode.ElideRight)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(IconLabel(role, role))
        row.addWidget(self._name, 1)

    def show_host(self, name: str) -> None:
        self._name.setText(name)
