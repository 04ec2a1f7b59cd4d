"""Machines of the Source tree: add one, change its log-in, delete it from this server."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.model.host import HostState
from app.ui.backup.source_tab import SourceTab
from app.ui.backup.submission import Submission
from app.ui.dialogs.confirm import confirm
from app.ui.hosts.host_dialog import HostDialog
from app.ui.hosts.rows import why_not_change, why_not_remove
from app.ui.manager import Context


class Machines(QObject):
    """`changed` when a machine is known now, or is not any more: its states are to be asked anew."""

    changed = Signal()

    def __init__(self, context: Context, source: SourceTab, submission: Submission, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self._source, self._submission = source, submission
        self._wanted = ""
        source.machine_add_wanted.connect(self.add)
        source.machine_change_wanted.connect(self.change)
        source.machine_delete_wanted.connect(self.delete)

    def ask(self) -> Sequence[HostState]:
        """What the machines say now; called on a task thread."""
        return self._context.services.hosts.states()

    def set_states(self, states: Sequence[HostState]) -> None:
        """Show the newest answer, and what was just added."""
        self._source.set_hosts(states)
        self._submission.kept = {state.host.name: state.host.user for state in states}
        if self._wanted and any(state.host.name == self._wanted for state in states):
            self._source.select_machine(self._wanted)
            self._wanted = ""

    def add(self) -> None:
        """Ask for host and port, show its certificate, log in."""
        self._open(HostDialog(self._context, self._window))

    def change(self, state: HostState) -> None:
        """Log in with another account or password; what is wrong with that is said by its button."""
        if not why_not_change(state):
            self._open(HostDialog(self._context, self._window, state.host))

    def delete(self, state: HostState) -> None:
        """Ask, then forget the machine here."""
        name = state.host.name
        if why_not_remove(state) or not confirm(
            self._window,
            f"Delete {name} from this server?",
            "The way to it, its confirmed certificate and its log-in are forgotten here: jobs that back up "
            "its directories fail. Nothing changes on the machine. Its sessions and log lines stay, and it "
            "can be added again with its password.",
            f"Delete {name}",
        ):
            return
        hosts = self._context.services.hosts
        self._context.tasks.run(
            self, lambda: hosts.remove(name), partial(self._on_deleted, name), self._context.show_error
        )

    def _open(self, dialog: HostDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.added.connect(self._on_added)
        dialog.open()

    def _on_added(self, name: str) -> None:
        self._wanted = name
        self._source.logged_in(name)
        self.changed.emit()

    def _on_deleted(self, name: str, _result: object) -> None:
        self._context.toast(f"{name} deleted from this server", "Its sessions stay")
        self.changed.emit()
