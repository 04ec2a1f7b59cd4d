"""Opening the options of the backup that is put together, and taking over what was agreed to."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.ui.backup.submission import Owner
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.manager import Context


class OptionsOpening(QObject):
    """`changed` when the options were agreed to: the owner's draft has them."""

    changed = Signal()

    def __init__(self, context: Context, owner: Owner, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._owner, self._window = context, owner, window

    def show(self, tab: object = None) -> None:
        """Open the dialog. `tab`: the title of the page to begin with."""
        owner = self._owner
        draft, statuses = owner.draft, owner.statuses
        names = [status.scenario.name for status in draft.selected(statuses)]
        names += [source.label for source in draft.sources]
        dialog = BackupOptionsDialog(
            self._context,
            draft,
            names,
            self._window,
            lambda changed: changed.script(owner.statuses),
            rotation=owner.schedule.rotates,
        )
        if isinstance(tab, str):
            dialog.show_tab(tab)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(partial(self._on_agreed, dialog))
        dialog.alerts_wanted.connect(partial(self._context.open_manager, "alerts"))
        dialog.open()

    def _on_agreed(self, dialog: BackupOptionsDialog) -> None:
        self._owner.draft.take_options(dialog.draft)
        self.changed.emit()
