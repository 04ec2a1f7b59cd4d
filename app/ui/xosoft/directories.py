"""Framework, Directories: the real tree beneath the roots, and how each entry stands on the Replica."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QTimer
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
_MOST = 300
_LEAST = 40
_TOGETHER = 900
"""A view lays out all open rows anew whenever some come: a directory has `_MOST` while all have fewer than
`_TOGETHER`, and `_LEAST` then; more when they are asked for."""
_MORE = 4
_SEARCHED_MOST = 10_000
"""While a name is looked for, of so many entries of a directory those that have it are shown."""
_AGAIN_S = 3.0
_OPEN_MOST = 20
_PAUSE_MS = 25
"""Between answers: the view lays out one, and no thread that reads the next takes turns with it meanwhile."""
_NOTHING = Cell()


@dataclass(frozen=True, slots=True)
class _More:
    """What a row stands for that says that a directory has more entries."""

    path: bytes


def entry_rows(parent: bytes, found: DirectoryStates, wanted: str = "", most: int = _MOST) -> list[Row]:
    """Rows for a directory's entries; with `wanted` the files only whose name has it."""
    text = wanted.casefold()
    fitting = [
        entry
        for entry in found.entries
        if entry.kind is EntryKind.DIRECTORY or text in shown(entry.name).casefold()
    ]
    rows = [entry_row(parent.rstrip(b"/") + b"/" + entry.name, entry) for entry in fitting[:most]]
    words = ""
    if len(fitting) > most:
        words = f"{len(fitting) - most:,} more. Filter by name, or press Enter for more"
    if found.truncated:
        words = f"Only the first {len(found.entries):,} entries are {'searched' if text else 'shown'}"
        words += "" if text else ". Filter by name, or press Enter for more"
    if words:
        rows.append(Row("more", (Cell(words, role="muted"), _NOTHING, _NOTHING), (), _More(parent)))
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
        self._most: dict[bytes, int] = {}
        self._open: dict[bytes, QPersistentModelIndex] = {}
        self._waiting: list[QPersistentModelIndex] = []
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._ask_next)
        self.model = TreeModel(COLUMNS)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("Root directories on the Master")
        self.tree.row_activated.connect(self._on_row_activated)
        self.tree.expanded.connect(self._on_expanded)
        self.tree.collapsed.connect(self._on_collapsed)
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
            self._most.clear()
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
        self._ask_all()

    def _on_expanded(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, bytes):
            self._open[row.object] = QPersistentModelIndex(index)

    def _on_collapsed(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None:
            self._open.pop(row.object, None)

    def _open_directories(self) -> list[QPersistentModelIndex]:
        """The first that were opened."""
        self._open = {path: index for path, index in self._open.items() if index.isValid()}
        return list(self._open.values())[:_OPEN_MOST]

    def _ask_all(self) -> None:
        """Ask for what is open, one after the other: several answers at once would hold up the window."""
        self._pause.stop()
        self._waiting = self._open_directories()
        self._ask_next()

    def _ask_next(self) -> None:
        while self._waiting:
            index = self._waiting.pop(0)
            if index.isValid():
                self._ask(index)
                return

    def _shown_rows(self) -> int:
        return sum(self.model.rowCount(index) for index in self._open_directories())

    def _on_replica_chosen(self, _position: int) -> None:
        self.model.set_rows([])
        self._show_roots()

    def _on_filtered(self, _text: str) -> None:
        self._ask_all()

    def _on_children_wanted(self, index: QModelIndex) -> None:
        self._ask(index)

    def _ask(self, index: QModelIndex | QPersistentModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes) or self._status is None:
            return
        path, name, scenarios = row.object, self._status.scenario.name, self._context.services.scenarios
        host, wanted = self.replica.currentText(), self.filter.text().strip()
        answer = _Answer(self, QPersistentModelIndex(index))
        most = self._most.setdefault(path, min(_MOST, max(_LEAST, _TOGETHER - self._shown_rows())))
        asked = _SEARCHED_MOST if wanted else most

        def ask() -> list[Row]:
            # The rows, too, are made beside the GUI thread.
            found = scenarios.path_states(name, path, replica=host, limit=asked)
            return entry_rows(path, found, wanted, most)

        self._context.tasks.run(self, ask, answer.on_found, answer.on_error, key=f"states {path!r}")

    def _on_row_activated(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, _More):
            path = row.object.path
            self._most[path] = min(_SEARCHED_MOST, self._most[path] * _MORE)
            self._ask(index.siblingAtColumn(0).parent())

    def show_found(self, index: QPersistentModelIndex, rows: Sequence[Row]) -> None:
        """Put a directory's entries below its row."""
        if index.isValid():
            self.model.set_children(index, rows)
        self._pause.start()

    def show_fault(self, index: QPersistentModelIndex, error: Exception) -> None:
        """Put the reason below a row that could not be read."""
        if index.isValid():
            title, text, _ = explain(error)
            cell = Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text)
            self.model.set_children(index, [Row("error", (cell, _NOTHING, _NOTHING), (), None)])
        self._pause.start()


class _Answer:
    """The answer for one directory."""

    def __init__(self, tab: DirectoriesTab, index: QPersistentModelIndex) -> None:
        self._tab, self._index = tab, index

    def on_found(self, rows: Sequence[Row]) -> None:
        self._tab.show_found(self._index, rows)

    def on_error(self, error: Exception) -> None:
        self._tab.show_fault(self._index, error)
