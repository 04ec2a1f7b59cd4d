"""Work on the GUI thread that is too long for one round of the event loop, a little per round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer

BUDGET_S = 0.008


class Slices(QObject):
    """Runs an iterator to its end, some steps per round; then calls `on_done`. `finish` does the rest now."""

    def __init__(self, parent: QObject, steps: Iterator[object], on_done: Callable[[], None]) -> None:
        super().__init__(parent)
        self._steps = steps
        self._on_done = on_done
        self.done = False
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start()

    def finish(self) -> None:
        """All that is left, at once."""
        while not self.done:
            self._step()

    def stop(self) -> None:
        """Leave it where it is; `on_done` is not called."""
        self.done = True
        self._timer.stop()
        self.deleteLater()

    def _on_timeout(self) -> None:
        end = time.perf_counter() + BUDGET_S
        while not self.done and time.perf_counter() < end:
            self._step()

    def _step(self) -> None:
        if self.done:
            return
        try:
            next(self._steps)
        except StopIteration:
            self.done = True
            self._timer.stop()
            self._on_done()
