"""Brings entries that the master lost back from a replica, without ever writing over anything.

What the replica answers is not trusted: it must be of the kind and size that was lost, and is written beneath
the root only, never through a link. A file is made without a name and gets it when it is whole, only if the
name is free; what stands there is moved aside first. Directories get owner and rights when they are made,
because an engine that is killed leaves what it made for good, and their times last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from app.messages import render
from app.model.entry import EntryKind, Metadata, kind_of_mode, order_key
from app.model.errors import Problem
from app.model.paths import shown
from app.replication.frames import Fetched
from app.replication.master.compare import ComparedRoot
from app.replication.master.losses import Loss, SharedName
from app.replication.metadata import apply_metadata, apply_metadata_fd

Fetch = Callable[[int, bytes], Iterator[Fetched]]
_NO_TMPFILE = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
_NAME_MOST_BYTES = 255
_COMPARED_BYTES = 1024 * 1024
_NAMES_TRIED = 3
_NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class BroughtBack:
    """What `bring_back` did. `done` are the losses that need no more deciding about."""

    done: list[Loss] = field(default_factory=list)
    restored: int = 0
    restored_bytes: int = 0
    kept_aside: int = 0
    problems: list[Problem] = field(default_factory=list)


class _OtherEntryError(Exception):
    """The replica has something else than was lost, or nothing; `code` says in words what."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True, frozen=True)
class _Made:
    """A directory that was made here: what it is to be in the end, and which one it is."""

    metadata: Metadata
    device: int
    inode: int


_Directories = dict[tuple[int, bytes], _Made]


class _Links:
    """Names that shared a file when they were lost, and share one again.

    `others` are names that shared one with what is lost and are there: never lost, or back from before.
    """

    def __init__(self, roots: list[ComparedRoot], losses: list[Loss], others: Iterable[SharedName]) -> None:
        self._roots = roots
        met: set[tuple[int, int]] = set()
        self._shared: set[tuple[int, int]] = set()
        for loss in losses:
            if loss.kind is EntryKind.FILE and loss.inode:
                file = (loss.root, loss.inode)
                (self._shared if file in met else met).add(file)
        self._back: dict[tuple[int, int], list[bytes]] = {}
        for other in others:
            paths = self._back.setdefault((other.root, other.inode), [])
            if len(paths) < _NAMES_TRIED:
                paths.append(other.path)

    def note(self, loss: Loss) -> None:
        """It is back."""
        if (loss.root, loss.inode) in self._shared:
            self._back.setdefault((loss.root, loss.inode), [loss.path])

    def made(self, loss: Loss, fd: int, name: bytes, parent: int) -> bool:
        """Whether `name` is a link now to what is there, or came back before, and is just like `fd`."""
        others = self._back.get((loss.root, loss.inode), ())
        return any(self._linked(loss.root, other, fd, name, parent) for other in others)

    def _linked(self, root: int, other: bytes, fd: int, name: bytes, parent: int) -> bool:
        above, _, other_name = other.rpartition(b"/")
        try:
            with _directory(self._roots[root], above) as place:
                there = os.open(
                    other_name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place
                )
                try:
                    if not _same_file(there, fd):
                        return False
                    # By the descriptor: the name may be another one's by now.
                    os.link(
                        b"/proc/self/fd/%d" % there,
                        name,
                        src_dir_fd=there,
                        dst_dir_fd=parent,
                        follow_symlinks=True,
                    )
                finally:
                    os.close(there)
        except FileExistsError:
            raise
        except OSError:
            return False
        return True


def _same_file(one: int, other: int) -> bool:
    """Whether two open files have the same metadata, as far as `stat` tells, and content."""
    a, b = os.fstat(one), os.fstat(other)
    if (a.st_mode, a.st_uid, a.st_gid, a.st_size, a.st_mtime_ns) != (
        b.st_mode, b.st_uid, b.st_gid, b.st_size, b.st_mtime_ns,
    ):  # fmt: skip
        return False
    at = 0
    while data := os.pread(one, _COMPARED_BYTES, at):
        if os.pread(other, len(data), at) != data:
            return False
        at += len(data)
    return at == b.st_size


