"""The Source tab: scenarios with their boxes at the left, contents and properties of one at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.model.media import SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import icons
from app.ui.backup.draft import BackupDraft
from app.ui.backup.properties import PropertiesPane
from app.ui.backup.source_rows import (
    GROUP_KEY,
    SOURCE_COLUMNS,
    ContentsModel,
    contents,
    newest_session,
    source_rows,
)
from app.ui.models.cell import ItemRole, Mark, MarkerBox
from app.ui.models.tree import TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, IconLabel, Label, Line, PaneHeader, column
from app.ui.widgets.controls import Marker
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable, CellTree


class SourceTab(QWidget):
    """`chosen_changed` when a box was toggled; the manager feeds it with `set_facts`."""

    chosen_changed = Signal()
    delete_wanted = Signal(object)
    new_wanted = Signal()
    show_wanted = Signal(object)
    retried = Signal()

    def __init__(self, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._statuses: Sequence[ScenarioStatus] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._known = False
        self._selected: int | None = None
        self.model = TreeModel(SOURCE_COLUMNS, self)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(SOURCE_COLUMNS)
        self.tree.setHeaderHidden(True)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.setAccessibleName("CA XOsoft Scenarios")
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.tree.row_activated.connect(self._on_activated)
        self.filter = FilterField("Find a machine or scenario")
        self.filter.setMinimumWidth(120)
        self.filter.setMaximumWidth(theme().px(200))
        self.filter.filtered.connect(self._on_filtered)
        self.contents = ContentsModel()
        self.table = CellTable(sortable=True)
        self.table.set_source(self.contents)
        self.table.set_columns(self.contents.columns)
        self.table.setAccessibleName("Contents")
        self.contents_header = PaneHeader("Contents")
        self.properties = PropertiesPane()
        self.properties.delete_wanted.connect(self._on_delete)
        self.empty = EmptyState(
            "arrow-left-right",
            "No scenario yet",
            "A scenario replicates directories of a Master to a Replica. "
            "Once it does, it can be backed up here.",
            "New scenario",
        )
        self.empty.pressed.connect(self.new_wanted)
        self.problem = ProblemCard()
        self.problem.retried.connect(self.retried)
        self.delete_action = self._action(
            "Delete machine/object…", "trash-2", QKeySequence.StandardKey.Delete, self._on_delete
        )
        self.show_action = self._action("Show in XOsoft Manager", "arrow-left-right", None, self._on_show)
        self._lay_out()

    def _action(
        self, text: str, icon: str, key: QKeySequence.StandardKey | None, slot: Callable[[], None]
    ) -> QAction:
        action = QAction(text, self)
        icons.bind(action, icon)
        if key is not None:
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(slot)
        action.setEnabled(False)
        self.addAction(action)
        return action

    def _lay_out(self) -> None:
        header = PaneHeader("Source")
        self.note = header.note
        header.row.addWidget(self.filter, 100)
        left = column(header, Line(), self.tree, Line(), _legend())
        left.setMinimumWidth(280)
        hint = Label(
            "Entities can be viewed, not chosen: the whole scenario is backed up",
            "small",
            "muted",
            elide=Qt.TextElideMode.ElideRight,
        )
        hint.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.contents_header.row.addWidget(hint, 100)
        nothing = EmptyState(
            "folder", "No scenario in view", "Select a scenario at the left to see what it contains."
        )
        nothing.button.hide()
        upper = column(self.contents_header, Line(), self.table)
        self.details = QSplitter(Qt.Orientation.Vertical)
        self.details.addWidget(upper)
        self.details.addWidget(self.properties)
        self.details.setSizes([380, 260])
        self.right = QStackedWidget()
        self.right.addWidget(nothing)
        self.right.addWidget(self.details)
        self.splitter = QSplitter()
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.right)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([400, 800])
        for splitter in (self.splitter, self.details):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
        self.pages = QStackedWidget()
        for page in (self.splitter, self.empty, _padded(self.problem), QWidget()):
            self.pages.addWidget(page)
        self.pages.setCurrentIndex(3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)

    @property
    def selected(self) -> ScenarioStatus | None:
        """The scenario in view."""
        return next((one for one in self._statuses if one.scenario.id == self._selected), None)

    def set_facts(self, statuses: Sequence[ScenarioStatus], sessions: Sequence[SessionInfo]) -> None:
        """Show the newest answer; selection, boxes and expansion stay."""
        first = not self._known
        self._known = True
        self._statuses, self._sessions = statuses, sessions
        self._show_rows()
        if first:
            self.tree.expand(self.model.find(GROUP_KEY))
        self.pages.setCurrentIndex(0 if statuses else 1)
        if statuses and self.selected is None:
            self.select(min(statuses, key=lambda one: one.scenario.name.casefold()).scenario.id)
        self._show_selection()

    def show_error(self, error: Exception) -> None:
        """The first answer failed: say why in place. Later ones leave what is shown."""
        if not self._known:
            self.problem.show_error(error)
            self.pages.setCurrentIndex(2)

    def select(self, scenario_id: int) -> None:
        """Bring a scenario into view."""
        index = self.model.find(GROUP_KEY, scenario_id)
        if index.isValid():
            self._selected = scenario_id
            self.tree.select_row(index)
            self.tree.scrollTo(index)

    def _show_rows(self) -> None:
        self.model.set_rows(source_rows(self._statuses, self._draft.chosen, self.filter.text()))

    def _show_selection(self) -> None:
        status = self.selected
        self.right.setCurrentIndex(0 if status is None else 1)
        self.delete_action.setEnabled(status is not None)
        self.show_action.setEnabled(status is not None)
        self.contents.set_items(contents(status))
        self.contents.touch()
        if status is not None:
            self.contents_header.note.setText(status.scenario.name)
            self.properties.show_status(status, newest_session(self._sessions, status.scenario.id))

    def _on_marker_clicked(self, index: QModelIndex) -> None:
        status = index.data(ItemRole.OBJECT)
        if isinstance(status, ScenarioStatus):
            self._draft.toggle(status.scenario.id)
            self._show_rows()
            self.chosen_changed.emit()

    def _on_row_changed(self, index: QModelIndex) -> None:
        while index.isValid():
            status = index.data(ItemRole.OBJECT)
            if isinstance(status, ScenarioStatus):
                self._selected = status.scenario.id
                self._show_selection()
                return
            index = index.parent()

    def _on_activated(self, index: QModelIndex) -> None:
        if self.model.hasChildren(index):
            self.tree.setExpanded(index, not self.tree.isExpanded(index))

    def _on_filtered(self, _text: str) -> None:
        self._show_rows()

    def _on_context_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction(self.show_action)
        menu.addSeparator()
        menu.addAction(self.delete_action)
        menu.exec(self.tree.viewport().mapToGlobal(position))
        menu.deleteLater()

    def _on_delete(self) -> None:
        if self.selected is not None:
            self.delete_wanted.emit(self.selected)

    def _on_show(self) -> None:
        if self.selected is not None:
            self.show_wanted.emit(self.selected)


def _legend() -> QWidget:
    holder = QWidget()
    holder.setFixedHeight(theme().px(32))
    row = QHBoxLayout(holder)
    row.setContentsMargins(12, 0, 12, 0)
    row.setSpacing(2)
    for text, box in (
        ("Chosen", MarkerBox(Mark.FULL)),
        ("Not chosen", MarkerBox(Mark.EMPTY)),
        ("Group, fills by itself", MarkerBox(Mark.PARTIAL, gray=True)),
    ):
        marker = Marker(box, text)
        marker.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        marker.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row.addWidget(marker)
        row.addWidget(Label(text, "small", "muted"))
        row.addSpacing(8)
    row.addStretch(1)
    return holder


def _padded(widget: QWidget) -> QWidget:
    holder = QFrame()
    holder.setProperty("kind", "pane")
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.addWidget(widget)
    layout.addStretch(1)
    return holder


class ReadinessBar(QFrame):
    """The line at the foot of the manager: what will be submitted, or what is missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(theme().px(40))
        self.icon = IconLabel("info", "muted")
        self.text = Label("", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 16, 4)
        row.setSpacing(8)
        row.addWidget(self.icon)
        row.addWidget(self.text, 1)
        self._role = "muted"
        theme().changed.connect(self._on_theme_changed)

    def show_text(self, text: str, icon: str, role: str) -> None:
        """Show a sentence in a role: ok, warning or muted."""
        self.icon.set_icon(icon, role)
        self.text.setText(text)
        self.text.set_role("text2" if role == "muted" else "text")
        self.setAccessibleName(text)
        self._role = role
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        background = "sunken" if self._role == "muted" else f"{self._role}_soft"
        self.setStyleSheet(f"ReadinessBar {{ background: {theme().color(background).name()}; }}")
