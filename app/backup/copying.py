"""Copying one entry, where another name for it cannot be had."""

from __future__ import annotations

import errno
import os
import stat

_COPY_BYTES = 64 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def copy_entry(source: bytes, target: bytes, found: os.stat_result) -> None:
    """Make a new entry `target` like `source`, of which `found` is the status; holes are filled.

    Anything but a directory. The content is on the disk on return. Raises OSError.
    """
    if stat.S_ISLNK(found.st_mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(found.st_mode):
        copy_content(source, target)
    else:
        os.mknod(target, found.st_mode, found.st_rdev)
    os.chown(target, found.st_uid, found.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(found.st_mode):
        os.chmod(target, stat.S_IMODE(found.st_mode))
        for attribute in os.listxattr(source, follow_symlinks=False):
            value = os.getxattr(source, attribute, follow_symlinks=False)
            try:
                os.setxattr(target, attribute, value, follow_symlinks=False)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EPERM):
                    raise
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)


def copy_content(source: bytes, target: bytes, target_fd: int | None = None) -> None:
    """Copy a file's bytes to a new file, durably."""
    reader = os.open(source, _READ)
    try:
        writer = os.open(target, _WRITE, 0o600, dir_fd=target_fd)
        try:
            while os.sendfile(writer, reader, None, _COPY_BYTES):
                pass
            os.fdatasync(writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)