def bring_back(
    roots: list[ComparedRoot], losses: list[Loss], fetch: Fetch, others: Iterable[SharedName] = ()
) -> BroughtBack:
    """Bring `losses` (parents first) back. Blocks on disk and network; what fails is told, the rest goes on.

    `others`: see `Losses.shared_names`; what is just like one of them becomes its link again.

    Raises:
        ArcxoError: the stream to the replica has ended; what was brought back before stays.
    """
    result = BroughtBack()
    links = _Links(roots, losses, others)
    directories: _Directories = {}
    try:
        for loss in losses:
            root = roots[loss.root]
            try:
                with _parent(root, loss.path, fetch, directories) as fd:
                    _one(root.number, loss, fd, fetch, directories, links, result)
            except OSError as error:
                cause = error.strerror or str(error)
                if error.errno in _NO_FOLDER:
                    cause = render("WR00271", {}).text
                result.problems.append(_problem(root, loss.path, cause))
            except _OtherEntryError as error:
                result.problems.append(_problem(root, loss.path, render(error.code, {}).text))
    finally:
        # Also when the stream has ended: nobody comes back to these.
        _finish(roots, directories, result)
    return result


def _finish(roots: list[ComparedRoot], directories: _Directories, result: BroughtBack) -> None:
    """Give directories their times, now that nothing comes into them any more; deepest first."""
    for (number, path), made in sorted(
        directories.items(), key=lambda item: (item[0][0], order_key(item[0][1])), reverse=True
    ):
        root = roots[number]
        try:
            with _directory(root, path) as fd:
                status = os.fstat(fd)
                # What another one put in its place is that one's own.
                if (status.st_dev, status.st_ino) == (made.device, made.inode):
                    apply_metadata_fd(fd, made.metadata)
        except OSError as error:
            if error.errno not in _NO_FOLDER and error.errno != errno.ENOENT:
                result.problems.append(_problem(root, path, error.strerror or str(error)))


def _make_directory(name: bytes, parent: int, metadata: Metadata) -> _Made:
    """Make a directory that has its owner, rights and attributes before anything is in it."""
    os.mkdir(name, 0o700, dir_fd=parent)
    fd = os.open(name, _DIRECTORY, dir_fd=parent)
    try:
        status = os.fstat(fd)
        # Who is not root must be able to write into it until all is there.
        needed = 0o700 if os.geteuid() else 0
        apply_metadata_fd(fd, replace(metadata, permissions=metadata.permissions | needed))
    finally:
        os.close(fd)
    return _Made(metadata, status.st_dev, status.st_ino)


def _problem(root: ComparedRoot, path: bytes, cause: str) -> Problem:
    whole = root.whole(path)
    return Problem("WR00265", whole, {"path": shown(whole), "cause": cause})


