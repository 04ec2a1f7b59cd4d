"""Whether a program has a file open for writing, or runs it: then it must not be replaced under it.

The kernel knows: a read lease is refused while anybody has the file open for writing, and opening for
writing a program that runs is refused. Where neither can be asked (another owner's file, a file system
without leases), a file counts as free.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat

_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ANY_EXECUTE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


def is_open(fd: int, name: bytes) -> bool:
    """Whether the regular file `name` in the directory `fd` is in use so."""
    try:
        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode):
            return False
        descriptor = os.open(name, os.O_RDONLY | _OPEN, dir_fd=fd)
    except OSError:
        return False
    try:
        if _is_written(descriptor):
            return True
    finally:
        os.close(descriptor)
    return bool(found.st_mode & _ANY_EXECUTE) and _is_run(fd, name)


def _is_written(descriptor: int) -> bool:
    try:
        # Whoever opens the file just now makes the kernel send a signal: one that is ignored unless asked
        # for.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    # Given back at once: nobody waits for us.
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _is_run(fd: int, name: bytes) -> bool:
    try:
        os.close(os.open(name, os.O_WRONLY | _OPEN, dir_fd=fd))
    except OSError as error:
        return error.errno == errno.ETXTBSY
    return False
