"""The actions of the XOsoft Manager: what is offered for the scenario or group in view, and its doing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu

from app.model.scenario import Scenario, ScenarioState, ScenarioStatus, SyncMethod
from app.ui import icons
from app.ui.manager import Manager
from app.ui.xosoft.actions import Act, able, command_line, together_text, why_not, why_not_together
from app.ui.xosoft.definition_files import DefinitionFiles
from app.ui.xosoft.delete_dialog import DeleteScenarioDialog
from app.ui.xosoft.doing import Doing
from app.ui.xosoft.scenario_dialogs import ScenarioDialogs
from app.ui.xosoft.scenario_pane import ScenarioPane
from app.ui.xosoft.suspend_dialog import SuspendDialog
from app.ui.xosoft.suspend_times import offered_times

_OFFERED: tuple[tuple[Act, str, str, str, str], ...] = (
    (Act.RUN, "Run…", "play", "Ctrl+R", "Run the scenario: log in, verification, synchronization method"),
    (Act.STOP, "Stop", "circle-stop", "Ctrl+.", "Stop the scenario"),
    (Act.SUSPEND, "Suspend", "circle-pause", "", "Stop applying on the replicas; changes go to the spool"),
    (Act.RESUME, "Resume", "circle-play", "", "Apply again, beginning with what is in the spool"),
    (Act.SYNCHRONIZE, "Synchronize", "refresh-cw", "", "Compare with the replicas and send what differs"),
    (Act.DIFFERENCE, "Difference…", "git-compare", "", "Compare with the replicas; nothing is changed"),
    (Act.BOOKMARK, "Bookmark", "bookmark", "Ctrl+B", "Mark this moment as a rewind point"),
    (Act.RESTORE_DATA, "Restore data…", "rewind", "", "Rewind a replica, or recover the Master from it"),
    (Act.EDIT, "Rename or move…", "pencil", "F2", "Another name, or another group"),
    (Act.DUPLICATE, "Duplicate…", "copy", "", "Make a new scenario that begins with all of this one"),
    (Act.TEMPLATE, "Save as template…", "save", "", "Keep all but hosts and directories for new scenarios"),
    (Act.EXPORT, "Export…", "download", "", "Write the definition to a file"),
    (
        Act.REGISTER,
        "Update ARCserve Backup Server…",
        "hard-drive-upload",
        "",
        "Send the backup server what the scenario is now",
    ),
    (Act.DELETE, "Delete…", "trash-2", "", "Delete the scenario with its spool and rewind log"),
)
_LINES_BEFORE = (Act.SUSPEND, Act.BOOKMARK)
_MORE = (Act.EDIT, Act.DUPLICATE, Act.TEMPLATE, Act.EXPORT, Act.REGISTER)
IN_TOOLBAR = tuple(act for act, *_ in _OFFERED[:8])


class ScenarioCommands(QObject):
    """`changed`: something was done, ask again. `wanted(name)`: show this scenario then."""

    changed = Signal()
    wanted = Signal(str)

    def __init__(self, manager: Manager, pane: ScenarioPane) -> None:
        super().__init__(manager)
        self._manager, self._pane = manager, pane
        self._busy: set[int] = set()
        self.dialogs = ScenarioDialogs(manager)
        self.dialogs.changed.connect(self.changed)
        self.dialogs.created.connect(self._on_created)
        self.dialogs.registered.connect(self._on_imported)
        self.dialogs.saved.connect(self._on_saved)
        self.new = self._action("New…", "plus", "", self.on_new)
        self.files = DefinitionFiles(manager)
        self.files.imported.connect(self._on_imported)
        self.import_ = self._action("Import…", "folder-open", "", self.files.ask_import)
        self.import_.setToolTip("Make a scenario of a definition in a file")
        self.discover = self._action("Auto-discovery…", "search", "", self.dialogs.discovery)
        self.discover.setToolTip("Find scenarios of known hosts that are not listed here")
        self.copy = self._action("Copy as command line", "terminal", "Ctrl+Shift+C", self._on_copy)
        self.acts: dict[Act, QAction] = {}
        for act, text, icon, shortcut, _ in _OFFERED:
            self.acts[act] = self._action(text, icon, shortcut, partial(self._on_act, act))
        self.run_menu = QMenu("Run with", manager)
        for words, sync in (
            ("At once, comparing whole files", SyncMethod.FILE),
            ("At once, comparing blocks", SyncMethod.BLOCK),
        ):
            self.run_menu.addAction(words).triggered.connect(partial(self._run_with, sync))
        self.suspend_menu = QMenu("Suspend until", manager)
        self.suspend_menu.aboutToShow.connect(self._fill_suspend_menu)
        self.suspend_until = self._action("Suspend until…", "timer", "", partial(self._ask_until, None))

    def menu(self) -> list[QAction | None]:
        """The Scenario menu; None is a line."""
        entries: list[QAction | None] = [self.new, self.import_, self.discover, None]
        for act in IN_TOOLBAR:
            if act in _LINES_BEFORE:
                entries.append(None)
            entries.append(self.acts[act])
            if act is Act.SUSPEND:
                entries.append(self.suspend_until)
        more = [self.acts[act] for act in _MORE]
        return [*entries, None, *more, self.copy, None, self.acts[Act.DELETE]]

    def toolbar(self) -> tuple[list[QAction], list[QAction], dict[QAction, QMenu]]:
        """The actions of the toolbar, those with a line before them, and menus of variants."""
        lines = [self.acts[act] for act in (Act.RUN, *_LINES_BEFORE)]
        menus = {self.acts[Act.RUN]: self.run_menu, self.acts[Act.SUSPEND]: self.suspend_menu}
        return [self.new, *(self.acts[act] for act in IN_TOOLBAR)], lines, menus

    def offer(self) -> None:
        """Enable what is possible for what is in view; tooltips say what it does, or why it is not."""
        for act, _text, _icon, _shortcut, help_ in _OFFERED:
            reason, words = self._reason(act), help_
            if self._pane.group and not reason:
                words = together_text(act, self._pane.members, self._pane.group)
            self.acts[act].setEnabled(not reason)
            self.acts[act].setToolTip(reason or words)
        suspend = self.acts[Act.SUSPEND]
        self.suspend_until.setEnabled(suspend.isEnabled())
        self.suspend_until.setToolTip("" if suspend.isEnabled() else suspend.toolTip())
        self.copy.setEnabled(self._pane.selected is not None)

    def _reason(self, act: Act) -> str:
        if self._pane.group:
            members = self._pane.members
            if any(status.scenario.id in self._busy for status in members):
                return "Working on it"
            return why_not_together(act, members)
        status = self._pane.selected
        if status is not None and status.scenario.id in self._busy:
            return "Working on it"
        return why_not(act, status)

    def _action(self, text: str, icon: str, shortcut: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self._manager)
        # A space keeps the text of a button off its icon.
        action.setIconText(f" {text.rstrip('…')}")
        icons.bind(action, icon)
        if shortcut:
            # Of the whole window: the keys work wherever the focus is. Qt leaves out hidden managers.
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(lambda _checked=False: slot())
        self._manager.addAction(action)
        return action

    # what the person does

    def on_new(self, like: Scenario | None = None) -> None:
        """Open the New Scenario wizard, with what an existing scenario has."""
        self.dialogs.new(like)

    def _on_created(self, scenario: Scenario, running: bool) -> None:
        self.wanted.emit(scenario.name)
        self.changed.emit()
        state = "It is starting" if running else "It is stopped"
        self._manager.context.toast(f"Scenario {scenario.name} created", state)

    def _on_imported(self, name: str) -> None:
        self.wanted.emit(name)
        self.changed.emit()

    def _on_act(self, act: Act) -> None:
        if self._pane.group and act is Act.RUN:
            self._ask_run(self._pane.members)
            return
        if self._pane.group and act is Act.STOP:
            self._ask_stop_all()
            return
        if self._pane.group:
            for member in able(act, self._pane.members):
                self.do(act, member)
            return
        status = self._pane.selected
        if status is None:
            return
        asking: Callable[[ScenarioStatus], None] | None = {
            Act.RUN: lambda chosen: self._ask_run((chosen,)),
            Act.DIFFERENCE: self.dialogs.difference,
            Act.RESTORE_DATA: self.dialogs.restore,
            Act.DELETE: self._ask_delete,
            Act.EDIT: lambda chosen: self.dialogs.edit(chosen, self._pane.statuses),
            Act.DUPLICATE: lambda chosen: self.on_new(chosen.scenario),
            Act.EXPORT: lambda chosen: self.files.ask_export(chosen.scenario),
            Act.REGISTER: self.dialogs.update_server,
            Act.TEMPLATE: self.dialogs.template,
        }.get(act)
        if asking is not None:
            asking(status)
        else:
            self.do(act, status)

    def _fill_suspend_menu(self) -> None:
        self.suspend_menu.clear()
        for words, until in offered_times(datetime.now().astimezone()):
            self.suspend_menu.addAction(words).triggered.connect(
                lambda _checked=False, until=until: self._suspend_until(until)
            )
        self.suspend_menu.addSeparator()
        self.suspend_menu.addAction("Until…").triggered.connect(self._ask_until)

    def _chosen(self, act: Act) -> tuple[ScenarioStatus, ...]:
        """To which scenarios in view `act` is possible."""
        if self._pane.group:
            return able(act, self._pane.members)
        status = self._pane.selected
        return (status,) if status is not None and not why_not(act, status) else ()

    def _ask_until(self, _checked: object = None) -> None:
        chosen = self._chosen(Act.SUSPEND)
        if chosen:
            what = self._pane.group or chosen[0].scenario.name
            dialog = SuspendDialog(chosen, what, self._manager)
            dialog.chosen.connect(self._suspend_until)
            self.dialogs.open(dialog)

    def _run_with(self, sync: SyncMethod, _checked: object = None) -> None:
        """Run, with this synchronisation instead of the one of the properties."""
        for status in self._chosen(Act.RUN):
            self.do(Act.RUN, status, sync=sync)

    def _suspend_until(self, until: datetime) -> None:
        for status in self._chosen(Act.SUSPEND):
            self.do(Act.SUSPEND, status, until=until)

    def do(
        self,
        act: Act,
        status: ScenarioStatus,
        *,
        keep_rewind: bool = False,
        until: datetime | None = None,
        sync: SyncMethod | None = None,
    ) -> None:
        """Have it done in the background."""
        scenarios, name = self._manager.context.services.scenarios, status.scenario.name
        calls: dict[Act, Callable[[], Any]] = {
            Act.RUN: lambda: scenarios.run(name, sync) if sync else scenarios.run(name),
            Act.STOP: lambda: scenarios.stop(name),
            Act.SUSPEND: lambda: scenarios.suspend(name, until=until),
            Act.RESUME: lambda: scenarios.resume(name),
            Act.SYNCHRONIZE: lambda: scenarios.synchronize(name),
            Act.BOOKMARK: lambda: scenarios.bookmark(name),
            Act.DELETE: lambda: scenarios.delete(name, keep_rewind=keep_rewind),
        }
        Doing(self._manager, act, status, self._begin, self._end).start(calls[act])

    def _begin(self, scenario_id: int) -> None:
        """Something is being done to a scenario: its actions wait."""
        self._busy.add(scenario_id)
        self.offer()

    def _end(self, scenario_id: int) -> None:
        """It was done, or refused."""
        self._busy.discard(scenario_id)
        self.changed.emit()
        self.offer()

    def _ask_run(self, members: Sequence[ScenarioStatus]) -> None:
        from app.ui.xosoft.run_dialog import RunDialog

        dialog = RunDialog(self._manager.context, members, self._manager, group=self._pane.group)
        numbers = {scenario.id for scenario in dialog.scenarios}
        dialog.chosen.connect(lambda sync: self._do_to(Act.RUN, numbers, sync=sync))
        self.dialogs.open(dialog)

    def _ask_stop_all(self) -> None:
        """The scenarios of the group in view are stopped when that is wanted."""
        from app.ui.xosoft.together import StopGroupDialog

        dialog = StopGroupDialog(self._pane.group, self._pane.members, self._manager)
        numbers = {one.status.scenario.id for one in dialog.members if not one.left_out}
        dialog.accepted.connect(lambda: self._do_to(Act.STOP, numbers))
        self.dialogs.open(dialog)

    def _do_to(self, act: Act, numbers: set[int], *, sync: SyncMethod | None = None) -> None:
        """Of these scenarios those to which it is possible still."""
        for status in self._pane.statuses:
            if status.scenario.id in numbers and not why_not(act, status):
                self.do(act, status, sync=sync)

    def _ask_delete(self, status: ScenarioStatus) -> None:
        dialog = DeleteScenarioDialog(status, self._manager)
        dialog.accepted.connect(lambda: self.do(Act.DELETE, status, keep_rewind=dialog.keep_rewind))
        self.dialogs.open(dialog)

    def save(self, scenario: Scenario) -> None:
        """Save a changed definition."""
        context = self._manager.context
        scenarios = context.services.scenarios
        context.tasks.run(
            self._manager, lambda: scenarios.update(scenario), self._on_saved, context.show_error
        )

    def _on_saved(self, scenario: Scenario) -> None:
        self._manager.context.toast("Scenario saved", scenario.name)
        shown = self._pane.selected
        if shown is not None and shown.scenario.id == scenario.id:
            self.wanted.emit(scenario.name)  # in another group its row is another
        self.changed.emit()

    def _on_copy(self) -> None:
        status = self._pane.selected
        if status is not None:
            running = status.state is not ScenarioState.STOPPED
            text = command_line(Act.STOP if running else Act.RUN, status.scenario.name)
            QGuiApplication.clipboard().setText(text)
            self._manager.context.toast("Copied", text)
