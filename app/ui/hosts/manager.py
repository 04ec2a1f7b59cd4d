"""The Hosts manager: known hosts with their state, how they are trusted, and checks of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QSplitter

from app.model.host import CheckResult, HostState
from app.ui import formats
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.hosts.details import HostDetails
from app.ui.hosts.host_dialog import HostDialog
from app.ui.hosts.rows import HostModel, why_not_change, why_not_remove
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import FilterField, Line, PaneHeader, column
from app.ui.widgets.menus import pop_actions
from app.ui.widgets.notices import ProblemCard
from app.ui.widgets.status import Pill
from app.ui.widgets.views import CellTable
from app.ui.xosoft.toolbar import Toolbar

_POLL_MS = 3000


class HostsManager(Manager):
    """All known hosts; each is asked every three seconds while this is looked at."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Hosts")
        self._wanted = ""
        self._shown = ""
        self.pill = Pill("", "unplug", "error")
        self.pill.hide()
        self.header.add(self.pill)
        self.add_action = self.make_action("Add host…", "plus", "Ctrl+Shift+N", self._on_add)
        self.check_action = self.make_action("Check", "list-checks", "Ctrl+R", self._on_check)
        self.login_action = self.make_action("Change log-in…", "key-round", "", self._on_change)
        self.trust_action = self.make_action("Compare certificate…", "shield-check", "", self._on_change)
        self.remove_action = self.make_action("Remove…", "trash-2", "", self._on_remove)
        actions = [
            self.add_action,
            self.check_action,
            self.login_action,
            self.trust_action,
            self.remove_action,
        ]
        self.toolbar = Toolbar(actions, [self.check_action, self.remove_action])
        self.body.addWidget(self.toolbar)
        self.body.addWidget(Line())
        self.model = HostModel()
        self.table = CellTable()
        self.table.setAccessibleName("Hosts")
        self.proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.current_row_changed.connect(self._on_row_changed)
        self.table.row_activated.connect(self._on_row_activated)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._on_context_menu)
        self.pane = PaneHeader("Known hosts")
        self.filter = FilterField()
        self.filter.filtered.connect(self._on_filtered)
        self.pane.add(self.filter)
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.refresh)
        self.details = HostDetails()
        self.details.check_wanted.connect(self._on_check)
        self.details.list.fix_requested.connect(self._on_change)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(column(self.pane, Line(), self.problem, self.table))
        split.addWidget(self.details)
        split.setStretchFactor(0, 1)
        split.setSizes([780, 420])
        self.body.addWidget(split, 1)
        self._poller = self.poll(self.context.services.hosts.states, _POLL_MS)
        self._poller.answered.connect(self._on_answered)
        self._poller.failed.connect(self._on_failed)
        self._show_selection()

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Hosts menu."""
        return "H&osts", [
            self.add_action,
            None,
            self.check_action,
            self.login_action,
            self.trust_action,
            None,
            self.remove_action,
        ]

    def show_request(self, **request: object) -> None:
        """`host=NAME` selects one, `add=True` opens the dialog."""
        self._wanted = str(request.get("host", ""))
        self._select_wanted()
        if request.get("add"):
            self._on_add()

    @property
    def selected(self) -> HostState | None:
        """The host in view."""
        return next((state for state in self.model.items if state.host.name == self._shown), None)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self.toolbar.fit(self.width())

    def _on_answered(self, states: Sequence[HostState]) -> None:
        self.problem.hide()
        self.model.set_items(list(states))
        silent = sum(state.info is None for state in states)
        self.pill.set_pill(f"{silent} without an answer" if silent else "", "unplug", "error")
        self.header.subtitle.setText(f"{formats.counted(len(states), 'host')} known")
        self.badge_changed.emit(str(silent) if silent else "", True)
        if not self._shown and states:
            self._wanted = self._wanted or states[0].host.name
        self._select_wanted()
        self._count()
        self._show_selection()

    def _on_failed(self, error: Exception) -> None:
        if not self.model.items:
            self.problem.show_error(error)

    def _select_wanted(self) -> None:
        for row in range(self.proxy.rowCount()):
            index = self.proxy.index(row, 0)
            if self._wanted and index.data() == self._wanted:
                self._wanted = ""
                self.table.select_row(index)
                return

    def _on_row_changed(self, _index: QModelIndex) -> None:
        current = self.table.current_object()
        if isinstance(current, HostState):
            self._shown = current.host.name
            self._show_selection()

    def _show_selection(self) -> None:
        state = self.selected
        self.details.show_state(state)
        nothing = "" if state is not None else "Select a host first"
        for action, reason, help_ in (
            (self.check_action, nothing, "Try address, certificate, log-in, version, clock and limits"),
            (self.login_action, why_not_change(state), "Log in with another account or password"),
            (self.trust_action, why_not_change(state), "Compare the certificate it shows now, and trust it"),
            (self.remove_action, why_not_remove(state), "Forget the host and the log-in to it"),
        ):
            action.setEnabled(not reason)
            action.setToolTip(reason or help_)
        self.add_action.setToolTip("Know another host: certificate and log-in")

    def _on_filtered(self, text: str) -> None:
        self.proxy.set_text(text)
        self._count()

    def _count(self) -> None:
        rows, total = self.proxy.rowCount(), len(self.model.items)
        self.pane.note.setText(f"{rows:,} of {total:,}" if rows != total else "")

    def _on_context_menu(self, position: QPoint) -> None:
        pop_actions(self, self.menu()[1], self.table.viewport().mapToGlobal(position), self.table)

    # what the person does

    def _on_add(self) -> None:
        self._open(HostDialog(self.context, self))

    def _on_change(self, _check: object = None) -> None:
        state = self.selected
        if state is not None and not why_not_change(state):
            self._open(HostDialog(self.context, self, state.host))

    def _on_row_activated(self, _index: QModelIndex) -> None:
        self._on_check()

    def _open(self, dialog: HostDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.added.connect(self._on_added)
        dialog.open()

    def _on_added(self, name: str) -> None:
        self._wanted = name
        self._poller.refresh()

    def _on_check(self) -> None:
        state = self.selected
        if state is None:
            return
        name, hosts = state.host.name, self.context.services.hosts
        self.details.checking()
        self.context.tasks.run(
            self,
            lambda: hosts.preflight(name),
            partial(self._on_checked, name),
            self._on_check_failed,
            key=f"check {name}",
        )

    def _on_checked(self, name: str, checks: Sequence[CheckResult]) -> None:
        self.details.show_checks(name, checks)
        self._poller.refresh()

    def _on_check_failed(self, error: Exception) -> None:
        self.details.show_state(self.selected)
        self.context.show_error(error)

    def _on_remove(self) -> None:
        state = self.selected
        if state is None or why_not_remove(state):
            return
        name = state.host.name
        dialog = ConfirmDialog(
            self,
            f"Remove {name}?",
            "The way to it, its confirmed certificate and the log-in are forgotten here. Nothing changes on "
            "the host itself; it can be added again with its password.",
            f"Remove {name}",
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(partial(self._remove, name))
        dialog.open()

    def _remove(self, name: str) -> None:
        hosts = self.context.services.hosts
        self.context.tasks.run(self, lambda: hosts.remove(name), partial(self._on_removed, name))

    def _on_removed(self, name: str, _nothing: object) -> None:
        self.context.toast("Host removed", name)
        self._shown = ""
        self._poller.refresh()
