"""First aid: the damaged sessions of a media with their files, and the ways to make them whole."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.model.media import MediaInfo
from app.ui import formats
from app.ui.manager import Context
from app.ui.media.damage import FoundDamage, by_session, read_damage
from app.ui.media.state import Storage, whole_copies
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.notices import ProblemCard
from app.ui.widgets.views import CellTree

COLUMNS = (Column("Session and its damaged files", 430, stretch=True), Column("Whole elsewhere", 210))


class DamageDialog(QDialog):
    """`heal_wanted`; `merge_wanted`; `copy_wanted(sessions)` of what is whole.

    Nothing is changed by this dialog itself.
    """

    heal_wanted = Signal()
    copy_wanted = Signal(object)
    merge_wanted = Signal()

    def __init__(
        self, context: Context, storage: Storage, media: MediaInfo, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"First aid for {media.name}")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(760), theme().px(520))
        self._context, self._storage, self._media = context, storage, media
        self.title = Label(f"Damage on {media.name}", "subject", wrap=True)
        self.text = Label("Reading what the last check found…", "body", "text2", wrap=True)
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.setAccessibleName("Damaged sessions and files")
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.read)
        self.heal = button("Heal…", "primary", "shield-check")
        self.heal.setToolTip("Read everything, and repair from copies and other packs with the same content")
        self.heal.clicked.connect(self._on_heal)
        self.copy = button("Copy what is whole…", "", "copy")
        self.copy.clicked.connect(self._on_copy)
        self.merge = button("Merge again…", "", "merge")
        self.merge.setToolTip("Read the sessions into the catalog again, as they are on the media now")
        self.merge.clicked.connect(self._on_merge)
        self.log = button("Show log", "", "scroll-text")
        self.log.setEnabled(False)
        self.log.clicked.connect(self._on_log)
        close = button("Close")
        close.setDefault(True)
        self.tree.setFocus()
        close.clicked.connect(self.reject)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(6)
        head.addWidget(self.title)
        head.addWidget(self.text)
        head.addWidget(self.problem)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addWidget(self.log)
        foot.addWidget(self.copy)
        foot.addWidget(self.merge)
        foot.addStretch(1)
        foot.addWidget(self.heal)
        foot.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(Line())
        layout.addWidget(self.tree, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        self._job: int | None = None
        self._whole = [one for one in storage.sessions_of(media.serial) if not one.damaged]
        self._offer()
        self.read()

    def read(self) -> None:
        """Look into the log."""
        self.problem.hide()
        self._context.tasks.run(
            self,
            partial(read_damage, self._context.services, self._media.name),
            self._on_damage,
            self._on_failed,
            key="damage",
        )

    def _offer(self) -> None:
        away = "" if self._media.online else f"{self._media.name} is offline"
        self.heal.setEnabled(not away)
        self.merge.setEnabled(not away)
        self.copy.setEnabled(not away and bool(self._whole))
        if away:
            self.heal.setToolTip(away)
            self.merge.setToolTip(away)
        self.copy.setToolTip(
            away
            or (
                f"{formats.counted(len(self._whole), 'session')} without damage, to another media"
                if self._whole
                else "No session of this media is whole"
            )
        )

    def _on_failed(self, error: Exception) -> None:
        self.text.setText("")
        self.problem.show_error(error)

    def _on_damage(self, found: FoundDamage) -> None:
        self._job = found.job_id
        self.log.setEnabled(self._job is not None)
        files = by_session(found)
        damaged = {one.number: one for one in self._storage.sessions_of(self._media.serial) if one.damaged}
        numbers = sorted({*files, *damaged}, reverse=True)
        if not numbers:
            self.title.setText(f"No damage is known on {self._media.name}")
        else:
            self.title.setText(f"{formats.counted(len(numbers), 'session')} of {self._media.name} damaged")
        checked = f"Found {formats.moment(found.at)} by job {found.job_id}. " if found.at else ""
        self.text.setText(
            f"{checked}What is not listed reads as it was written. Healing makes damaged objects again, byte "
            "for byte, from whatever holds the same content; what cannot be healed is quarantined, and the "
            "next backup writes it anew. Merge reads the sessions into the catalog again afterwards."
        )
        self.model.set_rows([self._row(number, files.get(number)) for number in numbers])
        self.tree.expandAll()
        if numbers:
            self.tree.select_row(self.model.index(0, 0))

    def _row(self, number: int, files: tuple[str, ...] | None) -> Row:
        known = next(
            (one for one in self._storage.sessions_of(self._media.serial) if one.number == number), None
        )
        beside = "not in the catalog any more"
        copies = Cell(formats.NONE, role="muted")
        if known is not None:
            beside = f"{known.scenario_name or known.machine}, {formats.moment(known.finished_at)}"
            twins = whole_copies(known, self._storage.sessions)
            if twins:
                where = f"{twins[0].media_name}, session {twins[0].number}"
                copies = Cell(where, icon="copy", icon_role="ok", role="ok")
            else:
                copies = Cell("No copy", role="muted")
        named = tuple(
            Row(file, (Cell(file, icon="file-text", middle=True, tooltip=file), Cell()))
            for file in files or ()
        )
        if not named:
            hint = "Files could not be named: check again with the session password"
            if files is None:
                hint = "The check that found it is not in the log any more: check again to name the files"
            named = (Row("?", (Cell(hint, role="muted"), Cell()), selectable=False),)
        head = Cell(
            f"Session {number}",
            icon="octagon-alert",
            icon_role="error",
            medium=True,
            beside=f"{beside}, {formats.counted(len(files or ()), 'file')}" if files else beside,
        )
        return Row(number, (head, copies), named, number)

    def _on_heal(self) -> None:
        self.accept()
        self.heal_wanted.emit()

    def _on_merge(self) -> None:
        self.accept()
        self.merge_wanted.emit()

    def _on_copy(self) -> None:
        self.accept()
        self.copy_wanted.emit(self._whole)

    def _on_log(self) -> None:
        if self._job is not None:
            self.reject()
            self._context.open_manager("job_status", log_of=self._job)
