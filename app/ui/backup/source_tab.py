"""The Source tab: scenarios with their boxes at the left, contents and properties of one at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.model.host import DirectoryEntry, HostState
from app.model.media import SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import icons
from app.ui.backup.draft import BackupDraft
from app.ui.backup.folder_pane import FolderPane, newest_of
from app.ui.backup.folders import TOP, Folder, FolderFacts, Machine, covering, group_of
from app.ui.backup.foot import legend
from app.ui.backup.properties import PropertiesPane
from app.ui.backup.refusals import Refusals, refused
from app.ui.backup.source_rows import (
    GROUP_KEY,
    SOURCE_COLUMNS,
    ContentsModel,
    contents,
    newest_session,
    source_rows,
)
from app.ui.hosts.rows import why_not_change, why_not_remove
from app.ui.manager import Context
from app.ui.models.cell import ItemRole
from app.ui.models.tree import TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label, Line, PaneHeader, column, icon_button
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.notices import EmptyState, ProblemCard, explain
from app.ui.widgets.views import CellTable, CellTree


class SourceTab(QWidget):
    """`chosen_changed` when a box was toggled; the manager feeds it with `set_facts`."""

    chosen_changed = Signal()
    delete_wanted = Signal(object)
    machine_delete_wanted = Signal(object)
    machine_change_wanted = Signal(object)
    machine_add_wanted = Signal()
    new_wanted = Signal()
    show_wanted = Signal(object)
    retried = Signal()

    def __init__(self, context: Context, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._draft = draft
        self.folders = FolderFacts()
        self._refusals = Refusals()
        self._folder: Folder | None = None
        self._machine = ""
        self._statuses: Sequence[ScenarioStatus] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._known = False
        self._selected: int | None = None
        self.model = TreeModel(SOURCE_COLUMNS, self)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(SOURCE_COLUMNS)
        self.tree.setHeaderHidden(True)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.setAccessibleName("Source")
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.tree.row_activated.connect(self._on_activated)
        self.tree.expanded.connect(self._on_expanded)
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
        self.add_action = self._action(
            "Add machine…", "plus", QKeySequence.StandardKey.New, self.machine_add_wanted.emit
        )
        self.add_action.setEnabled(True)
        self.change_action = self._action("Security…", "key-round", None, self._on_change)
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
        add = icon_button("plus", "Add machine")
        add.setToolTip("Add a machine: host and port, certificate, log-in")
        add.clicked.connect(self.machine_add_wanted)
        header.row.addWidget(self.filter, 100)
        header.row.addWidget(add)
        left = column(header, Line(), self.tree, Line(), legend())
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
        self.folder = FolderPane(self._draft)
        self.folder.changed.connect(self.chosen_changed)
        self.right.addWidget(self.folder)
        self.right.addWidget(self.empty)
        self.splitter = QSplitter()
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.right)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([400, 800])
        for splitter in (self.splitter, self.details):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
        self.pages = QStackedWidget()
        for page in (self.splitter, at_the_top(self.problem), QWidget()):
            self.pages.addWidget(page)
        self.pages.setCurrentIndex(2)
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
        self.pages.setCurrentIndex(0)
        if statuses and self.selected is None and self._folder is None:
            self.select(min(statuses, key=lambda one: one.scenario.name.casefold()).scenario.id)
        self._show_selection()

    def show_error(self, error: Exception) -> None:
        """The first answer failed: say why in place. Later ones leave what is shown."""
        if not self._known:
            self.problem.show_error(error)
            self.pages.setCurrentIndex(1)

    def select(self, scenario_id: int) -> None:
        """Bring a scenario into view."""
        index = self.model.find(GROUP_KEY, scenario_id)
        if index.isValid():
            self._selected = scenario_id
            self.tree.select_row(index)
            self.tree.scrollTo(index)

    def _show_rows(self) -> None:
        text = self.filter.text()
        scenarios = source_rows(self._statuses, self._draft.chosen, text) if self._known else []
        self.model.set_rows([*self.folders.rows(self._draft.sources, text), *scenarios])

    def _show_selection(self) -> None:
        if self._folder is not None:
            self._show_folder(self._folder)
            return
        status = self.selected
        self.right.setCurrentIndex(1 if status is not None else 0 if self._statuses else 3)
        self._offer("" if status is not None else "Select a scenario or a machine")
        self.change_action.setEnabled(False)
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
        elif isinstance(status, Folder):
            above = covering(status.host, status.path, self._draft.sources)
            if above is not None:
                self._context.toast(f"{status.label} is backed up with {above.label}")
                return
            self._draft.toggle_source(status.host, status.path)
            self._show_rows()
            self.chosen_changed.emit()

    def _on_row_changed(self, index: QModelIndex) -> None:
        while index.isValid():
            status = index.data(ItemRole.OBJECT)
            if isinstance(status, Folder | Machine):
                found = status if isinstance(status, Folder) else Folder(status.state.host.name, TOP)
                self._folder, self._selected = found, None
                self._machine = status.state.host.name if isinstance(status, Machine) else ""
                self._read(found, chosen=True)
                self._show_selection()
                return
            if isinstance(status, ScenarioStatus):
                self._folder, self._selected, self._machine = None, status.scenario.id, ""
                self._show_selection()
                return
            index = index.parent()

    # directories of hosts

    def set_hosts(self, hosts: Sequence[HostState]) -> None:
        """Show the machines; what was read of them stays."""
        self.folders.hosts = tuple(sorted(hosts, key=lambda one: one.host.name.casefold()))
        self._show_rows()
        if self._folder is not None:
            self._show_selection()

    def forget_folders(self) -> None:
        """Read directories anew: those in view at once, the others when they are opened."""
        self._refusals.forget()
        for host, path in [*self.folders.entries, *self.folders.faults]:
            self._read(Folder(host, path), again=True)

    def _on_children_wanted(self, index: QModelIndex) -> None:
        folder = index.data(ItemRole.OBJECT)
        if isinstance(folder, Folder):
            self._read(folder, chosen=True)

    def _on_expanded(self, index: QModelIndex) -> None:
        machine = index.data(ItemRole.OBJECT)
        if isinstance(machine, Machine) and refused(machine.state):
            self._read(Folder(machine.state.host.name, TOP), chosen=True)

    def logged_in(self, host: str) -> None:
        """A machine has another log-in now: what could not be read of it is read."""
        self._refusals.forget(host)
        for key in [key for key in self.folders.faults if key[0] == host]:
            self._read(Folder(*key), again=True)

    def _read(self, folder: Folder, *, again: bool = False, chosen: bool = False) -> None:
        key = (folder.host, folder.path)
        if not again and key in self.folders.entries:
            self._show_rows()
            return
        self._context.tasks.run(
            self,
            partial(self._context.services.hosts.browse, *key),
            partial(self._on_entries, key),
            partial(self._on_entries_failed, key, chosen),
            key=f"browse {folder.label}",
        )

    def _on_entries(self, key: tuple[str, bytes], entries: Sequence[DirectoryEntry]) -> None:
        self._refusals.forget(key[0])
        self.folders.faults.pop(key, None)
        self.folders.entries[key] = entries
        self._show_rows()
        self._show_selection()

    def _on_entries_failed(self, key: tuple[str, bytes], chosen: bool, error: Exception) -> None:
        title, text, _ = explain(error)
        self.folders.entries.pop(key, None)
        self.folders.faults[key] = f"{title} {text}".strip()
        self._show_rows()
        self._show_selection()
        # What somebody opened, and still looks at; never over another dialog.
        if chosen and self.isVisible() and QApplication.activeModalWidget() is None:
            state = self._state_of(key[0])
            if self._refusals.ask_for(state, error):
                self.machine_change_wanted.emit(state)

    def _show_folder(self, folder: Folder) -> None:
        key = (folder.host, folder.path)
        state = self._state_of(folder.host)
        self.right.setCurrentIndex(2)
        self.show_action.setEnabled(False)
        machine = self.machine
        self._offer(
            why_not_remove(machine) if machine is not None else "A directory is not deleted from here"
        )
        reason = why_not_change(machine)
        self.change_action.setEnabled(not reason)
        self.change_action.setToolTip(reason or "Log in to the machine with another account or password")
        self.folder.show_folder(
            folder,
            state,
            self.folders.entries.get(key),
            self.folders.faults.get(key, ""),
            newest_of(self._sessions, folder),
        )

    @property
    def machine(self) -> HostState | None:
        """The machine that is selected itself, not a directory of it."""
        return self._state_of(self._machine)

    def _state_of(self, host: str) -> HostState | None:
        return next((one for one in self.folders.hosts if one.host.name == host), None)

    def select_machine(self, name: str) -> None:
        """Bring a machine into view."""
        state = self._state_of(name)
        index = self.model.find(group_of(state), name) if state is not None else QModelIndex()
        if index.isValid():
            self.tree.select_row(index)
            self.tree.scrollTo(index)

    def _offer(self, reason: str) -> None:
        self.delete_action.setEnabled(not reason)
        self.delete_action.setToolTip(reason or "Forget it on this server; its sessions stay")

    def _on_activated(self, index: QModelIndex) -> None:
        if self.model.hasChildren(index):
            self.tree.setExpanded(index, not self.tree.isExpanded(index))

    def _on_filtered(self, _text: str) -> None:
        self._show_rows()

    def _on_context_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction(self.show_action)
        menu.addSeparator()
        menu.addAction(self.add_action)
        menu.addAction(self.change_action)
        menu.addAction(self.delete_action)
        menu.exec(self.tree.viewport().mapToGlobal(position))
        menu.deleteLater()

    def _on_delete(self) -> None:
        if self.selected is not None:
            self.delete_wanted.emit(self.selected)
        elif self.machine is not None:
            self.machine_delete_wanted.emit(self.machine)

    def _on_change(self) -> None:
        if self.machine is not None:
            self.machine_change_wanted.emit(self.machine)

    def _on_show(self) -> None:
        if self.selected is not None:
            self.show_wanted.emit(self.selected)
