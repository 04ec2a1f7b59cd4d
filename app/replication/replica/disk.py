"""What a replica's disk refuses, told as that wherever it happens: a full disk is nobody's bug."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator

from app.model.errors import ArcxoError

DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)


@contextlib.contextmanager
def failures_told(where: str = "its home") -> Iterator[None]:
    """Raise ArcxoError ER00408 for what the disk refuses inside; `where` when the error does not say."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        place = os.fsdecode(error.filename) if error.filename else where
        raise ArcxoError("ER00408", path=place, cause=os.strerror(error.errno)) from error
    except sqlite3.OperationalError as error:
        raise ArcxoError("ER00408", path=where, cause=str(error)) from error
