"""Starting and stopping the agent of a home."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from app.agent.children import child_environment, python_module
from app.agent.home import AgentHome, AgentInfo
from app.model.errors import ArcxoError, BusyError

START_TIMEOUT_S = 60.0
_POLL_S = 0.02


def run_agent(
    home: str, listen: str = "127.0.0.1:0", *, ready: Callable[[AgentInfo], None] | None = None
) -> int:
    """Be the agent of `home` until SIGTERM or SIGINT; returns the exit code. Call from the main thread.

    `ready` is called once the agent answers. Scenarios that ran when it ended run again at the next start.

    Raises:
        BusyError: AE1002 when the home has an agent already.
        ArcxoError: AE1004 when `listen` cannot be listened on.
    """
    from app.agent.host_process import HostProcess

    return HostProcess(AgentHome(home), listen).run(ready)


def spawn_agent(home: str, listen: str = "127.0.0.1:0", timeout_s: float = START_TIMEOUT_S) -> AgentInfo:
    """Start the agent of `home` as a process of its own that outlives the caller, and wait until it is ready.

    Returns the running one when there is one already. Its output goes to `logs/agent.log`.

    Raises:
        ArcxoError: AE1005 when it ended before it was ready; the log says why.
        BusyError: AE1028 when it was not ready in time.
    """
    agent_home = AgentHome(home)
    running = agent_home.running()
    if running is not None:
        return running
    with open(agent_home.log_path, "ab") as log:
        process = subprocess.Popen(
            python_module("app.agent.main", agent_home.path, listen),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            close_fds=True,
            cwd="/",
            env=child_environment(),
        )
    # Whoever starts it waits for its end, so that it leaves no zombie.
    threading.Thread(target=process.wait, name="agent-reaper", daemon=True).start()
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        running = agent_home.running()
        if running is not None:
            return running
        # Another agent may have been quicker: ours then ends and theirs becomes ready.
        if process.returncode is not None and not agent_home.held():
            raise ArcxoError("AE1005", home=agent_home.path, log=agent_home.log_path)
        time.sleep(_POLL_S)
    raise BusyError("AE1028", home=agent_home.path, seconds=f"{timeout_s:g}", log=agent_home.log_path)


def stop_agent(home: str, timeout_s: float = 60.0) -> None:
    """Ask the agent of `home` to end and wait until it has. Nothing runs: returns at once.

    Raises:
        BusyError: AE1029 when it has not ended in time.
    """
    agent_home = AgentHome(home)
    deadline = time.monotonic() + timeout_s
    signalled = 0
    while agent_home.held():
        running = agent_home.running()
        if running is not None and signalled != running.pid:
            signalled = running.pid
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGTERM)
        if time.monotonic() > deadline:
            raise BusyError("AE1029", home=agent_home.path, seconds=f"{timeout_s:g}")
        time.sleep(_POLL_S)
