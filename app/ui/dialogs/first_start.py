"""First start without a home: choose its folder and the caroot password, and make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.ui.bridge.tasks import Tasks
from app.ui.dialogs.take_over import TakeOver, TakeOverDialog
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button
from app.ui.widgets.notices import explain

InitHome = Callable[[str, str], None]
"""`init_home(folder, caroot_password)`; blocks; raises ArcxoError."""


def field_error(password: str, repeated: str, folder: str) -> str:
    """What is wrong with the answers; "" when nothing is."""
    if not folder.strip() or not Path(folder.strip()).expanduser().is_absolute():
        return "Choose a folder for the home: a full path such as /home/you/arcxo"
    if not password:
        return "Choose a password for caroot"
    if password != repeated:
        return "The two passwords differ"
    return ""


class FirstStartDialog(QDialog):
    """Folder, password twice, Make home."""

    def __init__(
        self,
        folder: str,
        init_home: InitHome,
        tasks: Tasks,
        parent: QWidget | None = None,
        *,
        take_over: TakeOver | None = None,
    ) -> None:
        super().__init__(parent)
        self._take_over = take_over
        self.recovered = False
        self.setWindowTitle("Arcxo: first start")
        self.setMinimumWidth(theme().px(480))
        self._init_home = init_home
        self._tasks = tasks
        self.folder = QLineEdit(folder)
        self.password = QLineEdit()
        self.repeated = QLineEdit()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(Label("Make a home for Arcxo", "subject"))
        layout.addWidget(
            Label(
                "The home holds all state of this installation: catalog, scenarios, spool and, at first, "
                "the media. Choose a disk with room.",
                "body",
                "text2",
                wrap=True,
            )
        )
        browse = button("Browse…")
        browse.clicked.connect(self._on_browse_clicked)
        layout.addLayout(_labelled("Folder", self.folder, browse))
        for field, title in ((self.password, "Password of caroot"), (self.repeated, "Password again")):
            field.setEchoMode(QLineEdit.EchoMode.Password)
            layout.addLayout(_labelled(title, field))
        self.error = Label("", "small", "error", wrap=True)
        self.error.setMinimumHeight(theme().px(34))
        layout.addWidget(self.error)
        buttons = QDialogButtonBox()
        self.make = button("Make home", "primary")
        self.make.setDefault(True)
        self.make.setAutoDefault(True)
        buttons.addButton(self.make, QDialogButtonBox.ButtonRole.ActionRole)
        self.take_over = button("A server was lost…", "", "hard-drive-download")
        self.take_over.setToolTip(
            "Make the home from the media of a lost server: its sessions are known again"
        )
        self.take_over.setVisible(take_over is not None)
        self.take_over.clicked.connect(self._on_take_over)
        buttons.addButton(self.take_over, QDialogButtonBox.ButtonRole.HelpRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        self.make.clicked.connect(self._on_make_clicked)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _on_browse_clicked(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of the home", self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _on_take_over(self) -> None:
        if self._take_over is not None:
            dialog = TakeOverDialog(self.folder.text().strip(), self._take_over, self._tasks, self)
            dialog.accepted.connect(self._on_taken_over)
            dialog.finished.connect(dialog.deleteLater)
            dialog.open()

    def _on_taken_over(self) -> None:
        dialog = self.sender()
        if isinstance(dialog, TakeOverDialog):
            self.folder.setText(dialog.home)
        self.recovered = True
        self.accept()

    def _on_make_clicked(self) -> None:
        fault = field_error(self.password.text(), self.repeated.text(), self.folder.text())
        self.error.setText(fault)
        if fault:
            return
        folder, password = str(Path(self.folder.text().strip()).expanduser()), self.password.text()
        self.make.setEnabled(False)
        self.make.setText("Making the home…")
        init_home = self._init_home
        self._tasks.run(self, lambda: init_home(folder, password), self._on_made, self._on_make_failed)

    def _on_made(self, _nothing: object) -> None:
        self.accept()

    def _on_make_failed(self, error: Exception) -> None:
        self.make.setEnabled(True)
        self.make.setText("Make home")
        title, text, _ = explain(error)
        self.error.setText(f"{title}. {text}")


def _labelled(title: str, field: QLineEdit, beside: QWidget | None = None) -> QVBoxLayout:
    label = Label(title, "small_medium")
    label.setBuddy(field)
    field.setAccessibleName(title)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(field, 1)
    if beside is not None:
        row.addWidget(beside)
    group = QVBoxLayout()
    group.setSpacing(4)
    group.addWidget(label)
    group.addLayout(row)
    return group
