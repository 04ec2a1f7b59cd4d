from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.jobs import process
from app.jobs.process import ServerLock, ServerRecord
from app.model.errors import BusyError


def record() -> ServerRecord:
    started = process.process_start(os.getpid())
    assert started is not None
    return ServerRecord(os.getpid(), started, "server", "2026-01-01T00:00:00+00:00", "0")


def test_a_second_server_is_refused_and_the_first_one_stays_found(tmp_path: Path):
    lock = ServerLock(str(tmp_path))
    with pytest.raises(BusyError, match="E5103"):
        ServerLock(str(tmp_path))
    assert process.is_running(str(tmp_path))
    lock.release()
    assert not process.is_running(str(tmp_path))
    ServerLock(str(tmp_path)).release()


def test_a_server_is_ready_only_while_it_holds_the_lock_and_says_so(tmp_path: Path):
    home = str(tmp_path)
    assert process.running(home) is None
    lock = ServerLock(home)
    assert process.running(home) is None
    process.publish(home, record())
    assert process.running(home) == record()
    lock.release()
    assert process.running(home) is None


def test_a_record_of_another_process_with_the_same_pid_is_not_believed(tmp_path: Path):
    lock = ServerLock(str(tmp_path))
    process.publish(str(tmp_path), replace(record(), process_start=1))
    assert process.running(str(tmp_path)) is None
    lock.release()


def test_a_damaged_record_is_not_believed(tmp_path: Path):
    lock = ServerLock(str(tmp_path))
    (tmp_path / "server.json").write_text("{")
    assert process.running(str(tmp_path)) is None
    lock.release()


def test_stopping_what_does_not_run_does_nothing(tmp_path: Path):
    process.stop(str(tmp_path), 1)
    assert list(tmp_path.iterdir()) == []
