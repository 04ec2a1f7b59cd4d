"""Carries reverse steps out on a root of the master, never writing over anything.

New contents come over the stream into a directory of our own in the root, and move into place when they are
whole and durable; what they replace keeps a name there. Paths are resolved strictly beneath the root, without
following links, whatever the replica says.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator

from app.messages import render
from app.model.entry import EntryKind, Metadata, Xattrs
from app.model.errors import ArcxoError, Problem
from app.model.paths import shown
from app.model.rewind import RewindAction
from app.replication.frames import Fetched
from app.replication.master.reverse import ReverseStep
from app.replication.metadata import apply_metadata, apply_metadata_fd, read_metadata, xattr_digest
from app.replication.replica.durability import sync_file_system
from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.walking import remove_tree
from app.replication.sync_frames import ListedEntry

KEPT_PREFIX = b".arcxo-replaced-"
"""Directories in a master root that keep what a replicate-back replaced or removed; the rest is the time."""

Fetch = Callable[[int, bytes], Iterator[Fetched]]
_INCOMING = b"incoming"
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE})
_NODES = {
    EntryKind.FIFO: stat.S_IFIFO,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
}


class PutBack:
    """One root on the master while it is made equal. Blocks on disk and network.

    `carry` in the order of the steps, then `finish`. May be killed anywhere: what is in the way is kept, and
    comparing again goes on with what is left.
    """

    def __init__(self, number: int, root: bytes, stamp: bytes, fetch: Fetch) -> None:
        self._number = number
        self._root = Rooted(root)
        self._fetch = fetch
        self._kept = KEPT_PREFIX + stamp
        self._count = 0
        self._removed: list[ReverseStep] = []
        self._times: dict[bytes, int] = {}
        self._metadata: dict[bytes, Metadata] = {}
        self._own_time = os.fstat(self._root.fd).st_mtime_ns
        self._touched = False
        self.problems: list[Problem] = []

    @property
    def kept_in(self) -> bytes | None:
        """The directory with what was replaced or removed, if there is anything."""
        return self._root.path + b"/" + self._kept if self._root.status_or_none(self._kept) else None

    def close(self) -> None:
        """Close files and remove what is only of use while working."""
        with contextlib.suppress(OSError, PathTrouble):
            remove_tree(self._root, self._kept + b"/" + _INCOMING)
        with contextlib.suppress(OSError):
            os.rmdir(self._kept, dir_fd=self._root.fd)
        if self._touched:
            # Our own directory came and went: that is no change of the root.
            with contextlib.suppress(OSError):
                os.utime(self._root.fd, ns=(self._own_time, self._own_time))
        self._root.close()

    def carry(self, step: ReverseStep) -> None:
        """Do one step; what only this path does not allow is told in `problems`.

        Raises:
            ArcxoError: the stream has ended, or ER00281 the disk takes no more.
        """
        if step.along:
            return
        self._touched = True
        try:
            if step.entry is None:
                self._removed.append(step)
            else:
                self._one(step, step.entry)
            self._times[step.parent[0]] = step.parent[1]
        except (OSError, PathTrouble) as error:
            self._failed(step.path, error)

    def finish(self) -> None:
        """Remove what is not there any more, put the times of directories right, make all of it durable."""
        for step in reversed(self._removed):
            try:
                self._remove(step)
                self._times.setdefault(*step.parent)
            except (OSError, PathTrouble) as error:
                self._failed(step.path, error)
        self._root.forget()
        for path in sorted(self._times.keys() | self._metadata.keys(), reverse=True):
            try:
                self._finish_directory(path)
            except (OSError, PathTrouble) as error:
                self._failed(path, error)
        sync_file_system(self._root.fd)

    def _finish_directory(self, path: bytes) -> None:
        metadata = self._metadata.get(path)
        if self._root.status_or_none(path) is None:
            return
        fd, name = self._root.place(path)
        modified_ns = self._times.get(path, 0)
        if metadata is not None:
            self._note(path, apply_metadata(name, metadata, dir_fd=fd))
            modified_ns = metadata.modified_ns
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            return
        os.utime(name, ns=(modified_ns, modified_ns), dir_fd=fd, follow_symlinks=False)
        if not path:
            self._own_time = modified_ns

    def _one(self, step: ReverseStep, entry: ListedEntry) -> None:
        path, kind = step.path, entry.kind
        there = self._root.status(path)
        if step.link_to is not None:
            self._link(step.link_to, path, there)
            return
        if kind is EntryKind.FILE:
            self._file(entry, there, metadata_only=step.action is RewindAction.METADATA)
            return
        metadata = self._metadata_of(entry, there)
        if kind is EntryKind.DIRECTORY:
            if there is None or not stat.S_ISDIR(there.st_mode):
                self._keep(path, there)
                fd, name = self._root.place(path)
                os.mkdir(name, 0o700, dir_fd=fd)
            self._metadata[path] = metadata
            return
        if step.action is RewindAction.METADATA:
            fd, name = self._root.place(path)
            self._note(path, apply_metadata(name, metadata, dir_fd=fd))
            return
        made = self._incoming()
        fd, name = self._root.place(made)
        if kind is EntryKind.SYMLINK:
            os.symlink(metadata.link_target, name, dir_fd=fd)
        else:
            os.mknod(name, _NODES.get(kind, stat.S_IFIFO) | 0o600, metadata.device, dir_fd=fd)
        self._note(path, apply_metadata(name, metadata, dir_fd=fd))
        self._place(made, path, there)

    def _file(self, entry: ListedEntry, there: os.stat_result | None, *, metadata_only: bool) -> None:
        path = entry.path
        if metadata_only:
            metadata = self._metadata_of(entry, there)
            fd, name = self._root.place(path)
            self._note(path, apply_metadata(name, metadata, dir_fd=fd))
            return
        made = self._incoming()
        fd, name = self._root.place(made)
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=fd)
        try:
            metadata = self._content(path, file)
            self._note(path, apply_metadata_fd(file, metadata))
            os.fsync(file)
        finally:
            os.close(file)
        self._place(made, path, there)

    def _content(self, path: bytes, file: int) -> Metadata:
        metadata: Metadata | None = None
        written = 0
        # All parts are taken, whatever they say: the next answer begins behind them.
        for part in self._fetch(self._number, path):
            if part.metadata is None or part.metadata.kind is not EntryKind.FILE:
                metadata = None
                continue
            metadata = part.metadata
            if written + len(part.data) > metadata.size_bytes:
                raise ArcxoError("ER00301", cause="more content than a file has")
            at = written
            written += len(part.data)
            if not any(part.data):
                continue
            view = memoryview(part.data)
            while view:
                count = os.pwrite(file, view, at)
                view, at = view[count:], at + count
        if metadata is None or written != metadata.size_bytes:
            raise FileNotFoundError(errno.ENOENT, render("WR00266", {}).text, path)
        os.ftruncate(file, metadata.size_bytes)
        return metadata

    def _metadata_of(self, entry: ListedEntry, there: os.stat_result | None) -> Metadata:
        """What the entry's metadata is to be; asked for only where its extended attributes are not known."""
        path = entry.path
        xattrs: Xattrs | None = () if not entry.xattrs else None
        if xattrs is None and there is not None:
            fd, name = self._root.place(path)
            current = read_metadata(name, fd)[0]
            xattrs = current.xattrs if xattr_digest(current.xattrs) == entry.xattrs else None
        if xattrs is not None:
            return Metadata(
                entry.kind,
                entry.permissions,
                entry.uid,
                entry.gid,
                entry.size_bytes,
                entry.modified_ns,
                xattrs,
                entry.link_target,
                entry.rdev,
            )
        metadata: Metadata | None = None
        for part in self._fetch(self._number, path):
            metadata = part.metadata
        if metadata is None or metadata.kind is not entry.kind:
            raise FileNotFoundError(errno.ENOENT, render("WR00266", {}).text, path)
        return metadata

    def _link(self, existing: bytes, path: bytes, there: os.stat_result | None) -> None:
        leader = self._root.status(existing)
        if leader is None:
            raise PathTrouble("ER00403", existing)
        if there is not None and there.st_ino == leader.st_ino:
            return
        made = self._incoming()
        from_fd, from_name = self._root.place(existing)
        fd, name = self._root.place(made)
        os.link(from_name, name, src_dir_fd=from_fd, dst_dir_fd=fd, follow_symlinks=False)
        self._place(made, path, there)

    def _place(self, made: bytes, path: bytes, there: os.stat_result | None) -> None:
        """What was made gets its name; what has it keeps another one."""
        if there is not None and stat.S_ISDIR(there.st_mode):
            self._keep(path, there)
        elif there is not None:
            kept = self._free_kept(path)
            fd, name = self._root.place(path)
            kept_fd, kept_name = self._root.place(kept)
            try:
                os.link(name, kept_name, src_dir_fd=fd, dst_dir_fd=kept_fd, follow_symlinks=False)
            except PermissionError:
                os.rename(name, kept_name, src_dir_fd=fd, dst_dir_fd=kept_fd)
        made_fd, made_name = self._root.place(made)
        fd, name = self._root.place(path)
        os.rename(made_name, name, src_dir_fd=made_fd, dst_dir_fd=fd)

    def _keep(self, path: bytes, there: os.stat_result | None) -> None:
        """Move what is at `path`, with all beneath it, to where it is kept."""
        if there is None:
            return
        kept = self._free_kept(path)
        fd, name = self._root.place(path)
        kept_fd, kept_name = self._root.place(kept)
        os.rename(name, kept_name, src_dir_fd=fd, dst_dir_fd=kept_fd)
        self._root.forget()

    def _remove(self, step: ReverseStep) -> None:
        there = self._root.status_or_none(step.path)
        if there is None:
            return
        if not stat.S_ISDIR(there.st_mode):
            self._keep(step.path, there)
            return
        fd, name = self._root.place(step.path)
        # What filters leave out is not the replica's to remove: a directory that has some stays.
        self._directories(self._kept + b"/" + step.path)
        os.rmdir(name, dir_fd=fd)
        self._root.forget()

    def _free_kept(self, path: bytes) -> bytes:
        kept = self._kept + b"/" + path
        self._directories(kept.rpartition(b"/")[0])
        number = 1
        while self._root.status_or_none(kept) is not None:
            number += 1
            kept = self._kept + b"/" + path + b"~%d" % number
        return kept

    def _directories(self, path: bytes) -> None:
        """Make the directories down to `path`; one that is something else gets another name beside it."""
        end = 0
        while end < len(path):
            end = path.find(b"/", end + 1)
            end = len(path) if end < 0 else end
            fd, name = self._root.place(path[:end])
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=fd)

    def _incoming(self) -> bytes:
        directory = self._kept + b"/" + _INCOMING
        self._directories(directory)
        self._count += 1
        return directory + b"/%x" % self._count

    def _note(self, path: bytes, problems: list[Problem]) -> None:
        whole = self._whole(path)
        self.problems += [Problem(p.code, whole, {**p.params, "path": shown(whole)}) for p in problems]

    def _failed(self, path: bytes, error: OSError | PathTrouble) -> None:
        whole = self._whole(path)
        if isinstance(error, PathTrouble):
            self.problems.append(Problem(error.code, whole, error.params))
            return
        cause = error.strerror or str(error)
        if error.errno in _DISK:
            raise ArcxoError("ER00281", path=shown(whole), cause=cause) from error
        self.problems.append(Problem("WR00280", whole, {"path": shown(whole), "cause": cause}))

    def _whole(self, path: bytes) -> bytes:
        return self._root.path + b"/" + path if path else self._root.path
