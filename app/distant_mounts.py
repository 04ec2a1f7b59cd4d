"""Looking at places that another machine answers for, and not waiting for ever when it does not.

A call to a network file system whose server is gone does not return, and nothing can end it. So whatever
looks into a mount that may be such a one asks from a thread of its own and gives up after `PATIENCE_S`; until
that thread returns, all other questions about the same mount are refused at once. Where no such mount is
beneath a path, nothing is different from asking directly.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from app.model.paths import shown

PATIENCE_S = 10.0
_ANSWER_S = 0.001
_DISTANT = re.compile(
    rb"nfs4?|cifs|smb3?|smbfs|9p|afs|ceph|gfs2?|glusterfs|lustre|ocfs2|fuse(\..*)?|davfs|autofs"
)
_LOCAL_FUSE = frozenset((b"fuse.lxcfs", b"fuse.snapfuse", b"fuse.gvfsd-fuse", b"fuse.portal"))
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_MOUNTS = "/proc/self/mountinfo"

Answer = TypeVar("Answer")
Unanswered = Callable[[bytes, OSError], None]


class DistantMounts:
    """The mounts of this process that may stop answering. Any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._fd = -1
        self._poll = select.poll() if hasattr(select, "poll") else None
        self._places: tuple[bytes, ...] | None = None
        self._again_at = 0.0
        self._asking: dict[bytes, threading.Thread] = {}

    def places(self) -> tuple[bytes, ...]:
        """Where they are mounted, the innermost first; costs a system call while nothing is mounted anew.

        An answer of the last millisecond is given again: what came since could as well come after it.
        """
        now = time.monotonic()
        if self._places is not None and now < self._again_at:
            return self._places
        with self._guard:
            if self._places is None or self._changed():
                self._places = self._read()
            self._again_at = now + _ANSWER_S
            return self._places

    def place_of(self, path: bytes) -> bytes | None:
        """The mount that answers for a path, or None for one of this machine. Symbolic links are not seen."""
        for place in self.places():
            if path == place or path.startswith(place + b"/"):
                return place
        return None

    def ask(self, path: bytes, work: Callable[[], Answer]) -> Answer:
        """What `work` returns or raises. Raises TimeoutError when the mount of `path` does not answer."""
        place = self.place_of(path)
        return work() if place is None else self._ask(place, work)

    def lstat(self, path: bytes) -> os.stat_result:
        """`os.lstat`. Raises TimeoutError, and what that does."""
        return self.ask(path, lambda: os.lstat(path))

    @contextlib.contextmanager
    def scan(self, path: bytes, unanswered: Unanswered) -> Iterator[Iterator[SeenEntry]]:
        """`os.scandir` of entries that were looked at; of those that a mount is on and hides only in time.

        `unanswered(name, error)` is told of entries that could not be. Raises TimeoutError, and what
        `os.scandir` does.
        """
        inner = {place for place in self.places() if os.path.dirname(place) == path.rstrip(b"/")}

        def read() -> list[SeenEntry]:
            with os.scandir(path) as entries:
                return [SeenEntry(one, path, self, inner) for one in entries]

        found = self.ask(path, read)
        yield self._looked_at(found, unanswered)

    def _looked_at(self, found: list[SeenEntry], unanswered: Unanswered) -> Iterator[SeenEntry]:
        for one in found:
            if isinstance(one.looked, TimeoutError):
                unanswered(one.name, one.looked)
            else:
                yield one

    def _ask(self, place: bytes, work: Callable[[], Answer]) -> Answer:
        answers: list[Answer] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                answers.append(work())
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                errors.append(error)

        with self._guard:
            before = self._asking.get(place)
            if before is not None and before.is_alive():
                raise _silent(place)
        thread = threading.Thread(target=run, name="distant-mount", daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        if thread.is_alive():
            with self._guard:
                self._asking[place] = thread
            raise _silent(place)
        if errors:
            raise errors[0]
        return answers[0]

    def _changed(self) -> bool:
        return self._poll is not None and self._fd >= 0 and bool(self._poll.poll(0))

    def _read(self) -> tuple[bytes, ...]:
        try:
            if self._fd < 0:
                self._fd = os.open(_MOUNTS, os.O_RDONLY | os.O_CLOEXEC)
                if self._poll is not None:
                    self._poll.register(self._fd, select.POLLPRI | select.POLLERR)
            os.lseek(self._fd, 0, os.SEEK_SET)
            text = b""
            while part := os.read(self._fd, 1 << 16):
                text += part
        except OSError:
            return ()  # a system that does not tell
        found = set()
        for line in text.splitlines():
            words = line.split()
            kind = words[words.index(b"-") + 1]
            if _DISTANT.fullmatch(kind) and kind not in _LOCAL_FUSE:
                found.add(_ESCAPE.sub(lambda code: bytes([int(code[1], 8)]), words[4]))
        return tuple(sorted(found, key=len, reverse=True))


class Listed(Protocol):
    """An entry of a directory: `os.DirEntry`, or what was seen of it."""

    @property
    def name(self) -> bytes:
        """Its name."""

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        """Its state."""


class SeenEntry:
    """An entry of a directory, as `os.DirEntry`; its state was read when the directory was."""

    __slots__ = ("_found", "looked", "name", "path")

    def __init__(
        self, found: os.DirEntry[bytes], directory: bytes, mounts: DistantMounts, inner: set[bytes]
    ) -> None:
        self._found = found
        self.name = found.name
        self.path = directory.rstrip(b"/") + b"/" + found.name
        self.looked: os.stat_result | OSError
        try:
            self.looked = mounts.lstat(self.path) if self.path in inner else found.stat(follow_symlinks=False)
        except OSError as error:
            self.looked = error

    def stat(self, *, follow_symlinks: bool = False) -> os.stat_result:
        """Its state; raises what looking at it did."""
        assert not follow_symlinks
        if isinstance(self.looked, OSError):
            raise self.looked
        return self.looked


def _silent(place: bytes) -> TimeoutError:
    reason = f"the file system mounted on {shown(place)} does not answer"
    return TimeoutError(errno.ETIMEDOUT, reason, place)


distant = DistantMounts()
"""Those of this process."""
