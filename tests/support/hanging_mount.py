"""A file system that stops answering: what a dead network mount is to who looks at it.

A process serves a directory with one file over /dev/fuse; stopped by a signal it answers nothing, and whoever
asks waits. The file may have a name that is longer than other file systems take, and be a program. Run as a
program it is that process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.fuse_server import (
    ENOENT,
    ENOSYS,
    GETATTR,
    LOOKUP,
    READ,
    READDIR,
    attributes,
    entry,
    found,
    serve,
    served_mount,
    wanted,
)

_ROOT, _FILE = 1, 2
_CONTENT = b"far away"
_FAR = b"far"


class HangingMount:
    """A mounted one. `stop` makes it silent, `go_on` lets it answer again."""

    def __init__(self, place: Path, pid: int) -> None:
        self.place = place
        self._pid = pid

    def stop(self) -> None:
        """Answer nothing from now on."""
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Answer again, what was asked meanwhile too."""
        os.kill(self._pid, signal.SIGCONT)


@contextlib.contextmanager
def hanging_mount(place: Path, name: bytes = _FAR, program: bytes = b"") -> Iterator[HangingMount]:
    """Mount one on a directory with one file in it, `name`, which is `program` if that is given.

    Raises OSError where that is not possible.
    """
    with served_mount("tests.support.hanging_mount", place, name.hex(), program.hex()) as server:
        yield HangingMount(place, server.pid)


class _File(NamedTuple):
    name: bytes
    content: bytes
    mode: int

    def answer(self, code: int, node: int, rest: bytes) -> bytes | int:
        if code == GETATTR:
            return attributes(node, *self._state(node))
        if code == LOOKUP:
            return found(_FILE, *self._state(_FILE)) if rest.rstrip(b"\0") == self.name else -ENOENT
        if code == READDIR:
            offset, _ = wanted(rest)
            return b"" if offset else entry(_FILE, 1, self.name, stat.S_IFREG)
        if code == READ:
            offset, size = wanted(rest)
            return self.content[offset : offset + size]
        return -ENOSYS

    def _state(self, node: int) -> tuple[int, int]:
        """(mode, size)"""
        if node == _ROOT:
            return stat.S_IFDIR | 0o755, 0
        return stat.S_IFREG | self.mode, len(self.content)


if __name__ == "__main__":
    served, run = bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
    serve("far", sys.argv[1], 255, _File(served, run or _CONTENT, 0o755 if run else 0o644).answer)
