"""What a home's processes know is not left in core files, and not for others to read."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.arcxo_command import running_home, until

pytestmark = pytest.mark.xdist_group("secrecy")


def test_no_process_of_a_home_leaves_a_core_file(tmp_path: Path) -> None:
    with running_home(tmp_path, processes=True) as arcxo:
        processes = arcxo.processes()
        assert len(processes) >= 2, processes
        for pid, command in processes.items():
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert "Max core file size        0                    0" in limits, (command, limits)
        # Marked as not dumpable, its files in /proc are root's, whoever runs it.
        agent = next(pid for pid, command in processes.items() if "agent" in command)
        os.kill(agent, signal.SIGSEGV)
        until(lambda: agent not in arcxo.processes(), "the agent to be gone")
        until(lambda: any("agent" in command for command in arcxo.processes().values()), "another agent")
    assert [path for path in tmp_path.rglob("core*") if path.is_file()] == []