@contextlib.contextmanager
def _directory(root: ComparedRoot, path: bytes) -> Iterator[int]:
    """A descriptor of a directory beneath the root, reached without following any link."""
    fd = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != (root.device, root.inode):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), root.path)
        for name in path.split(b"/") if path else ():
            deeper = os.open(name, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = deeper
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _parent(root: ComparedRoot, path: bytes, fetch: Fetch, directories: _Directories) -> Iterator[int]:
    """The directory that `path` is in, made where it is missing."""
    parent = path.rpartition(b"/")[0]
    try:
        with _directory(root, parent) as fd:
            there = os.dup(fd)
    except FileNotFoundError:
        if not parent:
            raise
        with _parent(root, parent, fetch, directories) as above:
            name = parent.rpartition(b"/")[2]
            metadata = _metadata(fetch, root.number, parent, EntryKind.DIRECTORY)
            # Not lost itself: nobody knows any more what it was, but that it was no place to run from.
            plain = replace(metadata, permissions=metadata.permissions & 0o777)
            directories[root.number, parent] = _make_directory(name, above, plain)
            there = os.open(name, _DIRECTORY, dir_fd=above)
    try:
        yield there
    finally:
        os.close(there)


def _one(
    number: int,
    loss: Loss,
    parent: int,
    fetch: Fetch,
    directories: _Directories,
    links: _Links,
    result: BroughtBack,
) -> None:
    name = loss.path.rpartition(b"/")[2]
    there = _status(name, parent)
    if loss.kind is EntryKind.FILE:
        _file(number, loss, parent, there, fetch, links, result)
        return
    if there is not None and kind_of_mode(there.st_mode) is loss.kind:
        # It is there (again): that is the newer one.
        result.done.append(loss)
        return
    metadata = _metadata(fetch, number, loss.path, loss.kind)
    if there is not None:
        _move_aside(name, parent, result)
    if metadata.kind is EntryKind.DIRECTORY:
        directories[number, loss.path] = _make_directory(name, parent, _as_lost(metadata, loss))
    elif metadata.kind is EntryKind.SYMLINK:
        os.symlink(metadata.link_target, name, dir_fd=parent)
        apply_metadata(name, _as_lost(metadata, loss), parent)
    else:
        form = {EntryKind.FIFO: stat.S_IFIFO, EntryKind.CHARACTER_DEVICE: stat.S_IFCHR}
        os.mknod(name, form.get(metadata.kind, stat.S_IFBLK) | 0o600, metadata.device, dir_fd=parent)
        apply_metadata(name, _as_lost(metadata, loss), parent)
    result.restored += 1
    result.done.append(loss)


def _status(name: bytes, parent: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _file(
    number: int,
    loss: Loss,
    parent: int,
    there: os.stat_result | None,
    fetch: Fetch,
    links: _Links,
    result: BroughtBack,
) -> None:
    name = loss.path.rpartition(b"/")[2]
    same = there is not None and (there.st_size, there.st_mtime_ns) == (loss.size_bytes, loss.modified_ns)
    if same and there is not None and stat.S_ISREG(there.st_mode):
        result.done.append(loss)
        return
    fd, temporary = _nameless(parent)
    try:
        metadata = _content(fd, loss, fetch(number, loss.path))
        apply_metadata_fd(fd, _as_lost(metadata, loss))
        os.fsync(fd)
        if there is not None:
            _move_aside(name, parent, result)
        # Fails when another one took the name meanwhile: nothing is ever written over.
        if links.made(loss, fd, name, parent):
            pass
        elif temporary:
            os.link(temporary, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
        else:
            # With a descriptor given (it is not looked at), links are followed: this one leads to the file.
            os.link(b"/proc/self/fd/%d" % fd, name, src_dir_fd=fd, dst_dir_fd=parent, follow_symlinks=True)
        links.note(loss)
    finally:
        os.close(fd)
        if temporary:
            os.unlink(temporary, dir_fd=parent)
    result.restored += 1
    result.restored_bytes += metadata.size_bytes
    result.done.append(loss)


def _content(fd: int, loss: Loss, parts: Iterator[Fetched]) -> Metadata:
    """Write what the replica has, which must be what was lost; its metadata."""
    metadata = None
    written = 0
    # To its end, also when it is of no use: the rest would be taken for the answer to the next one.
    for part in parts:
        metadata = part.metadata
        if metadata is None or metadata.kind is not loss.kind or metadata.size_bytes != loss.size_bytes:
            continue
        view = memoryview(part.data)
        written += len(view)
        while view:
            view = view[os.write(fd, view) :]
    if metadata is None:
        raise _OtherEntryError("WR00266")
    if metadata.kind is not loss.kind or metadata.size_bytes != loss.size_bytes or written != loss.size_bytes:
        raise _OtherEntryError("WR00270")
    return metadata


def _as_lost(metadata: Metadata, loss: Loss) -> Metadata:
    """What the master itself knows of it, it takes from nobody else: no file comes back with more rights."""
    return replace(metadata, permissions=loss.permissions, modified_ns=loss.modified_ns)


def _nameless(directory: int) -> tuple[int, bytes]:
    """A new file in `directory`: its descriptor, and its name where the system needs one (b"" if not)."""
    try:
        return os.open(b".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=directory), b""
    except OSError as error:
        if error.errno not in _NO_TMPFILE:
            raise
    name = b".arcxo-" + secrets.token_hex(8).encode()
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.open(name, flags, 0o600, dir_fd=directory), name


def _move_aside(name: bytes, parent: int, result: BroughtBack) -> None:
    os.rename(name, _aside(name, parent), src_dir_fd=parent, dst_dir_fd=parent)
    result.kept_aside += 1


def _aside(name: bytes, parent: int) -> bytes:
    """A free name beside `name`, which is cut where both together would be too long."""
    ending = stamp = b".rejected-" + time.strftime("%Y%m%d-%H%M%S", time.gmtime()).encode()
    number = 1
    while _status(wanted := _shortened(name, _NAME_MOST_BYTES - len(ending)) + ending, parent) is not None:
        number += 1
        ending = stamp + b"-%d" % number
    return wanted


def _shortened(name: bytes, most: int) -> bytes:
    """`name`, or so much of it as is no longer, without a part of a UTF-8 character at the end."""
    if len(name) <= most:
        return name
    while most and name[most] & 0xC0 == 0x80:
        most -= 1
    return name[:most]


def _metadata(fetch: Fetch, root: int, path: bytes, kind: EntryKind) -> Metadata:
    """What the replica has at `path`, which must be of this kind."""
    metadata = None
    for part in fetch(root, path):
        metadata = part.metadata
    if metadata is None:
        raise _OtherEntryError("WR00266")
    if metadata.kind is not kind:
        raise _OtherEntryError("WR00270")
    return metadata
