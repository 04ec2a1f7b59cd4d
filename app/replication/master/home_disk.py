"""The disk of the engine's own files: what it refuses, told as that; going on once it takes writes again."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from app.model.errors import ArcxoError
from app.model.scenario import Scenario
from app.replication.master.durable import free_bytes, write_all

_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_FULL_CODES = ("ER00211", "ER00295")
_LOOK_EVERY_S = 2.0
_PAUSE_LEAST_S = 5.0
_PAUSE_MOST_S = 300.0
_PROBE_BYTES = 1024 * 1024
_SPARE_BYTES = 8 * 1024 * 1024
_log = logging.getLogger("arcxo.replication.master")

DiskFailure = (OSError, sqlite3.OperationalError)
"""What a disk of the engine's own files raises."""


def disk_error(error: OSError | sqlite3.OperationalError, where: str, other: str = "ER00213") -> ArcxoError:
    """`error` as ER00295 where the disk takes nothing more at `where`, else as `other`."""
    if isinstance(error, OSError):
        path = os.fsdecode(error.filename) if error.filename else where
        cause = error.strerror or str(error)
        if error.errno not in _REFUSALS:
            return ArcxoError(other, path=path, cause=cause)
        return ArcxoError("ER00295", path=path, cause=cause)
    return ArcxoError("ER00295", path=where, cause=error)


class StoppedRun(Protocol):
    """A run of a scenario, as far as it may have stopped for its disk."""

    @property
    def scenario(self) -> Scenario:
        """What runs."""

    @property
    def problem(self) -> ArcxoError | None:
        """Why recording had to end, if it did."""


class RoomWatch:
    """Has runs that stopped for a full disk begun again when there is room. From `start` to `close`.

    `go_on(run, directory)` is called in its thread; it may find that the run is another one by now.
    """

    def __init__(
        self, runs: Callable[[], Sequence[StoppedRun]], go_on: Callable[[StoppedRun, str], None], home: str
    ) -> None:
        self._runs = runs
        self._go_on = go_on
        self._home = home
        self._pauses: dict[int, tuple[float, float]] = {}
        """By scenario: not before, and how long that was waited for."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="room", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; blocks until a run that is being begun again has begun."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            for run in self._runs():
                problem = run.problem
                if problem is not None and problem.code in _FULL_CODES and not self._stopping.is_set():
                    self._look(run, problem)

    def _look(self, run: StoppedRun, problem: ArcxoError) -> None:
        number, now = run.scenario.id, time.monotonic()
        not_before, pause = self._pauses.get(number, (0.0, 0.0))
        if now < not_before:
            return
        place = _directory(problem.params.get("directory") or problem.params.get("path") or self._home)
        least = _SPARE_BYTES
        if problem.code == "ER00211":
            least += run.scenario.properties.spool_min_free_mb << 20
        if not (_takes(place, least) and _takes(self._home, _SPARE_BYTES)):
            return
        # A disk that is full again at once must not have all roots walked every few seconds.
        pause = min(max(pause * 2, _PAUSE_LEAST_S), _PAUSE_MOST_S)
        self._pauses[number] = now + pause, pause
        try:
            self._go_on(run, place)
        except (ArcxoError, *DiskFailure) as error:
            _log.info("scenario %s cannot go on yet: %s", run.scenario.name, error)


def _directory(place: str) -> str:
    """`place`, or the nearest directory above it that is there."""
    while not os.path.isdir(place) and place not in ("", "/"):
        place = os.path.dirname(place)
    return place or "/"


def _takes(directory: str, least_bytes: int) -> bool:
    """Whether as much is free there and a file can really be written."""
    probe = os.path.join(directory, f"room-{os.getpid()}.probe")
    try:
        if free_bytes(directory) < least_bytes:
            return False
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, bytes(_PROBE_BYTES))
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
    return True
