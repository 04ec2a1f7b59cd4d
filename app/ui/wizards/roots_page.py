"""The page of the New Scenario wizard for the directories of the Master."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QLineEdit, QVBoxLayout

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry
from app.model.paths import is_beneath, shown
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column, Mark, MarkerBox
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import Label, PaneHeader, button, column
from app.ui.widgets.notices import explain
from app.ui.widgets.views import CellTree
from app.ui.wizards.flow import NewScenarioFlow, clean_path
from app.ui.wizards.page import WizardPage

_ROOT_COLUMNS = (Column("Directory", 460, stretch=True),)


class RootsPage(WizardPage):
    """The real tree of the Master, with markers, and a field to type a path."""

    sentence = "Choose what to replicate"
    line = "Whole directories. Click a box, or type a path."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._host = ""
        self.model = TreeModel(_ROOT_COLUMNS)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.setAccessibleName("Directories on the Master")
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Type a path")
        self.typed.setAccessibleName("Type a path")
        self.typed.setMinimumWidth(280)
        self.typed.returnPressed.connect(self._on_add_clicked)
        add = button("Add", "small", "plus")
        add.clicked.connect(self._on_add_clicked)
        self.note = Label("", "small", "error")
        head = PaneHeader("Directories on the Master")
        head.add(self.note)
        head.add(self.typed)
        head.add(add)
        self.chosen = Label("", "body", "text2", wrap=True)
        self.chosen.setContentsMargins(16, 8, 16, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(column(head, self.tree, self.chosen))

    def enter(self) -> None:
        """Show the Master's tree; keep it when the host is the same."""
        host = self.flow.answers.master
        if host != self._host:
            self._host = host
            self.model.set_rows([self._row(b"/", host, "master")])
            self.tree.expand(self.model.index(0, 0))
        self._show_marks()

    def result(self) -> str:
        """The chosen directories."""
        count = len(self.flow.answers.roots)
        return f"{count} {'directory' if count == 1 else 'directories'} to replicate" if count else ""

    def _row(self, path: bytes, name: str, icon: str = "folder", *, readable: bool = True) -> Row:
        cell = Cell(
            name,
            icon=icon,
            icon_role="master" if icon == "master" else "muted",
            marker=self._marker(path),
            beside="" if readable else "not readable",
        )
        return Row(path, (cell,), None if readable else (), path)

    def _marker(self, path: bytes) -> MarkerBox:
        roots = self.flow.answers.roots
        if any(is_beneath(path, root) for root in roots):
            mark = Mark.FULL
        elif any(is_beneath(root, path) for root in roots):
            mark = Mark.PARTIAL
        else:
            mark = Mark.EMPTY
        return MarkerBox(mark, gray=path == b"/")

    def _on_children_wanted(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes):
            return
        path, host, hosts = row.object, self._host, self.context.services.hosts
        answer = _Listing(self, QPersistentModelIndex(index), path)
        self.context.tasks.run(self, lambda: hosts.browse(host, path), answer.on_entries, answer.on_error)

    def show_entries(
        self, index: QPersistentModelIndex, path: bytes, entries: Sequence[DirectoryEntry]
    ) -> None:
        """Put the directories of `path` below its row."""
        if index.isValid():
            prefix = path.rstrip(b"/") + b"/"
            rows = [
                self._row(prefix + entry.name, shown(entry.name), readable=entry.readable)
                for entry in sorted(entries, key=lambda entry: entry.name)
                if entry.kind is EntryKind.DIRECTORY
            ]
            self.model.set_children(index, rows)

    def show_fault(self, index: QPersistentModelIndex, error: Exception) -> None:
        """Put the reason below the row that could not be read."""
        if index.isValid():
            title, text, _ = explain(error)
            cell = Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text)
            self.model.set_children(index, [Row("error", (cell,), ())])

    def _on_marker_clicked(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes):
            return
        if row.object in self.flow.answers.roots:
            self.flow.remove_root(row.object)
            self.note.setText("")
        else:
            self.note.setText(self.flow.add_root(row.object))
        self._show_marks()
        self.edited.emit()

    def _on_add_clicked(self) -> None:
        path = clean_path(self.typed.text())
        if path is None:
            self.note.setText("Type a full path such as /srv/shares")
            return
        fault = self.flow.add_root(path)
        self.note.setText(fault)
        if not fault:
            self.typed.clear()
        self._show_marks()
        self.edited.emit()

    def _show_marks(self) -> None:
        self._mark_below(QModelIndex())
        self.chosen.setText("Chosen: " + (", ".join(map(shown, self.flow.answers.roots)) or "nothing yet"))

    def _mark_below(self, parent: QModelIndex) -> None:
        for position in range(self.model.rowCount(parent)):
            index = self.model.index(position, 0, parent)
            row = self.model.row_at(index)
            if row is not None and isinstance(row.object, bytes):
                cell = row.cells[0]
                path = row.object
                fresh = self._row(path, cell.text, cell.icon, readable=not cell.beside)
                if fresh.cells != row.cells:
                    self.model.replace(index, fresh)
                self._mark_below(index)


class _Listing:
    """The answer for one directory."""

    def __init__(self, page: RootsPage, index: QPersistentModelIndex, path: bytes) -> None:
        self._page, self._index, self._path = page, index, path

    def on_entries(self, entries: Sequence[DirectoryEntry]) -> None:
        self._page.show_entries(self._index, self._path, entries)

    def on_error(self, error: Exception) -> None:
        self._page.show_fault(self._index, error)
