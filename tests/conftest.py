"""Guards for every test: no unexpected log warnings; no threads or processes left by a module."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.inotify_queue import queue_of

os.environ.setdefault("ARCXO_ARGON2", "minimal")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

_GRACE_SECONDS = 5.0
_KEPT_THREADS = re.compile(r"^(MainThread|execnet|pytest_timeout|Thread-\d+ \(_?execnet|QtMultimedia)")
_KEPT_PROCESSES = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture(autouse=True, scope="session")
def claims_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Homes of tests do not say on the machine which directories they write."""
    os.environ["ARCXO_CLAIMS"] = str(tmp_path_factory.mktemp("claims"))
    yield
    del os.environ["ARCXO_CLAIMS"]


@pytest.fixture(autouse=True, scope="session")
def usual_queues() -> None:
    """No test takes the short queues of events that another one, beside it, has the kernel make."""
    queue_of(0)


@pytest.fixture(autouse=True)
def expected_log() -> Iterator[Callable[[str], None]]:
    """Fails the test on log records of WARNING and up; call it with a pattern to expect some."""
    patterns: list[re.Pattern[str]] = []
    collector = _Collector()
    logging.getLogger().addHandler(collector)
    try:
        yield lambda pattern: patterns.append(re.compile(pattern))
    finally:
        logging.getLogger().removeHandler(collector)
    unexpected = [
        f"{record.name}: {record.levelname}: {record.getMessage()}"
        for record in list(collector.records)
        if not any(pattern.search(record.getMessage()) for pattern in patterns)
    ]
    if unexpected:
        pytest.fail("unexpected log records:\n" + "\n".join(unexpected), pytrace=False)


@pytest.fixture(autouse=True, scope="module")
def nothing_left_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module whose tests and fixtures are over leaves no thread and no process behind."""
    threads = set(threading.enumerate())
    processes = set(_children()) | set(_working_in(tmp_path_factory.getbasetemp()))
    yield
    deadline = time.monotonic() + _GRACE_SECONDS
    while True:
        left = [
            thread.name
            for thread in threading.enumerate()
            if thread not in threads and not _KEPT_THREADS.match(thread.name)
        ]
        running = {**_children(), **_working_in(tmp_path_factory.getbasetemp())}
        left += [f"process {pid}: {command}" for pid, command in running.items() if pid not in processes]
        if not left:
            return
        if time.monotonic() > deadline:
            pytest.fail("left running: " + "; ".join(left), pytrace=False)
        time.sleep(0.05)


def _children() -> dict[int, str]:
    found = {}
    for task in Path("/proc/self/task").iterdir():
        try:
            numbers = (task / "children").read_text().split()
        except OSError:
            continue
        for number in numbers:
            command = _command(int(number))
            if command and not any(kept in command for kept in _KEPT_PROCESSES):
                found[int(number)] = command
    return found


def _working_in(directory: Path) -> dict[int, str]:
    """Processes anywhere (detached ones too) whose arguments name a directory of these tests."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            command = _command(int(entry.name))
            if str(directory) in command and "pytest" not in command:
                found[int(entry.name)] = command
    return found


def _command(pid: int) -> str:
    try:
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return ""
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
