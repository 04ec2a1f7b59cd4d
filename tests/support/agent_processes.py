"""Real agents on temporary homes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from app.agent.api import Agent
from app.agent.client import connect_local
from app.agent.home import AgentHome, AgentInfo
from app.agent.run import spawn_agent, stop_agent

Value = TypeVar("Value")


@contextmanager
def running_agent(home: Path) -> Iterator[Agent]:
    """The agent of `home`, started, its owner's client; stopped at the end whatever happened to it."""
    spawn_agent(str(home))
    client = connect_local(str(home), timeout_s=30.0)
    try:
        yield client
    finally:
        client.close()
        stop_agent(str(home))


def kill_agent(home: Path) -> AgentInfo:
    """SIGKILL the agent's control process and wait until it and its children are gone."""
    agent_home = AgentHome(str(home))
    info = agent_home.running()
    assert info is not None
    os.kill(info.pid, signal.SIGKILL)
    wait_until(lambda: not agent_home.held())
    return info


def children_of(pid: int, word: str) -> list[int]:
    """Pids of the children of `pid` whose command line has `word`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == pid and word.encode() in command:
            found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], Value], timeout_s: float = 20.0) -> Value:
    """What `condition` returns once that is true; fails after the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)
