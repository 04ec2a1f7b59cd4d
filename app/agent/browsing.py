"""Directories of this host, as callers browse them."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from app.distant_mounts import distant
from app.model.entry import EntryKind, kind_of_mode
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.host import DirectoryEntry
from app.model.paths import PATH_MAX_BYTES, shown

_KIND_UNKNOWN = EntryKind.FILE


def list_directory(path: bytes) -> Sequence[DirectoryEntry]:
    """The entries of the directory, directories first, then by name. Symbolic links are not followed.

    Raises:
        UsageError: AE1019 unless `path` is absolute.
        NotFoundError: AE1020 when there is none.
        ArcxoError: AE1021 when it cannot be read.
    """
    _check_absolute(path)
    found = []

    def unanswered(name: bytes, _error: OSError) -> None:
        found.append(DirectoryEntry(name, EntryKind.DIRECTORY, 0, 0, readable=False))

    try:
        with distant.scan(path, unanswered) if distant.places() else os.scandir(path) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    # Gone since, or not ours to look at: it has a name, and that is shown.
                    found.append(DirectoryEntry(entry.name, _KIND_UNKNOWN, 0, 0, readable=False))
                    continue
                found.append(
                    DirectoryEntry(
                        entry.name,
                        kind_of_mode(status.st_mode),
                        status.st_size if stat.S_ISREG(status.st_mode) else 0,
                        status.st_mtime_ns,
                        readable=os.access(
                            entry.path, os.R_OK | (os.X_OK if stat.S_ISDIR(status.st_mode) else 0)
                        ),
                    )
                )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("AE1020", path=shown(path)) from error
    except OSError as error:
        raise ArcxoError("AE1021", path=shown(path), reason=error.strerror) from error
    found.sort(key=lambda item: (item.kind is not EntryKind.DIRECTORY, item.name))
    return found


def make_directory(path: bytes) -> None:
    """Make the directory and those above it that are missing; an existing one is fine.

    Raises:
        UsageError: AE1019 unless `path` is absolute.
        ArcxoError: AE1022 with the cause.
    """
    _check_absolute(path)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ArcxoError("AE1022", path=shown(path), reason=error.strerror) from error


def _check_absolute(path: bytes) -> None:
    if not path.startswith(b"/") or b"\0" in path or len(path) > PATH_MAX_BYTES:
        raise UsageError("AE1019", path=shown(path[:200]))
