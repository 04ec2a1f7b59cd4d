"""Verification right after a backup: read back what was written, or compare the session with its source."""

from __future__ import annotations

import contextlib
import os

from app.backup.api import ArchiveTask
from app.backup.comparing import same_content
from app.backup.ledger import Ledger
from app.media.api import SessionHeader
from app.media.far import FAR
from app.media.node import FILE, KIND, SYMLINK, Entry
from app.media.pack import PackIndex
from app.media.reader import ChunkReader, open_session, walk
from app.model.errors import ArcxoError
from app.model.job import VerifyMode


def check_session(task: ArchiveTask, header: SessionHeader, new: list[PackIndex], ledger: Ledger) -> bool:
    """Whether all new chunks can be read back and the tree too; in compare mode also equals the source."""
    _, reader = open_session(task.media_path, header.number, task.data_key)
    sound = True
    for pack in new:
        _forget_cached(reader, pack)
        sound &= _read_back(reader, pack, ledger)
    compared = task.verify is VerifyMode.COMPARE
    try:
        for path, entry in walk(reader, header.root_id):
            ledger.tick(path)
            if compared and entry[KIND] in (FILE, SYMLINK):
                sound &= _compare(task, reader, path, entry, ledger)
    except ArcxoError as error:
        if error.code != "E4125":
            raise
        ledger.problem(
            "E4214", b"", object=error.params.get("object", ""), reason=error.params.get("reason", "")
        )
        sound = False
    return sound


def _forget_cached(reader: ChunkReader, pack: PackIndex) -> None:
    """Ask the system to read from the device, not from memory; best effort."""
    if hasattr(os, "posix_fadvise") and not reader.store.location.startswith(FAR):
        with contextlib.suppress(OSError):
            path = f"{reader.store.location}/packs/{pack.pack_id}"
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def _read_back(reader: ChunkReader, pack: PackIndex, ledger: Ledger) -> bool:
    table = pack.table
    try:
        for ordinal in range(len(table)):
            ledger.tick(b"")
            block = reader.block(pack, table.chunk_block[ordinal])
            offset, length = table.chunk_offset[ordinal], table.chunk_length[ordinal]
            reader.cut(block, offset, length, table.chunk_id(ordinal))
    except ArcxoError as error:
        if error.code not in ("E4125", "E4142"):
            raise
        ledger.problem("E4214", b"", object=pack.pack_id, reason=error.params.get("reason", ""))
        return False
    return True


def _compare(task: ArchiveTask, reader: ChunkReader, path: bytes, entry: Entry, ledger: Ledger) -> bool:
    for root in task.roots:
        prefix = root.master_path.rstrip(b"/") + b"/"
        if path.startswith(prefix):
            source = root.directory + b"/" + path[len(prefix) :]
            break
    else:
        return True
    try:
        equal = same_content(reader, source, entry, lambda _: ledger.tick(path))
    except FileNotFoundError:
        equal = root.changes is not None  # a list's snapshot holds the changed paths alone
    except OSError:
        equal = False
    if not equal:
        ledger.problem("E4213", path)
    return equal
