"""Real, low limits of inotify for one test, without taking anything from other programs of the machine."""

from __future__ import annotations

import array
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from watchdog.observers.inotify_c import InotifyFD

from tests.support.capabilities import missing
from tests.support.inotify_queue import SYSCTL, may_be_set, queue_of

_HELPER = """
import array, ctypes, socket, sys
link = socket.socket(fileno=int(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)
limit = "/proc/sys/user/max_inotify_watches"
while True:
    asked = link.recv(64).decode()
    if asked == "open":
        fd = libc.inotify_init()
        link.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        __import__("os").close(fd)
    elif asked:
        with open(limit, "w") as file:
            file.write(asked)
        link.send(b".")
    else:
        sys.exit()
"""


@contextlib.contextmanager
def short_queues(monkeypatch: pytest.MonkeyPatch, events: int = 64) -> Iterator[None]:
    """Sources opened within hold `events` events, as with `sysctl fs.inotify.max_queued_events`."""
    if not may_be_set():
        missing(f"write access to {SYSCTL}")
    with monkeypatch.context() as patch:
        # Noted, so that it is put back.
        patch.setattr(InotifyFD, "_create_inotify_fd", InotifyFD._create_inotify_fd)
        queue_of(events)
        yield


class FewWatches:
    """Sources opened within may watch `limit` directories in all; it can be raised later.

    The limit is that of a user namespace, in which the descriptors are made: the one of
    `fs.inotify.max_user_watches` counts for every program of the machine.
    """

    def __init__(self, limit: int) -> None:
        ours, theirs = socket.socketpair()
        self._link = ours
        with theirs:
            self._process = subprocess.Popen(
                ["unshare", "-Ur", sys.executable, "-c", _HELPER, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.DEVNULL,
            )
        try:
            self.raise_to(limit)
        except OSError:
            self.close()
            missing("user namespaces with limits of their own for inotify")

    def raise_to(self, limit: int) -> None:
        self._link.send(str(limit).encode())
        if not self._link.recv(1):
            raise OSError("the helper has ended")

    def open(self) -> int:
        self._link.send(b"open")
        fds = array.array("i")
        _, ancillary, _, _ = self._link.recvmsg(1, socket.CMSG_LEN(fds.itemsize))
        fds.frombytes(ancillary[0][2])
        return fds[0]

    def close(self) -> None:
        self._link.close()
        self._process.wait(10)


@contextlib.contextmanager
def few_watches(monkeypatch: pytest.MonkeyPatch, limit: int) -> Iterator[FewWatches]:
    """See `FewWatches`."""
    watches = FewWatches(limit)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(InotifyFD, "_create_inotify_fd", staticmethod(watches.open))
            yield watches
    finally:
        watches.close()
