"""Which failures at one path would befall all others, too: those end a restore."""

from __future__ import annotations

import errno

from app.model.errors import ArcxoError
from app.model.paths import shown

_FULL = (errno.ENOSPC, errno.EDQUOT)
GONE = (errno.ENOENT, errno.ESTALE, errno.EIO, errno.ENOTCONN)
"""Perhaps the destination is gone."""


def end_if_hopeless(path: bytes, error: OSError) -> None:
    """Raise ArcxoError E4226, E4239 when the destination of `path` is full or cannot be written."""
    where = shown(path)
    if error.errno in _FULL:
        raise ArcxoError("E4226", path=where) from error
    if error.errno == errno.EROFS:
        raise ArcxoError("E4239", path=where) from error
