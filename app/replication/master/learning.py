"""Learns the block hashes of large files that were recorded without being read.

A shadow that was just filled knows sizes and times only: the first change of a file would have all of it
sent. So those files are read while nothing else is to be done, at low priority and a part of the time, and
their hashes noted with the state they were read in.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from dataclasses import dataclass

from app.replication.content import data_extents, open_file, windows
from app.replication.master.compare import ComparedRoot
from app.replication.master.observe import same_state, same_status
from app.replication.master.proofs import YOUNG_NS
from app.replication.master.recorder import Recorder
from app.replication.master.shadow import ShadowEntry, ShadowReader

POLL_S = 5.0
SETTLE_S = 2.0
_REST_FACTOR = 2.0
_REST_MOST_S = 1.0
_WINDOWS_AT_ONCE = 16
_NICE = 10
_PASS_MOST = 256
_GIVEN_UP_MOST = 100_000


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was hashed, to be noted once all that was told before is known to be compared."""

    root: int
    path: bytes
    status: os.stat_result
    hashes: bytes
    at: float


class Learner:
    """A thread from `start` to `close`."""

    def __init__(self, name: str, roots: list[ComparedRoot], recorder: Recorder, shadow_path: str) -> None:
        self._roots = roots
        self._recorder = recorder
        self._shadow_path = shadow_path
        self._stopping = threading.Event()
        self._read: deque[_Read] = deque()
        self._given_up: set[tuple[int, bytes, int]] = set()
        self._thread = threading.Thread(target=self._run, name=f"learner {name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; blocks until the thread has ended, a fraction of a second."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stopping.wait(POLL_S):
            for root, row in self._wanted():
                if not self._rest(0.0):
                    return
                self._hash(root, row)
                self._note()
                if self._stopping.is_set():
                    return
            while self._read and not self._stopping.wait(SETTLE_S / 2):
                self._note()

    def _wanted(self) -> list[tuple[int, ShadowEntry]]:
        reader = ShadowReader(self._shadow_path)
        try:
            found = reader.unhashed(_PASS_MOST + len(self._given_up))
        finally:
            reader.close()
        return [one for one in found if _state(*one) not in self._given_up][:_PASS_MOST]

    def _hash(self, number: int, row: ShadowEntry) -> None:
        if len(self._given_up) < _GIVEN_UP_MOST:
            # Tried once in each state: what cannot be read, or changes all the time, is let alone.
            self._given_up.add(_state(number, row))
        root = self._roots[number]
        try:
            fd = open_file(root.whole(row.path))
        except OSError:
            return
        try:
            looked_ns = time.time_ns()
            status = os.fstat(fd)
            young = looked_ns - YOUNG_NS < status.st_ctime_ns <= looked_ns + YOUNG_NS
            if young:
                self._given_up.discard(_state(number, row))
            if young or not row.changed_ns or not same_state(row, status, root.device):
                return
            hashes = []
            began = time.monotonic()
            for window in windows(fd, status.st_size, data_extents(fd, status)):
                hashes.append(window.hashes)
                if len(hashes) % _WINDOWS_AT_ONCE == 0:
                    if not self._rest(time.monotonic() - began):
                        return
                    began = time.monotonic()
            if same_status(status, os.fstat(fd)) and same_status(status, os.lstat(root.whole(row.path))):
                self._read.append(_Read(number, row.path, status, b"".join(hashes), time.monotonic()))
        except OSError:
            return
        finally:
            os.close(fd)

    def _rest(self, spent_s: float) -> bool:
        """After `spent_s` of reading, as much rest as leaves most of the disk to others; False: end now.

        While anything is recorded or synchronised, nothing is read.
        """
        if self._stopping.wait(min(_REST_MOST_S, _REST_FACTOR * spent_s)):
            return False
        while self._recorder.synchronizing or self._recorder.hints.waiting():
            if self._stopping.wait(0.1):
                return False
        return True

    def _note(self) -> None:
        now = time.monotonic()
        while self._read and self._read[0].at + SETTLE_S <= now:
            read = self._read.popleft()
            if not self._recorder.learn(read.root, read.path, read.status, read.hashes):
                self._given_up.clear()


def _state(root: int, row: ShadowEntry) -> tuple[int, bytes, int]:
    return root, row.path, row.changed_ns
