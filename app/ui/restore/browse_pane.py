"""Restore by Session and Restore by Tree: a tree, and the contents of the chosen folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Signal
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.model.entry import EntryKind
from app.model.media import CatalogEntry, SessionInfo
from app.model.paths import shown
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Mark, MarkerBox
from app.ui.models.tree import Row, TreeModel
from app.ui.restore.basket import PAGE, ROOT, SessionSource, Source, list_page
from app.ui.restore.chooser import Chooser
from app.ui.restore.contents import SESSION_COLUMN, EntryModel, entry_of
from app.ui.restore.contents_frame import ContentsFrame
from app.ui.restore.media_glance import session_facts
from app.ui.restore.source_rows import (
    COLUMNS,
    MoreFolders,
    Node,
    error_row,
    folder_rows,
    more_row,
    session_words,
)
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.notices import EmptyState, ProblemCard, explain
from app.ui.widgets.views import CellTree


class BrowsePane(QWidget):
    """Fed with top rows by its owner; reads folders itself. `entry_chosen` brings a Node or an entry."""

    entry_chosen = Signal(object, object)
    """(source, CatalogEntry): what Version History would be of; entry None when nothing fits."""

    retried = Signal()
    way_out = Signal()

    def __init__(
        self, context: Context, chooser: Chooser, name: str, empty: EmptyState, tree_width: int
    ) -> None:
        super().__init__()
        self._context, self._chooser = context, chooser
        self._node: Node | None = None
        self._more = False
        self._wanted = b""
        self.model = TreeModel(COLUMNS, self)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.tree = CellTree(indent=14)
        self.tree.setAccessibleName(name)
        self.tree.setModel(self.model)
        self.tree.setHeaderHidden(True)
        self.tree.set_columns(COLUMNS)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.current_row_changed.connect(self._on_node_chosen)
        self.entries = EntryModel(self._box_of, self)
        self.entries.toggled.connect(self._on_entry_toggled)
        self.right = ContentsFrame(self.entries)
        self.table, self.filter, self.head = self.right.table, self.right.filter, self.right.head
        self.facts, self.glance, self.problem = self.right.facts, self.right.glance, self.right.problem
        self.foot, self.more, self.choose_first = self.right.foot, self.right.more, self.right.choose_first
        self._proxy, self._pages = self.right.proxy, self.right.pages
        self.table.row_activated.connect(self._on_row_activated)
        self.table.current_row_changed.connect(self._on_entry_chosen)
        self.filter.filtered.connect(self._on_filtered)
        self.more.clicked.connect(self._on_more)
        self.problem.retried.connect(self._on_retried)
        self.glance.session_wanted.connect(self._on_session_wanted)
        self.splitter = QSplitter()
        self.splitter.addWidget(self.tree)
        self.splitter.addWidget(self.right)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([tree_width, 1140 - tree_width])
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.tree.setMinimumWidth(200)
        self.empty = empty
        self.empty.pressed.connect(self.way_out)
        self.unread = ProblemCard()
        self.unread.retried.connect(self.retried)
        self._stack = QStackedWidget()
        for page in (self.splitter, self.empty, at_the_top(self.unread)):
            self._stack.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        chooser.changed.connect(self.refresh_marks)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these media or machines; what is open stays open."""
        self.model.set_rows(rows)
        self._stack.setCurrentIndex(0 if rows else 1)
        if rows and not self.tree.currentIndex().isValid():
            first = self.model.index(0, 0)
            self.tree.setExpanded(first, True)
            self.tree.select_row(first)
        self._refresh_media()
        self.refresh_marks()

    def show_error(self, error: Exception) -> None:
        """The list could not be read."""
        self.unread.show_error(error)
        self._stack.setCurrentIndex(2)

    def reset(self) -> None:
        """Forget all folders: they are of another time now."""
        self._node = None
        self.model.set_rows(())
        self.entries.set_items(())
        self._pages.setCurrentIndex(1)

    def set_narrow(self, narrow: bool) -> None:
        """Leave out what Version History says beside the contents."""
        self.table.setColumnHidden(SESSION_COLUMN, narrow)
        self.glance.set_narrow(narrow)

    def refresh_marks(self) -> None:
        """Fill the markers again."""
        self._refresh_below(QModelIndex())
        self.entries.touch()

    def current(self) -> tuple[Source | None, CatalogEntry | None]:
        """What Version History is asked of: the entry in the contents, else the folder in the tree."""
        source = self._node.source if self._node else None
        entry = entry_of(self.table.currentIndex())
        if entry is None and self._node is not None:
            entry = self._node.entry
        return source, entry

    def _refresh_below(self, parent: QModelIndex) -> list[Mark]:
        marks = []
        for position in range(self.model.rowCount(parent)):
            index = self.model.index(position, 0, parent)
            row = self.model.row_at(index)
            below = self._refresh_below(index)
            if row is None or not isinstance(row.object, Node):
                continue
            mark = self._mark_of(row.object, below)
            marks.append(mark)
            old = row.cells[0]
            wanted = MarkerBox(mark, gray=old.marker.gray if old.marker else False)
            if old.marker != wanted:
                self.model.replace(index, replace(row, cells=(replace(old, marker=wanted),), children=None))
        return marks

    def _mark_of(self, node: Node, below: list[Mark]) -> Mark:
        if node.source is not None:
            return self._chooser.box(node.source, node.path).mark
        if below and all(mark is Mark.FULL for mark in below):
            return Mark.FULL
        return Mark.PARTIAL if any(mark is not Mark.EMPTY for mark in below) else Mark.EMPTY

    def _on_marker_clicked(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, Node) and row.object.source is not None:
            node, source = row.object, row.object.source
            if node.entry is not None:
                self._chooser.basket.learn(source, [node.entry])
            self._chooser.toggle(source, node.path)

    def _on_entry_toggled(self, entry: CatalogEntry) -> None:
        if self._node is not None and self._node.source is not None:
            self._chooser.basket.learn(self._node.source, [entry])
            self._chooser.toggle(self._node.source, entry.path)

    def _box_of(self, entry: CatalogEntry) -> MarkerBox:
        if self._node is None or self._node.source is None:
            return MarkerBox(Mark.EMPTY)
        return self._chooser.box(self._node.source, entry.path)

    def _on_children_wanted(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, Node) or row.object.source is None:
            return
        node, source, kept = row.object, row.object.source, QPersistentModelIndex(index)
        self._context.tasks.run(
            self,
            partial(_folders, self._context.services, source, node.path, 0),
            partial(self._on_children, kept, node),
            partial(self._on_children_failed, kept),
        )

    def _on_children(self, index: QPersistentModelIndex, node: Node, entries: list[CatalogEntry]) -> None:
        if index.isValid() and node.source is not None:
            self.model.set_children(index, self._rows_of(node, entries, 0))
            if self._wanted and node == self._node:
                self._open_wanted(self.model.index(index.row(), 0, index.parent()))

    def _rows_of(self, node: Node, entries: list[CatalogEntry], offset: int) -> list[Row]:
        """The rows of a page of folders, and of what brings the next one."""
        assert node.source is not None
        rows = list(folder_rows(node.source, entries, self._chooser.box))
        return [*rows, more_row(node, offset + PAGE)] if len(entries) == PAGE else rows

    def _bring_more(self, index: QModelIndex, more: MoreFolders) -> None:
        """The next page of folders takes the place of the row that stands for it."""
        assert more.node.source is not None
        parent = QPersistentModelIndex(index.parent())
        self._context.tasks.run(
            self,
            partial(_folders, self._context.services, more.node.source, more.node.path, more.offset),
            partial(self._on_more_folders, parent, more),
            self._context.show_error,
            key="more folders",
        )

    def _on_more_folders(
        self, parent: QPersistentModelIndex, more: MoreFolders, entries: list[CatalogEntry]
    ) -> None:
        last = self.model.rowCount(parent) - 1
        row = self.model.row_at(self.model.index(last, 0, parent)) if last >= 0 else None
        if row is None or row.object != more:
            return  # it was brought already
        chosen = self.tree.currentIndex() == self.model.index(last, 0, parent)
        above = self.model.index(last - 1, 0, parent)
        if chosen and not self._wanted:
            self.tree.select_row(above)
        self.model.remove_last_child(parent)
        self.model.append_children(parent, self._rows_of(more.node, entries, more.offset))
        if self._wanted:
            self._open_wanted(self.model.index(parent.row(), 0, parent.parent()))
        elif chosen and last < self.model.rowCount(parent):
            self.tree.select_row(self.model.index(last, 0, parent))

    def _on_children_failed(self, index: QPersistentModelIndex, error: Exception) -> None:
        if index.isValid():
            title, text, _ = explain(error)
            self.model.set_children(index, (error_row(title, text),))

    def _on_node_chosen(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, MoreFolders):
            self._bring_more(index, row.object)
            return
        node = row.object if row is not None and isinstance(row.object, Node) else None
        self._node = node
        self.filter.clear()
        self.facts.setVisible(bool(node and node.session))
        if node and node.session:
            self.facts.setText(f"{session_words(node.session)}\n{session_facts(node.session)}")
        self.head.title.setText(formats.visible(_title(node)))
        self.right.line.setVisible(node is None or node.held is None)
        if node is not None and node.held is not None:
            self._show_media(node)
        elif node is None or node.source is None:
            self.entries.set_items(())
            self.head.note.setText("")
            self.foot.hide()
            self._pages.setCurrentIndex(1)
        else:
            self._load(0)
        self.entry_chosen.emit(*self.current())

    def _show_media(self, node: Node) -> None:
        """A media is no folder: what is known of it stands there."""
        assert node.held is not None
        self.entries.set_items(())
        self.foot.hide()
        self.glance.show_media(node.held)
        self._pages.setCurrentWidget(self.glance)
        self._note_sessions()

    def _refresh_media(self) -> None:
        """The media in view as it is now."""
        row = self.model.row_at(self.tree.currentIndex())
        if row is not None and isinstance(row.object, Node) and row.object.held is not None:
            self._node = row.object
            self._show_media(row.object)

    def _note_sessions(self) -> None:
        total, found = len(self.glance.model.items), self.glance.set_text(self.filter.text())
        sessions = formats.counted(total, "session")
        self.head.note.setText(f"{found:,} of {sessions}" if found != total else sessions)

    def _on_session_wanted(self, session: SessionInfo) -> None:
        current = self.tree.currentIndex()
        index = self.model.find(session.media_serial, SessionSource(session.media_serial, session.number))
        if index.isValid():
            self.tree.setExpanded(current, True)
            self.tree.select_row(index)

    def _load(self, offset: int) -> None:
        node = self._node
        if node is None or node.source is None:
            return
        self.head.note.setText("Reading…")
        self._context.tasks.run(
            self,
            partial(list_page, self._context.services, node.source, node.path, offset),
            partial(self._on_entries, node, offset),
            partial(self._on_entries_failed, node),
            key="contents",
        )

    def _on_entries(self, node: Node, offset: int, entries: Sequence[CatalogEntry]) -> None:
        if node != self._node or node.source is None:
            return
        self._chooser.basket.learn(node.source, entries)
        held = [*(self.entries.items if offset else ()), *entries]
        self.entries.set_items(held)
        self._more = len(entries) == PAGE
        self.foot.setVisible(self._more)
        self.right.foot_text.setText(f"The first {formats.count(len(held))} entries are shown.")
        self._pages.setCurrentIndex(0 if held else 2)
        self._note()

    def _on_entries_failed(self, node: Node, error: Exception) -> None:
        if node == self._node:
            self.head.note.setText("")
            self.problem.show_error(error)
            self._pages.setCurrentIndex(3)

    def _note(self) -> None:
        total, shown_rows = len(self.entries.items), self._proxy.rowCount()
        items = formats.counted(total, "item") + (" so far" if self._more else "")
        self.head.note.setText(f"{shown_rows:,} of {items}" if shown_rows != total else items)

    def _on_filtered(self, text: str) -> None:
        self._proxy.set_text(text)
        if self._node is not None and self._node.held is not None:
            self._note_sessions()
        if self.entries.items:
            self._note()

    def _on_more(self) -> None:
        self._load(len(self.entries.items))

    def _on_retried(self) -> None:
        self._load(0)

    def _on_row_activated(self, index: QModelIndex) -> None:
        entry = entry_of(index)
        current = self.tree.currentIndex()
        if entry is None or entry.kind is not EntryKind.DIRECTORY or not current.isValid():
            return
        self._wanted = entry.path
        self.tree.setExpanded(current, True)
        self._open_wanted(current)

    def _open_wanted(self, parent: QModelIndex) -> None:
        """Choose the folder that was opened from the contents, once its row is there."""
        for position in range(self.model.rowCount(parent)):
            child = self.model.index(position, 0, parent)
            row = self.model.row_at(child)
            if row is not None and isinstance(row.object, Node) and row.object.path == self._wanted:
                self._wanted = b""
                self.tree.select_row(child)
                return
            if row is not None and isinstance(row.object, MoreFolders):
                self._bring_more(child, row.object)

    def _on_entry_chosen(self, _index: QModelIndex) -> None:
        self.entry_chosen.emit(*self.current())


def _folders(services: Any, source: Source, path: bytes, offset: int) -> list[CatalogEntry]:
    """A page of the folders of a folder: they come first, so one that is not full is the last."""
    page = list_page(services, source, path, offset)
    return [entry for entry in page if entry.kind is EntryKind.DIRECTORY]


def _title(node: Node | None) -> str:
    if node is None:
        return "Contents"
    if node.path != ROOT:
        return shown(node.path)
    return node.title or (f"Session {node.session.number}" if node.session else "Contents")
