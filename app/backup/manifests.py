"""The manifest of a snapshot: read once in its order, or looked up by path."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Generator, Iterator
from typing import Any

import msgpack

from app.backup.manifest_rows import FIELDS, ManifestRows
from app.media.node import DIRECTORY, FILE, KINDS, Entry
from app.model import manifest
from app.model.entry import Identity, Metadata
from app.model.errors import ArcxoError
from app.model.paths import shown

_READ_BYTES = 1 << 20
NOT_SAID = 0
"""The device of everything in a manifest."""
PATH, KIND, INODE, LINKS, LINKED = 0, 1, 10, 12, 13
_NUMBERS = {kind.value: number for number, kind in enumerate(KINDS)}


class SnapshotManifest:
    """A manifest file. Nothing of it stays in memory but, once something is looked up, where each entry lies.

    Raises ArcxoError E4190 when it is damaged.
    """

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._places: dict[bytes, tuple[int, int]] | None = None
        self._content = b""
        self._shared: frozenset[int] = frozenset()
        self._look()

    def _look(self) -> None:
        self._shared = self._find_doubles()

    @property
    def shared(self) -> frozenset[int]:
        """Inodes that several entries have."""
        return self._shared

    def _find_doubles(self) -> frozenset[int]:
        inodes: array[int] = array("Q")
        for row in self.rows():
            if row[LINKS] > 1 and row[KIND] != "directory":
                inodes.append(row[INODE])
        return _doubles(inodes)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The entries in their order, with the fields of `app.model.manifest` (14: the last may be 0).

        A directory comes before what is in it; its entries besides directories come at once after it.
        """
        rows = self.read()
        while (row := rows.next) is not None:
            rows.skip()
            yield row

    def read(self) -> ManifestRows:
        """The same, with a look at the next one; see `ManifestRows`."""
        return ManifestRows(self._data(), self._path)

    def _data(self) -> Generator[bytes, None, None]:
        """What is in the file, one part after the other."""
        with open(self._path, "rb", buffering=0) as file:
            while data := file.read(_READ_BYTES):
                yield data

    def get(self, path: bytes) -> tuple[Metadata, Identity] | None:
        """What the manifest says of a path relative to the root."""
        row = self.row(path)
        return None if row is None else manifest.to_entry(row)

    def row(self, path: bytes) -> tuple[Any, ...] | None:
        """The fields of a path relative to the root."""
        if self._places is None:
            with open(self._path, "rb") as file:
                self._content = file.read()
            found = manifest.places(self._content, shown(self._path))
            self._places = {entry: (start, length) for entry, start, length in found}
        place = self._places.get(path)
        if place is None:
            return None
        start, length = place
        row: tuple[Any, ...] = msgpack.unpackb(
            self._content[start : start + length], raw=False, use_list=False
        )
        return row if len(row) > FIELDS else (*row, 0)

    def node_entry(self, row: tuple[Any, ...], name: bytes, groups: dict[int, int]) -> Entry:
        """An entry without content of a row; `groups[NOT_SAID]` is the number of its device in link groups.

        The links of other snapshots count as links: a name is one of several only when another one of
        the manifest has its inode.
        """
        _, kind_name, permissions, uid, gid, size, modified, xattrs, target, device, *identity = row
        extra: dict[str, Any] = {}
        try:
            inode, changed, links, _linked = identity
            kind = _NUMBERS[kind_name]
            if xattrs:
                extra["x"] = [list(pair) for pair in xattrs]
            if links > 1 and kind != DIRECTORY and inode in self.shared:
                extra["h"] = [groups.get(NOT_SAID, 0), inode]
        except (KeyError, TypeError, ValueError) as error:
            raise ArcxoError("E4190", manifest=shown(self._path)) from error
        if target:
            extra["t"] = target
        if device:
            extra["d"] = device
        size = size if kind == FILE else 0
        return [name, kind, permissions, uid, gid, size, modified, changed, inode, extra or None, b""]


def _doubles(inodes: array[int]) -> frozenset[int]:
    """The numbers that are there more than once."""
    if not inodes:
        return frozenset()
    ordered = sorted(inodes)
    return frozenset(one for one, following in itertools.pairwise(ordered) if one == following)
