"""The server process of a home from outside: is it there, start it, stop it.

The lock on `server.lock` says whether a server runs, and dies with it; `server.json` says which process
it is and that it is ready. Nothing here needs a catalog or the engines.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

import app
from app.jobs.durable import replace
from app.model.errors import ArcxoError, BusyError

LOCK_NAME = "server.lock"
RECORD_NAME = "server.json"
_POLL_S = 0.05
_PROBE_GRACE_S = 1.0
_ROOM_LEAST_BYTES = 1024 * 1024
_started: list[subprocess.Popen[bytes]] = []
"""Servers that this process started: kept so that they are waited for when they end."""


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a running server says of itself. `process_start` tells its pid from a reused one."""

    pid: int
    process_start: int
    name: str
    started_at: str
    version: str

    @property
    def started(self) -> datetime:
        """When the server started (UTC)."""
        return datetime.fromisoformat(self.started_at)


class ServerLock:
    """The right to be the server of a home, held while the process lives."""

    def __init__(self, home: str) -> None:
        self._descriptor = os.open(
            os.path.join(home, LOCK_NAME), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        # Someone who asks whether a server runs holds the lock for an instant: that is not a server.
        deadline = time.monotonic() + _PROBE_GRACE_S
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(_POLL_S)
                    continue
                os.close(self._descriptor)
                raise BusyError("E5103", home=home) from None
            return

    def release(self) -> None:
        """Let another process be the server."""
        os.close(self._descriptor)


def is_running(home: str) -> bool:
    """Whether a server of `home` runs (it may still be getting ready)."""
    try:
        # Asking writes nothing, so that a home on a read-only volume can be asked as well.
        descriptor = os.open(os.path.join(home, LOCK_NAME), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def running(home: str) -> ServerRecord | None:
    """The ready server of `home`, or None."""
    record = _read(home)
    if record is None or process_start(record.pid) != record.process_start or not is_running(home):
        return None
    return record


def publish(home: str, record: ServerRecord) -> None:
    """Say that the server is ready. Called by the holder of the lock."""
    replace(os.path.join(home, RECORD_NAME), json.dumps(asdict(record)).encode())


def withdraw(home: str) -> None:
    """The server is no longer ready."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(home, RECORD_NAME))


def start(home: str, timeout_s: float) -> ServerRecord:
    """Return the ready server of `home`; a detached one is started if none runs.

    Raises:
        ArcxoError: E5119 it ended. BusyError: E5104 it is not ready within `timeout_s`.
    """
    found = running(home)
    if found is not None:
        return found
    deadline = time.monotonic() + timeout_s
    process: subprocess.Popen[bytes] | None = None
    while time.monotonic() < deadline:
        found = running(home)
        if found is not None:
            return found
        if process is None and not is_running(home):
            process = _spawn(home)
        elif process is not None and process.poll() is not None:
            if not is_running(home):
                break
            process = None  # another one won the race: wait for it
        time.sleep(_POLL_S)
    if process is not None and process.poll() is not None and not is_running(home):
        raise ArcxoError("E5119", home=home, details=_last_words(home) or volume_fault(home))
    raise BusyError("E5104", home=home, seconds=round(timeout_s), details=_last_words(home))


def volume_fault(home: str) -> str:
    """What is wrong with the volume of a home, where it takes nothing more; else ""."""
    try:
        volume = os.statvfs(home)
    except OSError as error:
        return error.strerror or str(error)
    if volume.f_flag & os.ST_RDONLY:
        return "its volume is read-only"
    free = volume.f_bavail * volume.f_frsize
    return f"its volume is full, {free >> 10:,} KB are free" if free < _ROOM_LEAST_BYTES else ""


def stop(home: str, timeout_s: float) -> None:
    """Stop the server of `home` and the agent on its machine; returns when both are gone.

    Raises:
        BusyError: E5105 when one still runs after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    asked: ServerRecord | None = None
    while is_running(home):
        record = running(home)
        if record is not None and record != asked:
            _signal(record.pid)
            asked = record
        _reap()
        if time.monotonic() > deadline:
            raise BusyError("E5105", home=home, seconds=round(timeout_s))
        time.sleep(_POLL_S)
    if asked is not None:
        ended = asked
        wait_until(lambda: process_start(ended.pid) != ended.process_start, deadline - time.monotonic())
    from app.jobs.supervisor import stop_agent

    stop_agent(home, max(1.0, deadline - time.monotonic()))
    _reap()


def process_start(pid: int) -> int | None:
    """When a process started, in the kernel's clock ticks (0 = not told), or None if it is gone."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return None
        return 0 if _alive(pid) else None
    try:
        text = os.read(descriptor, 4096)
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition; returns whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        _reap()
        time.sleep(_POLL_S)
    return True


def _spawn(home: str) -> subprocess.Popen[bytes]:
    logs = os.path.join(home, "logs")
    with contextlib.suppress(OSError):
        os.makedirs(logs, mode=0o700, exist_ok=True)
    package_root = os.path.dirname(os.path.dirname(os.path.abspath(app.__file__)))
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    try:
        output = os.open(
            os.path.join(logs, "server.out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        details = volume_fault(home) or f"{logs}: {error.strerror}"
        raise ArcxoError("E5119", home=home, details=details) from error
    try:
        process = subprocess.Popen(
            (sys.executable, "-m", "app", "--home", home, "server", "run"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(output)
    _started.append(process)
    return process


def _reap() -> None:
    for process in tuple(_started):
        if process.poll() is not None:
            _started.remove(process)


def _read(home: str) -> ServerRecord | None:
    try:
        descriptor = os.open(os.path.join(home, RECORD_NAME), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        content = os.read(descriptor, 65_536)
    finally:
        os.close(descriptor)
    try:
        return ServerRecord(**json.loads(content))
    except (ValueError, TypeError):
        return None


def _last_words(home: str) -> str:
    try:
        with open(os.path.join(home, "logs", "server.out"), "rb") as output:
            lines = output.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    # An error is a line with its code, and one with the way out.
    told = next((line for line in reversed(lines) if re.match("[A-Z]{1,2}[0-9]{4,5}: ", line)), "")
    return told or (lines[-1] if lines else "")


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
