"""A part of one file as a session holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.model.entry import EntryKind


@dataclass(frozen=True, slots=True)
class FileContent:
    """`data` begins at `offset`; a directory has none, a symbolic link has its `target`.

    `size_bytes` is that of the whole file. `owner` are user and group by number.
    """

    path: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    permissions: int
    owner: tuple[int, int]
    offset: int = 0
    data: bytes = field(default=b"", repr=False)
    target: bytes = b""

    @property
    def whole(self) -> bool:
        """Whether `data` is all of the file."""
        return self.offset == 0 and len(self.data) >= self.size_bytes
