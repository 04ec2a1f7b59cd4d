"""What a person does to the activity log: print, export and purge."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.ui import formats
from app.ui.job_status.log_export import write_export
from app.ui.job_status.log_pane import ActivityLogPane
from app.ui.job_status.purge_log import PurgeLogDialog
from app.ui.manager import Context
from app.ui.printing import print_sheet


class LogCommands(QObject):
    """`changed`: lines were deleted."""

    changed = Signal()

    def __init__(self, context: Context, log: ActivityLogPane, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._log, self._window = context, log, window
        log.export_wanted.connect(self._on_export)

    def print(self) -> None:
        """Print the lines shown."""
        print_sheet(self._context, self._log.sheet(), self._window)

    def purge(self) -> None:
        """Ask for an age, and delete the lines that are older."""
        dialog = PurgeLogDialog(self._context, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_purged)
        dialog.open()

    def _on_export(self, name: str, text: str) -> None:
        self._context.tasks.run(
            self,
            partial(write_export, name, text),
            partial(self._on_exported, name),
            self._context.show_error,
        )

    def _on_exported(self, name: str, _result: object) -> None:
        self._context.toast("Activity log exported", name)

    def _on_purged(self, count: object) -> None:
        self._context.toast(f"{formats.counted(int(str(count)), 'line')} of the activity log deleted")
        self.changed.emit()
