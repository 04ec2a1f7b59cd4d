"""The fields of Restore by Query, with saved queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.model.search import Machine, Query
from app.ui.manager import Context
from app.ui.restore.query_fields import FieldError, make_query
from app.ui.restore.saved_queries import (
    SUBDIRECTORIES,
    SaveQueryDialog,
    forget_query,
    keep_query,
    read_queries,
)
from app.ui.theme import theme
from app.ui.widgets.basics import button
from app.ui.widgets.form import Field

ANY = "Any"
_WIDE = (
    (("pattern", 4), ("machine", 3), ("directory", 4), ("size_min", 2), ("size_max", 2)),
    (
        ("from", 1),
        ("to", 1),
        ("backed_up_from", 1),
        ("backed_up_to", 1),
        ("deleted_from", 1),
        ("deleted_to", 1),
    ),
    (),
)
_NARROW = (
    (("pattern", 4), ("machine", 3), ("directory", 4)),
    (("size_min", 1), ("size_max", 1), ("from", 1), ("to", 1)),
    (("backed_up_from", 1), ("backed_up_to", 1), ("deleted_from", 1), ("deleted_to", 1)),
)


class QueryForm(QFrame):
    """`asked` on Query, Enter in a field, or a saved query; `stopped` on Stop."""

    asked = Signal()
    stopped = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sunken")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._context = context
        self.pattern = QLineEdit("*")
        self.machine = QComboBox()
        self.machine.addItem(ANY)
        self.directory = _line("any directory")
        self.size_min, self.size_max = _line("any size"), _line("any size")
        self.modified_from, self.modified_to = _line("any date"), _line("any date")
        self.backed_up_from, self.backed_up_to = _line("any date"), _line("any date")
        self.deleted_from, self.deleted_to = _line("any date"), _line("any date")
        self.fields = {
            "pattern": Field("Looking for", self.pattern, "* and ? as in *.pdf"),
            "machine": Field("Computer name", self.machine),
            "directory": Field("Search in", self.directory),
            "size_min": Field("Size from", self.size_min, "like 40 MB"),
            "size_max": Field("to", self.size_max),
            "from": Field("Modified from", self.modified_from, "like 2026-11-17"),
            "to": Field("to", self.modified_to),
            "backed_up_from": Field("Backed up from", self.backed_up_from, "like 2026-11-17"),
            "backed_up_to": Field("to", self.backed_up_to),
            "deleted_from": Field("Deleted between", self.deleted_from, "like 2026-11-17 09:30"),
            "deleted_to": Field("and", self.deleted_to),
        }
        self.fields["to"].editor.setAccessibleName("Modified to")
        self.fields["size_max"].editor.setAccessibleName("Size to")
        self.backed_up_to.setAccessibleName("Backed up to")
        self.deleted_to.setAccessibleName("Deleted before")
        self.editors = {
            "pattern": self.pattern,
            "directory": self.directory,
            "size_min": self.size_min,
            "size_max": self.size_max,
            "from": self.modified_from,
            "to": self.modified_to,
            "backed_up_from": self.backed_up_from,
            "backed_up_to": self.backed_up_to,
            "deleted_from": self.deleted_from,
            "deleted_to": self.deleted_to,
        }
        for editor in self.editors.values():
            editor.installEventFilter(self)
        self.subdirectories = QCheckBox("Include subdirectories")
        self.subdirectories.setChecked(True)
        self.saved = button("Saved queries", "", "bookmark")
        self.saved.clicked.connect(self._on_saved)
        self.ask = button("Query", "primary", "search")
        self.ask.clicked.connect(self.asked)
        self.stop = button("Stop")
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self.stopped)
        self._lines = (QHBoxLayout(), QHBoxLayout(), QHBoxLayout())
        fields = QVBoxLayout(self)
        fields.setContentsMargins(16, 12, 16, 8)
        fields.setSpacing(2)
        for line in self._lines:
            line.setSpacing(12)
            fields.addLayout(line)
        self._arrange(wide=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.subdirectories)
        row.addStretch(1)
        for widget in (self.saved, self.stop, self.ask):
            row.addWidget(widget)
        fields.addLayout(row)

    def _arrange(self, *, wide: bool) -> None:
        """Two lines of fields, or three where the window is narrow or the type large."""
        self._wide = wide
        for line in self._lines:
            while line.count():
                line.takeAt(0)
        for line, places in zip(self._lines, _WIDE if wide else _NARROW, strict=True):
            for name, stretch in places:
                line.addWidget(self.fields[name], stretch, Qt.AlignmentFlag.AlignTop)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        wide = self.width() >= theme().px(1000)
        if wide != self._wide:
            self._arrange(wide=wide)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers()
        ):
            self.asked.emit()
            return True
        return super().eventFilter(watched, event)

    def set_machines(self, machines: Sequence[Machine]) -> None:
        """The machines to choose from; the chosen one stays."""
        chosen = self.machine.currentText()
        names = [ANY, *(machine.name for machine in machines)]
        if [self.machine.itemText(i) for i in range(self.machine.count())] != names:
            self.machine.clear()
            self.machine.addItems(names)
            self.machine.setCurrentIndex(max(0, self.machine.findText(chosen)))

    def values(self) -> dict[str, str]:
        """What is typed."""
        machine = self.machine.currentText()
        typed = {name: editor.text() for name, editor in self.editors.items()}
        return {**typed, "machine": "" if machine == ANY else machine}

    def set_values(self, values: Mapping[str, str]) -> None:
        """Type these; what is not in them is emptied."""
        for name, editor in self.editors.items():
            editor.setText(values.get(name, ""))
        self.machine.setCurrentIndex(max(0, self.machine.findText(values.get("machine", ""))))
        self.subdirectories.setChecked(values.get(SUBDIRECTORIES, "true") == "true")

    def query(self) -> Query | None:
        """What is asked for; None when a field is faulty, which is said at the field."""
        for field in self.fields.values():
            field.set_fault("")
        try:
            return make_query(self.values(), subdirectories=self.subdirectories.isChecked())
        except FieldError as fault:
            self.fields[fault.field].set_fault(str(fault))
            self.fields[fault.field].editor.setFocus()
            return None

    def widen(self) -> None:
        """Only the pattern stays."""
        self.set_values({"pattern": self.pattern.text()})

    # saved queries

    def saved_menu(self) -> QMenu:
        """The kept queries, then what is done with them."""
        menu = QMenu(self)
        held = read_queries(self._context.settings)
        for name in reversed(held):
            action = menu.addAction(name.replace("&", "&&"))
            action.triggered.connect(partial(self.use, held[name]))
        if held:
            menu.addSeparator()
        menu.addAction("Save this query…").triggered.connect(self.save)
        forget = menu.addMenu("Forget")
        forget.setEnabled(bool(held))
        for name in reversed(held):
            action = forget.addAction(name.replace("&", "&&"))
            action.triggered.connect(partial(self._on_forget, name))
        return menu

    def use(self, values: Mapping[str, str], _checked: object = None) -> None:
        """Type a kept query and ask it."""
        self.set_values(values)
        self.asked.emit()

    def save(self, _checked: object = None) -> None:
        """Ask for a name, and keep what is typed."""
        dialog = SaveQueryDialog(self._context, self.pattern.text().strip("* "), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_named)
        dialog.open()

    def _on_saved(self) -> None:
        menu = self.saved_menu()
        menu.exec(self.saved.mapToGlobal(QPoint(0, self.saved.height())))
        menu.deleteLater()

    def _on_named(self, name: object) -> None:
        below = "true" if self.subdirectories.isChecked() else "false"
        keep_query(self._context.settings, str(name), {**self.values(), SUBDIRECTORIES: below})
        self._context.toast("Query saved", str(name))

    def _on_forget(self, name: str, _checked: object = None) -> None:
        forget_query(self._context.settings, name)


def _line(placeholder: str) -> QLineEdit:
    made = QLineEdit()
    made.setPlaceholderText(placeholder)
    return made
