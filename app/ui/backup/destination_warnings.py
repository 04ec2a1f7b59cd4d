"""What the media rules overwrite or cannot use, asked a moment after each change of the job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject

from app.model.errors import Problem
from app.model.job import BackupScript
from app.ui.backup.media_words import warning_lines
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context

_AFTER_MS = 300


class Shows(Protocol):
    """Where they are told."""

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """Show these, and no others."""
        ...


class DestinationWarnings(QObject):
    """`lines` for the summary. `script` gives the job as it is put together now."""

    def __init__(
        self, context: Context, form: Shows, script: Callable[[], BackupScript], parent: QObject
    ) -> None:
        super().__init__(parent)
        self.lines: Sequence[str] = ()
        self._context, self._form, self._script = context, form, script
        self._delay = Delay(_AFTER_MS, self)
        self._delay.passed.connect(self._ask)

    def ask_soon(self) -> None:
        """Something changed."""
        self._delay.put(None)

    def _ask(self, _value: object) -> None:
        script = self._script()
        if not script.scenario_ids and not script.sources:
            self._show(())
            return
        call = partial(self._context.services.storage.destination_warnings, script)
        self._context.tasks.run(self, call, self._show, self._failed, key="warnings")

    def _show(self, problems: Sequence[Problem]) -> None:
        self.lines = warning_lines(problems)
        self._form.show_warnings(problems)

    def _failed(self, _error: Exception) -> None:
        """The job itself checks once more, and tells."""
        self._show(())
