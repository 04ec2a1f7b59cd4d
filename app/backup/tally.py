"""The figures of a restore: what it would do, counted item by item."""

from __future__ import annotations

import os
from collections.abc import Callable

from app.backup.items import Item
from app.backup.new_files import NewFiles
from app.media.counting import counted
from app.media.node import DIRECTORY, KIND, SIZE, Entry, link_group
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError
from app.model.restore import RestoreAction


class Tally:
    """Counts and bytes of the items added. Directories that are there are not counted."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(RestoreAction, 0)
        self.files = 0
        self.size_bytes = 0
        self.kept_bytes = 0
        self.failed = 0
        self._groups: set[tuple[object, ...]] = set()

    @property
    def total(self) -> int:
        """Of everything counted."""
        return sum(self.counts.values())

    def add_new(self, reader: ChunkReader, node_id: bytes, tick: Callable[[], None]) -> None:
        """Count all that is in a directory of a session, where nothing of it is there yet.

        `tick` is called at each directory. What cannot be read is not counted.
        """
        pending = [node_id]
        while pending:
            tick()
            try:
                found = counted(reader, pending.pop())
            except ArcxoError:
                continue  # told when it is restored
            self.counts[RestoreAction.CREATE] += found.entries
            self.files += found.files
            self.size_bytes += found.size_bytes
            pending += found.directories
            for entry in found.odd:
                self._add_size(entry)

    def add(self, item: Item) -> None:
        """Count an item."""
        if item.failed:
            self.failed += 1
            self.counts[RestoreAction.SKIP] += 1
            return
        if not item.is_change:
            return
        self.counts[item.action] += 1
        self.kept_bytes += item.old_bytes
        if item.action in (RestoreAction.SKIP, RestoreAction.DELETE):
            return
        self.files += item.entry[KIND] != DIRECTORY
        self._add_size(item.entry)

    def add_files(self, files: NewFiles) -> None:
        """Count new files."""
        self.counts[RestoreAction.CREATE] += len(files.entries)
        self.files += len(files.entries)
        self.size_bytes += sum(entry[SIZE] for entry in files.entries)

    def _add_size(self, entry: Entry) -> None:
        group = link_group(entry)
        if group is not None:
            if group in self._groups:
                return
            self._groups.add(group)
        self.size_bytes += entry[SIZE]


def free_bytes(directory: bytes) -> int | None:
    """Free space where `directory` is or would be."""
    while directory and not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    try:
        found = os.statvfs(directory or b".")
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
