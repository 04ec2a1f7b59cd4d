"""Helpers of a restore for tests: as threads, whose faults a test can make, and as the real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from app.agent.pipe import make_pipe
from app.agent.restore_helper import Helping
from app.backup import crew, making, restorer
from app.backup.helping import serve


class ThreadHelper:
    """A `HelperProcess` that is a thread of this process. `on_order` is called before each order."""

    def __init__(self, on_order: Callable[[Any], None] = lambda _: None) -> None:
        self.line, theirs = make_pipe()
        self._theirs = Connection(theirs.detach())
        self.orders: list[Any] = []
        self._on_order = on_order
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            serve(self)  # type: ignore[arg-type]
        except OSError:
            pass
        finally:
            self._theirs.close()

    def recv(self) -> Any:
        order = self._theirs.recv()
        if isinstance(order, tuple):
            self.orders.append(order)
            self._on_order(order)
        return order

    def send(self, value: Any) -> None:
        self._theirs.send(value)

    def end(self) -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.line.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)


class ProcessHelper(Helping):
    """The real one; tells its process."""

    def __init__(self, log: Path) -> None:
        super().__init__(str(log))
        self.pid = self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every restore that may have helpers has two, however small it is."""
    monkeypatch.setattr(restorer, "_HELP_FROM", 1)
    monkeypatch.setattr(making, "_MOST", 10)
    monkeypatch.setattr(crew, "_AHEAD", 20)
    monkeypatch.setattr(crew, "_processors", lambda: 3)
