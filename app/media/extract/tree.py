"""A session's tree of names, and writing it beneath a directory."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from .reading import Chunks, Unreadable, tell

FILE, DIRECTORY, SYMLINK, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE = range(6)
LONGEST_NAME = 4095
Lost = list[tuple[bytes, str]]
"""What did not come out, and why."""


def text(path: bytes) -> str:
    """A name for a person; never a control character for the terminal."""
    shown = path.decode("utf-8", "surrogateescape")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)


@dataclass
class Entry:
    """One entry of a directory node; see the format page for its fields."""

    path: bytes
    fields: list[Any]

    @property
    def kind(self) -> int:
        """What it is: a file, a directory and so on."""
        return int(self.fields[1])

    @property
    def extra(self) -> dict[str, Any]:
        """Extended attributes and what else only some have."""
        return self.fields[9] or {}


def entries_of(chunks: Chunks, node_id: bytes, path: bytes) -> list[Entry]:
    """The entries of a directory; every name is checked, as nobody knows who wrote it."""
    try:
        version, listed = msgpack.unpackb(chunks.get(node_id))
        if version != 1:
            raise Unreadable("a directory node that this reader does not know")
        found = []
        for fields in listed:
            name, kind, extra, content = fields[0], fields[1], fields[9], fields[10]
            good = isinstance(name, bytes) and name not in (b"", b".", b"..") and len(name) <= LONGEST_NAME
            if len(fields) != 11 or not good or b"/" in name or b"\0" in name:
                raise Unreadable("a directory node with an impossible entry")
            if type(kind) is not int or not isinstance(extra, dict | None) or not isinstance(content, bytes):
                raise Unreadable("a directory node with an impossible entry")
            found.append(Entry(path + b"/" + name, fields))
    except (ValueError, TypeError, LookupError, msgpack.UnpackException) as error:
        raise Unreadable(f"not a directory node: {error}") from error
    return found


def beneath(path: bytes, above: bytes) -> bool:
    """Whether a path is another one or beneath it."""
    return path == above or path.startswith(above.rstrip(b"/") + b"/")


def walk(chunks: Chunks, root_id: bytes, lost: Lost, paths: Sequence[bytes] = ()) -> Iterator[Entry]:
    """Every entry, parents first, or those at `paths` and beneath them.

    Directories that cannot be read go to `lost`; with `paths` only those that lead to them are read.
    """
    pending = [(b"", root_id)]
    while pending:
        path, node_id = pending.pop()
        try:
            found = entries_of(chunks, node_id, path)
        except Unreadable as error:
            lost.append((path or b"/", str(error)))
            continue
        for entry in found:
            chosen = not paths or any(beneath(entry.path, one) for one in paths)
            if chosen:
                yield entry
            if entry.kind == DIRECTORY and (chosen or any(beneath(one, entry.path) for one in paths)):
                pending.append((entry.path, entry.fields[10]))


class Writer:
    """Writes entries beneath a directory. Nothing that is there already is touched."""

    def __init__(self, target: bytes, chunks: Chunks, lost: Lost) -> None:
        self._target = target
        self._chunks = chunks
        self._lost = lost
        self._groups: dict[bytes, bytes] = {}
        self._directories: list[tuple[bytes, Entry]] = []
        self._made: set[bytes] = set()
        self.written = 0

    def put(self, entry: Entry) -> None:
        """Write one entry; what cannot be written is noted."""
        path = self._target + entry.path
        try:
            self._parents(entry.path)
            if entry.kind == DIRECTORY:
                self._directory(path)
                self._directories.append((path, entry))
            else:
                self._leaf(path, entry)
                self.written += 1
        except (OSError, Unreadable, ValueError, TypeError, KeyError) as error:
            self._lost.append((entry.path, str(error)))

    def finish(self) -> None:
        """Metadata of directories come last, as writing into them changes their times."""
        for path, entry in reversed(self._directories):
            if not entry.extra.get("y"):
                try:
                    self._describe(path, entry)
                except OSError as error:
                    self._lost.append((entry.path, str(error)))

    def _parents(self, path: bytes) -> None:
        missing = []
        at = self._target + path.rpartition(b"/")[0]
        while at != self._target and at not in self._made:
            missing.append(at)
            at = at.rpartition(b"/")[0]
        for directory in reversed(missing):
            self._directory(directory)

    def _directory(self, path: bytes) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise Unreadable("something else than a directory is in its place")
        self._made.add(path)

    def _leaf(self, path: bytes, entry: Entry) -> None:
        # Of two file systems the numbers may be the same: names of one file have one content, too.
        linked = "h" in entry.extra
        same = [entry.extra.get("h"), entry.kind, entry.fields[5], entry.extra.get("s"), entry.extra.get("t")]
        group = msgpack.packb([*same, entry.extra.get("d"), entry.fields[10]]) if linked else None
        if group in self._groups:
            os.link(self._groups[group], path, follow_symlinks=False)
            return
        if entry.kind == FILE:
            self._file(path, entry)
        elif entry.kind == SYMLINK:
            os.symlink(entry.extra["t"], path)
        elif entry.kind == FIFO:
            os.mkfifo(path, 0o600)
        else:
            kind = stat.S_IFCHR if entry.kind == CHARACTER_DEVICE else stat.S_IFBLK
            os.mknod(path, 0o600 | kind, entry.extra["d"])
        self._describe(path, entry)
        if group is not None:
            self._groups[group] = path

    def _file(self, path: bytes, entry: Entry) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            self._fill(descriptor, entry)
            os.fsync(descriptor)
        except BaseException:
            os.unlink(path)  # half a file is no file
            raise
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, entry: Entry) -> None:
        """The chunks, one after the other, into the data extents, one after the other."""
        size, content = entry.fields[5], entry.fields[10]
        os.ftruncate(descriptor, size)
        room = iter(entry.extra.get("s", [[0, size]] if size else []))
        at, left = 0, 0
        for start in range(0, len(content), 36):
            data = memoryview(self._chunks.get(content[start : start + 32]))
            while data:
                if not left:
                    at, left = next(room, (0, 0))
                    if not left or at + left > size:
                        raise Unreadable("its content does not fit its size")
                done = os.pwrite(descriptor, data[:left], at)
                data, at, left = data[done:], at + done, left - done
        if left or next(room, None) is not None:
            raise Unreadable("its content is shorter than its size")

    def _describe(self, path: bytes, entry: Entry) -> None:
        _, _, permissions, uid, gid, _, modified_ns, *_ = entry.fields
        with contextlib.suppress(PermissionError):
            os.chown(path, uid, gid, follow_symlinks=False)
        if entry.kind != SYMLINK:
            os.chmod(path, permissions)
        for name, value in entry.extra.get("x", ()):
            try:
                os.setxattr(path, name, value, follow_symlinks=False)
            except OSError as error:
                tell(f"{text(entry.path)}: attribute {text(name)} not set: {error.strerror}")
        os.utime(path, ns=(modified_ns, modified_ns), follow_symlinks=False)
