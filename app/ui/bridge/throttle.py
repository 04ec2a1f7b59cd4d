"""At most one value per interval, the newest."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal


class Throttle(QObject):
    """`put` values as often as you like; `passed` brings the newest at most every `interval_ms`."""

    passed = Signal(object)

    def __init__(self, interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: list[Any] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._on_timeout)

    def put(self, value: Any) -> None:
        """Pass `value` now, or replace the one that waits."""
        if self._timer.isActive():
            self._waiting = [value]
        else:
            self._timer.start()
            self.passed.emit(value)

    def _on_timeout(self) -> None:
        if self._waiting:
            value = self._waiting.pop()
            self._timer.start()
            self.passed.emit(value)


class Delay(QObject):
    """Like a filter field needs it: `passed` brings the value when none followed for `interval_ms`."""

    passed = Signal(object)

    def __init__(self, interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._value: Any = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._on_timeout)

    def put(self, value: Any) -> None:
        """Replace the value and start waiting again."""
        self._value = value
        self._timer.start()

    def _on_timeout(self) -> None:
        self.passed.emit(self._value)
