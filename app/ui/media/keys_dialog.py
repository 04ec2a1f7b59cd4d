"""Keys: who opens the encrypted sessions of a media set, with passwords and the recovery kit."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.model.media import MediaInfo
from app.model.media_keys import KeyChange, KeySlot, RecoveryKit, RecoveryTest, SlotKind
from app.ui import formats
from app.ui.manager import Context
from app.ui.media.key_dialogs import (
    AddKeyDialog,
    ChangeKeyDialog,
    KitDialog,
    NewKitDialog,
    RemoveKeyDialog,
    TestKitDialog,
)
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.boxes import row_of
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable


class SlotModel(RowModel[KeySlot]):
    """The key slots of all media of a set."""

    columns = (
        Column("Opens with", 150),
        Column("Name", 170, stretch=True),
        Column("Key", 90),
        Column("Slot", 50, right=True),
        Column("Media", 150),
        Column("Made", 130),
        Column("Sessions", 120),
    )

    def key_of(self, item: KeySlot) -> Hashable:
        """Media, key and slot."""
        return item.media_serial, item.key_id, item.slot

    def cell(self, item: KeySlot, column: int) -> Cell:
        """Paintable content."""
        recovery = item.kind is SlotKind.RECOVERY
        match column:
            case 0 if item.damaged:
                return Cell("Damaged", icon="octagon-alert", icon_role="error", role="error")
            case 0:
                return Cell("Recovery key" if recovery else "Password", icon="printer" if recovery else "key")
            case 1:
                return Cell(item.name or formats.NONE, role="text" if item.name else "muted")
            case 2:
                return Cell(item.key_id, mono=True)
            case 3:
                return Cell(str(item.slot), right=True, sort=item.slot)
            case 4:
                return Cell(item.media_name, beside=f"seq {item.sequence}")
            case 5:
                at = item.made_at
                return Cell(formats.moment(at), role="text2", sort=at.timestamp() if at else 0.0)
            case _:
                numbers = ", ".join(map(str, item.sessions))
                return Cell(numbers or "none", role="text2" if numbers else "muted", tooltip=numbers)


class KeysDialog(QDialog):
    """Each change is made at once on all media of the set that are online.

    `sets`: one media of each set to choose from, the one to begin with first; there may be none.
    """

    def __init__(self, context: Context, sets: Sequence[MediaInfo], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and recovery kit")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(900), theme().px(480))
        self._context = context
        self._media = sets[0] if sets else None
        self.title = Label("Who opens the encrypted sessions", "subject", wrap=True)
        self.choice = QComboBox()
        self.choice.setAccessibleName("Media set")
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for one in sets:
            self.choice.addItem(f"{one.name}, ID {one.media_id}", one)
        self.choice.currentIndexChanged.connect(self._on_media_chosen)
        self.text = Label(
            "A change of password writes no data again. A recovery kit is a printed key for the day the "
            "password is lost; keep it away from the media.",
            "body",
            "text2",
            wrap=True,
        )
        self.said = Label("", "body", "ok", wrap=True)
        self.said.hide()
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.read)
        self.model = SlotModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Keys")
        self.table.setSelectionMode(CellTable.SelectionMode.SingleSelection)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.current_row_changed.connect(self._on_current_changed)
        self.empty = EmptyState(
            "lock",
            "No session is encrypted",
            "Give a session password in the Backup Manager's Destination, and its keys are listed here.",
        )
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._stack.addWidget(self.empty)
        self.change = button("Change password…")
        self.change.clicked.connect(partial(self._open, ChangeKeyDialog))
        self.add = button("Add password…")
        self.add.clicked.connect(partial(self._open, AddKeyDialog))
        self.remove = button("Remove…")
        self.remove.clicked.connect(self._on_remove)
        self.kit = button("New recovery kit…", "primary", "printer")
        self.kit.clicked.connect(partial(self._open, NewKitDialog))
        self.test = button("Test recovery key…", "", "shield-check")
        self.test.clicked.connect(partial(self._open, TestKitDialog))
        self.close_ = button("Close")
        self.close_.setDefault(True)
        self.close_.clicked.connect(self.reject)
        self._lay_out()
        order = (self.choice, self.change, self.add, self.remove, self.table, self.test, self.kit)
        for before, after in pairwise((*order, self.close_)):
            QWidget.setTabOrder(before, after)
        self._offer()
        self.read()

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(6)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(Label("Media", "body", "muted"))
        top.addWidget(self.choice)
        head.addLayout(top)
        for widget in (self.text, self.said, self.problem):
            head.addWidget(widget)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        head.addWidget(row_of(self.change, self.add, self.remove))
        foot.addStretch(1)
        for made in (self.test, self.kit, self.close_):
            foot.addWidget(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(Line())
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def read(self) -> None:
        """The slots as they are on the media now."""
        self.problem.hide()
        if self._media is None:
            self.empty.title.setText("No media is online")
            self._on_slots(())
            return
        self.empty.title.setText(f"No session of {self._media.name} is encrypted")
        self._context.tasks.run(
            self,
            partial(self._context.services.keys.list, self._media.serial),
            self._on_slots,
            self.problem.show_error,
            key="slots",
        )

    def _on_media_chosen(self) -> None:
        found = self.choice.currentData()
        self._media = found if isinstance(found, MediaInfo) else None
        self.said.hide()
        self.model.set_items(())
        self._offer()
        self.read()

    def _on_slots(self, slots: Sequence[KeySlot]) -> None:
        self.model.set_items(slots)
        self._stack.setCurrentIndex(0 if slots else 1)
        if slots and not self.table.currentIndex().isValid():
            self.table.select_row(self.table.model().index(0, 0))
        self._offer()

    def _on_current_changed(self, _index: QModelIndex) -> None:
        self._offer()

    def _slot(self) -> KeySlot | None:
        found = self.table.current_object()
        return found if isinstance(found, KeySlot) else None

    def _offer(self) -> None:
        some = bool(self.model.items)
        for one in (self.change, self.add, self.kit, self.test):
            one.setEnabled(some)
            one.setToolTip("" if some else "No session of this media is encrypted")
        slot = self._slot()
        of_key = [one for one in self.model.items if slot and one.key_id == slot.key_id and not one.damaged]
        of_key = [one for one in of_key if slot and one.media_serial == slot.media_serial]
        reason = "" if slot is not None else "Choose a key first"
        if slot is not None and len(of_key) < 2:
            reason = "It is the only one that opens these sessions"
        self.remove.setEnabled(not reason)
        self.remove.setToolTip(reason)

    def _open(self, kind: type[ChangeKeyDialog], _checked: object = None) -> None:
        if self._media is not None:
            self._show(kind(self._context, self._media, self))

    def _on_remove(self) -> None:
        slot = self._slot()
        if slot is not None:
            self._show(RemoveKeyDialog(self._context, slot, self))

    def _show(self, dialog: ChangeKeyDialog | RemoveKeyDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_done)
        dialog.open()

    def _on_done(self, result: object) -> None:
        if isinstance(result, RecoveryKit):
            page = KitDialog(self._context, result, self)
            page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            page.open()
        said, role = result_words(result)
        self.said.setText(said)
        self.said.set_role(role)
        self.said.setVisible(bool(said))
        self.read()


def result_words(result: object) -> tuple[str, str]:
    """What a change or a test of keys did, and its colour role."""
    if isinstance(result, RecoveryTest):
        opened = ", ".join(
            f"session {one.session} of {one.media_name} ({formats.counted(one.entries, 'entry', 'entries')})"
            for one in result.opened
        )
        text, role = f"The recovery key opens {opened}.", "ok"
        if result.not_opened:
            text += f" It does not open the keys {', '.join(result.not_opened)}: make a kit for those, too."
            role = "warning"
        return text + _offline(result.offline), "warning" if result.offline else role
    if isinstance(result, RecoveryKit):
        return f"A recovery key was made for {formats.counted(len(result.keys), 'key')}." + _offline(
            result.offline
        ), "warning" if result.offline else "ok"
    if isinstance(result, KeyChange):
        parts = []
        parts += [f"{formats.counted(len(result.added), 'key slot')} added"] if result.added else []
        parts += [f"{formats.counted(len(result.removed), 'key slot')} removed"] if result.removed else []
        text = f"{' and '.join(parts).capitalize()}." if parts else "It opened everything already."
        if result.jobs:
            jobs = ", ".join(map(str, result.jobs))
            text += f" Jobs {jobs} still have the old password: submit them again with the new one."
        return text + _offline(result.offline), "warning" if result.jobs or result.offline else "ok"
    return "", "muted"


def _offline(names: Sequence[str]) -> str:
    return f" Not reached, and as before: {', '.join(names)}." if names else ""
