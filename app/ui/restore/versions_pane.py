"""Version History: the distinct contents of one path, and the one that goes into the basket."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QModelIndex, QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.media import FileVersion
from app.model.paths import shown
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column, ItemRole
from app.ui.models.table import RowModel
from app.ui.widgets.basics import Label, Line, PaneHeader, button, icon_button
from app.ui.widgets.form import pairs
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable


class VersionModel(RowModel[FileVersion]):
    """Distinct contents, newest first."""

    columns = (Column("Modified", 174), Column("Size", 76, right=True), Column("Kept in", 90, stretch=True))

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tiers: Mapping[str, str] = {}

    def key_of(self, item: FileVersion) -> Hashable:
        """The content and where it is last held."""
        return (
            item.kind,
            item.content_id,
            item.modified_ns,
            item.last_session.number,
            item.last_session.media_serial,
        )

    def cell(self, item: FileVersion, column: int) -> Cell:
        """Paintable content, two lines."""
        last = item.last_session
        if column == 0:
            backed_up = f"backed up {formats.moment(last.finished_at)}"
            return Cell(
                modified_text(item.modified_ns),
                medium=True,
                second=backed_up,
                tooltip=f"Last backed up {formats.full_time(last.finished_at)}",
                sort=item.modified_ns,
            )
        if column == 1:
            if item.kind is not EntryKind.FILE:
                return Cell(formats.NONE, role="muted", right=True, sort=-1)
            return Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes)
        tier = self.tiers.get(last.media_serial, "")
        return Cell(
            held_text(item),
            second=", ".join(filter(None, (proof_text(item), tier))),
            tooltip=f"On media {last.media_name}, {proven_text(item)}",
            sort=last.number,
        )


def modified_text(modified_ns: int) -> str:
    """Local time with seconds."""
    try:
        return formats.timestamp(datetime.fromtimestamp(modified_ns / 1e9, UTC))
    except (OverflowError, ValueError):
        return "out of range"


def held_text(version: FileVersion) -> str:
    """Which sessions hold it: one, or from the first to the last."""
    first, last = version.first_session, version.last_session
    if (first.media_serial, first.number) == (last.media_serial, last.number):
        return f"Session {last.number}"
    if first.media_serial != last.media_serial:
        return f"Session {first.number} to {last.number}"
    return f"Sessions {first.number}-{last.number}"


def proof_text(version: FileVersion) -> str:
    """What is proven of the session that the version would be restored from."""
    last = version.last_session
    if last.damaged:
        return "damaged"
    if last.restore_tested_at:
        return "restore-tested"
    if last.verified_at:
        return "verified"
    return "encrypted" if last.encrypted else "written"


def proven_text(version: FileVersion) -> str:
    """When the session that it would be restored from was last read back."""
    at = version.last_session.verified_at
    return f"last verified {formats.moment(at)}" if at is not None else "not verified yet"


class VersionsPane(QFrame):
    """`chosen(FileVersion)` puts a version into the basket; `closed` when the pane is not wanted any more."""

    chosen = Signal(object)
    closed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._asked: tuple[str, bytes] | None = None
        self.setProperty("kind", "pane")
        self.setMinimumWidth(320)
        self.head = PaneHeader("Version History")
        close = icon_button("x", "Close Version History")
        close.clicked.connect(self.closed)
        self.head.add(close)
        self.model = VersionModel(self)
        self.table = CellTable(row_height=44)
        self.table.setAccessibleName("Versions")
        self.table.setSelectionMode(CellTable.SelectionMode.ExtendedSelection)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.current_row_changed.connect(self._on_current_changed)
        self.table.row_activated.connect(self._on_row_activated)
        self.table.selectionModel().selectionChanged.connect(self._offer)
        self.nothing = EmptyState(
            "history", "No file is chosen", "Choose a file or folder to see its versions."
        )
        self.problem = ProblemCard()
        self.problem.retried.connect(self._on_retried)
        card = QFrame()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 16, 16, 16)
        inside.addWidget(self.problem)
        inside.addStretch(1)
        self._stack = QStackedWidget()
        for page in (self.nothing, self.table, card):
            self._stack.addWidget(page)
        self.detail = QFrame()
        self.detail.setProperty("kind", "sunken")
        self._title = Label("", "strong", elide=Qt.TextElideMode.ElideRight)
        self._facts = {
            name: Label("", elide=Qt.TextElideMode.ElideRight)
            for name in ("Media", "Proof", "Machine", "Content")
        }
        self.add = button("Add to basket", "small-primary")
        self.add.clicked.connect(self._on_add)
        self.preview = button("Preview", "small", "eye")
        self.preview.clicked.connect(self._on_preview)
        self.compare = button("Compare", "small", "git-compare")
        self.compare.clicked.connect(self._on_compare)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.preview)
        foot.addWidget(self.compare)
        foot.addStretch(1)
        foot.addWidget(self.add)
        body = QVBoxLayout(self.detail)
        body.setContentsMargins(16, 12, 16, 12)
        body.setSpacing(8)
        body.addWidget(self._title)
        body.addLayout(pairs(*self._facts.items()))
        body.addLayout(foot)
        self.detail.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(Line())
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addWidget(self.detail)

    def set_tiers(self, tiers: Mapping[str, str]) -> None:
        """The tier of each media by its serial, where backups are staged."""
        if tiers != self.model.tiers:
            self.model.tiers = tiers
            self.model.touch()
            self._on_current_changed(self.table.currentIndex())

    def ask(self, machine: str, path: bytes) -> None:
        """Show the versions of a path; an empty machine = nothing is chosen."""
        wanted = (machine, path) if machine and path != b"/" else None
        if wanted == self._asked:
            return
        self._asked = wanted
        if wanted is None:
            self.head.note.setText("")
            self.detail.hide()
            self._stack.setCurrentIndex(0)
            return
        self._load()

    def current(self) -> FileVersion | None:
        """The version looked at."""
        found = self.table.current_object()
        return found if isinstance(found, FileVersion) else None

    def _load(self) -> None:
        if self._asked is None:
            return
        machine, path = self._asked
        self.head.note.setText("Reading…")
        self._context.tasks.run(
            self,
            lambda: self._context.services.restores.versions(machine, path),
            partial(self._on_versions, self._asked),
            self._on_failed,
            key="versions",
        )

    def _on_versions(self, asked: tuple[str, bytes], versions: Sequence[FileVersion]) -> None:
        if asked != self._asked:
            return
        name = formats.visible(shown(asked[1].rpartition(b"/")[2]))
        contents = formats.counted(len(versions), "content")
        self.head.note.setText(f"{name}, {contents}")
        self.model.set_items(versions)
        self._stack.setCurrentIndex(1 if versions else 0)
        self.nothing.title.setText("No version is kept" if not versions else "No file is chosen")
        if versions:
            self.table.select_row(self.table.model().index(0, 0))
            self._on_current_changed(self.table.currentIndex())
        else:
            self.detail.hide()

    def _on_failed(self, error: Exception) -> None:
        self.head.note.setText("")
        self.problem.show_error(error)
        self.detail.hide()
        self._stack.setCurrentIndex(2)

    def _on_retried(self) -> None:
        self._load()

    def _on_current_changed(self, index: QModelIndex) -> None:
        version = index.data(ItemRole.OBJECT) if index.isValid() else None
        self.detail.setVisible(isinstance(version, FileVersion))
        if isinstance(version, FileVersion):
            last = version.last_session
            self._title.setText(f"Version {modified_text(version.modified_ns)}")
            tier = self.model.tiers.get(last.media_serial, "")
            media = ", ".join(filter(None, (last.media_name, f"session {last.number}", tier)))
            self._facts["Media"].setText(media)
            proven = proven_text(version)
            self._facts["Proof"].setText(proven[:1].upper() + proven[1:])
            self._facts["Machine"].setText(version.machine)
            self._facts["Content"].setText(version.content_id[:20] or formats.NONE)
            self._offer()

    def compared(self) -> tuple[FileVersion, FileVersion] | None:
        """(older, newer): the two chosen ones, or the chosen one and the one before it; None = neither."""
        chosen = [one for one in self.table.selected_objects() if isinstance(one, FileVersion)]
        known = list(self.model.items)
        if len(chosen) == 1:
            before = known.index(chosen[0]) + 1 if chosen[0] in known else len(known)
            chosen += known[before : before + 1]
        comparable = ({EntryKind.FILE}, {EntryKind.DIRECTORY})
        if len(chosen) != 2 or {one.kind for one in chosen} not in comparable:
            return None
        if chosen[0].kind is EntryKind.DIRECTORY:
            older, newer = sorted(chosen, key=lambda one: one.last_session.finished_at)
            return older, newer
        older, newer = sorted(chosen, key=lambda one: (one.modified_ns, one.last_session.finished_at))
        return older, newer

    def _offer(self, *_selection: object) -> None:
        version = self.current()
        is_file = version is not None and version.kind is EntryKind.FILE
        self.preview.setEnabled(is_file)
        self.preview.setToolTip("Look at it without restoring it" if is_file else "Only files are shown")
        pair = self.compared()
        self.compare.setEnabled(pair is not None)
        self.compare.setToolTip(
            f"{modified_text(pair[0].modified_ns)} with {modified_text(pair[1].modified_ns)}"
            if pair is not None
            else "Choose two versions (Ctrl), or one that has an older one"
        )

    def _on_preview(self) -> None:
        from app.ui.restore.preview_dialog import PreviewDialog

        version = self.current()
        if version is not None:
            self._show(PreviewDialog(self._context, version, self))

    def _on_compare(self) -> None:
        from app.ui.restore.folder_dialog import CompareFoldersDialog
        from app.ui.restore.preview_dialog import CompareDialog

        pair = self.compared()
        if pair is not None:
            of_folders = pair[0].kind is EntryKind.DIRECTORY
            made = CompareFoldersDialog if of_folders else CompareDialog
            self._show(made(self._context, *pair, self))

    def _show(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_row_activated(self, _index: QModelIndex) -> None:
        self._on_add()

    def _on_add(self) -> None:
        version = self.current()
        if version is not None:
            self.chosen.emit(version)
