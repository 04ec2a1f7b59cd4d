"""The mark of a replica that holds what restores put there: the next run replaces that.

A file beside the replica's stored definition, whose time is that of the last writing. Each line names a
restore that wrote there, or an undo of one; what was wholly taken back is named no more, and the mark goes
with its last line. "restored" stands for one that is not known by its number.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime

_NAME = b"/restored"
_UNKNOWN = "restored"


def set_mark(directory: bytes, runs: Iterable[str] = ()) -> None:
    """Restores are about to write to the replica. Durable on return."""
    known = _read(directory)
    new = [run or _UNKNOWN for run in runs] or [_UNKNOWN]
    if known is not None and set(new) <= set(known):
        os.utime(directory + _NAME)
        return
    _write(directory, list(dict.fromkeys([*(known or ()), *new])))


def undo_of(run: str) -> str:
    """What an undo of a restore is called."""
    return f"undo {run}"


def take_from_mark(directory: bytes, run: str) -> None:
    """A restore was wholly taken back. Durable on return.

    What wrote before the last run of the scenario is not in the mark: what its undo brought back since is not
    what the master has, and stays marked.
    """
    known = _read(directory)
    if known is None or run not in known:
        return
    left = [one for one in known if one not in (run, undo_of(run))]
    if not left:
        clear_mark(directory)
        return
    found = os.stat(directory + _NAME)
    _write(directory, left)
    os.utime(directory + _NAME, ns=(found.st_atime_ns, found.st_mtime_ns))


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


def _read(directory: bytes) -> list[str] | None:
    try:
        with open(directory + _NAME, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return None


def _write(directory: bytes, runs: list[str]) -> None:
    """In one step: a mark that was cut short would say less than is there."""
    temporary = directory + _NAME + b".new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, "".join(f"{run}\n" for run in runs).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, directory + _NAME)
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)
