"""Run a scenario or those of a group: log in to the backup server, see what was verified, choose how to
synchronise.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from app.model.errors import CredentialsError
from app.model.host import CheckOutcome, CheckResult
from app.model.properties import properties_on
from app.model.scenario import Scenario, ScenarioStatus, SyncMethod
from app.ui import formats
from app.ui.manager import Context
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, PaneHeader, button, standard_button
from app.ui.widgets.check_list import CheckList
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import explain
from app.ui.xosoft.actions import Act
from app.ui.xosoft.server_login import LOCAL, ServerLogin
from app.ui.xosoft.together import MemberTable, counts_text, sort_out

_METHODS = (SyncMethod.FILE, SyncMethod.BLOCK)


class RunDialog(QDialog):
    """`chosen(SyncMethod or None)` when it may run; None = as its properties say."""

    chosen = Signal(object)

    def __init__(
        self, context: Context, members: Sequence[ScenarioStatus], parent: QWidget, *, group: str = ""
    ) -> None:
        """Of one scenario, or of those of a `group`: what cannot be run is left out, and said to be."""
        super().__init__(parent)
        self._context, self._group = context, group
        self.members = sort_out(Act.RUN, members)
        self.scenarios = tuple(one.status.scenario for one in self.members if not one.left_out or not group)
        self._found: dict[str, Sequence[CheckResult]] = {}
        hosts = (host for made in self.scenarios for host in (made.master, *(r.host for r in made.replicas)))
        self._asked = tuple(dict.fromkeys(hosts))
        self._failed = ""
        self.setWindowTitle("ARCserve Backup server connection")
        room = room_of(parent)
        self.resize(theme().px(640), min(theme().px(700 if group else 560), room.height()))
        self.login = ServerLogin(context, needed=False)
        self.header = PaneHeader("Verification")
        self.retry = button("Check again", "small", "refresh-cw")
        self.retry.clicked.connect(self._check)
        self.header.add(self.retry)
        self.list = CheckList("Verification")
        self.list.setMinimumHeight(theme().px(64))
        usual = {_properties_method(made) for made in self.scenarios}
        self._usual = usual.pop() if len(usual) == 1 else None
        self._methods = _METHODS if self._usual is not None else (None, *_METHODS)
        self.method = Segmented(
            ["As each one says" if one is None else one.value.capitalize() for one in self._methods]
        )
        self.method.setAccessibleName("Synchronization method")
        self.method.choose(self._methods.index(self._usual))
        self.note = Label("", "body", "text2", wrap=True)
        words = f"Run {formats.counted(len(self.scenarios), 'scenario')}" if group else "Run"
        self.run_button = button(words, "primary")
        self.run_button.setDefault(True)
        self._lay_out()
        self.login.load(self)
        self.login.password.setFocus()
        self._check()

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox()
        buttons.addButton(self.run_button, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_run)
        buttons.rejected.connect(self.reject)
        top = QVBoxLayout()
        top.setContentsMargins(20, 20, 20, 8)
        top.setSpacing(10)
        what = f"the scenarios of {self._group}" if self._group else self.scenarios[0].name
        top.addWidget(Label(f"Run {what}", "subject", wrap=True))
        top.addWidget(self.login)
        method = QHBoxLayout()
        method.setContentsMargins(20, 8, 20, 0)
        method.setSpacing(12)
        method.addWidget(Label("Synchronization method", "small_medium"))
        method.addWidget(self.method)
        usual = f"{self._usual.value.capitalize()} is its property" if self._usual is not None else ""
        if self._group:
            usual = usual.replace("its property", "the property of all")
        method.addWidget(Label(usual, "small", "muted"), 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(20, 4, 20, 16)
        foot.addWidget(self.note)
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(Line())
        if self._group:
            layout.addWidget(PaneHeader("What is run", counts_text(self.members)))
            layout.addWidget(MemberTable(Act.RUN, self.members), 1)
            layout.addWidget(Line())
        layout.addWidget(self.header)
        layout.addWidget(self.list, 1)
        layout.addWidget(Line())
        layout.addLayout(method)
        layout.addLayout(foot)

    # verification

    @property
    def checking(self) -> bool:
        """Whether an answer of a host is still to come."""
        return not self._failed and len(self._found) < len(self._asked)

    def _check(self) -> None:
        """Ask every host of the scenario."""
        self._found, self._failed = {}, ""
        self.list.clear()
        hosts = self._context.services.hosts
        for name in self._asked:
            self._context.tasks.run(
                self,
                partial(hosts.preflight, name),
                partial(self._on_checks, name),
                self._on_check_failed,
                key=f"check {name}",
            )
        self._show_state()

    def _on_checks(self, name: str, checks: Sequence[CheckResult]) -> None:
        self._found[name] = checks
        self.list.show_checks([check for host in self._asked for check in self._found.get(host, ())])
        self._show_state()

    def _on_check_failed(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self._failed = f"{title}. {text}".strip()
        self._show_state()

    def _show_state(self) -> None:
        self.retry.setEnabled(not self.checking)
        errors = self.list.errors
        warnings = sum(row.check.outcome is CheckOutcome.WARNING for row in self.list.rows)
        if self._failed:
            said = self._failed
        elif self.checking:
            said = "Checking…"
        elif errors:
            said = f"{formats.counted(errors, 'error')} to solve first"
        else:
            said = formats.counted(warnings, "warning") if warnings else "Nothing stands in the way"
        self.header.note.setText(said)
        why_not = said if errors or self.checking or self._failed else ""
        if not self.scenarios:
            why_not = "No scenario of the group can be run now"
        self.run_button.setEnabled(not why_not)
        self.run_button.setToolTip(why_not)

    # running

    def _on_run(self) -> None:
        typed = self.login.typed()
        if typed is None or not self.run_button.isEnabled():
            return
        if not typed.password:
            self._on_logged_in(None)
            return
        services, numbers = self._context.services, [str(made.id) for made in self.scenarios]

        def log_in() -> None:
            services.hosts.check_login(LOCAL, typed)
            for number in numbers:
                services.scenarios.register(number)

        self.note.set_role("text2")
        self.note.setText(f"Logging in as {typed.user}…")
        self.run_button.setEnabled(False)
        self._context.tasks.run(self, log_in, self._on_logged_in, self._on_error)

    def _on_logged_in(self, _nothing: object) -> None:
        chosen = self._methods[self.method.position]
        self.chosen.emit(chosen if chosen is not self._usual else None)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        self.note.setText("")
        self._show_state()
        if isinstance(error, CredentialsError):
            self.login.refuse()
            return
        title, text, _ = explain(error)
        self.note.set_role("error")
        self.note.setText(f"{title}. {text}".strip())


def _properties_method(scenario: Scenario) -> SyncMethod:
    """How it synchronises its first replica when nobody says otherwise."""
    first = scenario.replicas[0].host if scenario.replicas else ""
    found = properties_on(scenario, first).sync
    return found if found in _METHODS else SyncMethod.FILE
