"""Answers to the newest of many wishes, where each may take long and most are replaced before it is asked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.ui.bridge.tasks import Tasks

_AT_ONCE = 2
"""A call cannot be taken back: no more are begun than leave task threads to the rest of the console."""


class Newest(QObject):
    """`want` a call as often as you like; the last one is made when none followed for `delay_ms`.

    `answered` and `failed` tell of it on the GUI thread, never of one that was replaced or forgotten. While
    calls that were replaced still run, the newest waits for one of them to end.
    """

    answered = Signal(object)
    failed = Signal(object)

    def __init__(self, tasks: Tasks, delay_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._number = 0
        self._running = 0
        self._wish: Callable[[], Any] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._ask)

    def want(self, call: Callable[[], Any]) -> None:
        """Have this asked instead of what was wanted before. `call` runs on a task thread."""
        self._number += 1
        self._wish = call
        self._timer.start()

    def forget(self) -> None:
        """Nothing is wanted; what is on its way is not told of."""
        self._number += 1
        self._wish = None
        self._timer.stop()

    def _ask(self) -> None:
        if self._wish is None or self._running >= _AT_ONCE:
            return
        call, self._wish = self._wish, None
        self._running += 1
        self._tasks.run(
            self, call, partial(self._on_answer, self._number), partial(self._on_error, self._number)
        )

    def _on_answer(self, number: int, value: Any) -> None:
        self._ended()
        if number == self._number:
            self.answered.emit(value)

    def _on_error(self, number: int, error: Exception) -> None:
        self._ended()
        if number == self._number:
            self.failed.emit(error)

    def _ended(self) -> None:
        self._running -= 1
        if not self._timer.isActive():
            self._ask()
