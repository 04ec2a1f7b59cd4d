"""The mark of a replica that holds what a restore put there: the next run replaces that.

A file beside the replica's stored definition; its time is that of the restore.
"""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime

_NAME = b"/restored"


def set_mark(directory: bytes) -> None:
    """A restore is about to write to the replica. Durable on return."""
    descriptor = os.open(directory + _NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"restored\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_mark(directory: bytes) -> None:
    """The master is about to replace it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(directory + _NAME)


def restored_at(directory: bytes) -> datetime | None:
    """When the last restore wrote there, None without a mark."""
    try:
        found = os.stat(directory + _NAME)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return datetime.fromtimestamp(found.st_mtime, UTC)
