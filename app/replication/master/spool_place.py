"""Where the spool of a scenario is: with its other files, or in a directory that people chose.

A note beside the shadow says where it is, so that a change of the property moves it, and a volume that is not
mounted is not taken for an empty spool.
"""

from __future__ import annotations

import contextlib
import json
import os

from app.model.errors import ArcxoError
from app.replication.master.durable import sync_directory, write_all, write_file
from app.replication.master.spool_positions import FILE_NAME as POSITIONS_NAME

_NOTE = "spool.json"
_OWN = "spool"
"""The name of one that is with the scenario's other files; no chosen one has it."""
_OWNER = "arcxo-owner"
"""A file in a chosen one: the directory of the scenario's own files, of the home that writes it."""
_COPY_BYTES = 4 * 1024 * 1024
_PATH_MOST_BYTES = 4096


def spool_path(directory: str, scenario_id: int, chosen: str) -> str:
    """Where the spool belongs: `chosen` is the property, `directory` that of the scenario's own files."""
    return os.path.join(chosen, f"arcxo-spool-{scenario_id}") if chosen else os.path.join(directory, _OWN)


def place_spool(directory: str, scenario_id: int, chosen: str) -> str:
    """Have the spool where it belongs, moving it there if need be; returns where.

    For a scenario at its start. Killed at any moment, the next call goes on.

    Raises:
        ArcxoError: ER00291 when the chosen directory is not there, ER00299 when another home has it there.
        OSError: the spool cannot be moved; it stays where it is.
    """
    wanted = spool_path(directory, scenario_id, chosen)
    at, leave = _noted(directory)
    if chosen and (owner := _other_owner(wanted, directory)):
        raise ArcxoError("ER00299", directory=wanted, other=owner)
    if chosen and not os.path.isdir(chosen):
        raise ArcxoError("ER00291", directory=chosen)
    if at == wanted and chosen and not os.path.isdir(wanted):
        raise ArcxoError("ER00291", directory=wanted)
    if leave and leave != wanted:
        _remove_own(leave, directory)
    at = at or spool_path(directory, scenario_id, "")
    if _other_owner(at, directory):
        at = wanted
    if at != wanted and os.path.isdir(at):
        _copy(at, wanted)
        _note(directory, wanted, at)
        _remove(at)
    os.makedirs(wanted, mode=0o700, exist_ok=True)
    if chosen and _owner(wanted) != os.path.realpath(directory):
        write_file(os.path.join(wanted, _OWNER), os.fsencode(os.path.realpath(directory)))
    if (wanted, "") != _noted(directory):
        sync_directory(os.path.dirname(wanted))
        _note(directory, wanted, "")
    return wanted


def remove_spool(directory: str) -> None:
    """Remove a spool wherever it is, for a scenario that is deleted. Raises OSError."""
    for path in _noted(directory):
        if path:
            _remove_own(path, directory)


def _owner(spool: str) -> str:
    try:
        with open(os.path.join(spool, _OWNER), "rb") as file:
            return os.fsdecode(file.read(_PATH_MOST_BYTES))
    except OSError:
        return ""


def _other_owner(spool: str, directory: str) -> str:
    """The scenario's files in another home, when that is there and has its spool here; else ""."""
    owner = _owner(spool)
    if not owner or owner == os.path.realpath(directory):
        return ""
    theirs = _noted(owner)[0]
    return owner if theirs and os.path.realpath(theirs) == os.path.realpath(spool) else ""


def _remove_own(spool: str, directory: str) -> None:
    if not _other_owner(spool, directory):
        _remove(spool)


def _noted(directory: str) -> tuple[str, str]:
    """(where the spool is, where an old copy of it is left); "" where nothing is known."""
    try:
        with open(os.path.join(directory, _NOTE), "rb") as file:
            kept = json.load(file)
        return _of(directory, str(kept["at"])), _of(directory, str(kept["leave"]))
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""


def _of(directory: str, noted: str) -> str:
    """The place that a note means: a copy of a home has its own spool, wherever it was copied from."""
    return os.path.join(directory, _OWN) if os.path.basename(noted) == _OWN else noted


def _note(directory: str, at: str, leave: str) -> None:
    write_file(os.path.join(directory, _NOTE), json.dumps({"at": at, "leave": leave}).encode())


def _copy(at: str, wanted: str) -> None:
    """Copy all files, durably; whatever an earlier try left there is replaced."""
    _remove(wanted)
    os.makedirs(wanted, 0o700, exist_ok=True)
    for name in sorted(filter(_is_ours, os.listdir(at))):
        if name == _OWNER:
            continue
        source = os.open(os.path.join(at, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            sink = os.open(
                os.path.join(wanted, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
            )
            try:
                while data := os.read(source, _COPY_BYTES):
                    write_all(sink, data)
                os.fsync(sink)
            finally:
                os.close(sink)
        finally:
            os.close(source)
    sync_directory(wanted)
    sync_directory(os.path.dirname(wanted))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        names = os.listdir(path)
        for name in filter(_is_ours, names):
            os.unlink(os.path.join(path, name))
        if all(map(_is_ours, names)):
            os.rmdir(path)


def _is_ours(name: str) -> bool:
    """Whether a file is one of a spool: nothing else is ever copied or removed, whatever a note says."""
    return name.endswith(".seg") or name.startswith((POSITIONS_NAME, "unproved-", _OWNER))
