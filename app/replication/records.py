"""Change records: what the master's spool holds and the replica's applier carries out.

Records are absolute: applying one twice, or over a state that already has its effect, ends in the same
tree. A record never changes recorded metadata of a parent directory: where the record itself does (a name
added or removed moves the parent's mtime), the applier puts the parent's times back at the end of the
batch unless a later `SetMetadata` of that parent is in it. The master sends a `SetMetadata` for a
directory whose own metadata changed.

`root` is the index of the root in the scenario. Paths are clean relative bytes (`app.model.paths`).
`codec.py` turns records into bytes and back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.model.entry import Metadata
from app.model.rewind import PointKind

INLINE_MAX_BYTES = 1024 * 1024
"""Content up to this travels inside its record; more is staged first."""

BLOCK_BYTES = 64 * 1024
"""Granularity of block-level records."""


SYNC_STAGE_FIRST = 1 << 62
"""Numbers of staged contents from here on are those of synchronisations, which go on with what is staged."""


class Extent(NamedTuple):
    """A run of bytes of a file that has data; what no extent covers is a hole (or unchanged, in blocks)."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class StageContent:
    """Append `data` at `offset` of staged content `stage` (side store, invisible, needs no undo)."""

    stage: int
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ReplaceFile:
    """The file at `path` becomes exactly this, whole and at once (new inode moved into place).

    The extents' bytes, one after another, are `data`, or the staged content `stage` when `data` is None.
    """

    root: int
    path: bytes
    metadata: Metadata
    extents: tuple[Extent, ...]
    data: bytes | None
    stage: int = 0


@dataclass(frozen=True, slots=True)
class WriteBlocks:
    """Write the extents in place, then make the file `metadata.size_bytes` long and set its metadata.

    `holes` become holes, whatever was there.
    """

    root: int
    path: bytes
    metadata: Metadata
    extents: tuple[Extent, ...]
    data: bytes | None
    stage: int = 0
    holes: tuple[Extent, ...] = ()


@dataclass(frozen=True, slots=True)
class MakeEntry:
    """A directory, symbolic link, fifo, socket or device. An existing directory stays."""

    root: int
    path: bytes
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class MakeLink:
    """`path` becomes another name of the file at `existing` (same root)."""

    root: int
    path: bytes
    existing: bytes


@dataclass(frozen=True, slots=True)
class Remove:
    """`path` and all beneath it go. Nothing there is fine."""

    root: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Rename:
    """`path` moves to `new_path`, replacing what is there. Both in `root`."""

    root: int
    path: bytes
    new_path: bytes


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """Permissions, owner, times and extended attributes of what is at `path`."""

    root: int
    path: bytes
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Mark:
    """A rewind point in the stream: a bookmark, or the begin/end of a synchronisation."""

    kind: PointKind
    id: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing: keeps the numbering. Stands before what the safety brake may hold, to become its bookmark."""


Record = (
    StageContent
    | ReplaceFile
    | WriteBlocks
    | MakeEntry
    | MakeLink
    | Remove
    | Rename
    | SetMetadata
    | Mark
    | Skip
)
