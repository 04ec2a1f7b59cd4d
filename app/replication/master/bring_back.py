"""Brings entries that the master lost back from a replica, without ever writing over anything.

A file is made without a name and gets it when it is whole, only if the name is free; what stands there is
moved aside first. Directories get their times last.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.messages import render
from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.frames import Fetched
from app.replication.master.compare import ComparedRoot
from app.replication.master.losses import Loss
from app.replication.metadata import apply_metadata, apply_metadata_fd

Fetch = Callable[[int, bytes], Iterator[Fetched]]
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})


@dataclass(slots=True)
class BroughtBack:
    """What `bring_back` did. `done` are the losses that need no more deciding about."""

    done: list[Loss] = field(default_factory=list)
    restored: int = 0
    restored_bytes: int = 0
    kept_aside: int = 0
    problems: list[Problem] = field(default_factory=list)


def bring_back(roots: list[ComparedRoot], losses: list[Loss], fetch: Fetch) -> BroughtBack:
    """Bring `losses` (parents first) back. Blocks on disk and network; what fails is told, the rest goes on.

    Raises:
        ArcxoError: the stream to the replica has ended; what was brought back before stays.
    """
    result = BroughtBack()
    directories: dict[tuple[int, bytes], Metadata] = {}
    for loss in losses:
        root = roots[loss.root]
        try:
            _parents(root, loss.path, fetch, directories)
            _one(root, loss, fetch, directories, result)
        except OSError as error:
            whole = root.whole(loss.path)
            text = {"path": whole.decode("utf-8", "replace"), "cause": error.strerror or str(error)}
            result.problems.append(Problem("WR00265", whole, text))
    for (number, path), metadata in reversed(directories.items()):
        try:
            apply_metadata(roots[number].whole(path), metadata)
        except OSError as error:
            whole = roots[number].whole(path)
            text = {"path": whole.decode("utf-8", "replace"), "cause": error.strerror or str(error)}
            result.problems.append(Problem("WR00265", whole, text))
    return result


def _parents(
    root: ComparedRoot, path: bytes, fetch: Fetch, directories: dict[tuple[int, bytes], Metadata]
) -> None:
    parent = path.rpartition(b"/")[0]
    if not parent:
        return
    try:
        status = os.lstat(root.whole(parent))
    except FileNotFoundError:
        _parents(root, parent, fetch, directories)
        metadata = _metadata(fetch, root.number, parent)
        os.mkdir(root.whole(parent), 0o700)
        if metadata is not None:
            directories[root.number, parent] = metadata
        return
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), root.whole(parent))


def _one(
    root: ComparedRoot,
    loss: Loss,
    fetch: Fetch,
    directories: dict[tuple[int, bytes], Metadata],
    result: BroughtBack,
) -> None:
    whole = root.whole(loss.path)
    if loss.kind is EntryKind.FILE:
        _file(root, loss, whole, fetch, result)
        return
    try:
        os.lstat(whole)
    except FileNotFoundError:
        pass
    else:
        # Something stands there (again): it is the newer one.
        result.done.append(loss)
        return
    metadata = _metadata(fetch, root.number, loss.path)
    if metadata is None:
        _absent(whole, result)
        return
    if metadata.kind is EntryKind.DIRECTORY:
        os.mkdir(whole, 0o700)
        directories[root.number, loss.path] = metadata
    elif metadata.kind is EntryKind.SYMLINK:
        os.symlink(metadata.link_target, whole)
        apply_metadata(whole, metadata)
    else:
        form = {EntryKind.FIFO: stat.S_IFIFO, EntryKind.CHARACTER_DEVICE: stat.S_IFCHR}
        os.mknod(whole, form.get(metadata.kind, stat.S_IFBLK) | 0o600, metadata.device)
        apply_metadata(whole, metadata)
    result.restored += 1
    result.done.append(loss)


def _file(root: ComparedRoot, loss: Loss, whole: bytes, fetch: Fetch, result: BroughtBack) -> None:
    try:
        there: os.stat_result | None = os.lstat(whole)
    except FileNotFoundError:
        there = None
    same = there is not None and (there.st_size, there.st_mtime_ns) == (loss.size_bytes, loss.modified_ns)
    if same and there is not None and stat.S_ISREG(there.st_mode):
        result.done.append(loss)
        return
    fd, temporary = _nameless(os.path.dirname(whole))
    try:
        metadata = None
        for part in fetch(root.number, loss.path):
            metadata = part.metadata
            view = memoryview(part.data)
            while view:
                view = view[os.write(fd, view) :]
        if metadata is None or metadata.kind is not EntryKind.FILE:
            _absent(whole, result)
            return
        apply_metadata_fd(fd, metadata)
        os.fsync(fd)
        if there is not None:
            os.rename(whole, _aside(whole))
            result.kept_aside += 1
        # Fails when another one took the name meanwhile: nothing is ever written over.
        if temporary:
            os.link(temporary, whole, follow_symlinks=False)
        else:
            # With a descriptor given (it is not looked at), links are followed: this one leads to the file.
            os.link(b"/proc/self/fd/%d" % fd, whole, src_dir_fd=fd, follow_symlinks=True)
    finally:
        os.close(fd)
        if temporary:
            os.unlink(temporary)
    result.restored += 1
    result.restored_bytes += metadata.size_bytes
    result.done.append(loss)


def _nameless(directory: bytes) -> tuple[int, bytes]:
    """A new file in `directory`: its descriptor, and its name where the system needs one (b"" if not)."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600), b""
    except OSError as error:
        if error.errno not in _NO_TMPFILE:
            raise
    name = directory + b"/.arcxo-" + secrets.token_hex(8).encode()
    return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), name


def _aside(whole: bytes) -> bytes:
    """A free name beside `whole`."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime()).encode()
    wanted = whole + b".rejected-" + stamp
    number = 1
    while os.path.lexists(wanted):
        number += 1
        wanted = whole + b".rejected-" + stamp + b"-%d" % number
    return wanted


def _metadata(fetch: Fetch, root: int, path: bytes) -> Metadata | None:
    metadata = None
    for part in fetch(root, path):
        metadata = part.metadata
    return metadata


def _absent(whole: bytes, result: BroughtBack) -> None:
    """The replica does not have it (its own trouble, or it was lost there, too): people must know."""
    text = {"path": whole.decode("utf-8", "replace"), "cause": render("WR00266", {}).text}
    result.problems.append(Problem("WR00265", whole, text))
