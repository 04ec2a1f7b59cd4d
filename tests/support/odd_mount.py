"""A file system with what others do not have: names over 255 bytes, links to nothing, many attributes.

A process serves the tree that a file describes over /dev/fuse, read-only, and looks into that file at each
question, so that `put` and `drop` show at once. Nothing tells of such changes, as on a network mount. Run as
a program it is that process.
"""

from __future__ import annotations

import contextlib
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.fuse_server import (
    ENODATA,
    ENOENT,
    ENOSYS,
    GETATTR,
    GETXATTR,
    LISTXATTR,
    LOOKUP,
    READ,
    READDIR,
    READLINK,
    attributes,
    entry,
    found,
    serve,
    served_mount,
    sized,
    wanted,
)


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
    mount = OddMount(place, tree := place.parent / f"{place.name}.tree")
    with served_mount("tests.support.odd_mount", place, str(tree)) as mount.server:
        yield mount


class _Server:
    def __init__(self, tree: str) -> None:
        self._tree = tree
        self._paths = [b""]
        self._nodes = {b"": 1}

    def answer(self, code: int, node: int, rest: bytes) -> bytes | int:
        with open(self._tree, encoding="ascii") as file:
            entries = {bytes.fromhex(path): entry for path, entry in json.load(file).items()}
        entries[b""] = {"mode": stat.S_IFDIR | 0o755, "text": "", "attributes": 0}
        path = self._paths[node - 1]
        if path not in entries:
            return -ENOENT
        if code == LOOKUP:
            name = rest.rstrip(b"\0")
            path = path + b"/" + name if path else name
            return found(self._node(path), *_state(entries[path])) if path in entries else -ENOENT
        if code == READDIR:
            return self._listed(path, entries, *wanted(rest))
        return self._of(code, node, entries[path], rest)

    def _of(self, code: int, node: int, one: dict[str, Any], rest: bytes) -> bytes | int:
        text = one["text"].encode()
        if code == GETATTR:
            return attributes(node, *_state(one))
        if code == READLINK:
            return text
        if code == READ:
            offset, size = wanted(rest)
            return text[offset : offset + size]
        if code == LISTXATTR:
            return sized(b"".join(b"user.%d\0" % n for n in range(one["attributes"])), rest)
        if code == GETXATTR:
            name = rest[8:].rstrip(b"\0")
            known = name.startswith(b"user.") and int(name[5:]) < one["attributes"]
            return sized(b"1", rest) if known else -ENODATA
        return -ENOSYS

    def _listed(self, path: bytes, entries: dict[bytes, Any], offset: int, size: int) -> bytes:
        inside = sorted(one for one in entries if one and one.rpartition(b"/")[0] == path)
        data = b""
        for number, one in enumerate(inside[offset:], offset + 1):
            more = entry(self._node(one), number, one.rpartition(b"/")[2], stat.S_IFMT(entries[one]["mode"]))
            if len(data) + len(more) > size:
                break
            data += more
        return data

    def _node(self, path: bytes) -> int:
        if path not in self._nodes:
            self._paths.append(path)
            self._nodes[path] = len(self._paths)
        return self._nodes[path]


def _state(one: dict[str, Any]) -> tuple[int, int]:
    """(mode, size)"""
    return one["mode"], 0 if stat.S_ISDIR(one["mode"]) else len(one["text"].encode())


if __name__ == "__main__":
    serve("odd", sys.argv[1], 1024, _Server(sys.argv[2]).answer)
