"""Supervised roles: a role that cannot start says why, and serves again once it can."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.agent import pipe, role_process
from app.agent.children import Spawner
from app.agent.home import AgentHome
from app.agent.role_process import RoleProcess
from app.model.errors import ArcxoError, BusyError
from tests.support.arcxo_command import until


@pytest.fixture
def home(tmp_path: Path) -> AgentHome:
    return AgentHome(str(tmp_path / "home"))


@pytest.fixture
def master(home: AgentHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[RoleProcess]:
    monkeypatch.setattr(role_process, "_PAUSES_S", (0.05,))
    fd = os.open(os.path.join(home.engine, "agent.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    spawner = Spawner(fd, home.log_path)
    role = RoleProcess("master", (home.path, ""), spawner, on_ready=lambda _: None, on_death=lambda _: None)
    yield role
    role.stop()
    spawner.close()
    os.close(fd)


def test_a_role_that_cannot_start_tells_callers_why_at_once_and_serves_when_it_can(
    home: AgentHome, master: RoleProcess, expected_log: Callable[[str], None]
) -> None:
    expected_log("the master process")
    events = Path(home.engine, "events.sqlite3")
    events.write_bytes(b"this is no database" * 100)
    master.start(wait=False)
    began = time.monotonic()
    with pytest.raises(ArcxoError) as raised:
        master.call("statuses", timeout_s=100.0)
    assert raised.value.code == "AE1030"
    assert "file is not a database" in raised.value.params["reason"]
    assert time.monotonic() - began < 50

    events.unlink()

    def answers() -> bool:
        try:
            return list(master.call("statuses", timeout_s=10.0)) == []
        except ArcxoError:
            return False

    until(answers, "the role to serve")


def test_a_role_that_stands_still_holds_nobody_for_as_long_as_he_has_time(
    master: RoleProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "PULSE_S", 0.2)
    monkeypatch.setattr(pipe, "STALLED_S", 1.0)
    master.start()
    assert master.pid is not None
    os.kill(master.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(BusyError) as raised:
            master.call("statuses", timeout_s=3_600.0)
        assert raised.value.code == "AE1027"
        assert raised.value.params["call"] == "statuses"
        assert 1.0 < time.monotonic() - began < 10
        # Nobody is held by what the process does not read, however much that is.
        began = time.monotonic()
        for _ in range(2_000):
            with pytest.raises(BusyError):
                master.call("import_xml", bytes(1_000), timeout_s=3_600.0)
        assert time.monotonic() - began < 10
    finally:
        os.kill(master.pid, signal.SIGCONT)

    def answers() -> bool:
        try:
            return list(master.call("statuses", timeout_s=10.0)) == []
        except BusyError:
            return False

    until(answers, "the role to serve")
