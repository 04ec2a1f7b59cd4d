"""Framework, Properties: read-only while the scenario runs, else editable and saved together.

The scenario's own, or those of one replica with what it takes from the scenario.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.model.properties import properties_on, property_text
from app.model.scenario import Scenario, ScenarioState, ScenarioStatus
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.xosoft.property_fields import FIELDS, own_names, with_own_value, with_value
from app.ui.xosoft.property_form import PropertyForm

__all__ = ["PropertiesTab", "PropertyForm"]


class PropertiesTab(QWidget):
    """`save_requested(Scenario)` with all edits."""

    save_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._scenario: Scenario | None = None
        self._draft: Scenario | None = None
        self._editable = False
        self.form = PropertyForm()
        self.form.edited.connect(self._on_edited)
        self.form.changed.connect(self._show_bar)
        self.form.reset.connect(self._on_reset)
        self.form.undone.connect(self._on_undo)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        self.scope = QComboBox()
        self.scope.setAccessibleName("Properties of")
        self.scope.setMinimumWidth(150)
        self.scope.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.scope.currentIndexChanged.connect(self._on_scope_changed)
        self._icon = IconLabel("lock", "muted", 16)
        self.reason = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.save = button("Save", "small-primary")
        self.save.setAccessibleName("Save properties")
        self.save.clicked.connect(self._on_save_clicked)
        self.discard = button("Discard", "small")
        self.discard.clicked.connect(self._on_discard_clicked)
        bar = QFrame()
        bar.setProperty("kind", "sunken")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(8)
        row.addWidget(self.scope)
        row.addWidget(self._icon)
        row.addWidget(self.reason, 1)
        row.addWidget(self.discard)
        row.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(scroll, 1)
        self._waiting: ScenarioStatus | None = None
        self.form.built.connect(self._on_built)

    def _on_built(self) -> None:
        # By keys: the scope, the fields from the top, the buttons.
        fields = [row.editor.focusProxy() or row.editor for row in self.form.rows.values()]
        self.setTabOrder(self.scope, fields[0])
        self.setTabOrder(fields[-1], self.discard)
        self.setTabOrder(self.discard, self.save)
        self._show_scopes()
        self.form.set_editable(editable=self._editable)
        self.show_status(self._waiting)

    @property
    def _dirty(self) -> bool:
        return self._draft != self._scenario or bool(self.form.faults())

    @property
    def _host(self) -> str | None:
        """The replica in view; None = the scenario itself."""
        host = self.scope.currentData()
        return str(host) if host else None

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show a scenario; unsaved edits of the same version stay."""
        if not self.form.ready:
            self._waiting = status
            return
        made = status.scenario if status else None
        same = (
            made is not None
            and self._scenario is not None
            and (made.id, made.version) == (self._scenario.id, self._scenario.version)
        )
        editable = status is not None and status.state is ScenarioState.STOPPED
        if not (same and self._dirty) and (not same or made != self._scenario):
            kept = self._scenario is not None and made is not None and made.id == self._scenario.id
            self._scenario = self._draft = made
            self._show_scopes(self._host if kept else None)
        if editable != self._editable or not same:
            self._editable = editable
            self.form.set_editable(editable=editable)
        self._show_bar()

    def _show_scopes(self, host: str | None = None) -> None:
        self.scope.blockSignals(True)
        self.scope.clear()
        self.scope.addItem("Scenario", "")
        for spec in self._scenario.replicas if self._scenario is not None else ():
            self.scope.addItem(f"Replica {spec.host}", spec.host)
        self.scope.setCurrentIndex(max(0, self.scope.findData(host or "")))
        self.scope.blockSignals(False)
        self._show_values()

    def _show_values(self) -> None:
        draft, host = self._draft, self._host
        if draft is None:
            self.form.set_scope(None)
            return
        properties = draft.properties if host is None else properties_on(draft, host)
        self.form.set_values({field.name: getattr(properties, field.name) for field in FIELDS})
        self.form.set_scope(None if host is None else own_names(draft, host))

    def _show_changes(self) -> None:
        """Mark what differs from what is saved, in the scope in view."""
        saved, draft, host = self._scenario, self._draft, self._host
        if saved is None or draft is None:
            return
        before = saved.properties if host is None else properties_on(saved, host)
        own = frozenset() if host is None else own_names(saved, host) ^ own_names(draft, host)
        now = draft.properties if host is None else properties_on(draft, host)
        for name, row in self.form.rows.items():
            if host is not None and not row.field.by_replica:
                continue
            differs = getattr(before, name) != getattr(now, name) or name in own or bool(row.fault)
            row.set_changed(property_text(getattr(before, name)) if differs else None)

    def _on_undo(self, name: str) -> None:
        if self._scenario is None or self._draft is None:
            return
        host, row = self._host, self.form.rows[name]
        if host is None:
            self._draft = with_value(self._draft, name, getattr(self._scenario.properties, name))
        else:
            mine = name in own_names(self._scenario, host)
            value = getattr(properties_on(self._scenario, host), name) if mine else None
            self._draft = with_own_value(self._draft, host, name, value)
            row.set_own(mine)
        shown = self._draft.properties if host is None else properties_on(self._draft, host)
        self.form.set_values({name: getattr(shown, name)})
        row.editor.setFocus()
        self._show_bar()

    def _show_bar(self) -> None:
        self._show_changes()
        faults = self.form.faults()
        if self._scenario is None:
            text = "Select a scenario"
        elif not self._editable:
            text = "Stop the scenario to change its properties"
        elif faults:
            text = f"To correct: {', '.join(faults)}"
        else:
            text = "Unsaved changes" if self._dirty else "The scenario is stopped: properties can be changed"
        self._icon.set_icon("pencil" if self._editable else "lock", "muted")
        self.reason.setText(text)
        self.reason.set_role("error" if faults else "muted")
        self.save.setEnabled(self._editable and self._dirty and not faults)
        self.discard.setEnabled(self._editable and self._dirty)

    def _on_scope_changed(self) -> None:
        self._show_values()
        self._show_bar()

    def _on_edited(self, name: str) -> None:
        if self._draft is None:
            return
        value, host = self.form.values()[name], self._host
        if host is None:
            self._draft = with_value(self._draft, name, value)
        else:
            self._draft = with_own_value(self._draft, host, name, value)
            self.form.rows[name].set_own(True)

    def _on_reset(self, name: str) -> None:
        if self._draft is None or self._host is None:
            return
        self._draft = with_own_value(self._draft, self._host, name, None)
        row = self.form.rows[name]
        self.form.set_values({name: getattr(self._draft.properties, name)})
        row.set_own(False)
        row.editor.setFocus()
        self._show_bar()

    def _on_save_clicked(self) -> None:
        if self._draft is not None:
            draft = self._draft
            # What comes back is what was saved; if that fails, the edits are still in the fields.
            self.save_requested.emit(draft)
            self._show_bar()

    def _on_discard_clicked(self) -> None:
        self._draft = self._scenario
        self._show_values()
        self._show_bar()
