"""What a disk refuses, told as that wherever a call meets it: a full home is nobody's bug."""

from __future__ import annotations

import errno
import os
import sqlite3

from app.model.errors import ArcxoError

_REFUSALS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_FULL = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN")


def refused(error: BaseException, home: str) -> ArcxoError | None:
    """`error` as AE1090 where a disk refused something; None where it is anything else."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        path = os.fsdecode(error.filename) if error.filename else home
        return ArcxoError("AE1090", path=path, cause=error.strerror or str(error))
    name = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, sqlite3.Error) and name.startswith(_FULL):
        return ArcxoError("AE1090", path=home, cause=error)
    return None
