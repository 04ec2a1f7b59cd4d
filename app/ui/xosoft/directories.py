"""Framework, Directories: the real tree beneath the roots, and how each entry stands on the Replica."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.path_state import DirectoryStates, PathState, PathStatus
from app.model.paths import shown
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import FilterField, PaneHeader
from app.ui.widgets.notices import explain
from app.ui.widgets.status import IN_SYNC, Status
from app.ui.widgets.views import CellTree

COLUMNS = (
    Column("Directory", 220, stretch=True),
    Column("Size", 80, right=True),
    Column("On the Replica", 290),
)
STATES: dict[PathState, Status] = {
    PathState.IN_SYNC: IN_SYNC,
    PathState.WAITING: Status("Waiting", "clock", "warning"),
    PathState.EXCLUDED: Status("Excluded", "circle-slash", "muted"),
    PathState.PROBLEM: Status("Problem", "circle-x", "error"),
    PathState.UNKNOWN: Status("Not known", "circle-help", "muted"),
}
_MOST = 2_000
_AGAIN_S = 3.0
_OPEN_MOST = 20
_NOTHING = Cell()


def entry_rows(parent: bytes, found: DirectoryStates, wanted: str = "") -> list[Row]:
    """Rows for a directory's entries; with `wanted` the files only whose name has it."""
    text = wanted.casefold()
    rows = [
        entry_row(parent.rstrip(b"/") + b"/" + entry.name, entry)
        for entry in found.entries
        if entry.kind is EntryKind.DIRECTORY or text in shown(entry.name).casefold()
    ]
    if found.truncated:
        cell = Cell(f"Only the first {len(found.entries):,} entries are shown", role="muted")
        rows.append(Row("more", (cell, _NOTHING, _NOTHING), (), None))
    return rows


def entry_row(path: bytes, entry: PathStatus) -> Row:
    """One directory or file of the Master."""
    directory = entry.kind is EntryKind.DIRECTORY
    cell = Cell(
        shown(entry.name),
        icon="folder" if directory else "link" if entry.kind is EntryKind.SYMLINK else "file",
        icon_role="muted",
        role="muted" if entry.state is PathState.EXCLUDED or entry.gone else "text",
        middle=True,
    )
    size = Cell(formats.size(entry.size_bytes) if entry.kind is EntryKind.FILE else "", right=True)
    status = STATES[entry.state]
    reason = entry.reason
    if entry.beneath:
        reason = f"{formats.counted(entry.beneath, 'change')} beneath, {reason}"
    words = f"{status.text} · {reason}" if reason else status.text
    stands = Cell(words, icon=status.icon, icon_role=status.role, role="text2", tooltip=words)
    opens = directory and not entry.gone
    return Row(path, (cell, size, stands), None if opens else (), path)


class DirectoriesTab(QWidget):
    """Roots, lazily browsed; open directories are looked at again while the scenario runs."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._status: ScenarioStatus | None = None
        self._shown: object = None
        self._looked = 0.0
        self._seen: object = None
        self._found: dict[bytes, DirectoryStates] = {}
        self.model = TreeModel(COLUMNS)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("Root directories on the Master")
        self.header = PaneHeader("Root directories")
        self.replica = QComboBox()
        self.replica.setAccessibleName("Replica")
        self.replica.currentIndexChanged.connect(self._on_replica_chosen)
        self.header.add(self.replica)
        self.filter = FilterField("Filter names")
        self.filter.filtered.connect(self._on_filtered)
        self.header.add(self.filter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.tree)

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show the roots of a scenario; an open tree stays as it is, its states follow."""
        self._status = status
        made = status.scenario if status else None
        key = (made.id, made.version) if made else None
        if key != self._shown:
            self._shown = key
            self._found.clear()
            self._show_replicas([spec.host for spec in made.replicas] if made else [])
            self.model.set_rows([])
            self._show_roots()
        elif status is not None:
            self._look_again(status)

    def _show_replicas(self, hosts: Sequence[str]) -> None:
        self.replica.blockSignals(True)
        self.replica.clear()
        self.replica.addItems(list(hosts))
        self.replica.blockSignals(False)
        self.replica.setVisible(len(hosts) > 1)

    def _show_roots(self) -> None:
        made = self._status.scenario if self._status else None
        if made is None:
            return
        spec = made.replicas[max(0, self.replica.currentIndex())]
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
                        _NOTHING,
                        Cell(
                            f"{spec.host}:{shown(target)}",
                            role="text2",
                            middle=True,
                            icon="replica",
                            icon_role="replica",
                        ),
                    ),
                    None,
                    root.master_path,
                )
                for root, target in zip(made.roots, spec.paths, strict=True)
            ]
        )

    def _look_again(self, status: ScenarioStatus) -> None:
        """Ask again for what is open, now and then and only when something happened."""
        happened = (
            status.state,
            status.captured_operations,
            tuple((one.state, one.waiting_operations, one.applied_operations) for one in status.replicas),
        )
        now = time.monotonic()
        if happened == self._seen or now - self._looked < _AGAIN_S or not self.isVisible():
            return
        self._seen, self._looked = happened, now
        for index in self._open_directories():
            self._ask(index)

    def _open_directories(self) -> Iterator[QModelIndex]:
        waiting = [self.model.index(row, 0) for row in range(self.model.rowCount())]
        count = 0
        while waiting and count < _OPEN_MOST:
            index = waiting.pop(0)
            if self.tree.isExpanded(index):
                count += 1
                yield index
                waiting += [self.model.index(row, 0, index) for row in range(self.model.rowCount(index))]

    def _on_replica_chosen(self, _position: int) -> None:
        self._found.clear()
        self.model.set_rows([])
        self._show_roots()

    def _on_filtered(self, _text: str) -> None:
        for index in list(self._open_directories()):
            row = self.model.row_at(index)
            if row is not None and row.object in self._found:
                self._show(QPersistentModelIndex(index), row.object, self._found[row.object])

    def _on_children_wanted(self, index: QModelIndex) -> None:
        self._ask(index)

    def _ask(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes) or self._status is None:
            return
        path, name, scenarios = row.object, self._status.scenario.name, self._context.services.scenarios
        host = self.replica.currentText()
        answer = _Answer(self, QPersistentModelIndex(index), path)
        self._context.tasks.run(
            self,
            lambda: scenarios.path_states(name, path, replica=host, limit=_MOST),
            answer.on_found,
            answer.on_error,
        )

    def show_found(self, index: QPersistentModelIndex, path: bytes, found: DirectoryStates) -> None:
        """Put a directory's entries below its row."""
        self._found[path] = found
        self._show(index, path, found)

    def _show(self, index: QPersistentModelIndex, path: bytes, found: DirectoryStates) -> None:
        if index.isValid():
            self.model.set_children(index, entry_rows(path, found, self.filter.text()))

    def show_fault(self, index: QPersistentModelIndex, error: Exception) -> None:
        """Put the reason below a row that could not be read."""
        if index.isValid():
            title, text, _ = explain(error)
            cell = Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text)
            self.model.set_children(index, [Row("error", (cell, _NOTHING, _NOTHING), (), None)])


class _Answer:
    """The answer for one directory."""

    def __init__(self, tab: DirectoriesTab, index: QPersistentModelIndex, path: bytes) -> None:
        self._tab, self._index, self._path = tab, index, path

    def on_found(self, found: DirectoryStates) -> None:
        self._tab.show_found(self._index, self._path, found)

    def on_error(self, error: Exception) -> None:
        self._tab.show_fault(self._index, error)
