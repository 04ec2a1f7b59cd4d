"""A file system of a test's own: a process that answers what the kernel asks over /dev/fuse, read-only.

`served_mount` starts a program of `tests/support` and waits until it is mounted; that program calls `serve`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
GETXATTR, LISTXATTR, INIT, OPENDIR, READDIR, RELEASEDIR, BATCH_FORGET = 22, 23, 26, 27, 28, 29, 42
ENOENT, ERANGE, ENOSYS, ENODATA = 2, 34, 38, 61
DAY = 1_700_000_000
"""When everything in such a file system was changed."""

_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")

Answer = Callable[[int, int, bytes], bytes | int]
"""(what is asked, number of the node, rest of the question) -> the answer, or an error's number below 0."""


@contextlib.contextmanager
def served_mount(module: str, place: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that serves `place`. Raises OSError where that is not possible."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise OSError("no /dev/fuse here")
    command = [sys.executable, "-m", module, str(place), *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert server.stdout is not None
    try:
        if server.stdout.readline() != b"mounted\n":
            raise OSError("the mount was refused")
        yield server
    finally:
        # Its end fails whoever waits.
        server.kill()
        server.wait()
        server.stdout.close()
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def serve(kind: str, place: str, name_most: int, answer: Answer) -> None:
    """Mount on `place` and answer until unmounted; names may have `name_most` bytes, it says."""
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind.encode(), os.fsencode(place), f"fuse.{kind}".encode(), 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    print("mounted", flush=True)
    while True:
        try:
            request = os.read(device, 1 << 18)
        except OSError:
            return  # unmounted
        _, code, unique, node, *_ = _IN.unpack_from(request)
        if code in (FORGET, BATCH_FORGET):
            continue
        told = _of_all(code, name_most)
        if told is None:
            told = answer(code, node, request[_IN.size :])
        body, error = (b"", told) if isinstance(told, int) else (told, 0)
        with contextlib.suppress(FileNotFoundError):  # who asked is gone
            os.write(device, _OUT.pack(_OUT.size + len(body), error, unique) + body)


def _of_all(code: int, name_most: int) -> bytes | None:
    """What every such file system answers alike."""
    if code == INIT:
        return struct.pack("<IIIIHHIIHHI", 7, 23, 65536, 0, 1, 1, 65536, 1, 0, 0, 0)[:24]
    if code == STATFS:
        return struct.pack("<QQQQQIIII24x", 1000, 500, 500, 100, 50, 4096, name_most, 4096, 0)
    if code in (OPEN, OPENDIR):
        return struct.pack("<QII", 0, 0, 0)
    if code in (RELEASE, RELEASEDIR):
        return b""
    return None


def attributes(node: int, mode: int, size: int) -> bytes:
    """The answer to GETATTR."""
    return struct.pack("<QII", 0, 0, 0) + _status(node, mode, size)


def found(node: int, mode: int, size: int) -> bytes:
    """The answer to LOOKUP."""
    return struct.pack("<QQQQII", node, 0, 0, 0, 0, 0) + _status(node, mode, size)


def entry(node: int, number: int, name: bytes, mode: int) -> bytes:
    """One entry in the answer to READDIR; `number` is where the next question goes on."""
    plain = struct.pack("<QQII", node, number, len(name), mode >> 12) + name
    return plain + b"\0" * (-len(plain) % 8)


def wanted(rest: bytes) -> tuple[int, int]:
    """(offset, size) that READ or READDIR asks for."""
    _, offset, size = struct.unpack_from("<QQI", rest)
    return offset, size


def sized(value: bytes, rest: bytes) -> bytes | int:
    """The answer about extended attributes: the size when that is asked for."""
    (room,) = struct.unpack_from("<I", rest)
    if room == 0:
        return struct.pack("<II", len(value), 0)
    return value if len(value) <= room else -ERANGE


def _status(node: int, mode: int, size: int) -> bytes:
    return _ATTR.pack(node, size, 0, DAY, DAY, DAY, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
