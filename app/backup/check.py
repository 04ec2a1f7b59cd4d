"""Verification right after a backup: read back what was written, or compare the session with its source."""

from __future__ import annotations

import os

from app.backup.api import ArchiveTask
from app.backup.ledger import Ledger
from app.backup.source import open_file
from app.media.api import SessionHeader
from app.media.far import FAR
from app.media.node import EXTRA, FILE, KIND, SIZE, SYMLINK, Entry, pieces
from app.media.pack import PackIndex
from app.media.reader import ChunkReader, open_session, walk
from app.model.errors import ArcxoError
from app.model.job import VerifyMode

_READ_BYTES = 8 << 20


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
        descriptor = os.open(f"{reader.store.location}/packs/{pack.pack_id}", os.O_RDONLY | os.O_CLOEXEC)
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
        equal = _equal(reader, source, entry)
    except FileNotFoundError:
        equal = root.changes is not None  # a list's snapshot holds the changed paths alone
    except OSError:
        equal = False
    if not equal:
        ledger.problem("E4213", path)
    return equal


def _equal(reader: ChunkReader, source: bytes, entry: Entry) -> bool:
    if entry[KIND] == SYMLINK:
        return bool(os.readlink(source) == entry[EXTRA]["t"])
    descriptor = open_file(source)
    try:
        if os.fstat(descriptor).st_size != entry[SIZE]:
            return False
        extents = entry[EXTRA]["s"] if entry[EXTRA] and "s" in entry[EXTRA] else [[0, entry[SIZE]]]
        wanted = pieces(entry)
        buffer = b""
        for offset, length in extents:
            done = 0
            while done < length:
                data = os.pread(descriptor, min(_READ_BYTES, length - done), offset + done)
                if not data:
                    return False
                done += len(data)
                buffer += data
                while wanted and len(buffer) >= wanted[0][1]:
                    chunk_id, size = wanted.pop(0)
                    if reader.identify(buffer[:size]) != chunk_id:
                        return False
                    buffer = buffer[size:]
    finally:
        os.close(descriptor)
    return not wanted and not buffer
