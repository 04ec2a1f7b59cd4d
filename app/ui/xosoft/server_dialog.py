"""Update ARCserve Backup Server: log in to the backup server, and send it what a scenario is now."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.model.errors import ArcxoError, CredentialsError
from app.model.scenario import Scenario
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button, standard_button
from app.ui.widgets.notices import explain
from app.ui.xosoft.server_login import LOCAL, ServerLogin


class UpdateServerDialog(QDialog):
    """`updated(name)` when the server has the scenario as it is now."""

    updated = Signal(str)

    def __init__(self, context: Context, scenario: Scenario, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._scenario = context, scenario
        self.setWindowTitle("ARCserve Backup Server connection")
        self.setMinimumWidth(theme().px(480))
        self.login = ServerLogin(context)
        self.note = Label("", "body", "text2", wrap=True)
        buttons = QDialogButtonBox()
        self.update_button = button("Update", "primary")
        self.update_button.setDefault(True)
        buttons.addButton(self.update_button, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_update)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label("Update ARCserve Backup Server", "subject", wrap=True))
        text = f"The server lists {scenario.name} for backups as it is now: name, hosts and directories."
        layout.addWidget(Label(text, "body", "text2", wrap=True))
        layout.addWidget(self.login)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.login.password.setFocus()
        self.login.load(self)

    def _on_update(self) -> None:
        typed = self.login.typed()
        if typed is None or not self.update_button.isEnabled():
            return
        services, name = self._context.services, self._scenario.name
        number = str(self._scenario.id)

        def update() -> Scenario:
            services.hosts.check_login(LOCAL, typed)
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
            self.login.refuse()
        else:
            self._say(f"{title}. {text}" if isinstance(error, ArcxoError) else title, error=True)

    def _say(self, text: str, *, working: bool = False, error: bool = False) -> None:
        self.note.setText(text)
        self.note.set_role("error" if error else "text2")
        self.update_button.setEnabled(not working)
