"""Ask a service again and again while somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.ui.bridge.tasks import Task, Tasks


class Poller(QObject):
    """Calls `call` on a task thread every `interval_ms` between `start` and `stop`.

    The next call begins only after the previous one answered. The receiver keeps the last values when a call
    fails;
    `stale` tells that three intervals passed without an answer (and the time of the last one, or None),
    `answered` that values came.
    """

    answered = Signal(object)
    failed = Signal(object)
    stale = Signal(object)

    def __init__(self, tasks: Tasks, call: Callable[[], Any], interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._call = call
        self._running = False
        self._task: Task | None = None
        self._again = False
        self.interval_ms = interval_ms
        self.last_answer_at: datetime | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._ask)
        self._watch = QTimer(self)
        self._watch.setInterval(_patience_ms(interval_ms))
        self._watch.timeout.connect(self._on_watch_timeout)

    @property
    def running(self) -> bool:
        """Whether it is started."""
        return self._running

    def start(self) -> None:
        """Ask now, then at the interval."""
        if self._running:
            return
        self._running = True
        self._watch.start()
        self._ask()

    def stop(self) -> None:
        """Ask no more; an answer on its way is dropped."""
        self._running = False
        self._timer.stop()
        self._watch.stop()
        if self._task is not None:
            self._task.drop()
            self._task = None

    def set_interval(self, interval_ms: int) -> None:
        """Go on at another pace; one that is quicker begins with a question."""
        quicker = interval_ms < self.interval_ms
        self.interval_ms = interval_ms
        self._watch.setInterval(_patience_ms(interval_ms))
        if quicker:
            self.refresh()

    def refresh(self) -> None:
        """Ask at once, or directly after the answer on its way. Does nothing while stopped."""
        if not self._running:
            return
        if self._task is not None:
            self._again = True
            return
        self._timer.stop()
        self._ask()

    def _ask(self) -> None:
        if self._running and self._task is None:
            self._task = self._tasks.run(self, self._call, self._on_result, self._on_error)

    def _on_result(self, value: Any) -> None:
        self._task = None
        self.last_answer_at = datetime.now(UTC)
        if self._running:
            self._watch.start()
        self.answered.emit(value)
        self._next()

    def _on_error(self, error: Exception) -> None:
        self._task = None
        self.failed.emit(error)
        self._next()

    def _next(self) -> None:
        if self._running:
            self._timer.start(0 if self._again else self.interval_ms)
            self._again = False

    def _on_watch_timeout(self) -> None:
        self.stale.emit(self.last_answer_at)


def _patience_ms(interval_ms: int) -> int:
    """How long nothing may be heard at that pace."""
    return max(1500, interval_ms * 3)
