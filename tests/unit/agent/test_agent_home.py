from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.agent.home import AgentHome, AgentInfo
from app.model.errors import BusyError

INFO = AgentInfo(1, "127.0.0.1:1", "127.0.0.1:2", "ab", "2026-05-29T10:43:42+00:00")


def test_directories_and_secrets_are_for_the_owner_alone(tmp_path: Path) -> None:
    home = AgentHome(str(tmp_path / "h"))
    assert len(home.owner_token) > 32
    for directory in (tmp_path / "h", tmp_path / "h/engine", tmp_path / "h/engine/tls"):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "h/engine/owner.token").stat().st_mode) == 0o600


def test_identity_and_token_stay_the_same(tmp_path: Path) -> None:
    first, second = AgentHome(str(tmp_path)), AgentHome(str(tmp_path))
    assert (first.id, first.owner_token) == (second.id, second.owner_token)


def test_a_home_has_one_agent_at_a_time(tmp_path: Path) -> None:
    first, second = AgentHome(str(tmp_path)), AgentHome(str(tmp_path))
    first.acquire()
    try:
        with pytest.raises(BusyError) as caught:
            second.acquire()
        assert caught.value.code == "AE1002"
    finally:
        first.release()
    second.acquire()
    second.release()


def test_what_is_published_is_found_until_it_is_withdrawn(tmp_path: Path) -> None:
    home, other = AgentHome(str(tmp_path)), AgentHome(str(tmp_path))
    assert other.running() is None
    home.acquire()
    assert other.held()
    assert other.running() is None
    home.publish(INFO)
    assert other.running() == INFO
    home.release()
    assert other.running() is None
    assert not other.held()


def test_what_a_killed_agent_published_counts_for_nothing(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from app.agent.home import AgentHome, AgentInfo\n"
        "home = AgentHome(sys.argv[1])\n"
        "home.acquire()\n"
        "home.publish(AgentInfo(os.getpid(), 'a', 'b', 'c', 'd'))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, cwd=os.getcwd())
    home = AgentHome(str(tmp_path))
    assert (tmp_path / "engine/agent.json").exists()
    assert home.running() is None
    home.acquire()
    assert not (tmp_path / "engine/agent.json").exists()
    home.release()


def test_garbage_in_the_discovery_file_is_nobody_running(tmp_path: Path) -> None:
    home = AgentHome(str(tmp_path))
    (tmp_path / "engine/agent.json").write_bytes(b"\xff{")
    assert home.running() is None
