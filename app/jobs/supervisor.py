"""The agent of this machine: adopted if one runs, else started, and started again when it dies.

The agent is a process of its own that outlives its server; only `server stop` ends it too.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import app
from app.agent.home import AgentHome, AgentInfo

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1
_BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_HEALTHY_AFTER_S = 60.0

Report = Callable[[str, dict[str, str]], None]
"""Takes a message code and its parameters (the activity log)."""


class AgentSupervisor:
    """Keeps one agent running for a home. `report` is called from the supervisor's thread."""

    def __init__(self, home: str, report: Report) -> None:
        self._home = home
        self._agent_home = AgentHome(home)
        self._report = report
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._started_at = 0.0
        self.adopted = False

    def start(self, timeout_s: float) -> bool:
        """Adopt or start the agent and watch it from now on; returns whether it is ready in time."""
        self.adopted = self._agent_home.held()
        if not self.adopted:
            self._spawn()
        ready = self._wait_ready(timeout_s)
        self._thread = threading.Thread(target=self._watch, name="agent-supervisor", daemon=True)
        self._thread.start()
        return ready

    @property
    def info(self) -> AgentInfo | None:
        """How to reach the agent, or None while it is not ready."""
        return self._agent_home.running()

    def close(self, *, stop_agent_too: bool, timeout_s: float) -> None:
        """Watch no longer; with `stop_agent_too` end the agent as well."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if stop_agent_too:
            stop_agent(self._home, timeout_s)
        if self._process is not None:
            if stop_agent_too:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(5)
            else:
                self._process.poll()

    def _wait_ready(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self._agent_home.running() is None:
            if time.monotonic() > deadline or self._gone():
                return False
            time.sleep(_POLL_S / 2)
        return True

    def _gone(self) -> bool:
        if self._process is not None and self._process.poll() is None:
            return False
        return not self._agent_home.held()

    def _watch(self) -> None:
        while not self._stopping.wait(_POLL_S * 2):
            if not self._gone():
                if self._failures and time.monotonic() - self._started_at > _HEALTHY_AFTER_S:
                    self._failures = 0
                continue
            delay = _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]
            self._failures += 1
            ended = "" if self._process is None else str(self._process.returncode)
            self._report("W5138", {"ended": ended or "?", "seconds": f"{delay:g}"})
            if self._stopping.wait(delay):
                return
            if not self._gone():
                continue
            self._spawn()
            if self._wait_ready(30.0):
                self._report("N5139", {})

    def _spawn(self) -> None:
        self._started_at = time.monotonic()
        self._process = spawn_agent(self._home)


def spawn_agent(home: str) -> subprocess.Popen[bytes]:
    """Start a detached agent for `home`. It says in `engine/agent.json` when it is ready."""
    logs = os.path.join(home, "logs")
    os.makedirs(logs, mode=0o700, exist_ok=True)
    package_root = os.path.dirname(os.path.dirname(os.path.abspath(app.__file__)))
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    output = os.open(
        os.path.join(logs, "agent.out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
    )
    try:
        return subprocess.Popen(
            (sys.executable, "-m", "app.agent.main", os.path.abspath(home), AgentHome(home).listen),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(output)


def stop_agent(home: str, timeout_s: float) -> None:
    """End the agent of `home`, politely first; returns when it is gone. None running: nothing to do."""
    if not os.path.isdir(os.path.join(home, "engine")):
        return
    agent_home = AgentHome(home)
    deadline = time.monotonic() + timeout_s
    asked: int | None = None
    while agent_home.held():
        info = agent_home.running()
        late = time.monotonic() > deadline
        if info is not None and (info.pid != asked or late):
            _LOG.info("asking agent %d to end%s", info.pid, " (killed: too slow)" if late else "")
            with contextlib.suppress(ProcessLookupError):
                # Its state is safe at every moment, so an agent that hangs may be killed.
                os.kill(info.pid, signal.SIGKILL if late else signal.SIGTERM)
            asked = info.pid
        if time.monotonic() > deadline + 5:
            return
        time.sleep(_POLL_S / 2)
