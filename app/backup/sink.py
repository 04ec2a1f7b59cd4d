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

from app.backup.metadata import apply_metadata
from app.media.temporary import is_abandoned, owner_prefix
from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem

_STAGING = b".arcxo-restore-"
_COPY_BYTES = 64 << 20


class DirectorySink:
    """Files are staged in a hidden directory of the destination and moved into place in one step.

    `finish` removes it; one that a killed restore left is removed by the next restore to that destination.
    """

    concurrent = True

    def __init__(self, directories: list[bytes]) -> None:
        self._directories = sorted(set(directories), key=len, reverse=True)
        self._staging: dict[bytes, bytes] = {}
        self._metadata: list[tuple[bytes, Metadata]] = []
        self._owner = f"{owner_prefix()}-{secrets.token_hex(8)}".encode()
        self._count = itertools.count()
        self._made: set[bytes] = set()
        self._lock = threading.Lock()

    def _staging_of(self, target: bytes) -> bytes:
        for directory in self._directories:
            if target == directory or target.startswith(directory.rstrip(b"/") + b"/"):
                break
        with self._lock:
            staging = self._staging.get(directory)
            if staging is None:
                self._sweep(directory)
                staging = directory + b"/" + _STAGING + self._owner
                os.mkdir(staging, 0o700)
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
                        _remove(path)

    def stage(self, target: bytes) -> bytes:
        """See `RestoreSink`. A directory per thread, as creating in a shared one makes threads wait."""
        staging = self._staging_of(target) + b"/%x" % threading.get_ident()
        if staging not in self._made:
            os.mkdir(staging, 0o700)
            self._made.add(staging)
        return staging + b"/%x" % next(self._count)

    def directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        """See `RestoreSink`. Metadata are set by `finish`, after everything inside is in place."""
        try:
            os.mkdir(target, 0o700 if metadata is not None else 0o755)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(target).st_mode) and target not in self._directories:
                os.unlink(target)
                os.mkdir(target, 0o700 if metadata is not None else 0o755)
        if metadata is not None:
            self._metadata.append((target, metadata))
        return []

    def file(self, target: bytes, staged: bytes, metadata: Metadata) -> list[Problem]:
        """See `RestoreSink`."""
        problems = apply_metadata(staged, metadata, target)
        try:
            os.rename(staged, target)
        except IsADirectoryError:
            os.rmdir(target)
            os.rename(staged, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            near = os.path.dirname(target) + b"/" + _STAGING + self._owner
            _copy(staged, near)
            problems = apply_metadata(near, metadata, target)
            os.rename(near, target)
            os.unlink(staged)
        return problems

    def link(self, target: bytes, existing: bytes) -> list[Problem]:
        """See `RestoreSink`."""
        staged = self.stage(target)
        os.link(existing, staged, follow_symlinks=False)
        self._replace(staged, target)
        return []

    def other(self, target: bytes, metadata: Metadata) -> list[Problem]:
        """See `RestoreSink`."""
        staged = self.stage(target)
        if metadata.kind is EntryKind.SYMLINK:
            os.symlink(metadata.link_target, staged)
        elif metadata.kind is EntryKind.FIFO:
            os.mkfifo(staged, 0o600)
        else:
            character = metadata.kind is EntryKind.CHARACTER_DEVICE
            os.mknod(staged, 0o600 | (stat.S_IFCHR if character else stat.S_IFBLK), metadata.device)
        problems = apply_metadata(staged, metadata, target)
        self._replace(staged, target)
        return problems

    @staticmethod
    def _replace(staged: bytes, target: bytes) -> None:
        try:
            os.rename(staged, target)
        except IsADirectoryError:
            os.rmdir(target)
            os.rename(staged, target)
        # Two names of one inode: rename does nothing and leaves the staged one.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(staged)

    def finish(self) -> list[Problem]:
        """See `RestoreSink`."""
        for staging in self._staging.values():
            _remove(staging)
        problems = []
        for target, metadata in reversed(self._metadata):
            problems += apply_metadata(target, metadata, target)
        for directory in self._directories:
            with contextlib.suppress(OSError):
                _synchronize(directory)
        self._metadata.clear()
        self._staging.clear()
        return problems


def _remove(directory: bytes) -> None:
    for name in os.listdir(directory):
        path = directory + b"/" + name
        if stat.S_ISDIR(os.lstat(path).st_mode):
            _remove(path)
        else:
            os.unlink(path)
    os.rmdir(directory)


def _copy(source: bytes, target: bytes) -> None:
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while os.sendfile(writer, reader, None, _COPY_BYTES):
                pass
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _synchronize(directory: bytes) -> None:
    """Make everything on the directory's file system durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        function = getattr(ctypes.CDLL(None), "syncfs", None)
        if function is None or function(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
