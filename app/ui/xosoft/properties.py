"""Framework, Properties: read-only while the scenario runs, else editable and saved together."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.model.scenario import Scenario, ScenarioState, ScenarioStatus, SyncMethod
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.xosoft.property_fields import (
    FIELDS,
    PropertyField,
    default_of,
    shown_value,
    value_of,
    with_values,
)


class _NumberField(QSpinBox):
    """Does not change under a wheel that scrolls the page."""

    def __init__(self) -> None:
        super().__init__()
        # The sheet's padding does not reach the editor inside a spin box.
        self.lineEdit().setTextMargins(7, 0, 7, 0)

    def wheelEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        event.ignore()


class PropertyForm(QWidget):
    """All properties in their groups; `changed` on every edit."""

    changed = Signal()

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._editors: dict[str, QCheckBox | QComboBox | _NumberField] = {}
        self._fields = tuple(field for field in FIELDS if not names or field.name in names)
        grid = QGridLayout(self)
        grid.setContentsMargins(16, 8, 16, 16)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(3, 1)
        group, row = "", 0
        for field in self._fields:
            if field.group != group:
                group = field.group
                caption = Label(group, "strong")
                caption.setContentsMargins(0, 12 if row else 0, 0, 2)
                grid.addWidget(caption, row, 0, 1, 4)
                row += 1
            title = Label(field.title, "body", "text2")
            editor = self._editor(field)
            title.setBuddy(editor)
            editor.setAccessibleName(field.title)
            self._editors[field.name] = editor
            grid.addWidget(title, row, 0)
            grid.addWidget(editor, row, 1)
            grid.addWidget(Label(field.unit, "small", "muted"), row, 2)
            note = f"{field.help}{' · ' if field.help else ''}Default {shown_value(default_of(field))}"
            grid.addWidget(Label(note, "small", "muted", elide=Qt.TextElideMode.ElideRight), row, 3)
            row += 1
        grid.setRowStretch(row, 1)

    def set_values(self, values: dict[str, Any]) -> None:
        """Show values without telling."""
        for name, editor in self._editors.items():
            if name not in values:
                continue
            editor.blockSignals(True)
            if isinstance(editor, QCheckBox):
                editor.setChecked(bool(values[name]))
            elif isinstance(editor, QComboBox):
                editor.setCurrentIndex(editor.findData(values[name].value))
            else:
                editor.setValue(int(values[name]))
            editor.blockSignals(False)

    def values(self) -> dict[str, Any]:
        """What stands in the fields."""
        found: dict[str, Any] = {}
        for name, editor in self._editors.items():
            if isinstance(editor, QCheckBox):
                found[name] = editor.isChecked()
            elif isinstance(editor, QComboBox):
                found[name] = SyncMethod(editor.currentData())
            else:
                found[name] = editor.value()
        return found

    def set_editable(self, *, editable: bool) -> None:
        """Enable or disable all fields."""
        for editor in self._editors.values():
            editor.setEnabled(editable)

    def _editor(self, field: PropertyField) -> QCheckBox | QComboBox | _NumberField:
        default = default_of(field)
        if isinstance(default, bool):
            check = QCheckBox("On")
            check.toggled.connect(self._on_edited)
            return check
        if isinstance(default, SyncMethod):
            combo = QComboBox()
            for method in SyncMethod:
                combo.addItem(shown_value(method), method.value)
            combo.currentIndexChanged.connect(self._on_edited)
            return combo
        number = _NumberField()
        number.setRange(field.least, field.most)
        number.setGroupSeparatorShown(True)
        number.setMinimumWidth(110)
        number.valueChanged.connect(self._on_edited)
        return number

    def _on_edited(self) -> None:
        self.changed.emit()


class PropertiesTab(QWidget):
    """`save_requested(Scenario)` with all edits."""

    save_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._scenario: Scenario | None = None
        self.form = PropertyForm()
        self.form.changed.connect(self._on_changed)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        self._icon = IconLabel("lock", "muted", 16)
        self.reason = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.save = button("Save properties", "small-primary")
        self.save.clicked.connect(self._on_save_clicked)
        self.discard = button("Discard", "small")
        self.discard.clicked.connect(self._on_discard_clicked)
        bar = QFrame()
        bar.setProperty("kind", "sunken")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self.reason, 1)
        row.addWidget(self.discard)
        row.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(scroll, 1)
        self._dirty = False
        self._editable = False

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show a scenario; unsaved edits of the same version stay."""
        made = status.scenario if status else None
        same = (
            made is not None
            and self._scenario is not None
            and (made.id, made.version) == (self._scenario.id, self._scenario.version)
        )
        self._editable = status is not None and status.state is ScenarioState.STOPPED
        if made is not None and not (same and self._dirty):
            self._scenario = made
            self.form.set_values({field.name: value_of(made, field) for field in FIELDS})
            self._dirty = False
        elif made is None:
            self._scenario = None
            self._dirty = False
        self.form.set_editable(editable=self._editable)
        self._show_bar()

    def _show_bar(self) -> None:
        if self._scenario is None:
            text = "Select a scenario"
        elif not self._editable:
            text = "Stop the scenario to change its properties"
        else:
            text = "Unsaved changes" if self._dirty else "The scenario is stopped: properties can be changed"
        self._icon.set_icon("pencil" if self._editable else "lock", "muted")
        self.reason.setText(text)
        self.save.setEnabled(self._editable and self._dirty)
        self.discard.setEnabled(self._editable and self._dirty)

    def _on_changed(self) -> None:
        self._dirty = True
        self._show_bar()

    def _on_save_clicked(self) -> None:
        if self._scenario is not None:
            self._dirty = False
            self.save_requested.emit(with_values(self._scenario, self.form.values()))
            self._show_bar()

    def _on_discard_clicked(self) -> None:
        if self._scenario is not None:
            self._dirty = False
            made = self._scenario
            self.form.set_values({field.name: value_of(made, field) for field in FIELDS})
            self._show_bar()
