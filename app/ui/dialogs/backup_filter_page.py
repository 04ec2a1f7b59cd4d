"""Filter: what a backup takes and leaves out, for all nodes and for one, counted live where the files are."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.model.filters import FilterPreview
from app.model.job import BackupScript
from app.ui.backup.filter_preview import (
    EXAMPLES,
    FilterText,
    example_rows,
    preview_sentence,
    rule_rows,
    together,
)
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field
from app.ui.widgets.notices import explain
from app.ui.widgets.views import CellTable

EVERY = "All scenarios and directories"
SECONDS = 120.0
_AFTER_MS = 500
_PATTERNS = (
    "One in a line: *.tmp anywhere, cache/ with all beneath, "
    "/\N{WORD JOINER}old right in the directory, a/**/b"
)
_ONLY = "Files that match one of these, of all folders; what is to be left out stays out of the backup"
Row = tuple[str, str, str, str]
Scripted = Callable[[], BackupScript]


class _Rows(RowModel[Row]):
    """Text in four columns; the last ones are figures."""

    def __init__(self, columns: Sequence[Column], parent: QObject) -> None:
        super().__init__(parent)
        self.columns = columns

    def key_of(self, item: Row) -> Hashable:
        """The first two columns."""
        return item[:2]

    def cell(self, item: Row, column: int) -> Cell:
        """Paintable content."""
        return Cell(item[column], right=self.columns[column].right, role="text" if column == 0 else "text2")


class BackupFilterPage(QWidget):
    """`script()` is the backup as it is with what is typed; `every` and `nodes` are what is typed."""

    _told = Signal(object, object)

    def __init__(
        self,
        context: Context | None,
        every: FilterText,
        nodes: Mapping[str, FilterText],
        names: Sequence[str],
    ) -> None:
        super().__init__()
        self.every = every
        self.nodes = dict(nodes)
        self.script: Scripted | None = None
        self._context = context
        self._names = list(names)
        self._counting: threading.Event | None = None
        self._filling = False
        self.node = QComboBox()
        self.node.setMinimumWidth(theme().px(260))
        self.node.addItem(EVERY, "")
        for name in names:
            self.node.addItem(name, name)
        self.include, self.exclude = _patterns(), _patterns()
        self.exclude.setPlaceholderText("*.tmp\ncache/")
        self.include_field = Field("Take only (empty = everything)", self.include, _ONLY)
        self.exclude_field = Field("Leave out", self.exclude, _PATTERNS)
        self.said = Label("", "body", "text2", wrap=True)
        self.said.setAccessibleName("Preview")
        self.again = button("Count now")
        self.stop = button("Stop")
        self.stop.hide()
        self.rules = CellTable()
        self.rules.setAccessibleName("Rules")
        self.rule_rows = _Rows(
            (
                Column("Rule", 230, stretch=True),
                Column("Does", 90),
                Column("Entries", 80, right=True),
                Column("Size", 90, right=True),
            ),
            self,
        )
        self.examples = CellTable()
        self.examples.setAccessibleName("Examples")
        self.example_rows = _Rows(
            (
                Column("Path", 300, stretch=True),
                Column("Is", 80),
                Column("Rule", 110),
                Column("Size", 80, right=True),
            ),
            self,
        )
        shown = ((self.rules, self.rule_rows, 110), (self.examples, self.example_rows, 150))
        for table, rows, height in shown:
            table.set_source(rows)
            table.set_columns(list(rows.columns))
            table.setMinimumHeight(theme().px(height))
        self.rules.setMaximumHeight(theme().px(130))
        self._lay_out()
        self.show_node()
        self.node.currentIndexChanged.connect(self._on_node)
        for editor in (self.include, self.exclude):
            editor.textChanged.connect(self._on_typed)
        self._delay = Delay(_AFTER_MS, self)
        self._delay.passed.connect(lambda _: self.look())
        self._told.connect(self._on_told)
        self.again.clicked.connect(self.look)
        self.stop.clicked.connect(self.end_counting)

    def _lay_out(self) -> None:
        patterns = QHBoxLayout()
        patterns.setSpacing(12)
        patterns.addWidget(self.exclude_field, 1)
        patterns.addWidget(self.include_field, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(row_of(Field("Filter of", self.node)))
        layout.addLayout(patterns)
        said = QHBoxLayout()
        said.addWidget(self.said, 1)
        said.addWidget(self.stop)
        said.addWidget(self.again)
        layout.addLayout(said)
        layout.addWidget(self.rules)
        layout.addWidget(self.examples, 1)

    # what is typed

    def show_node(self) -> None:
        """Show the patterns of the node that is chosen."""
        text = self._text()
        self._filling = True
        self.include.setPlainText(text.include)
        self.exclude.setPlainText(text.exclude)
        self._filling = False
        self._show_faults()

    def fault(self) -> str:
        """What is wrong with any of them, or ""."""
        for name, text in [("", self.every), *self.nodes.items()]:
            found = text.fault()
            if found:
                return f"{name}: {found}" if name else found
        return ""

    def _text(self) -> FilterText:
        node = str(self.node.currentData())
        return self.nodes.get(node, FilterText()) if node else self.every

    def _on_node(self) -> None:
        self.show_node()
        self.look()

    def _on_typed(self) -> None:
        if self._filling:
            return
        text = FilterText(self.include.toPlainText(), self.exclude.toPlainText())
        node = str(self.node.currentData())
        if node:
            self.nodes[node] = text
        else:
            self.every = text
        self._show_faults()
        self.end_counting()
        self._delay.put(None)

    def _show_faults(self) -> None:
        text = self._text()
        self.include_field.set_fault(FilterText(include=text.include).fault())
        self.exclude_field.set_fault(FilterText(exclude=text.exclude).fault())

    # the preview

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)
        self.look()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().hideEvent(event)
        self.end_counting()

    def look(self) -> None:
        """Count from the beginning; what was counted before is dropped."""
        self.end_counting()
        if self._context is None or self.script is None or not self.isVisible():
            return
        if self.fault():
            self._say(f"Cannot count: {self.fault()}", "error")
            return
        node = str(self.node.currentData())
        chosen = [node] if node else self._names
        if not chosen:
            self._say("Choose what is backed up on the tab Source; then it is counted here", "muted")
            return
        script, backups = self.script(), self._context.services.backups
        counting = self._counting = threading.Event()
        told = self._told

        def count() -> FilterPreview:
            done: list[FilterPreview] = []

            def tell(seen: FilterPreview) -> None:
                with contextlib.suppress(RuntimeError):  # the dialog is gone
                    told.emit(counting, together([*done, seen]))

            for one in chosen:
                if counting.is_set():
                    break
                done.append(
                    backups.preview(
                        script,
                        one,
                        examples=EXAMPLES,
                        seconds=SECONDS,
                        on_progress=tell,
                        canceled=counting.is_set,
                    )
                )
            return together(done)

        self._say("Counting…", "muted")
        self._show_counting(True)
        self._context.tasks.run(
            self,
            count,
            lambda seen: self._on_counted(counting, seen),
            lambda error: self._on_error(counting, error),
            key="preview",
        )

    def end_counting(self) -> None:
        """Stop counting, here and on the host."""
        if self._counting is not None:
            self._counting.set()
            self._counting = None
            self._show_counting(False)

    def _on_told(self, counting: object, seen: object) -> None:
        if counting is self._counting and isinstance(seen, FilterPreview):
            self._show(seen, counting=True)

    def _on_counted(self, counting: object, seen: FilterPreview) -> None:
        if counting is self._counting:
            self._counting = None
            self._show(seen, counting=False)
            self._show_counting(False)

    def _on_error(self, counting: object, error: Exception) -> None:
        if counting is self._counting:
            self._counting = None
            title, text, _ = explain(error)
            self._say(f"Cannot count now. {title}. {text}".strip(), "warning")
            self._show_counting(False)

    def _show(self, seen: FilterPreview, *, counting: bool) -> None:
        self._say(preview_sentence(seen, counting=counting), "text2")
        self.rule_rows.set_items(rule_rows(seen))
        self.example_rows.set_items(example_rows(seen))

    def _show_counting(self, counting: bool) -> None:
        self.stop.setVisible(counting)
        self.again.setVisible(not counting)

    def _say(self, text: str, role: str) -> None:
        self.said.set_role(role)
        self.said.setText(text)
        self.said.setAccessibleDescription(text)


def _patterns() -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setMaximumHeight(theme().px(84))
    made.setTabChangesFocus(True)
    return made
