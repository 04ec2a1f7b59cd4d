"""Server, user and password of the ARCserve Backup server, as several dialogs ask for them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.model.job import Credentials
from app.services.api import ServerState
from app.ui.manager import Context
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import explain

LOCAL = "localhost"


class ServerLogin(QWidget):
    """The fields. `needed`: without a password nothing goes on."""

    def __init__(self, context: Context, *, needed: bool = True) -> None:
        super().__init__()
        self._needed = needed
        self.server = QLineEdit()
        self.server.setReadOnly(True)
        self.user = QLineEdit("caroot")
        self.password = PasswordField("Password")
        hint = "" if needed else "Optional: the owner of this home may run its scenarios without one"
        self.fields = {
            "server": Field("ARCserve Backup server", self.server, "The backup server of this home"),
            "user": Field("User name", self.user),
            "password": Field("Password", self.password, hint),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self.fields["server"])
        person = QHBoxLayout()
        person.setSpacing(12)
        for name, share in (("user", 2), ("password", 3)):
            person.addWidget(self.fields[name], share, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(person)
        self._context = context

    def load(self, owner: QObject) -> None:
        """Show the name of the server."""
        services = self._context.services
        self._context.tasks.run(owner, services.server.state, self._on_server, self._on_error)

    def _on_server(self, state: ServerState) -> None:
        self.server.setText(state.name)

    def _on_error(self, error: Exception) -> None:
        self.fields["server"].set_fault(explain(error)[0])

    def typed(self) -> Credentials | None:
        """What was typed; None, with the fault shown, when something is missing."""
        made = Credentials(self.user.text().strip(), self.password.text())
        needed = self._needed or bool(made.password)
        self.fields["user"].set_fault("" if made.user or not needed else "A user name is missing")
        self.fields["password"].set_fault("" if made.password or not needed else "A password is missing")
        return made if not needed or (made.user and made.password) else None

    def refuse(self) -> None:
        """The server refused what was typed."""
        self.fields["password"].set_fault("The server refused this user name and password")
        self.password.selectAll()
        self.password.setFocus()
