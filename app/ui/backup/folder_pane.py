"""What a directory of a host contains, and what is known of its backups: the right side of the Source tab."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QFrame, QSplitter, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry, HostState
from app.model.media import SessionInfo
from app.model.paths import shown
from app.ui import formats
from app.ui.backup.draft import BackupDraft
from app.ui.backup.folders import Folder
from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel
from app.ui.widgets.basics import Label, Line, PaneHeader, column
from app.ui.widgets.form import pairs
from app.ui.widgets.views import CellTable

_KINDS = {
    EntryKind.DIRECTORY: ("Directory", "folder"),
    EntryKind.FILE: ("File", "file"),
    EntryKind.SYMLINK: ("Symbolic link", "link"),
}
_NS = 1_000_000_000


class EntriesModel(RowModel[DirectoryEntry]):
    """The names of one directory, as its host tells them."""

    columns = (
        Column("Name", 300, stretch=True),
        Column("Type", 110),
        Column("Size", 100, right=True),
        Column("Changed", 150),
    )

    def key_of(self, item: DirectoryEntry) -> Hashable:
        """The name."""
        return item.name

    def cell(self, item: DirectoryEntry, column: int) -> Cell:
        """Paintable content."""
        kind, icon = _KINDS.get(item.kind, ("Special file", "file"))
        if column == 0:
            name = shown(item.name)
            lost = "" if item.readable else "The agent may not read it"
            return Cell(formats.visible(name), icon=icon, icon_role="text2", beside=lost, tooltip=name)
        if column == 1:
            return Cell(kind, role="text2")
        if column == 2:
            is_file = item.kind is EntryKind.FILE
            return number(formats.size(item.size_bytes if is_file else None), item.size_bytes)
        at = datetime.fromtimestamp(item.modified_ns / _NS, UTC) if item.modified_ns else None
        return Cell(
            formats.moment(at),
            role="text2" if at else "muted",
            tooltip=formats.full_time(at),
            sort=float(item.modified_ns),
        )


class FolderPane(QWidget):
    """`changed` when the person says whether other file systems are entered."""

    changed = Signal()

    def __init__(self, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self.model = EntriesModel()
        self.table = CellTable(sortable=True)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setAccessibleName("Contents of the directory")
        self.header = PaneHeader("Contents")
        self.problem = Label("", "body", "warning", wrap=True)
        self.problem.setContentsMargins(16, 8, 16, 8)
        self.problem.hide()
        self._texts = {
            name: Label("", elide=Qt.TextElideMode.ElideMiddle)
            for name in ("Machine", "Directory", "System", "Last session", "Its size")
        }
        self.cross = QCheckBox("Go on where other file systems are mounted in it")
        self.cross.toggled.connect(self._on_crossed)
        lower = QFrame()
        lower.setProperty("kind", "pane")
        box = QVBoxLayout(lower)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(Line())
        box.addWidget(PaneHeader("Properties"))
        box.addWidget(Line())
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(16, 10, 16, 12)
        body.addLayout(pairs(*self._texts.items()))
        body.addWidget(self.cross)
        body.addStretch(1)
        box.addWidget(inner, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(column(self.header, Line(), self.problem, self.table))
        splitter.addWidget(lower)
        splitter.setSizes([380, 260])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def show_folder(
        self,
        folder: Folder,
        state: HostState | None,
        entries: Sequence[DirectoryEntry] | None,
        fault: str,
        session: SessionInfo | None,
    ) -> None:
        """Show a directory; `entries` None = not read yet."""
        self.header.note.setText(folder.label)
        self.model.set_items(list(entries or ()))
        self.problem.setText(fault)
        self.problem.setVisible(bool(fault))
        info = state.info if state is not None else None
        texts = {
            "Machine": folder.host,
            "Directory": shown(folder.path),
            "System": info.system if info is not None else "Not known: its agent does not answer",
            "Last session": "Not backed up yet by itself",
            "Its size": formats.NONE,
        }
        if session is not None:
            texts["Last session"] = (
                f"{session.number} on {session.media_name}, {formats.moment(session.started_at)}"
            )
            stored = formats.size(session.stored_bytes)
            texts["Its size"] = f"{formats.size(session.size_bytes)}, {stored} newly stored"
        for name, text in texts.items():
            self._texts[name].setText(text)
            self._texts[name].setToolTip(text)
        self.cross.setChecked(self._draft.cross_file_systems)

    def _on_crossed(self, on: bool) -> None:
        if on != self._draft.cross_file_systems:
            self._draft.cross_file_systems = on
            self.changed.emit()


def newest_of(sessions: Sequence[SessionInfo], folder: Folder) -> SessionInfo | None:
    """The newest session of a directory that was backed up by itself."""
    path = shown(folder.path)
    own = [
        one for one in sessions if not one.scenario_id and one.machine == folder.host and one.entity == path
    ]
    return max(own, key=lambda one: one.started_at, default=None)
