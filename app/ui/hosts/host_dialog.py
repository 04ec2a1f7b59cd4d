"""Know a host, or change its log-in: fields, the certificate to compare, log-in. Nothing is kept before."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.messages import render
from app.model.errors import ArcxoError
from app.model.host import Host, HostInfo
from app.ui.hosts.trust import FIELD_OF_ERROR, HostEntry, Trust, spaced
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, button, standard_button
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import explain

_TITLES = {
    Trust.NEW: ("Compare the certificate of {host}", "key-round", "accent"),
    Trust.CHANGED: ("{host} shows another certificate than before", "triangle-alert", "warning"),
}
_TEXTS = {
    Trust.NEW: "{address} shows this fingerprint. On that computer arcxo agent show prints its own: only "
    "if both are the same do you talk to that computer and to nothing in between.",
    Trust.CHANGED: "Either Arcxo was set up anew there, or something else answers at {address}. On that "
    "computer arcxo agent show prints its own fingerprint: trust the new one only if both are the same.",
}


class HostDialog(QDialog):
    """`added(name)` when the host is known with this log-in."""

    added = Signal(str)

    def __init__(self, context: Context, parent: QWidget, host: Host | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.entry = HostEntry.of(host) if host is not None else HostEntry()
        self._names: frozenset[str] = frozenset()
        self._fingerprint = ""
        self._tried = False
        self.setWindowTitle("Add Host" if host is None else f"Log-in of {host.name}")
        self.setMinimumWidth(theme().px(520))
        self.pages = QStackedWidget()
        self.pages.addWidget(self._fields_page())
        self.pages.addWidget(self._certificate_page())
        self.problem = Label("", "body", "error", wrap=True)
        self.problem.setVisible(False)
        self.note = Label("", "small", "muted")
        self.buttons = QDialogButtonBox()
        self.back = button("Back")
        self.buttons.addButton(self.back, QDialogButtonBox.ButtonRole.ActionRole)
        self.go = button("Connect", "primary")
        self.go.setDefault(True)
        self.buttons.addButton(self.go, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(self.buttons, QDialogButtonBox.StandardButton.Cancel)
        self.back.clicked.connect(self._on_back)
        self.buttons.accepted.connect(self._on_go)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.problem)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self._show_page(0)
        (self.address if host is None else self.password).setFocus()
        self._context.tasks.run(self, self._context.services.hosts.list, self._on_hosts, self._on_no_hosts)

    def _fields_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(14)
        known = self.entry.known
        title = "Add a host" if known is None else f"Log in to {known.name}"
        layout.addWidget(Label(title, "subject"))
        layout.addWidget(
            Label("Its agent must run there: arcxo agent run, or arcxo server start.", "body", "text2")
        )
        self.address = QLineEdit(self.entry.address)
        self.name = QLineEdit(self.entry.name)
        self.user = QLineEdit(self.entry.user)
        self.password = PasswordField("Password")
        self.address.setPlaceholderText("branch1.example.org:25000")
        self.name.setReadOnly(known is not None)
        self.name.setEnabled(known is None)
        self.fields = {
            "address": Field("Address", self.address, "Computer and port; without a port it is 25000"),
            "name": Field("Name", self.name, "How it is called here; to begin with the computer's name"),
            "user": Field("User name", self.user, "An administrator's account of the agent there"),
            "password": Field("Password", self.password, "Kept sealed in this home"),
        }
        for name, field in self.fields.items():
            layout.addWidget(field)
            editor = field.editor
            assert isinstance(editor, QLineEdit)
            editor.textEdited.connect(lambda _text, name=name: self._on_typed(name))
        layout.addStretch(1)
        return page

    def _certificate_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(10)
        self._trust_icon = IconLabel("key-round", "accent", 20)
        self._trust_title = Label("", "subject", wrap=True)
        head.addWidget(self._trust_icon, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._trust_title, 1)
        layout.addLayout(head)
        self._trust_text = Label("", "body", "text2", wrap=True)
        layout.addWidget(self._trust_text)
        box = QFrame()
        box.setProperty("kind", "box")
        inside = QVBoxLayout(box)
        inside.setContentsMargins(14, 10, 14, 10)
        inside.setSpacing(4)
        self._found_caption = Label("Fingerprint (SHA-256)", "small_medium", "muted")
        self.found = Label("", "code")
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._before_caption = Label("Confirmed before", "small_medium", "muted")
        self._before = Label("", "code", "muted")
        copy = button("Copy", "link")
        copy.clicked.connect(self._on_copy)
        for widget in (self._found_caption, self.found, self._before_caption, self._before):
            inside.addWidget(widget)
        inside.addWidget(copy, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(box)
        self.compared = QCheckBox("I have compared it: it is the same on that computer")
        self.compared.toggled.connect(self._show_buttons)
        layout.addWidget(self.compared)
        layout.addStretch(1)
        return page

    # what is typed

    def _on_hosts(self, hosts: list[Host]) -> None:
        self._names = frozenset(host.name for host in hosts)

    def _on_no_hosts(self, _error: Exception) -> None:
        """Whether a name is taken is then only told by what it replaces."""

    def _on_typed(self, name: str) -> None:
        self._read()
        if name == "address" and not self.name.text():
            self.name.setPlaceholderText(self.entry.host)
        self.problem.hide()
        if self._tried:
            self._show_faults()

    def _read(self) -> None:
        self.entry.address, self.entry.name = self.address.text(), self.name.text()
        self.entry.user, self.entry.password = self.user.text(), self.password.text()

    def _show_faults(self) -> dict[str, str]:
        found = self.entry.faults(self._names)
        for name, field in self.fields.items():
            field.set_fault(found.get(name, ""))
        return found

    # what is done

    def _on_go(self) -> None:
        if not self.go.isEnabled():
            return
        if self.pages.currentIndex() == 1:
            self._log_in()
            return
        self._tried = True
        self._read()
        found = self._show_faults()
        if found:
            self.fields[next(iter(found))].editor.setFocus()
            return
        where, hosts = self.entry.where, self._context.services.hosts
        self._working(f"Connecting to {where}…")
        self._context.tasks.run(
            self, lambda: hosts.fingerprint(where), self._on_fingerprint, self._on_error, key="work"
        )

    def _on_fingerprint(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        trust = self.entry.trust(fingerprint)
        if trust is Trust.SAME:
            self._log_in()
            return
        self._working("")
        title, icon, role = _TITLES[trust]
        self._trust_icon.set_icon(icon, role)
        self._trust_title.setText(title.format(host=self.entry.host))
        self._trust_text.setText(_TEXTS[trust].format(address=self.entry.where))
        self.found.setText(spaced(fingerprint))
        self.found.setAccessibleName(f"Fingerprint {spaced(fingerprint)}")
        before = self.entry.known.fingerprint if self.entry.known is not None else ""
        self._before.setText(spaced(before))
        for widget in (self._before_caption, self._before):
            widget.setVisible(bool(before))
        self.compared.setChecked(False)
        self._show_page(1)
        self.compared.setFocus()

    def _log_in(self) -> None:
        entry, fingerprint, hosts = self.entry, self._fingerprint, self._context.services.hosts
        name, where, credentials = entry.host, entry.where, entry.credentials
        self._working(f"Logging in as {credentials.user}…")
        self._context.tasks.run(
            self,
            lambda: hosts.add(name, where, credentials, fingerprint),
            self._on_added,
            self._on_error,
            key="work",
        )

    def _on_added(self, info: HostInfo) -> None:
        name = self.entry.host
        said = f"{name} is known" if self.entry.known is None else f"Logged in to {name}"
        self._context.toast(said, f"{info.host_name}, {info.system}, Arcxo {info.version}")
        self.added.emit(name)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        self._working("")
        self._show_page(0)
        title, text, _ = explain(error)
        field = FIELD_OF_ERROR.get(error.code, "") if isinstance(error, ArcxoError) else ""
        if field and isinstance(error, ArcxoError):
            self.fields[field].set_fault(render(error.code, error.params).text)
            editor = self.fields[field].editor
            editor.setFocus()
            if field == "password":
                self.password.selectAll()
            self.problem.setText(text)
        else:
            self.problem.setText(f"{title}. {text}")
        self.problem.setVisible(bool(self.problem.text()))

    def _on_back(self) -> None:
        self._show_page(0)
        self.address.setFocus()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.found.text().replace("\n", ":"))

    # what is shown

    def _working(self, text: str) -> None:
        self.note.setText(text)
        self.problem.hide()
        self.pages.setEnabled(not text)
        self._show_buttons()

    def _show_page(self, page: int) -> None:
        self.pages.setCurrentIndex(page)
        self.back.setVisible(page == 1)
        self.go.setText("Trust and log in" if page == 1 else "Connect")
        self._show_buttons()

    def _show_buttons(self) -> None:
        working = bool(self.note.text())
        unsure = self.pages.currentIndex() == 1 and not self.compared.isChecked()
        self.go.setEnabled(not working and not unsure)
        self.go.setToolTip("Compare the fingerprint first" if unsure else "")
        self.back.setEnabled(not working)
