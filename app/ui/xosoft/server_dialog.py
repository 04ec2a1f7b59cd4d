"""Update ARCserve Backup Server: log in to the backup server, and send it what a scenario is now."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from app.model.errors import ArcxoError, CredentialsError
from app.model.job import Credentials
from app.model.scenario import Scenario
from app.services.api import ServerState
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import explain

_LOCAL = "localhost"


class UpdateServerDialog(QDialog):
    """`updated(name)` when the server has the scenario as it is now."""

    updated = Signal(str)

    def __init__(self, context: Context, scenario: Scenario, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._scenario = context, scenario
        self.setWindowTitle("ARCserve Backup Server connection")
        self.setMinimumWidth(theme().px(480))
        self.server = QLineEdit()
        self.server.setReadOnly(True)
        self.user = QLineEdit("caroot")
        self.password = PasswordField("Password")
        self.fields = {
            "server": Field("Server", self.server, "The backup server of this home"),
            "user": Field("User name", self.user),
            "password": Field("Password", self.password),
        }
        self.note = Label("", "body", "text2", wrap=True)
        buttons = QDialogButtonBox()
        self.update_button = button("Update", "primary")
        self.update_button.setDefault(True)
        buttons.addButton(self.update_button, QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_update)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label("Update ARCserve Backup Server", "subject", wrap=True))
        text = f"The server lists {scenario.name} for backups as it is now: name, hosts and directories."
        layout.addWidget(Label(text, "body", "text2", wrap=True))
        for field in self.fields.values():
            layout.addWidget(field)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.password.setFocus()
        context.tasks.run(self, context.services.server.state, self._on_server, self._on_error)

    def _on_server(self, state: ServerState) -> None:
        self.server.setText(state.name)

    def _on_update(self) -> None:
        typed = Credentials(self.user.text().strip(), self.password.text())
        self.fields["user"].set_fault("" if typed.user else "A user name is missing")
        self.fields["password"].set_fault("" if typed.password else "A password is missing")
        if not (typed.user and typed.password) or not self.update_button.isEnabled():
            return
        services, name = self._context.services, self._scenario.name
        number = str(self._scenario.id)

        def update() -> Scenario:
            services.hosts.check_login(_LOCAL, typed)
            return services.scenarios.register(number)

        self._say(f"Logging in as {typed.user}…", working=True)
        self._context.tasks.run(self, update, lambda _made: self._on_updated(name), self._on_error)

    def _on_updated(self, name: str) -> None:
        self._context.toast("ARCserve Backup Server updated", name)
        self.updated.emit(name)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        if isinstance(error, CredentialsError):
            self._say("")
            self.fields["password"].set_fault("The server refused this user name and password")
            self.password.selectAll()
            self.password.setFocus()
        else:
            self._say(f"{title}. {text}" if isinstance(error, ArcxoError) else title, error=True)

    def _say(self, text: str, *, working: bool = False, error: bool = False) -> None:
        self.note.setText(text)
        self.note.set_role("error" if error else "text2")
        self.update_button.setEnabled(not working)
