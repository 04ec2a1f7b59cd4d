"""The manifest of a snapshot, looked up by path."""

from __future__ import annotations

import mmap
import os

from app.model.entry import Identity, Metadata
from app.model.errors import ArcxoError
from app.model.manifest import entry_at, places
from app.model.paths import shown

_LENGTH_BITS = 32


class SnapshotManifest:
    """A manifest file: where each entry lies is in memory, the entries are read when asked for.

    Raises ArcxoError E4190 when it is damaged.
    """

    def __init__(self, path: bytes) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._content = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        except ValueError as error:
            raise ArcxoError("E4190", manifest=shown(path)) from error  # it is empty
        finally:
            os.close(descriptor)
        # One number each: a million entries are a million of them.
        self._places = {
            entry: start << _LENGTH_BITS | length
            for entry, start, length in places(self._content, shown(path))
        }

    def get(self, path: bytes) -> tuple[Metadata, Identity] | None:
        """What the manifest says of a path relative to the root."""
        place = self._places.get(path)
        if place is None:
            return None
        return entry_at(self._content, place >> _LENGTH_BITS, place & ((1 << _LENGTH_BITS) - 1))
