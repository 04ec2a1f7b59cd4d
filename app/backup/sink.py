"""Restoring into plain directories."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import secrets
import stat
import threading
import time

from app.backup.beneath import Places
from app.backup.copying import copy_content
from app.backup.metadata import apply_metadata, remove_other_attributes
from app.backup.new_files import Cut
from app.media.temporary import is_abandoned, owner_prefix
from app.model.entry import Metadata
from app.model.errors import ArcxoError, Problem
from app.model.paths import shown

_STAGING = b".arcxo-restore-"
_INHERITED = "system.posix_acl_default"
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectorySink:
    """Entries are staged in a hidden directory of the destination and moved into place in one step.

    `finish` removes it; one that a killed restore left is removed by the next restore to that destination.
    """

    at_once = True

    def __init__(self, directories: list[bytes]) -> None:
        self.copies = 0
        self._directories = directories
        self._places = Places(directories)
        self._staging: dict[bytes, bytes] = {}
        self._metadata: list[tuple[bytes, Metadata]] = []
        self._owner = f"{owner_prefix()}-{secrets.token_hex(8)}".encode()
        self._count = itertools.count()
        self._made: set[bytes] = set()
        self._lock = threading.Lock()

    def _staging_of(self, target: bytes) -> bytes:
        directory = self._places.top_of(target)
        assert directory is not None, target
        with self._lock:
            staging = self._staging.get(directory)
            if staging is None:
                self._sweep(directory)
                staging = directory.rstrip(b"/") + b"/" + _STAGING + self._owner
                os.mkdir(staging, 0o700)
                with contextlib.suppress(OSError):
                    # What is made in it must not inherit the access list of the destination.
                    os.removexattr(staging, _INHERITED)
                self._staging[directory] = staging
        return staging

    @staticmethod
    def _sweep(directory: bytes) -> None:
        for name in os.listdir(directory):
            if name.startswith(_STAGING):
                path = directory + b"/" + name
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    age = time.time() - os.lstat(path).st_mtime
                    if is_abandoned(name[len(_STAGING) :].decode("ascii"), age):
                        remove_tree(path)

    def stage(self, target: bytes, apart: int = 0) -> bytes:
        """See `RestoreSink`. A directory per thread, as creating in a shared one makes threads wait."""
        own = b"/p%x" % apart if apart else b"/%x" % threading.get_ident()
        staging = self._staging_of(target) + own
        if staging not in self._made:
            try:
                os.mkdir(staging, 0o700)
            except FileNotFoundError:
                directory = self._places.top_of(target) or target
                raise ArcxoError("E4237", path=shown(directory)) from None
            self._made.add(staging)
        return staging + b"/%x" % next(self._count)

    def hides(self, target: bytes) -> bool:  # noqa: ARG002 - everything is made in its place
        """See `RestoreSink`."""
        return False

    def grown_at(self, directory: bytes) -> bytes | None:  # noqa: ARG002 - everything is made in its place
        """See `RestoreSink`."""
        return None

    def publish_new(self, cut: Cut) -> None:
        """See `RestoreSink`. Raises ValueError: no directory is grown here."""
        raise ValueError(f"{cut.files.target!r} is not a directory that was grown")

    def status(self, target: bytes) -> os.stat_result | None:
        """See `RestoreSink`."""
        return self._places.status(target)

    def place(self, target: bytes) -> tuple[int, bytes]:
        """See `RestoreSink`."""
        return self._places.place(target)

    def directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        """See `RestoreSink`. Metadata are set by `finish`, after everything inside is in place."""
        mode = 0o700 if metadata is not None else 0o755
        if target in self._directories or self._places.top_of(target) is None:
            # A destination, or above one: as someone named it.
            with contextlib.suppress(FileExistsError):
                os.mkdir(target, mode)
        else:
            fd, name = self._places.place(target)
            try:
                os.mkdir(name, mode, dir_fd=fd)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                    raise
        if metadata is not None:
            self._metadata.append((target, metadata))
        return []

    def publish(self, target: bytes, staged: bytes, metadata: Metadata, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`."""
        fd, name = self._places.place(target)
        try:
            return self._put(fd, name, staged, replace=replace)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
        # Another file system is mounted in the destination: the last step begins beside the target.
        self.copies += 1
        near = _STAGING + self._owner
        copy_content(staged, near, fd)
        near_path = b"/proc/self/fd/%d/" % fd + near
        problems = apply_metadata(near_path, metadata, target)
        try:
            self._put(fd, name, near_path, replace=replace)
        except OSError:
            os.unlink(near, dir_fd=fd)
            raise
        os.unlink(staged)
        return problems

    def _put(self, fd: int, name: bytes, staged: bytes, *, replace: bool) -> list[Problem]:
        if not replace:
            # Unlike a rename, a link never replaces.
            os.link(staged, name, dst_dir_fd=fd, follow_symlinks=False)
            os.unlink(staged)
            return []
        try:
            os.rename(staged, name, dst_dir_fd=fd)
        except IsADirectoryError:
            os.rmdir(name, dir_fd=fd)
            os.rename(staged, name, dst_dir_fd=fd)
        return []

    def link(self, target: bytes, existing: bytes, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`."""
        staged = self.stage(target)
        from_fd, from_name = self._places.place(existing)
        os.link(from_name, staged, src_dir_fd=from_fd, follow_symlinks=False)
        fd, name = self._places.place(target)
        self._put(fd, name, staged, replace=replace)
        # Two names of one inode: rename does nothing and leaves the staged one.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)
        return []

    def remove(self, target: bytes, *, directory: bool) -> list[Problem]:
        """See `RestoreSink`."""
        if directory:
            self._places.forget(target)
            if target in self._directories:
                os.rmdir(target)
                return []
        fd, name = self._places.place(target)
        if directory:
            os.rmdir(name, dir_fd=fd)
        else:
            os.unlink(name, dir_fd=fd)
        return []

    def seal(self) -> int:
        """See `RestoreSink`."""
        return 0

    def put(self, number: int) -> list[Problem]:  # noqa: ARG002 - it is there
        """See `RestoreSink`."""
        return []

    def placed(self) -> tuple[int, list[Problem]]:
        """See `RestoreSink`."""
        return 0, []

    def settle(self) -> list[Problem]:
        """See `RestoreSink`."""
        return []

    def check(self) -> None:
        """See `RestoreSink`. Raises ArcxoError E4237."""
        for directory, staging in self._staging.items():
            if not os.path.isdir(staging):
                raise ArcxoError("E4237", path=shown(directory))

    def make_durable(self) -> None:
        """See `RestoreSink`."""
        for staging in self._staging.values():
            synchronize(staging)

    def finish(self, *, durable: bool = True) -> list[Problem]:
        """See `RestoreSink`."""
        for staging in self._staging.values():
            with contextlib.suppress(FileNotFoundError):
                remove_tree(staging)
        for directory in self._directories:
            with contextlib.suppress(OSError):
                self._sweep(directory)
        problems = []
        for target, metadata in reversed(self._metadata):
            try:
                problems += self._set_directory(target, metadata)
            except OSError as error:
                reason = error.strerror or str(error)
                problems.append(Problem("W4224", target, {"what": "metadata", "reason": reason}))
        if durable:
            for directory in self._directories:
                with contextlib.suppress(OSError):
                    synchronize(directory)
        self._metadata.clear()
        self._staging.clear()
        self._places.close()
        return problems

    def _set_directory(self, target: bytes, metadata: Metadata) -> list[Problem]:
        fd, name = self._places.place(target)
        descriptor = os.dup(fd) if name == b"." else os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
        try:
            remove_other_attributes(descriptor, metadata)
            return apply_metadata(descriptor, metadata, target)
        finally:
            os.close(descriptor)


def remove_tree(directory: bytes) -> None:
    """Remove a directory of ours with all that is in it. Raises OSError."""
    if os.geteuid() != 0:
        # What was grown in it may have got its permissions.
        os.chmod(directory, 0o700)
    for name in os.listdir(directory):
        path = directory + b"/" + name
        if stat.S_ISDIR(os.lstat(path).st_mode):
            remove_tree(path)
        else:
            os.unlink(path)
    os.rmdir(directory)


def synchronize(directory: bytes) -> None:
    """Make everything on the directory's file system durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        function = getattr(ctypes.CDLL(None), "syncfs", None)
        if function is None or function(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
