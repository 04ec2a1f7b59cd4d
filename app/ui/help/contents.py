"""The left side of the help window: the contents as a tree, or what a search found."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from app.help import Hit, Library, Page
from app.ui.models.cell import Cell, Column, ItemRole
from app.ui.models.table import RowModel
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import FilterField, Label
from app.ui.widgets.views import CellTable, CellTree


class HitModel(RowModel[Hit]):
    """Pages found, each with the words around the first place."""

    columns = (Column("Found", 280, stretch=True),)

    def key_of(self, item: Hit) -> Hashable:
        """The page's topic."""
        return item.page.topic

    def cell(self, item: Hit, column: int) -> Cell:  # noqa: ARG002 - there is one column
        """Title and excerpt."""
        return Cell(item.page.title, second=item.excerpt, medium=True, tooltip=item.excerpt)


class SearchWords(FilterField):
    """The search field: arrow down and Enter go on to what was found."""

    left = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.left.emit()
            return
        super().keyPressEvent(event)


class Contents(QWidget):
    """`topic_chosen(topic)` when a page is chosen in the tree or among the hits."""

    topic_chosen = Signal(str)

    def __init__(self, library: Library, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._library = library
        self._following = False
        self.words = SearchWords("Search the help")
        self.words.setMinimumWidth(0)
        self.words.setMaximumWidth(16777215)
        self.words.filtered.connect(self._on_words)
        self.words.left.connect(self._on_left)
        self.tree = CellTree()
        self.tree.setAccessibleName("Contents")
        self.model = TreeModel((Column("Contents", 280, stretch=True),), self)
        self.model.set_rows([_section(title, pages) for title, pages in library.sections])
        self.tree.setModel(self.model)
        self.tree.set_columns(self.model.columns)
        self.hits = HitModel()
        self.table = CellTable(row_height=44, sortable=False)
        self.table.setAccessibleName("Pages found")
        self.table.set_source(self.hits)
        self.table.set_columns(self.hits.columns)
        for view in (self.tree, self.table):
            view.header().setStretchLastSection(False)
            view.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            view.header().hide()
            view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
            view.current_row_changed.connect(self._on_current)
            view.row_activated.connect(self._on_current)
        self.nothing = Label("", "body", "muted", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.nothing.setContentsMargins(16, 12, 16, 12)
        self.stack = QStackedWidget()
        for widget in (self.tree, self.table, self.nothing):
            self.stack.addWidget(widget)
        field = QVBoxLayout()
        field.setContentsMargins(12, 10, 12, 8)
        field.addWidget(self.words)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(field)
        layout.addWidget(self.stack, 1)
        self.setMinimumWidth(160)

    def follow(self, page: Page) -> None:
        """Show where the page in view is."""
        index = self._index_of(page)
        self._following = True
        try:
            if index.isValid():
                self.tree.expand(index.parent())
                self.tree.select_row(index)
                self.tree.scrollTo(index)
            else:
                self.tree.clearSelection()
        finally:
            self._following = False

    def search(self, text: str) -> None:
        """Search for `text` at once."""
        self.words.setText(text)
        self._on_words(text)

    def _index_of(self, page: Page) -> QModelIndex:
        return self.model.find(page.section, page.topic)

    def _on_words(self, text: str) -> None:
        if not text.strip():
            self.stack.setCurrentWidget(self.tree)
            return
        found = self._library.search(text)
        self._following = True
        try:
            self.hits.set_items(found)
        finally:
            self._following = False
        self.nothing.setText(f"No page has all of these words: {text.strip()}")
        self.stack.setCurrentWidget(self.table if found else self.nothing)

    def _on_left(self) -> None:
        view = self.stack.currentWidget()
        if not isinstance(view, CellTree):
            return
        view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if view is self.table and not view.currentIndex().isValid():
            view.select_row(view.model().index(0, 0))

    def _on_current(self, index: QModelIndex) -> None:
        if self._following or not index.isValid():
            return
        chosen = index.data(ItemRole.OBJECT)
        if isinstance(chosen, Hit):
            chosen = chosen.page
        if isinstance(chosen, Page):
            self.topic_chosen.emit(chosen.topic)


def _section(title: str, pages: Sequence[Page]) -> Row:
    rows = tuple(Row(page.topic, (Cell(page.title),), object=page) for page in pages)
    return Row(title, (Cell(title, bold=True),), rows)
