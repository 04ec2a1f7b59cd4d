"""What a restore hands to the applier of a replica: entries that are staged beside the roots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgpack

from app.model.entry import Metadata

TreeEntry = tuple[bytes, Metadata]
"""(path relative to the directory, b"" = itself, metadata that it has)."""

FileRow = tuple[bytes, int, int, int, int, int]
"""A file without attributes: (name, permissions, uid, gid, size, time in ns)."""


@dataclass(frozen=True, slots=True)
class RestoreArea:
    """Where a restore stages entries: one directory per root, on the root's file system."""

    scenario_id: int
    directories: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class StagedOperation:
    """One entry of a restore: put `staged_path` (absolute, in the area) at `path`, link, or remove it.

    Without any of the three only `metadata` is set. With `tree` what is staged is a new directory, which has
    exactly these entries, with their metadata, and `files`: (path of a directory in it, `packed_files`).
    """

    root: int
    path: bytes
    metadata: Metadata | None = None
    staged_path: bytes | None = None
    link_to: bytes | None = None
    remove: bool = False
    tree: tuple[TreeEntry, ...] = ()
    files: tuple[tuple[bytes, bytes], ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        # See `Metadata`.
        return StagedOperation, (
            self.root, self.path, self.metadata, self.staged_path, self.link_to, self.remove, self.tree,
            self.files,
        )  # fmt: skip


def packed_files(rows: Iterable[FileRow]) -> bytes:
    """Files of one directory as a few bytes: they go through two processes."""
    packed: bytes = msgpack.packb(list(rows))
    return packed


def unpacked_files(data: bytes) -> list[FileRow]:
    """The same again. Raises ValueError for anything else."""
    try:
        rows = msgpack.unpackb(data, use_list=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError("no files of a directory") from error
    if type(rows) is not tuple:
        raise ValueError("no files of a directory")
    for row in rows:
        if type(row) is not tuple or len(row) != 6 or type(row[0]) is not bytes:
            raise ValueError("no files of a directory")
        if b"/" in row[0] or any(type(number) is not int for number in row[1:]):
            raise ValueError("no files of a directory")
    return list(rows)
