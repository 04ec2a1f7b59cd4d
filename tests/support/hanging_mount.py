"""A file system that stops answering: what a dead network mount is to who looks at it.

A process serves a directory with one file over /dev/fuse; stopped by a signal it answers nothing, and whoever
asks waits. The file may have a name that is longer than other file systems take, and be a program. Run as a
program it is that process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _STATFS, _RELEASE = 1, 2, 3, 14, 15, 17, 18
_INIT, _OPENDIR, _READDIR, _RELEASEDIR, _BATCH_FORGET = 26, 27, 28, 29, 42
_ENOENT, _ENOSYS = 2, 38
_ROOT, _FILE = 1, 2
_CONTENT = b"far away"
_FAR = b"far"
_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")


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
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise OSError("no /dev/fuse here")
    command = [sys.executable, __file__, str(place), name.hex(), program.hex()]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        if server.stdout.readline() != b"mounted\n":
            raise OSError("the mount was refused")
        yield HangingMount(place, server.pid)
    finally:
        # Its end fails whoever waits.
        server.kill()
        server.wait()
        server.stdout.close()
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


class _File(NamedTuple):
    name: bytes
    content: bytes
    mode: int


def _attributes(node: int, file: _File) -> bytes:
    mode, size = (0o755 | stat.S_IFDIR, 0) if node == _ROOT else (file.mode | stat.S_IFREG, len(file.content))
    day = 1_700_000_000
    return _ATTR.pack(node, size, 0, day, day, day, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _entry(node: int, offset: int, name: bytes, kind: int) -> bytes:
    plain = struct.pack("<QQII", node, offset, len(name), kind) + name
    return plain + b"\0" * (-len(plain) % 8)


def _answer(code: int, node: int, rest: bytes, file: _File) -> bytes | int:
    if code == _INIT:
        return struct.pack("<IIIIHHIIHHI", 7, 23, 65536, 0, 1, 1, 65536, 1, 0, 0, 0)[:24]
    if code == _GETATTR:
        return struct.pack("<QII", 0, 0, 0) + _attributes(node, file)
    if code == _LOOKUP:
        if rest.rstrip(b"\0") != file.name:
            return -_ENOENT
        return struct.pack("<QQQQII", _FILE, 0, 0, 0, 0, 0) + _attributes(_FILE, file)
    if code in (_OPEN, _OPENDIR):
        return struct.pack("<QII", 0, 0, 0)
    if code in (_RELEASE, _RELEASEDIR):
        return b""
    if code == _READDIR:
        offset = struct.unpack_from("<QQ", rest)[1]
        return b"" if offset else _entry(_FILE, 1, file.name, stat.S_IFREG >> 12)
    if code == _READ:
        offset, size = struct.unpack_from("<QQI", rest)[1:]
        return file.content[offset : offset + size]
    if code == _STATFS:
        return struct.pack("<QQQQQIIII24x", 1000, 500, 500, 100, 50, 4096, 255, 4096, 0)
    return -_ENOSYS


def _serve(place: str, file: _File) -> None:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"far", os.fsencode(place), b"fuse.far", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    print("mounted", flush=True)
    while True:
        try:
            request = os.read(device, 1 << 18)
        except OSError:
            return  # unmounted
        _, code, unique, node, *_ = _IN.unpack_from(request)
        if code in (_FORGET, _BATCH_FORGET):
            continue
        answer = _answer(code, node, request[_IN.size :], file)
        body, error = (b"", answer) if isinstance(answer, int) else (answer, 0)
        with contextlib.suppress(FileNotFoundError):  # who asked is gone
            os.write(device, _OUT.pack(_OUT.size + len(body), error, unique) + body)


if __name__ == "__main__":
    served, run = bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
    _serve(sys.argv[1], _File(served, run or _CONTENT, 0o755 if run else 0o644))
