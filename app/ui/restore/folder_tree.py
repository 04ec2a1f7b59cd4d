"""A host's folders as a tree, read when they are opened; a folder can be made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QLineEdit, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry, Host
from app.model.paths import shown
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.restore.source_rows import error_row
from app.ui.widgets.basics import Label, button
from app.ui.widgets.form import Field
from app.ui.widgets.notices import ProblemCard, explain
from app.ui.widgets.views import CellTree

_COLUMNS = (Column("Folder", 320, stretch=True),)
LOCAL = "localhost"


class FolderTree(QWidget):
    """`changed` when another host or folder is chosen."""

    changed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.host_choice = QComboBox()
        self.host_choice.addItem(LOCAL)
        self.host_choice.currentTextChanged.connect(self._on_host_changed)
        self.path = QLineEdit()
        self.path.textEdited.connect(self._on_path_typed)
        self.make = button("New folder…", "", "folder-plus")
        self.make.clicked.connect(self._on_make)
        self.model = TreeModel(_COLUMNS, self)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.tree = CellTree(indent=18)
        self.tree.setAccessibleName("Folders of the destination")
        self.tree.setModel(self.model)
        self.tree.setHeaderHidden(True)
        self.tree.set_columns(_COLUMNS)
        self.tree.setMinimumHeight(180)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.current_row_changed.connect(self._on_current_changed)
        self.problem = ProblemCard()
        self.problem.retried.connect(self.read)
        self.problem.hide()
        self.path_field = Field(
            "Folder", self.path, "Absolute, like /srv/restored. It is made if it does not exist."
        )
        top = QHBoxLayout()
        top.setSpacing(16)
        self.host_choice.setMinimumWidth(200)
        top.addWidget(
            Field("Machine", self.host_choice, "Below Windows Systems: hosts with a Client Agent"), 1
        )
        top.addWidget(self.path_field, 2)
        foot = QHBoxLayout()
        foot.addWidget(self.make)
        foot.addWidget(Label("It is made at once, in the chosen folder.", "small", "muted"))
        foot.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.problem)
        layout.addWidget(self.tree, 1)
        layout.addLayout(foot)

    @property
    def host(self) -> str:
        """The chosen host."""
        return self.host_choice.currentText() or LOCAL

    @property
    def directory(self) -> bytes:
        """The typed or chosen folder; b"" = none. Names that are not UTF-8 keep their bytes."""
        return self._chosen_bytes(self.path.text())

    def set_hosts(self, hosts: Sequence[Host]) -> None:
        """The hosts to choose from."""
        names = [host.name for host in hosts] or [LOCAL]
        current = self.host
        if [self.host_choice.itemText(i) for i in range(self.host_choice.count())] != names:
            with QSignalBlocker(self.host_choice):
                self.host_choice.clear()
                self.host_choice.addItems(names)
                self.host_choice.setCurrentIndex(max(0, self.host_choice.findText(current)))
        if not self.model.rowCount():
            self.read()

    def read(self) -> None:
        """Read the host's top folders again."""
        self.problem.hide()
        self.model.set_rows((Row(b"/", (Cell("/", icon="hard-drive", medium=True),), None, b"/"),))
        self.tree.setExpanded(self.model.index(0, 0), True)

    def _chosen_bytes(self, text: str) -> bytes:
        current = self.tree.current_object()
        if isinstance(current, bytes) and shown(current) == text:
            return current
        typed = text.strip().encode("utf-8", "surrogateescape")
        return typed.rstrip(b"/") or typed[:1]

    def _on_host_changed(self, _name: str) -> None:
        self.read()
        self.changed.emit()

    def _on_path_typed(self, _text: str) -> None:
        self.path_field.set_fault("")
        self.changed.emit()

    def _on_current_changed(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, bytes):
            self.path.setText(shown(row.object))
            self.path_field.set_fault("")
            self.changed.emit()

    def _on_children_wanted(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes):
            return
        host, path, kept = self.host, row.object, QPersistentModelIndex(index)
        self._context.tasks.run(
            self,
            lambda: self._context.services.hosts.browse(host, path),
            partial(self._on_children, kept, path),
            partial(self._on_children_failed, kept, path),
        )

    def _on_children(
        self, index: QPersistentModelIndex, path: bytes, entries: Sequence[DirectoryEntry]
    ) -> None:
        if index.isValid():
            self.model.set_children(index, _rows(path, entries))

    def _on_children_failed(self, index: QPersistentModelIndex, path: bytes, error: Exception) -> None:
        if not index.isValid():
            return
        if path == b"/":
            self.problem.show_error(error)
        title, text, _ = explain(error)
        self.model.set_children(index, (error_row(title, text),))

    def _on_make(self) -> None:
        parent = self.directory or b"/"
        name, accepted = QInputDialog.getText(
            self, "New folder", f"Name of the new folder in {shown(parent)}"
        )
        if accepted and name.strip():
            self.make_folder(parent, name.strip())

    def make_folder(self, parent: bytes, name: str) -> None:
        """Make a folder on the host and choose it."""
        path = parent.rstrip(b"/") + b"/" + name.encode("utf-8", "surrogateescape")
        host = self.host
        self._context.tasks.run(
            self,
            lambda: self._context.services.hosts.make_directory(host, path),
            partial(self._on_made, path),
            self._on_make_failed,
        )

    def _on_made(self, path: bytes, _result: object) -> None:
        self.path.setText(shown(path))
        current = self.tree.currentIndex()
        if current.isValid():
            self.model.forget_children(current)
            self.tree.setExpanded(current, False)
            self.tree.setExpanded(current, True)
        else:
            self.read()
        self.changed.emit()

    def _on_make_failed(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.path_field.set_fault(f"{title} {text}".strip())


def _rows(parent: bytes, entries: Sequence[DirectoryEntry]) -> list[Row]:
    folders = sorted(
        (entry for entry in entries if entry.kind is EntryKind.DIRECTORY), key=lambda entry: entry.name
    )
    return [
        Row(
            parent.rstrip(b"/") + b"/" + entry.name,
            (Cell(shown(entry.name), icon="folder", beside="" if entry.readable else "not readable"),),
            None if entry.readable else (),
            parent.rstrip(b"/") + b"/" + entry.name,
        )
        for entry in folders
    ]
