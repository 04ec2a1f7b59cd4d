"""Two versions of a folder compared by counts, with the paths that differ."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.folder_comparison import Change, FolderChange, FolderComparison
from app.model.media import FileVersion
from app.model.paths import shown
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label, Line, button
from app.ui.widgets.notices import ProblemCard
from app.ui.widgets.status import Pill
from app.ui.widgets.views import CellTable

_LISTED = 5000
_LOOKS = {
    Change.ADDED: ("added", "file-plus", "ok"),
    Change.REMOVED: ("removed", "trash-2", "error"),
    Change.CHANGED: ("changed", "file-pen", "warning"),
    Change.SAME: ("the same", "check", "muted"),
}


class ChangeModel(RowModel[FolderChange]):
    """What differs, path by path."""

    columns = (
        Column("Path", 420, stretch=True),
        Column("Change", 110),
        Column("Size before", 100, right=True),
        Column("Size after", 100, right=True),
    )

    def __init__(self, beneath: bytes, parent: QWidget) -> None:
        super().__init__(parent)
        self._cut = len(beneath.rstrip(b"/")) + 1

    def key_of(self, item: FolderChange) -> Hashable:
        """The path."""
        return item.path

    def cell(self, item: FolderChange, column: int) -> Cell:
        """Paintable content."""
        word, icon, role = _LOOKS[item.change]
        of_folder = item.kind is EntryKind.DIRECTORY
        if column == 0:
            text = shown(item.path[self._cut :])
            kind = "folder" if of_folder else "file-text"
            return Cell(text, icon=kind, middle=True, tooltip=shown(item.path))
        if column == 1:
            return Cell(word, icon=icon, icon_role=role, role=role)
        there = item.change is not (Change.ADDED if column == 2 else Change.REMOVED)
        size = item.size_before if column == 2 else item.size_after
        if of_folder or not there:
            return Cell(formats.NONE, role="muted", right=True, sort=-1)
        return Cell(formats.size(size), right=True, sort=size)


class CompareFoldersDialog(QDialog):
    """From the session that held the older version last to that of the newer one. Reads the catalog alone."""

    def __init__(
        self, context: Context, older: FileVersion, newer: FileVersion, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Compare versions")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(840), theme().px(560))
        self._context, self.older, self.newer = context, older, newer
        self.found: FolderComparison | None = None
        name = formats.visible(shown(older.path.rpartition(b"/")[2])) or "/"
        self.title = Label(name, "subject")
        self.note = Label("", "body", "text2", wrap=True)
        self.pills = {change: Pill("", icon, role) for change, (_, icon, role) in _LOOKS.items()}
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.read)
        self.model = ChangeModel(older.path, self)
        self.table = CellTable(row_height=24)
        self.table.setAccessibleName("What differs")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.filter = FilterField("Filter paths")
        self.filter.filtered.connect(self._on_filtered)
        self.listed = Label("", "small", "muted")
        close = button("Close")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        pills = QHBoxLayout()
        pills.setSpacing(8)
        for pill in self.pills.values():
            pill.hide()
            pills.addWidget(pill)
        pills.addStretch(1)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(8)
        for widget in (self.title, self.note, self.problem):
            head.addWidget(widget)
        head.addLayout(pills)
        head.addWidget(self.filter)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.addWidget(self.listed)
        foot.addStretch(1)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(Line())
        layout.addWidget(self.table, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        self.table.setFocus()
        self.read()

    def read(self) -> None:
        """Compare, on a task thread."""
        self.problem.hide()
        self.note.setText("Comparing…")
        before, after = self.older.last_session, self.newer.last_session
        call = partial(
            self._context.services.restores.compare_folders,
            self.older.machine,
            self.older.path,
            (before.media_serial, before.number),
            (after.media_serial, after.number),
            limit=_LISTED,
        )
        self._context.tasks.run(self, call, self._on_found, self._on_failed, key="compare")

    def _on_failed(self, error: Exception) -> None:
        self.note.setText("")
        self.problem.show_error(error)

    def _on_found(self, found: FolderComparison) -> None:
        self.found = found
        before, after = self.older.last_session, self.newer.last_session
        said = (
            f"Session {before.number} of {formats.moment(before.finished_at)} "
            f"({formats.size(found.size_before)}) → session {after.number} of "
            f"{formats.moment(after.finished_at)} ({formats.size(found.size_after)})."
        )
        if found.by_time:
            said += " They are on different media or under different passwords: size and time are compared."
        self.note.setText(said)
        for change, pill in self.pills.items():
            word, icon, role = _LOOKS[change]
            parts = [formats.counted(found.files[change], "file")]
            if found.folders[change]:
                parts.append(formats.counted(found.folders[change], "folder"))
            some = found.files[change] + found.folders[change] > 0
            pill.set_pill(f"{', '.join(parts)} {word}", icon, role if some else "muted")
            pill.show()
        self.model.set_items(found.items)
        cut = f"The first {len(found.items):,} are listed; the counts are of all"
        self.listed.setText(cut if found.truncated else f"{len(found.items):,} listed")

    def _on_filtered(self, text: str) -> None:
        self.table.model().set_text(text)  # type: ignore[attr-defined] # a SortProxy, made by set_source
