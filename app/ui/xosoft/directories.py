"""Framework, Directories: the roots with the real tree of the Master beneath, read when it is opened."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry
from app.model.paths import shown
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.notices import explain
from app.ui.widgets.views import CellTree

COLUMNS = (Column("Directory", 340), Column("Size", 90, right=True), Column("On the Replica", 260))


def entry_rows(parent: bytes, entries: list[DirectoryEntry]) -> list[Row]:
    """Rows for a directory's entries, directories first."""
    ordered = sorted(entries, key=lambda entry: (entry.kind is not EntryKind.DIRECTORY, entry.name))
    return [entry_row(parent.rstrip(b"/") + b"/" + entry.name, entry) for entry in ordered]


def entry_row(path: bytes, entry: DirectoryEntry) -> Row:
    """One directory or file of the Master."""
    directory = entry.kind is EntryKind.DIRECTORY
    cell = Cell(
        shown(entry.name),
        icon="folder" if directory else "link" if entry.kind is EntryKind.SYMLINK else "file",
        icon_role="muted",
        beside="" if entry.readable else "not readable",
    )
    size = Cell("" if directory else formats.size(entry.size_bytes), right=True)
    return Row(path, (cell, size, Cell()), None if directory and entry.readable else (), path)


class DirectoriesTab(QWidget):
    """Roots, lazily browsed."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._host = ""
        self._shown: object = None
        self.model = TreeModel(COLUMNS)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("Root directories on the Master")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.tree)

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show the roots of a scenario; an open tree stays as it is."""
        made = status.scenario if status else None
        key = (made.id, made.version) if made else None
        if key == self._shown:
            return
        self._shown = key
        self.model.set_rows([])
        if made is None:
            return
        self._host = made.master
        targets = [
            " · ".join(f"{replica.host}:{shown(replica.paths[position])}" for replica in made.replicas)
            for position in range(len(made.roots))
        ]
        self.model.set_rows(
            [
                Row(
                    root.master_path,
                    (
                        Cell(
                            shown(root.master_path),
                            icon="folder",
                            icon_role="master",
                            medium=True,
                            middle=True,
                        ),
                        Cell(),
                        Cell(target, role="text2", middle=True, icon="replica", icon_role="replica"),
                    ),
                    None,
                    root.master_path,
                )
                for root, target in zip(made.roots, targets, strict=True)
            ]
        )

    def _on_children_wanted(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None:
            return
        path, host, hosts = bytes(row.object), self._host, self._context.services.hosts
        _Answer(self, QPersistentModelIndex(index), path, host).ask(lambda: list(hosts.browse(host, path)))


class _Answer:
    """Puts one directory's entries, or why they could not be read, below its row."""

    def __init__(self, tab: DirectoriesTab, index: QPersistentModelIndex, path: bytes, host: str) -> None:
        self._tab, self._index, self._path, self._host = tab, index, path, host

    def ask(self, call: object) -> None:
        self._tab._context.tasks.run(self._tab, call, self._on_entries, self._on_error)  # type: ignore[arg-type]  # noqa: SLF001 - its own tab

    def _on_entries(self, entries: list[DirectoryEntry]) -> None:
        if self._index.isValid():
            self._tab.model.set_children(self._index, entry_rows(self._path, entries))

    def _on_error(self, error: Exception) -> None:
        if self._index.isValid():
            title, text, _ = explain(error)
            cell = Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text)
            self._tab.model.set_children(self._index, [Row("error", (cell, Cell(), Cell()), (), None)])
