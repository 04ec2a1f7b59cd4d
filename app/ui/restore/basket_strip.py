"""The strip at the foot of the source views: what is in the basket, and the dialog that lists it."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.media import SessionInfo
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.restore.basket import (
    BasketItem,
    SessionSource,
    item_name,
    origin,
    summary,
)
from app.ui.restore.chooser import Chooser
from app.ui.restore.contents import KIND_ICONS
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button, standard_button
from app.ui.widgets.views import CellTable


class BasketStrip(QFrame):
    """Counts, origin, and the ways on."""

    show_wanted = Signal()
    destination_wanted = Signal()

    def __init__(self, chooser: Chooser, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sunken")
        self._chooser = chooser
        self._sessions: dict[SessionSource, SessionInfo] = {}
        self.title = Label("", "strong", elide=Qt.TextElideMode.ElideRight)
        self.text = Label("", "small", "text2", elide=Qt.TextElideMode.ElideRight)
        self.locked = Label("", "small", "warning")
        self._key = IconLabel("key-round", "warning", 16)
        self.show_button = button("Show basket")
        self.show_button.clicked.connect(self.show_wanted)
        self.clear_button = button("Clear")
        self.clear_button.clicked.connect(chooser.empty)
        self.next_button = button("Destination")
        self.next_button.clicked.connect(self.destination_wanted)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.text)
        row = QHBoxLayout()
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(8)
        row.addWidget(IconLabel("shopping-basket", "accent", 20))
        row.addLayout(words, 1)
        row.addWidget(self._key)
        row.addWidget(self.locked)
        for widget in (self.clear_button, self.show_button, self.next_button):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Line())
        layout.addLayout(row)
        chooser.changed.connect(self.refresh)
        self.refresh()

    def set_sessions(self, sessions: dict[SessionSource, SessionInfo]) -> None:
        """The known sessions, for names of media and for what is encrypted."""
        self._sessions = sessions
        self.refresh()

    def refresh(self) -> None:
        """Say what is chosen now."""
        basket = self._chooser.basket
        filled = len(basket) > 0
        self.title.setText(f"Restore basket: {summary(basket)}")
        self.text.setText(origin(basket, self._sessions))
        locked = sorted(
            source.session
            for source, _ in basket.selection.chosen()
            if isinstance(source, SessionSource)
            and source in self._sessions
            and self._sessions[source].encrypted
        )
        if len(locked) == 1:
            said = f"Session {locked[0]} needs its session password"
        else:
            said = f"{len(locked)} sessions need their session passwords" if locked else ""
        self.locked.setText(said)
        self.locked.setVisible(bool(said))
        self._key.setVisible(bool(said))
        self.setAccessibleName(f"{self.title.text()}. {self.text.text()} {said}".strip())
        for widget in (self.show_button, self.clear_button, self.next_button):
            widget.setEnabled(filled)
            widget.setToolTip("" if filled else "The basket is empty")


class BasketModel(RowModel[BasketItem]):
    """What is in the basket."""

    columns = (Column("Item", 280, stretch=True), Column("Size", 90, right=True), Column("From", 220))

    def key_of(self, item: BasketItem) -> Hashable:
        """Source and path."""
        return item.source, item.path

    def cell(self, item: BasketItem, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            icon = "archive" if item.kind is None else KIND_ICONS.get(item.kind, "file")
            return Cell(item_name(item), icon=icon, middle=True)
        if column == 1:
            known = item.entry is not None and item.kind not in (None, EntryKind.DIRECTORY)
            if not known or item.entry is None:
                return Cell(formats.NONE, role="muted", right=True, sort=-1)
            return Cell(formats.size(item.entry.size_bytes), right=True, sort=item.entry.size_bytes)
        if isinstance(item.source, SessionSource):
            return Cell(f"Session {item.source.session}", role="text2")
        when = f"as of {formats.moment(item.source.as_of)}" if item.source.as_of else "last backup"
        return Cell(f"{item.source.machine}, {when}", role="text2")


class BasketDialog(QDialog):
    """The list, from which things can be taken out again."""

    def __init__(self, chooser: Chooser, parent: QWidget) -> None:
        super().__init__(parent)
        self._chooser = chooser
        self.setWindowTitle("Restore basket")
        self.resize(min(theme().px(840), 1280), min(theme().px(460), 800))
        self._title = Label("", "subject")
        self.model = BasketModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Restore basket")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.buttons = QDialogButtonBox()
        self.remove = button("Remove")
        self.remove.clicked.connect(self._on_remove)
        self.buttons.addButton(self.remove, QDialogButtonBox.ButtonRole.ActionRole)
        self.clear = button("Clear basket")
        self.clear.clicked.connect(chooser.empty)
        self.buttons.addButton(self.clear, QDialogButtonBox.ButtonRole.ActionRole)
        close = standard_button(self.buttons, QDialogButtonBox.StandardButton.Close)
        close.setDefault(True)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.buttons)
        chooser.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self.model.set_items(list(self._chooser.basket.items()))
        self._title.setText(summary(self._chooser.basket)[:1].upper() + summary(self._chooser.basket)[1:])
        filled = bool(self.model.items)
        self.remove.setEnabled(filled)
        self.clear.setEnabled(filled)

    def _on_remove(self) -> None:
        for item in self.table.selected_objects():
            if isinstance(item, BasketItem):
                self._chooser.drop(item.source, item.path)
