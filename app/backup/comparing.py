"""A session compared with files on disk: what is missing, more, or different, and in what.

Contents are compared by the ids that the session has of them: the disk is read whole, the media only for its
directories (whether its own bytes are sound is asked by verifying it).
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.backup.source import NODE_KIND, node_extra, open_file
from app.media.api import SessionHeader
from app.media.node import (
    CONTENT,
    DIRECTORY,
    EXTRA,
    FILE,
    GID,
    KIND,
    MTIME,
    NAME,
    NAME_MOST,
    PERMISSIONS,
    SIZE,
    SYMLINK,
    UID,
    Entry,
    pieces,
)
from app.media.reader import MAX_DEPTH, ChunkReader, open_session
from app.model.archive import CompareEvent, CompareResult, Progress
from app.model.entry import kept_ns
from app.model.errors import ArcxoError, CanceledError, NotFoundError, Problem, UsageError
from app.model.job import JobPhase
from app.model.paths import check_relative, is_beneath, shown

_READ_BYTES = 4 << 20
_TELL_EVERY_S = 0.2
_RESERVED = b".arcxo-"
"""How names begin that the product itself keeps in a tree."""


@dataclass(frozen=True, slots=True)
class CompareTask:
    """Compare paths of a session (absolute, the master's; empty = all) with directories of this host.

    `targets` maps prefixes of master paths to directories, longest prefix wins. `metadata`: permissions,
    owner, attributes, and the time of files count too.
    """

    media_path: str
    session: int
    targets: tuple[tuple[bytes, bytes], ...]
    paths: tuple[bytes, ...] = ()
    data_key: bytes | None = field(default=None, repr=False)
    metadata: bool = True
    job_id: int = 0


def compare(
    task: CompareTask, emit: Callable[[CompareEvent], None], canceled: Callable[[], bool]
) -> CompareResult:
    """Compare; each difference is told as a problem W4250 of the master's path. The result is the last event.

    Raises:
        NotFoundError: E4221 a path is not in the session. UsageError: E4222 no target covers a path.
        ArcxoError: E4292 canceled, media faults 41xx.
    """
    return _Comparison(task, emit, canceled).run()


class _Comparison:
    """One run of a `CompareTask`."""

    def __init__(
        self, task: CompareTask, emit: Callable[[CompareEvent], None], canceled: Callable[[], bool]
    ) -> None:
        self._task = task
        self._emit = emit
        self._canceled = canceled
        self._files = 0
        self._directories = 0
        self._bytes = 0
        self._differences = 0
        self._told_at = 0.0
        self._header, self._reader = open_session(task.media_path, task.session, task.data_key)

    def run(self) -> CompareResult:
        """Compare all that was selected."""
        for path in _selected(self._task.paths, self._header):
            entry = _entry_of(self._reader, self._header, path)
            self._one(path, entry, _target(self._task.targets, path))
        result = CompareResult(self._files, self._directories, self._bytes, self._differences)
        self._emit(result)
        return result

    def _one(self, path: bytes, entry: Entry, target: bytes) -> None:
        """An entry and all beneath it."""
        stack = [(path, entry, target)]
        while stack:
            path, entry, target = stack.pop()
            self._tick(path)
            is_tree = entry[KIND] == DIRECTORY
            self._directories += is_tree
            self._files += not is_tree
            try:
                found = os.lstat(target)
            except FileNotFoundError:
                self._differs(path, "missing")
                continue
            except OSError as error:
                self._differs(path, "unreadable", reason=error.strerror or str(error))
                continue
            kind = NODE_KIND.get(stat.S_IFMT(found.st_mode))
            if kind != entry[KIND]:
                self._differs(path, "kind")
                continue
            if is_tree and entry[EXTRA] and entry[EXTRA].get("y"):
                continue  # a directory above the roots
            try:
                different = list(self._aspects(target, entry, found, path))
            except OSError as error:
                self._differs(path, "unreadable", reason=error.strerror or str(error))
                continue
            if different:
                self._differs(path, ", ".join(different))
            if is_tree:
                stack += self._children(path, entry, target, depth=path.count(b"/"))

    def _children(
        self, path: bytes, entry: Entry, target: bytes, *, depth: int
    ) -> list[tuple[bytes, Entry, bytes]]:
        if depth > MAX_DEPTH:
            location = self._reader.store.location
            raise ArcxoError("E4125", media=location, object=shown(path[:200]), reason="it is too deep")
        entries = self._reader.node(entry[CONTENT])
        known = {child[NAME] for child in entries}
        prefix = path.rstrip(b"/")
        try:
            for name in sorted(os.listdir(target)):
                if name in known or name.startswith(_RESERVED):
                    continue
                if not stat.S_ISSOCK(os.lstat(target + b"/" + name).st_mode):
                    self._differs(prefix + b"/" + name, "extra")
        except OSError as error:
            self._differs(path, "unreadable", reason=error.strerror or str(error))
        found = [(prefix + b"/" + child[NAME], child, target + b"/" + child[NAME]) for child in entries]
        return found[::-1]

    def _aspects(self, target: bytes, entry: Entry, found: os.stat_result, path: bytes) -> Iterator[str]:
        """In what a path differs that is of the same kind."""
        kind, extra = entry[KIND], entry[EXTRA] or {}
        there = node_extra(target, found, kind) or {}
        if kind == FILE:
            if found.st_size != entry[SIZE]:
                yield "size"
            elif not same_content(self._reader, target, entry, lambda done: self._tick(path, done)):
                yield "content"
        elif kind == SYMLINK:
            if there.get("t") != extra.get("t"):
                yield "link target"
        elif there.get("d", 0) != extra.get("d", 0):
            yield "device number"
        if not self._task.metadata:
            return
        if kind != SYMLINK and stat.S_IMODE(found.st_mode) != entry[PERMISSIONS] & 0o7777:
            yield "permissions"
        if (found.st_uid, found.st_gid) != (entry[UID], entry[GID]):
            yield "owner"
        if kind == FILE and kept_ns(found.st_mtime_ns) != entry[MTIME]:
            yield "modification time"
        if there.get("x", []) != extra.get("x", []):
            yield "attributes"

    def _differs(self, path: bytes, kinds: str, reason: str = "") -> None:
        self._differences += 1
        self._emit(Problem("W4250", path, {"kinds": f"{kinds}: {reason}" if reason else kinds}))

    def _tick(self, path: bytes, done_bytes: int = 0) -> None:
        if self._canceled():
            raise CanceledError("E4292")
        self._bytes += done_bytes
        now = time.monotonic()
        if now - self._told_at < _TELL_EVERY_S:
            return
        self._told_at = now
        header = self._header
        self._emit(
            Progress(
                JobPhase.VERIFY,
                path,
                files=self._files,
                directories=self._directories,
                read_bytes=self._bytes,
                files_total=None if self._task.paths else header.files,
                bytes_total=None if self._task.paths else header.size_bytes,
            )
        )


def same_content(
    reader: ChunkReader, source: bytes, entry: Entry, read: Callable[[int], None] = lambda _: None
) -> bool:
    """Whether a file or symbolic link has the content of an entry. `read` is told of bytes as they are read.

    Raises OSError when it cannot be read.
    """
    if entry[KIND] == SYMLINK:
        return bool(os.readlink(source) == entry[EXTRA]["t"])
    descriptor = open_file(source)
    try:
        if os.fstat(descriptor).st_size != entry[SIZE]:
            return False
        extents = entry[EXTRA]["s"] if entry[EXTRA] and "s" in entry[EXTRA] else [[0, entry[SIZE]]]
        return _holes_are_empty(descriptor, extents, entry[SIZE]) and _has_chunks(
            reader, descriptor, extents, entry, read
        )
    finally:
        os.close(descriptor)


def _has_chunks(
    reader: ChunkReader,
    descriptor: int,
    extents: list[list[int]],
    entry: Entry,
    read: Callable[[int], None],
) -> bool:
    wanted = pieces(entry)[::-1]
    buffer = b""
    for offset, length in extents:
        done = 0
        while done < length:
            data = os.pread(descriptor, min(_READ_BYTES, length - done), offset + done)
            if not data:
                return False
            read(len(data))
            done += len(data)
            buffer += data
            while wanted and len(buffer) >= wanted[-1][1]:
                chunk_id, size = wanted.pop()
                if reader.identify(buffer[:size]) != chunk_id:
                    return False
                buffer = buffer[size:]
    return not wanted and not buffer


def _holes_are_empty(descriptor: int, extents: list[list[int]], size: int) -> bool:
    """Whether there are only zeros between the extents of a sparse file."""
    at = 0
    for offset, length in [*extents, [size, 0]]:
        while at < offset:
            try:
                at = os.lseek(descriptor, at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                break  # a hole up to the end
            if at >= offset:
                break
            data = os.pread(descriptor, min(_READ_BYTES, offset - at), at)
            if data.count(0) != len(data) or not data:
                return False
            at += len(data)
        at = offset + length
    return True


def _selected(paths: tuple[bytes, ...], header: SessionHeader) -> list[bytes]:
    wanted = sorted({b"/" + check_relative(path.strip(b"/"), NAME_MOST) for path in paths or header.roots})
    return [path for path in wanted if not any(other != path and is_beneath(path, other) for other in wanted)]


def _entry_of(reader: ChunkReader, header: SessionHeader, path: bytes) -> Entry:
    found: Entry = [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, header.root_id]
    for name in [name for name in path.split(b"/") if name]:
        below = reader.node(found[CONTENT]) if found[KIND] == DIRECTORY else []
        child = next((one for one in below if one[NAME] == name), None)
        if child is None:
            raise NotFoundError("E4221", path=shown(path), session=header.number)
        found = child
    return found


def _target(targets: tuple[tuple[bytes, bytes], ...], path: bytes) -> bytes:
    fitting = [one for one in targets if is_beneath(path, b"/" + one[0].strip(b"/"))]
    if not fitting:
        raise UsageError("E4222", path=shown(path))
    prefix, directory = max(fitting, key=lambda one: len(one[0].strip(b"/")))
    rest = path[len(b"/" + prefix.strip(b"/")) :].strip(b"/")
    return directory.rstrip(b"/") + b"/" + rest if rest else directory
