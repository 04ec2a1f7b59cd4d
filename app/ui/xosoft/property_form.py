"""Properties in their groups: of the scenario, or of one replica with what it takes from the scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from app.model.properties import property_text
from app.ui.bridge.slices import Slices
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button
from app.ui.xosoft.property_editors import Editor, editor_for
from app.ui.xosoft.property_fields import FIELDS, PropertyField, checked, default_note


class PropertyRow:
    """The widgets of one property. Those that are seldom needed are made when they are."""

    def __init__(self, field: PropertyField, grid: QGridLayout, line: int) -> None:
        self.field = field
        self._grid, self._line = grid, line
        self.title = Label(field.title, "body", "text2", wrap=True)
        self.title.setMinimumWidth(theme().px(130))
        self.editor: Editor = editor_for(field)
        self.title.setBuddy(self.editor)
        self.editor.setAccessibleName(field.title)
        self.unit = Label(field.unit, "small", "muted") if field.unit else None
        self.note = Label(default_note(field), "small", "muted", elide=Qt.TextElideMode.ElideRight)
        top = Qt.AlignmentFlag.AlignTop if field.name == "notify_on" else Qt.AlignmentFlag.AlignVCenter
        grid.addWidget(self.title, line, 0, top)
        # A line of text takes the room of the unit, too.
        grid.addWidget(self.editor, line, 1, 1, 1 if self.unit is not None else 2)
        if self.unit is not None:
            grid.addWidget(self.unit, line, 2)
        grid.addWidget(self.note, line, 3, top)
        self._fault: Label | None = None
        self.undo: QPushButton | None = None
        self.on_undo: Callable[[], None] = lambda: None
        self.reset: QPushButton | None = button("Reset", "link") if field.by_replica else None
        if self.reset is not None:
            self.reset.setToolTip("Use the scenario's value")
            self.reset.setAccessibleName(f"{field.title}: use the scenario's value")
            self.reset.hide()
            grid.addWidget(self.reset, line, 3, Qt.AlignmentFlag.AlignLeft)

    @property
    def fault(self) -> str:
        """What is wrong with the value; "" = nothing."""
        return self._fault.text() if self._fault is not None and not self._fault.isHidden() else ""

    def set_fault(self, text: str) -> None:
        """Show what is wrong with the value; "" = nothing."""
        if self._fault is None:
            if not text:
                return
            self._fault = Label("", "small", "error", wrap=True)
            self._grid.addWidget(self._fault, self._line + 1, 1, 1, 3)
        self._fault.setText(text)
        self._fault.setVisible(bool(text))
        target = self.editor.focusProxy() or self.editor
        target.setAccessibleDescription(text)
        target.setProperty("state", "error" if text else "")
        target.style().unpolish(target)
        target.style().polish(target)

    def set_changed(self, was: str | None) -> None:
        """Mark a value that is not saved yet, with what it `was`; None: it is as saved."""
        if was is None and self.undo is None:
            return
        if self.undo is None:
            self.undo = button("Undo", "link")
            self.undo.setAccessibleName(f"{self.field.title}: undo the change")
            self._grid.addWidget(self.undo, self._line, 3, Qt.AlignmentFlag.AlignRight)
            self.undo.clicked.connect(self.on_undo)
        beside = self.reset is not None and not self.reset.isHidden()
        words = was or "empty"
        self.undo.setText("Undo" if beside else f"Undo, was {words[:20]}{'…' if len(words) > 20 else ''}")
        self.undo.setVisible(was is not None)
        # In place of the note, for which there is no room beside it.
        self.note.setVisible(was is None and not beside)
        self.undo.setToolTip(f"Back to {words}")
        self.title.set_role("accent" if was is not None else "text2")
        self.title.setAccessibleName(f"{self.field.title}, changed" if was is not None else self.field.title)

    def set_own(self, own: bool | None) -> None:
        """Of a replica: whether the value is its own, or the scenario's. None = of the scenario itself."""
        if self.reset is not None:
            self.reset.setVisible(own is True)
        self.title.set_role("text" if own else "text2")
        self.note.setText("From the scenario" if own is False else default_note(self.field))
        self.note.setVisible(own is not True)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all of it."""
        for widget in (self.title, self.editor, self.unit, self.note):
            if widget is not None:
                widget.setVisible(visible)
        for extra in (self.reset, self._fault, self.undo):
            if extra is not None and not visible:
                extra.hide()


class PropertyForm(QWidget):
    """`changed` on every edit; `edited(name)` and `reset(name)` say of what.

    A few `names` are there at once; all properties are too many for one round of the event loop: `built` says
    when they are there, `build_now` does not wait for it.
    """

    built = Signal()
    changed = Signal()
    edited = Signal(str)
    reset = Signal(str)
    undone = Signal(str)

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.rows: dict[str, PropertyRow] = {}
        self._captions: dict[str, Label] = {}
        self._filling = False
        self._values: dict[str, Any] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 8, 16, 16)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for column, stretch in ((0, 2), (1, 3), (3, 2)):
            grid.setColumnStretch(column, stretch)
        self._building = Slices(self, self._build(grid, names), self.built.emit)
        if names:
            self._building.finish()

    @property
    def ready(self) -> bool:
        """Whether all fields are there."""
        return self._building.done

    def build_now(self) -> None:
        """Make what is left at once."""
        self._building.finish()

    def _build(self, grid: QGridLayout, names: tuple[str, ...]) -> Iterator[None]:
        line = 0
        for field in FIELDS:
            if names and field.name not in names:
                continue
            if field.group not in self._captions:
                caption = self._captions[field.group] = Label(field.group, "strong")
                caption.setContentsMargins(0, 12 if line else 0, 0, 2)
                grid.addWidget(caption, line, 0, 1, 4)
                line += 1
            self._add(grid, line, field)
            line += 2
            yield
        grid.setRowStretch(line, 1)

    @property
    def _editors(self) -> dict[str, Editor]:
        return {name: row.editor for name, row in self.rows.items()}

    def _add(self, grid: QGridLayout, line: int, field: PropertyField) -> None:
        row = self.rows[field.name] = PropertyRow(field, grid, line)
        name = field.name
        row.on_undo = lambda: self.undone.emit(name)
        row.editor.edited.connect(lambda: self._on_edited(name))
        if row.reset is not None:
            row.reset.clicked.connect(lambda: self.reset.emit(name))

    def set_values(self, values: dict[str, Any]) -> None:
        """Show values without telling."""
        self._filling = True
        try:
            for name, row in self.rows.items():
                if name in values:
                    self._values[name] = values[name]
                    row.editor.set_text_form(property_text(values[name]))
                    row.set_fault("")
        finally:
            self._filling = False

    def values(self) -> dict[str, Any]:
        """What stands in the fields; of a faulty one its last good value."""
        return {name: self._values[name] for name in self.rows if name in self._values}

    def faults(self) -> dict[str, str]:
        """What is wrong, by the titles of the fields."""
        return {row.field.title: row.fault for row in self.rows.values() if row.fault}

    def set_scope(self, own: frozenset[str] | None) -> None:
        """Show the properties of a replica, with those that are its `own`; None = those of the scenario."""
        for row in self.rows.values():
            visible = own is None or row.field.by_replica
            row.set_visible(visible)
            if visible:
                row.set_own(None if own is None else row.field.name in own)
        for group, caption in self._captions.items():
            fields = [row.field for row in self.rows.values() if row.field.group == group]
            caption.setVisible(own is None or any(field.by_replica for field in fields))

    def set_editable(self, *, editable: bool) -> None:
        """Enable or disable all fields."""
        for row in self.rows.values():
            row.editor.setEnabled(editable)
            if row.reset is not None:
                row.reset.setEnabled(editable)

    def _on_edited(self, name: str) -> None:
        if self._filling:
            return
        row = self.rows[name]
        try:
            self._values[name] = checked(name, row.editor.text_form())
        except ValueError as error:
            row.set_fault(f"Possible: {error}")
        else:
            row.set_fault("")
            self.edited.emit(name)
        self.changed.emit()
