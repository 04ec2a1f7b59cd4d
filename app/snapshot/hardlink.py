"""Hard-link trees: every volume has them. Links freeze names; contents stay frozen because the
replica's applier copies before it writes in place; metadata are kept in a manifest.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.model import manifest
from app.model.entry import EntryKind
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.native import native
from app.snapshot import tree
from app.snapshot.api import Snapshot

_MANIFEST_BUFFER_BYTES = 128 << 10
_CLOCK_TICK_S = 0.01
_AT_ONCE = 4096
_native: Any | None = native("linking")
_link = os.link
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class HardLinkProvider:
    """Snapshots as directories of hard links beside a manifest of the metadata."""

    name = "hard links"
    freezes_metadata = False

    def supports(self, root: bytes, area: bytes) -> bool:
        """Try a link from the root's volume into the area."""
        probe = os.path.join(root, tree.RESERVED_PREFIX + b"probe-%d" % os.getpid())
        linked = os.path.join(area, os.path.basename(probe))
        status = os.stat(root)
        try:
            os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            try:
                os.link(probe, linked)
                os.unlink(linked)
            finally:
                os.unlink(probe)
                os.utime(root, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError:
            return False
        return True

    def create(
        self,
        root: bytes,
        area: bytes,
        snapshot_id: str,
        paths: Sequence[bytes] | None,
        subtrees: Collection[bytes] = (),
    ) -> Snapshot:
        """See `SnapshotProvider.create`. 60,000 links take about a second."""
        made = _of(root, area, snapshot_id)
        container = made.container
        assert made.manifest is not None
        try:
            os.mkdir(container, 0o700)
            self._link(root, made.path, made.manifest, paths, subtrees)
        except OSError as error:
            tree.remove_tree(container)
            raise ArcxoError(
                "E4191", root=shown(root), provider=self.name, cause=error.strerror or str(error)
            ) from error
        except BaseException:
            tree.remove_tree(container)
            raise
        return replace(made, partial=paths is not None)

    def foreseen(self, root: bytes, area: bytes, snapshot_id: str) -> Snapshot | None:
        """See `SnapshotProvider.foreseen`: a link is there before its entry is."""
        return _of(root, area, snapshot_id)

    def _link(
        self,
        root: bytes,
        target: bytes,
        written: bytes,
        paths: Sequence[bytes] | None,
        subtrees: Collection[bytes],
    ) -> None:
        descriptor = os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            buffer = bytearray(manifest.header())
            count = 0
            found = _link_all(root, target) if paths is None else _link_some(root, target, paths, subtrees)
            for entries, packed in found:
                buffer += packed
                count += entries
                if len(buffer) >= _MANIFEST_BUFFER_BYTES:
                    _write_all(descriptor, buffer)
                    buffer.clear()
            buffer += manifest.end(count)
            _write_all(descriptor, buffer)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        # What is written after this has another change time than the links, however coarse the clock is.
        time.sleep(_CLOCK_TICK_S)

    def release(self, snapshot: Snapshot) -> None:
        """See `SnapshotProvider.release`."""
        tree.remove_tree(snapshot.container)


def _of(root: bytes, area: bytes, snapshot_id: str) -> Snapshot:
    container = os.path.join(area, snapshot_id.encode())
    names = [os.path.join(container, name) for name in (b"tree", b"manifest")]
    return Snapshot(snapshot_id, HardLinkProvider.name, root, names[0], container, names[1])


def _link_some(
    root: bytes, target: bytes, paths: Sequence[bytes], subtrees: Collection[bytes]
) -> Iterator[tuple[int, bytes]]:
    for path, status in tree.entries(root, paths, subtrees):
        source = os.path.join(root, path) if path else root
        metadata, identity = tree.describe(source, status)
        copy = os.path.join(target, path) if path else target
        linked_ns = 0
        if metadata.kind is EntryKind.DIRECTORY:
            os.mkdir(copy, 0o700)
        else:
            os.link(source, copy, follow_symlinks=False)
            linked_ns = os.lstat(copy).st_ctime_ns
        yield 1, manifest.entry(path, metadata, identity, linked_ns)


def _link_all(root: bytes, target: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole tree: a directory, what is in it besides directories, then those, each with all beneath.

    Nearly all the time goes by in the kernel, but in calls so short that two threads spend a fifth of it on
    handing the interpreter to each other: one does it all.
    """
    pending = [b""]
    while pending:
        relative = pending.pop()
        source = os.path.join(root, relative) if relative else root
        copy = os.path.join(target, relative) if relative else target
        os.mkdir(copy, 0o700)
        # Names are looked up in open directories: that takes a third of what whole paths take.
        reading = os.open(source, _DIRECTORY | (os.O_NOFOLLOW if relative else 0))
        try:
            names, directories = _names(reading)
            yield 1, manifest.entry(relative, *tree.describe(source))
            prefix = relative + b"/" if relative else b""
            if names:
                writing = os.open(copy, _DIRECTORY)
                try:
                    yield from _link_files(source, reading, writing, prefix, names)
                finally:
                    os.close(writing)
        finally:
            os.close(reading)
        pending.extend(prefix + name for name in reversed(directories))


def _names(directory: int) -> tuple[list[bytes], list[bytes]]:
    """What is in an open directory: (names of what is no directory, of directories), each sorted."""
    names: list[bytes] = []
    directories: list[bytes] = []
    with os.scandir(directory) as listing:
        for item in listing:
            name = os.fsencode(item.name)
            if not name.startswith(tree.RESERVED_PREFIX):
                (directories if item.is_dir(follow_symlinks=False) else names).append(name)
    names.sort()
    directories.sort()
    return names, directories


def _link_files(
    directory: bytes, reading: int, writing: int, prefix: bytes, names: list[bytes]
) -> Iterator[tuple[int, bytes]]:
    # The interpreter does what is no plain file, and all of it where something has taken the place of a call.
    many = _native is not None and os.link is _link
    at = 0
    while at < len(names):
        if many and _native is not None:
            rows, done = _native.link_files(reading, directory, writing, prefix, names[at : at + _AT_ONCE])
            yield done, rows
            at += done
            if done == _AT_ONCE or at == len(names):
                continue
        yield 1, _link_one(directory, reading, writing, prefix, names[at])
        at += 1


def _link_one(directory: bytes, reading: int, writing: int, prefix: bytes, name: bytes) -> bytes:
    status = os.lstat(name, dir_fd=reading)
    os.link(name, name, src_dir_fd=reading, dst_dir_fd=writing, follow_symlinks=False)
    linked_ns = os.lstat(name, dir_fd=writing).st_ctime_ns
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        metadata, identity = tree.describe(directory + b"/" + name, status)
        return manifest.entry(prefix + name, metadata, identity, linked_ns)
    return manifest.file_entry(prefix + name, status, tree.xattrs(directory + b"/" + name), linked_ns)


def _write_all(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        written = os.write(descriptor, view)
        view = view[written:]
