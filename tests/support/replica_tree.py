"""Replica stores, records and exact pictures of trees for the tests of the replica's side."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from app.model.entry import EntryKind, Metadata
from app.replication.codec import encode
from app.replication.frame_codec import encode_frame
from app.replication.frames import Batch, BatchKind
from app.replication.metadata import read_metadata
from app.replication.records import Extent, MakeEntry, Record, ReplaceFile
from app.replication.replica.applied import AppliedIndex
from app.replication.replica.applier import Applier
from app.replication.replica.packed import PackedBatch, packed_batch
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import open_side_store
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.undo_log import UndoLog
from app.replication.replica.walking import walk

TIME_NS = 1_600_000_000_123_456_789
UID, GID = os.geteuid(), os.getegid()


def open_store(base: Path, *roots: Path) -> ReplicaStore:
    trees = []
    for index, root in enumerate(roots):
        root.mkdir(exist_ok=True)
        path = os.fsencode(root)
        store = open_side_store(path, os.fsencode(base / "side"), "0a1b", b"7/%d" % index, [path])
        trees.append(ReplicaTree(index, Rooted(path), Rooted(store.path), store))
    base.mkdir(exist_ok=True)
    return ReplicaStore(
        trees, UndoLog(os.fsencode(base / "undo")), AppliedIndex(str(base / "applied.sqlite3"))
    )


def begin_stream(store: ReplicaStore, epoch: str = "e") -> Applier:
    if store.index.position.epoch != epoch:
        store.commit(epoch, 0, -1)
    return Applier(store)


def file_metadata(
    size: int, *, permissions: int = 0o640, modified_ns: int = TIME_NS, **more: object
) -> Metadata:
    return Metadata(EntryKind.FILE, permissions, UID, GID, size, modified_ns, **more)  # type: ignore[arg-type]


def directory_metadata(*, permissions: int = 0o750, modified_ns: int = TIME_NS) -> Metadata:
    return Metadata(EntryKind.DIRECTORY, permissions, UID, GID, 0, modified_ns)


def put(path: bytes, data: bytes, root: int = 0, **metadata: object) -> ReplaceFile:
    extents = (Extent(0, len(data)),) if data else ()
    return ReplaceFile(root, path, file_metadata(len(data), **metadata), extents, data)  # type: ignore[arg-type]


def make(path: bytes, root: int = 0, **metadata: object) -> MakeEntry:
    return MakeEntry(root, path, directory_metadata(**metadata))  # type: ignore[arg-type]


def sync_batch(*records: Record) -> Batch | PackedBatch:
    """The batch of a synchronisation as it is taken from a link: read in C where that is built and wanted."""
    batch = Batch(BatchKind.SYNC, "e", 1, tuple(encode(record) for record in records))
    return packed_batch(encode_frame(batch)) or batch


def picture(root: Path) -> dict[bytes, tuple[object, ...]]:
    """Everything that must be equal: kind, content, metadata, which names share an inode."""
    place = Rooted(os.fsencode(root))
    groups: dict[int, bytes] = {}
    found: dict[bytes, tuple[object, ...]] = {}
    try:
        entries = list(walk(place, b""))
        for path, status in sorted(entries):
            if path.startswith(b".arcxo-"):
                continue
            fd, name = place.place(path)
            metadata, _ = read_metadata(name, fd)
            content = b""
            if stat.S_ISREG(status.st_mode):
                file = os.open(name, os.O_RDONLY, dir_fd=fd)
                content = os.pread(file, status.st_size, 0)
                os.close(file)
            first = path if stat.S_ISDIR(status.st_mode) else groups.setdefault(status.st_ino, path)
            found[path] = (metadata, content, first)
    finally:
        place.close()
    return found
