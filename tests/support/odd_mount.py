"""A file system with what others do not have: names over 255 bytes, links to nothing, many attributes.

A process serves the tree that a file describes over /dev/fuse, read-only, and looks into that file at each
question, so that `put` and `drop` show at once. Nothing tells of such changes, as on a network mount. Run as
a program it is that process.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LOOKUP, _FORGET, _GETATTR, _READLINK, _OPEN, _READ, _STATFS, _RELEASE = 1, 2, 3, 5, 14, 15, 17, 18
_GETXATTR, _LISTXATTR, _INIT, _OPENDIR, _READDIR, _RELEASEDIR, _BATCH_FORGET = 22, 23, 26, 27, 28, 29, 42
_ENOENT, _ERANGE, _ENOSYS, _ENODATA = 2, 34, 38, 61
_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_DAY = 1_700_000_000


class OddMount:
    """A mounted one. Paths are relative; the directories of a path must be there."""

    def __init__(self, place: Path, tree: Path) -> None:
        self.place = place
        self._tree = tree
        self._entries: dict[str, dict[str, Any]] = {}
        self.server: subprocess.Popen[bytes] | None = None
        self._keep()

    def put(self, path: bytes, content: str = "", *, link: str | None = None, attributes: int = 0) -> None:
        """A file, or with `link` (which may be empty) a symbolic link; `attributes` extended ones."""
        kind = stat.S_IFREG | 0o644 if link is None else stat.S_IFLNK | 0o777
        text = content if link is None else link
        self._entries[path.hex()] = {"mode": kind, "text": text, "attributes": attributes}
        self._keep()

    def make(self, path: bytes) -> None:
        """A directory."""
        self._entries[path.hex()] = {"mode": stat.S_IFDIR | 0o755, "text": "", "attributes": 0}
        self._keep()

    def drop(self, path: bytes) -> None:
        """Take away what is at `path`."""
        del self._entries[path.hex()]
        self._keep()

    def end(self) -> None:
        """Kill what serves it: every look at it fails from now on."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def _keep(self) -> None:
        new = self._tree.with_suffix(".new")
        new.write_text(json.dumps(self._entries))
        new.replace(self._tree)


@contextlib.contextmanager
def odd_mount(place: Path) -> Iterator[OddMount]:
    """Mount one, with nothing in it, on a directory. Raises OSError where that is not possible."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise OSError("no /dev/fuse here")
    mount = OddMount(place, tree := place.parent / f"{place.name}.tree")
    server = subprocess.Popen([sys.executable, __file__, str(place), str(tree)], stdout=subprocess.PIPE)
    assert server.stdout is not None
    mount.server = server
    try:
        if server.stdout.readline() != b"mounted\n":
            raise OSError("the mount was refused")
        yield mount
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


class _Server:
    def __init__(self, tree: str) -> None:
        self._tree = tree
        self._paths = [b""]
        self._nodes = {b"": 1}

    def answer(self, code: int, node: int, rest: bytes) -> bytes | int:
        with open(self._tree, encoding="ascii") as file:
            entries = {bytes.fromhex(path): entry for path, entry in json.load(file).items()}
        entries[b""] = {"mode": stat.S_IFDIR | 0o755, "text": "", "attributes": 0}
        if code == _INIT:
            return struct.pack("<IIIIHHIIHHI", 7, 23, 65536, 0, 1, 1, 65536, 1, 0, 0, 0)[:24]
        if code == _STATFS:
            return struct.pack("<QQQQQIIII24x", 1000, 500, 500, 100, 50, 4096, 1024, 4096, 0)
        if code in (_OPEN, _OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if code in (_RELEASE, _RELEASEDIR):
            return b""
        path = self._paths[node - 1]
        if path not in entries:
            return -_ENOENT
        if code == _LOOKUP:
            name = rest.rstrip(b"\0")
            path = path + b"/" + name if path else name
            if path not in entries:
                return -_ENOENT
            return struct.pack("<QQQQII", self._node(path), 0, 0, 0, 0, 0) + self._status(path, entries[path])
        return self._of(code, path, entries, rest)

    def _of(self, code: int, path: bytes, entries: dict[bytes, Any], rest: bytes) -> bytes | int:
        entry = entries[path]
        if code == _GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._status(path, entry)
        if code == _READLINK:
            return entry["text"].encode()
        if code == _READ:
            offset, size = struct.unpack_from("<QQI", rest)[1:]
            return entry["text"].encode()[offset : offset + size]
        if code == _READDIR:
            return self._listed(path, entries, *struct.unpack_from("<QQI", rest)[1:])
        if code == _LISTXATTR:
            return _sized(b"".join(b"user.%d\0" % n for n in range(entry["attributes"])), rest)
        if code == _GETXATTR:
            name = rest[8:].rstrip(b"\0")
            known = name.startswith(b"user.") and int(name[5:]) < entry["attributes"]
            return _sized(b"1", rest) if known else -_ENODATA
        return -_ENOSYS

    def _listed(self, path: bytes, entries: dict[bytes, Any], offset: int, size: int) -> bytes:
        inside = sorted(one for one in entries if one and one.rpartition(b"/")[0] == path)
        data = b""
        for number, one in enumerate(inside[offset:], offset + 1):
            name = one.rpartition(b"/")[2]
            kind = stat.S_IFMT(entries[one]["mode"]) >> 12
            plain = struct.pack("<QQII", self._node(one), number, len(name), kind) + name
            plain += b"\0" * (-len(plain) % 8)
            if len(data) + len(plain) > size:
                break
            data += plain
        return data

    def _node(self, path: bytes) -> int:
        if path not in self._nodes:
            self._paths.append(path)
            self._nodes[path] = len(self._paths)
        return self._nodes[path]

    def _status(self, path: bytes, entry: dict[str, Any]) -> bytes:
        node, mode = self._node(path), entry["mode"]
        size = 0 if stat.S_ISDIR(mode) else len(entry["text"].encode())
        return _ATTR.pack(node, size, 0, _DAY, _DAY, _DAY, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _sized(value: bytes, rest: bytes) -> bytes | int:
    """What an attribute call answers: the size when that is asked for."""
    (room,) = struct.unpack_from("<I", rest)
    if room == 0:
        return struct.pack("<II", len(value), 0)
    return value if len(value) <= room else -_ERANGE


def _serve(place: str, tree: str) -> None:
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"odd", os.fsencode(place), b"fuse.odd", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    server = _Server(tree)
    print("mounted", flush=True)
    while True:
        try:
            request = os.read(device, 1 << 18)
        except OSError:
            return  # unmounted
        _, code, unique, node, *_ = _IN.unpack_from(request)
        if code in (_FORGET, _BATCH_FORGET):
            continue
        answer = server.answer(code, node, request[_IN.size :])
        body, error = (b"", answer) if isinstance(answer, int) else (answer, 0)
        with contextlib.suppress(FileNotFoundError):  # who asked is gone
            os.write(device, _OUT.pack(_OUT.size + len(body), error, unique) + body)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2])
