"""Security and Agent Information: the log-ins of a backup, tested as they are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.model.host import HostInfo
from app.model.job import Credentials
from app.model.scenario import HostRole
from app.ui.backup.logins import PASSWORD_LIMIT, Login, Logins, LoginState, SourceRole
from app.ui.help.desk import help_button
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column, RowKind
from app.ui.models.tree import Row, TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import explain
from app.ui.widgets.status import Status, status_cell
from app.ui.widgets.views import CellTree

COLUMNS = (
    Column("Machine", 210),
    Column("Role", 140),
    Column("Used to log on to", 140),
    Column("User name", 130),
    Column("State", 300, stretch=True),
)
_ROLES = {
    HostRole.MASTER: ("Master (active)", "master", "XOsoft engine"),
    HostRole.REPLICA: ("Replica (standby)", "replica", "Client Agent"),
    SourceRole.SOURCE: ("Directories", "server", "Client Agent"),
}
_STATES = {
    LoginState.NOT_NEEDED: Status("Local, the owner of this home needs none", "circle-check", "ok"),
    LoginState.MISSING: Status("Needs a user and password", "circle-x", "error"),
    LoginState.KEPT: Status("The log-in kept for this machine", "key-round", "ok"),
    LoginState.AT_RUN: Status("Checked when the job runs", "clock", "muted"),
    LoginState.UNTESTED: Status("Not tested yet", "circle-dot", "muted"),
    LoginState.TESTING: Status("Logging in…", "loader", "info"),
    LoginState.ACCEPTED: Status("Accepted", "circle-check", "ok"),
    LoginState.REFUSED: Status("Refused", "circle-x", "error"),
}


class SecurityDialog(QDialog):
    """Edits `logins` in place, so that coming back finds everything as it was typed."""

    def __init__(self, context: Context, logins: Logins, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Security and Agent Information")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(context.settings.value("backup/security_size") or QSize(theme().px(984), theme().px(560)))
        self._context = context
        self._logins = logins
        self._current: Login | None = None
        self._showing = False
        self._wanted = False
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree(row_height=32)
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.setAccessibleName("Log-ins of this backup")
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.tree.row_activated.connect(self._on_activated)
        self.user = QLineEdit()
        self.password = PasswordField("Password")
        self.user_field = Field("User name", self.user)
        self.password_field = Field("Password", self.password)
        self.test = button("Log on and check")
        self.everywhere = QCheckBox("")
        self._strip_title = Label("", "strong")
        self._strip_text = Label("", "body", "text2", wrap=True)
        self._foot = Label("", "body", "error", wrap=True)
        self.ok = button("OK", "primary")
        self._lay_out()
        self.user.textEdited.connect(self._on_typed)
        self.password.textEdited.connect(self._on_typed)
        for editor in (self.user, self.password):
            editor.installEventFilter(self)
        self.test.clicked.connect(self._on_test)
        self.everywhere.toggled.connect(self._on_everywhere)
        self._show_rows()
        self.tree.expandAll()
        self._choose(logins.next_missing(None) or (logins.rows[0] if logins.rows else None))

    def done(self, result: int) -> None:
        """Closed: the size is kept."""
        self._context.settings.setValue("backup/security_size", self.size())
        super().done(result)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        # In the fields Enter goes to the next row; left alone it would press the default button as well.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if enter and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._on_ok()
                return True
            if enter:
                self._on_enter()
                return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        intro = Label(
            "Each scenario has two sets of credentials: the Master's control the scenario, the Replica's "
            "read what is backed up; a machine whose directories are backed up has one. They are sealed with "
            "the key of this home and travel only with the job. Master credentials are checked when it runs.",
            "body",
            "text2",
            wrap=True,
        )
        intro.setContentsMargins(16, 12, 16, 12)
        fields = QHBoxLayout()
        fields.setSpacing(12)
        self.user.setMinimumWidth(230)
        self.password.setMinimumWidth(230)
        fields.addWidget(self.user_field, 1, Qt.AlignmentFlag.AlignTop)
        fields.addWidget(self.password_field, 1, Qt.AlignmentFlag.AlignTop)
        side = QVBoxLayout()
        side.setContentsMargins(0, theme().px(19), 0, 0)
        side.setSpacing(4)
        side.addWidget(self.test, 0, Qt.AlignmentFlag.AlignLeft)
        side.addWidget(self.everywhere)
        side.addStretch(1)
        fields.addLayout(side, 1)
        self._fields = QWidget()
        self._fields.setLayout(fields)
        fields.setContentsMargins(0, 0, 0, 0)
        strip = QFrame()
        strip.setProperty("kind", "sunken")
        strip.setMinimumHeight(theme().px(118))
        box = QVBoxLayout(strip)
        box.setContentsMargins(16, 10, 16, 8)
        box.setSpacing(6)
        box.addWidget(self._strip_title)
        box.addWidget(self._strip_text)
        box.addWidget(self._fields)
        box.addStretch(1)
        self.ok.setDefault(True)
        self.ok.clicked.connect(self._on_ok)
        buttons = QDialogButtonBox()
        buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 12, 16, 12)
        foot.addWidget(self._foot, 1)
        foot.insertWidget(0, help_button())
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(intro)
        layout.addWidget(Line())
        layout.addWidget(self.tree, 1)
        layout.addWidget(Line())
        layout.addWidget(strip)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def _show_rows(self) -> None:
        scenarios: dict[int, list[Row]] = {}
        names: dict[int, str] = {}
        for login in self._logins.rows:
            names[login.scenario_id] = login.scenario_name
            scenarios.setdefault(login.scenario_id, []).append(_row(login))
        self.model.set_rows(
            [
                Row(
                    number,
                    (Cell(names[number], icon="folder", icon_role="text2", bold=True),),
                    tuple(rows),
                    kind=RowKind.GROUP,
                    selectable=False,
                )
                for number, rows in scenarios.items()
            ]
        )
        missing = self._logins.missing
        testing = any(login.state is LoginState.TESTING for login in self._logins.rows)
        self._foot.setText("Testing the log-ins…" if testing else missing)
        self._foot.set_role("muted" if testing else "error")

    def _choose(self, login: Login | None) -> None:
        if login is not None:
            index = self.model.find(login.scenario_id, (login.role, login.host))
            self.tree.select_row(index)
            self.tree.scrollTo(index)

    def _on_row_changed(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        self._current = row.object if row is not None and isinstance(row.object, Login) else None
        self._show_strip()

    def _show_strip(self) -> None:
        login = self._current
        self._fields.setVisible(login is not None and login.needed)
        self._strip_text.setVisible(login is None or not login.needed)
        if login is None:
            self._strip_title.setText("Select a machine")
            self._strip_text.setText("")
            return
        self._strip_title.setText(f"Security for {login.host}, {_ROLES[login.role][0]}")
        self._strip_text.setText(
            f"{login.host} is this computer. Its agent runs as the owner of this home and asks for no log-in."
        )
        self._showing = True
        if self.user.text() != login.user:
            self.user.setText(login.user)
        if self.password.text() != login.password:
            self.password.setText(login.password)
        self.everywhere.setChecked(False)
        self._showing = False
        role = "machine" if login.role is SourceRole.SOURCE else _ROLES[login.role][0].partition(" ")[0]
        self.everywhere.setText(f"Use for every {role} of this job")
        others = sum(row.role is login.role and row.needed for row in self._logins.rows)
        self.everywhere.setVisible(others > 1)
        self.test.setVisible(login.testable)
        self.user.setPlaceholderText(f"{login.kept}, as kept for this machine" if login.kept else "")
        self.password.setPlaceholderText("As kept" if login.kept else "")
        self._show_faults()

    def _show_faults(self) -> None:
        login = self._current
        if login is None:
            return
        too_long = len(login.password) > PASSWORD_LIMIT
        told = login.fault if too_long else login.told
        self.password_field.set_fault(told)
        if not told:
            length = f"{len(login.password)} of at most {PASSWORD_LIMIT} characters"
            note = "" if login.testable else ", checked when the job runs"
            self.password_field.set_hint(length + note)
        self.test.setEnabled(not login.fault and login.state is not LoginState.TESTING)
        self.test.setToolTip(login.fault)

    def _on_typed(self) -> None:
        login = self._current
        if login is None or self._showing:
            return
        login.type(self.user.text(), self.password.text())
        if self.everywhere.isChecked():
            self._logins.use_everywhere(login)
        self._wanted = False
        self._show_rows()
        self._show_faults()

    def _on_everywhere(self, checked: bool) -> None:
        if checked and self._current is not None and not self._showing:
            self._logins.use_everywhere(self._current)
            self._show_rows()

    def _on_enter(self) -> None:
        """Test the row, then go to the next that misses something; with none left, OK has the focus."""
        login = self._current
        if login is None or login.fault:
            self._show_faults()
            return
        self._test(login)
        following = self._logins.next_missing(login)
        if following is None:
            self.ok.setFocus()
        else:
            self._choose(following)
            self.user.setFocus()

    def _on_activated(self, _index: QModelIndex) -> None:
        if self._current is not None and self._current.needed:
            self.user.setFocus()

    def _on_test(self) -> None:
        if self._current is not None:
            self._test(self._current)

    def _test(self, login: Login) -> None:
        if not login.testable or login.fault or not login.needed:
            return
        login.state, login.told = LoginState.TESTING, ""
        credentials = Credentials(login.user.strip(), login.password)
        self._context.tasks.run(
            self,
            _check(self._context, login, credentials),
            partial(self._on_accepted, login, credentials),
            partial(self._on_refused, login, credentials),
        )
        self._show_rows()
        self._show_faults()

    def _on_accepted(self, login: Login, tested: Credentials, _info: HostInfo) -> None:
        if not _still(login, tested):
            return
        login.state, login.told = LoginState.ACCEPTED, ""
        self._after_test(login)

    def _on_refused(self, login: Login, tested: Credentials, error: Exception) -> None:
        if not _still(login, tested):
            return
        title, _text, _details = explain(error)
        login.state, login.told = LoginState.REFUSED, title
        self._after_test(login)

    def _after_test(self, login: Login) -> None:
        self._show_rows()
        if login is self._current:
            self._show_faults()
        if self._wanted:
            self._try_accept()

    def _on_ok(self) -> None:
        """Log-ins that were not tested yet are tested now; then it closes, or moves to the fault."""
        self._wanted = True
        for login in list(self._logins.to_test()):
            self._test(login)
        self._try_accept()

    def _try_accept(self) -> None:
        if any(login.state is LoginState.TESTING for login in self._logins.rows):
            return
        self._wanted = False
        faulty = self._logins.next_missing(None)
        if faulty is None:
            self.accept()
            return
        self._choose(faulty)
        (self.password if faulty.user else self.user).setFocus()


def _check(context: Context, login: Login, credentials: Credentials) -> Callable[[], HostInfo]:
    if login.uses_kept:
        return partial(context.services.hosts.info, login.host)
    return partial(context.services.hosts.check_login, login.host, credentials)


def _still(login: Login, tested: Credentials) -> bool:
    """Whether the answer is about what stands in the row now."""
    return (login.user.strip(), login.password) == (tested.user, tested.password)


def _row(login: Login) -> Row:
    role, icon, used = _ROLES[login.role]
    colour = "text2" if login.role is SourceRole.SOURCE else icon
    state = _STATES[login.state]
    if login.told:
        state = Status(f"{state.text}: {login.told}", state.icon, state.role)
    elif login.state is LoginState.MISSING and login.fault and (login.user or login.password):
        too_long = len(login.password) > PASSWORD_LIMIT
        state = Status("The password is too long" if too_long else login.fault, state.icon, state.role)
    user = Cell(login.user) if login.needed else Cell("Not needed", role="muted")
    if login.uses_kept:
        user = Cell(login.kept, role="text2")
    return Row(
        (login.role, login.host),
        (
            Cell(login.host, icon=icon, icon_role=colour, medium=True, tooltip=role),
            Cell(role, role=colour),
            Cell(used, role="text2"),
            user,
            status_cell(state, tooltip=login.told),
        ),
        object=login,
    )
