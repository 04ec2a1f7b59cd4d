"""Service calls on threads of their own; results come back on the GUI thread.

`Tasks.run(owner, call, on_result, on_error)` runs `call` on a task thread and then calls the given methods of
`owner` on the GUI thread, unless the owner was destroyed or the task was replaced or dropped meanwhile.
The threads are daemons: a call that hangs in the network cannot keep the console from closing.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from shiboken6 import isValid

from app.model.errors import ArcxoError

Result = Callable[[Any], None]


class Task:
    """One call. `drop()` forgets its result; the call itself runs to its end."""

    def __init__(
        self,
        owner: QObject,
        call: Callable[[], Any],
        on_result: Result | None,
        on_error: Callable[[Exception], None] | None,
        key: str,
    ) -> None:
        self.owner = owner
        self.call = call
        self.on_result = on_result
        self.on_error = on_error
        self.key = key
        self.value: Any = None
        self.error: Exception | None = None
        self.report = ""
        self.dropped = False

    def drop(self) -> None:
        """Do not deliver the result."""
        self.dropped = True


class Tasks(QObject):
    """The task threads of a console. Make and use it on the GUI thread; close it before the services."""

    failed = Signal(object)
    """An ArcxoError nobody handled."""

    unexpected = Signal(str)
    """The report of an exception that is a bug."""

    _done = Signal(object)

    def __init__(self, threads: int = 8) -> None:
        super().__init__()
        self._queue: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._closed = False
        self._newest: dict[tuple[int, str], Task] = {}
        self._pending = 0
        self._done.connect(self._on_done, Qt.ConnectionType.QueuedConnection)
        self._threads = [
            threading.Thread(target=self._work, name=f"console-task-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pending(self) -> int:
        """Calls begun or waiting whose result was not delivered yet."""
        return self._pending

    def run(
        self,
        owner: QObject,
        call: Callable[[], Any],
        on_result: Result | None = None,
        on_error: Callable[[Exception], None] | None = None,
        *,
        key: str = "",
    ) -> Task:
        """Run `call` on a task thread. With `key`, an older call of the same owner and key is dropped.

        Without `on_error`, known faults arrive at `failed`. Unexpected exceptions always also arrive at
        `unexpected`. Callbacks run on the GUI thread.
        """
        task = Task(owner, call, on_result, on_error, key)
        if self._closed:
            task.drop()
            return task
        if key:
            older = self._newest.get((id(owner), key))
            if older is not None and older.owner is owner:
                older.drop()
            self._newest[id(owner), key] = task
        self._pending += 1
        self._queue.put(task)
        return task

    def close(self, timeout_s: float = 2.0) -> None:
        """Drop everything, end the threads; waits at most about `timeout_s` for calls that are running."""
        self._closed = True
        self._newest.clear()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(timeout_s / len(self._threads))

    def _work(self) -> None:
        while (task := self._queue.get()) is not None:
            if self._closed:
                continue
            if not task.dropped:
                try:
                    task.value = task.call()
                except ArcxoError as error:
                    task.error = error
                except Exception as error:  # noqa: BLE001 - a bug is shown with its report, not lost on a thread
                    task.error = error
                    task.report = traceback.format_exc()
            try:
                self._done.emit(task)
            except RuntimeError:
                return  # the console is gone

    def _on_done(self, task: Task) -> None:
        self._pending -= 1
        if task.key and self._newest.get((id(task.owner), task.key)) is task:
            del self._newest[id(task.owner), task.key]
        if self._closed or task.dropped or not isValid(task.owner):
            return
        if task.error is None:
            if task.on_result is not None:
                task.on_result(task.value)
            return
        if task.on_error is not None:
            task.on_error(task.error)
        elif isinstance(task.error, ArcxoError):
            self.failed.emit(task.error)
        if task.report:
            self.unexpected.emit(task.report)
