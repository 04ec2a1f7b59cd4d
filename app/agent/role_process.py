"""A role (master, replica) as a supervised child process: started again whenever it dies."""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from app.agent.children import Spawner
from app.agent.pipe import PipeCaller, make_pipe
from app.model.errors import ArcxoError, BusyError

READY_TIMEOUT_S = 600.0
_END_TIMEOUT_S = 20.0
_STEADY_S = 10.0
_PAUSES_S = (0.0, 0.2, 1.0, 5.0, 15.0, 30.0)
_FAILED_STARTS = 3

_log = logging.getLogger("arcxo.agent.roles")


class RoleProcess:
    """One role's process. `call` may be used from any thread and waits while the process is started again.

    `on_ready(info)` is called with what each new process says of itself, `on_death(reason)` when one died.
    """

    def __init__(
        self,
        role: str,
        arguments: tuple[str, ...],
        spawner: Spawner,
        *,
        on_ready: Callable[[Any], None],
        on_death: Callable[[str], None],
    ) -> None:
        self.role = role
        self.arguments = arguments
        self._spawner = spawner
        self._on_ready = on_ready
        self._on_death = on_death
        self._changed = threading.Condition()
        self._caller: PipeCaller | None = None
        self._newest: PipeCaller | None = None
        """The one of the newest process, which need not be ready yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._failed_starts = 0
        self._failure = ""
        """Why it does not start, once it failed too often in a row for callers to wait for the next try."""
        self._supervisor = threading.Thread(target=self._supervise, name=f"{role}-supervisor", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process that serves now."""
        with self._changed:
            return self._process.pid if self._process is not None and self._caller is not None else None

    def start(self, timeout_s: float = READY_TIMEOUT_S, *, wait: bool = True) -> None:
        """Start, and wait until the role answers. Raises ArcxoError AE1016, AE1030."""
        self._supervisor.start()
        if wait:
            self._wait_ready(time.monotonic() + timeout_s)

    def call(self, method: str, *args: Any, timeout_s: float = 180.0, **kwargs: Any) -> Any:
        """Call a method of the role.

        Raises:
            BusyError: AE1027 after `timeout_s`.
            ArcxoError: AE1016 when the process dies meanwhile, AE1030 when it failed to start again and
                again, and whatever the role raises.
        """
        deadline = time.monotonic() + timeout_s
        caller = self._wait_ready(deadline)
        return caller.call(method, *args, timeout_s=max(0.0, deadline - time.monotonic()), **kwargs)

    def stop(self) -> None:
        """End the process in order; kill it when that takes too long."""
        with self._changed:
            self._stopping = True
            caller, process = self._newest, self._process
            self._changed.notify_all()
        if caller is not None:
            caller.close()
        if process is not None:
            _end(process, _END_TIMEOUT_S)
        self._supervisor.join(_END_TIMEOUT_S)

    def _wait_ready(self, deadline: float) -> PipeCaller:
        with self._changed:
            while self._caller is None:
                left = deadline - time.monotonic()
                if self._stopping:
                    raise ArcxoError("AE1016", role=self.role)
                if self._failure:
                    raise ArcxoError("AE1030", role=self.role, reason=self._failure)
                if left <= 0:
                    raise BusyError("AE1016", role=self.role)
                self._changed.wait(left)
            return self._caller

    def _supervise(self) -> None:
        quick_deaths = 0
        while True:
            started = time.monotonic()
            reason = self._live_once()
            with self._changed:
                self._caller = None
                if self._stopping:
                    return
            _log.warning("the %s process ended: %s", self.role, reason)
            self._on_death(reason)
            quick_deaths = 0 if time.monotonic() - started > _STEADY_S else quick_deaths + 1
            with self._changed:
                pause = _PAUSES_S[min(quick_deaths, len(_PAUSES_S) - 1)]
                if self._changed.wait_for(lambda: self._stopping, pause):
                    return

    def _live_once(self) -> str:
        """One life of the process, from its start to its end; returns how it ended."""
        ended = threading.Event()
        ours, theirs = make_pipe()
        process = self._spawner.start("app.agent.role_main", (self.role, *self.arguments), theirs)
        caller = PipeCaller(ours, self.role, ended.set)
        with self._changed:
            self._process, self._newest = process, caller
            stopping = self._stopping
        if stopping:
            caller.close()
        try:
            info = caller.ready.result(READY_TIMEOUT_S)
            self._on_ready(info)
            with self._changed:
                self._caller = caller
                self._failed_starts, self._failure = 0, ""
                self._changed.notify_all()
            ended.wait()
        except (ArcxoError, FutureTimeoutError) as error:
            _log.warning("the %s process did not become ready: %s", self.role, error)
            caller.close()
            ended_how = _end(process, 5.0)
            # A process that was killed says nothing of itself; one that failed has told its reason.
            self._start_failed(ended_how if _is_silence(error) else str(error))
            return ended_how
        caller.close()
        return _end(process, _END_TIMEOUT_S if self._stopping else 5.0)

    def _start_failed(self, reason: str) -> None:
        with self._changed:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                self._failure = reason
                self._changed.notify_all()


def _is_silence(error: BaseException) -> bool:
    return isinstance(error, FutureTimeoutError) or getattr(error, "code", "") == "AE1016"


def _end(process: subprocess.Popen[bytes], timeout_s: float) -> str:
    """Wait for the process, kill it when it takes too long; returns how it ended."""
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    return _signal_text(-code) if code < 0 else f"exit code {code}"


def _signal_text(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
