"""Enter User Name and Password for CA XOsoft Session: one row's option, log-ins and session password."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.model.job import Credentials, Destination
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context
from app.ui.restore.requests import LoginRow
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, standard_button
from app.ui.widgets.boxes import FormArea
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import explain

_OWN = "This computer: none needed"
_CHECK_MS = 500
_TITLE_BAR = 40


class _Pair(QWidget):
    """User name and password of one host."""

    def __init__(self, title: str, host: str, login: Credentials, *, own: bool) -> None:
        super().__init__()
        optional = ", optional" if own else ""
        self._own, self._host = own, host
        self.user = QLineEdit(login.user)
        self.password = PasswordField(f"{title} Password")
        self.password.setText(login.password)
        self.user_field = Field(
            f"{title} User Name{optional}", self.user, _OWN if own else f"Log-in of {host}"
        )
        self.password_field = Field(f"{title} Password{optional}", self.password)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.user_field, 1, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.password_field, 1, Qt.AlignmentFlag.AlignTop)

    @property
    def needed(self) -> bool:
        """Whether the host asks for a log-in."""
        return not self._own

    def credentials(self) -> Credentials:
        """What is typed."""
        return Credentials(self.user.text().strip(), self.password.text())

    def check(self) -> bool:
        """Whether both are there where they are needed (or half of them typed); faults are shown."""
        typed = self.credentials()
        needed = not self._own or bool(typed.user or typed.password)
        self.user_field.set_fault("A user name is missing" if needed and not typed.user else "")
        self.password_field.set_fault("A password is missing" if needed and not typed.password else "")
        return not needed or bool(typed.user and typed.password)


class RestoreLoginDialog(QDialog):
    """Changes `row` on OK only; `applied(to all)` then."""

    applied = Signal(bool)

    def __init__(self, context: Context, row: LoginRow, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._row = context, row
        self._checked: tuple[str, bool] | None = (
            (row.session_password, True) if row.password_accepted else None
        )
        self._accept_after = False
        session = row.part.session
        original = row.target.original
        self.setWindowTitle(
            "Enter User Name and Password for CA XOsoft Session"
            if original
            else "Enter User Name and Password"
        )
        self.setMinimumWidth(min(theme().px(640), 960))
        self.to_master = QRadioButton(f"Restore to Master Server {session.machine}")
        self.to_replica = QRadioButton(f"Restore to Replica Server {session.replica}")
        self._group = QButtonGroup(self)
        self._group.addButton(self.to_master)
        self._group.addButton(self.to_replica)
        chosen = self.to_master if row.destination is Destination.ORIGINAL_MASTER else self.to_replica
        chosen.setChecked(True)
        self._hint = Label("", "small", "muted", wrap=True)
        own_master = not row.needs_login(session.machine)
        self.master = _Pair("Master Server", session.machine, row.master, own=own_master)
        host = session.replica if original else row.target.host
        role = "Replica Server" if original else "Destination"
        self.replica = _Pair(role, host, row.replica, own=not row.needs_login(host))
        self.session_password = PasswordField("Session Password")
        self.session_password.setText(row.session_password)
        needed = (
            "Session {0} is encrypted" if session.encrypted else "Session {0} is not encrypted: none needed"
        )
        self.session_field = Field("Session Password", self.session_password, needed.format(session.number))
        self.session_password.setEnabled(session.encrypted)
        self._delay = Delay(_CHECK_MS, self)
        self._delay.passed.connect(self._on_delay_passed)
        self.session_password.textChanged.connect(self._on_password_typed)
        self.session_password.editingFinished.connect(self._check_password)
        self.apply_all = QCheckBox("Apply [Option, User Name and Password] to all rows")
        self._problem = Label("", "body", "error", wrap=True)
        self._problem.hide()
        self.buttons = QDialogButtonBox()
        self.ok = standard_button(self.buttons, QDialogButtonBox.StandardButton.Ok)
        self.ok.setProperty("kind", "primary")
        self.ok.setDefault(True)
        standard_button(self.buttons, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._form = QWidget()
        layout = QVBoxLayout(self._form)
        layout.setContentsMargins(20, 20, 20, 8)
        layout.setSpacing(10)
        name = session.scenario_name or session.machine
        layout.addWidget(Label(f"Session {session.number}, {name}", "subject", wrap=True))
        self._option = QWidget()
        option = QVBoxLayout(self._option)
        option.setContentsMargins(0, 0, 0, 0)
        option.setSpacing(2)
        option.addWidget(Label("Restore Option", "small_medium", "text2"))
        option.addWidget(self.to_master)
        option.addWidget(self.to_replica)
        option.addWidget(self._hint)
        layout.addWidget(self._option)
        for widget in (self.master, self.replica, self.session_field, self.apply_all, self._problem):
            layout.addWidget(widget)
        layout.addStretch(1)
        self._option.setVisible(original)
        self.master.setVisible(original)
        self.to_master.toggled.connect(self._on_option)
        self._on_option()
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 8, 20, 16)
        foot.addWidget(self.buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(FormArea(self._form), 1)
        whole.addLayout(foot)
        self._first_field().setFocus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)
        room = room_of(self.parentWidget() or self)
        layout = self._form.layout()
        assert layout is not None
        layout.activate()
        wanted = layout.totalHeightForWidth(self.width() - 2) + self.buttons.sizeHint().height() + 26
        self.resize(self.width(), max(self.height(), min(wanted, room.height() - _TITLE_BAR)))

    def _first_field(self) -> QWidget:
        """Where typing begins: the first thing that is missing."""
        row = self._row
        for pair in (self.master, self.replica):
            if not pair.isHidden() and pair.needed and not pair.user.text():
                return pair.user
        return self.session_password if row.part.session.encrypted else self.ok

    @property
    def destination(self) -> Destination:
        """The chosen option."""
        if not self._row.target.original:
            return Destination.DIRECTORY
        master = self.to_master.isChecked()
        return Destination.ORIGINAL_MASTER if master else Destination.ORIGINAL_REPLICA

    def accept(self) -> None:
        """Take what was typed, once it is whole and the session password opens the session."""
        whole = True
        if self.destination is not Destination.DIRECTORY:
            whole = self.master.check()
        if self.destination is not Destination.ORIGINAL_MASTER:
            whole = self.replica.check() and whole
        if not whole:
            return
        if self._row.part.session.encrypted:
            password = self.session_password.text()
            if not password:
                self.session_field.set_fault("The session is encrypted: its session password is needed")
                self.session_password.setFocus()
                return
            if self._checked is None or self._checked[0] != password:
                self._accept_after = True
                self._check_password()
                return
            if not self._checked[1]:
                self.session_password.setFocus()
                return
        self._take()
        super().accept()

    def _take(self) -> None:
        row = self._row
        row.destination = self.destination
        row.master, row.replica = self.master.credentials(), self.replica.credentials()
        row.session_password = self.session_password.text()
        row.password_accepted = bool(row.part.session.encrypted and self._checked and self._checked[1])
        self.applied.emit(self.apply_all.isChecked())

    def _on_option(self) -> None:
        self.replica.setVisible(self.destination is not Destination.ORIGINAL_MASTER)
        self._hint.setText(
            "Changes the production data on the Master. Its Client Agent must be running."
            if self.destination is Destination.ORIGINAL_MASTER
            else "Production on the Master is not interrupted. Both log-ins are used."
        )

    def _on_password_typed(self, text: str) -> None:
        self._problem.hide()
        if self._checked is not None and self._checked[0] != text:
            self.session_field.set_fault("")
            self.session_field.set_hint(f"Session {self._row.part.session.number} is encrypted")
        self._delay.put(text)

    def _on_delay_passed(self, _text: str) -> None:
        self._check_password()

    def _check_password(self) -> None:
        password = self.session_password.text()
        session = self._row.part.session
        if not password or not session.encrypted:
            return
        if self._checked is not None and self._checked[0] == password:
            return
        self.session_field.set_hint("Checking the session password…")
        self._context.tasks.run(
            self,
            lambda: self._context.services.restores.check_session_password(
                session.media_serial, session.number, password
            ),
            partial(self._on_checked, password),
            self._on_check_failed,
            key="password",
        )

    def _on_checked(self, password: str, fits: bool) -> None:
        if password != self.session_password.text():
            return
        self._checked = (password, fits)
        number = self._row.part.session.number
        if fits:
            self.session_field.set_fault("")
            self.session_field.set_hint(f"Opens session {number}", "ok")
        else:
            self.session_field.set_fault(
                f"This password does not open session {number}. Type the one it was backed up with."
            )
        after, self._accept_after = self._accept_after, False
        if after and fits:
            self.accept()

    def _on_check_failed(self, error: Exception) -> None:
        self._accept_after = False
        title, text, _ = explain(error)
        self.session_field.set_hint("The session password could not be checked")
        self._problem.setText(f"{title} {text}".strip())
        self._problem.show()
