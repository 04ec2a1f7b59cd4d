"""What an earlier run of the same restore has put in place already, and is taken over."""

from __future__ import annotations

import os

from app.backup.api import RestoreSink
from app.backup.commit import Figures
from app.backup.earlier import Earlier, boot_id
from app.backup.filling import is_equal
from app.backup.items import Item
from app.backup.telling import DONE_BEFORE, Telling
from app.media.node import FILE, KIND, SIZE


class Resumed:
    """`figures` count what is taken over."""

    def __init__(self, earlier: Earlier, sink: RestoreSink, figures: Figures, telling: Telling) -> None:
        self.earlier = earlier
        self._sink = sink
        self._figures = figures
        self._telling = telling

    def name_of(self, item: Item) -> bytes | None:
        """The place in which an earlier run has put an item, if nobody changed it since; else None."""
        if not self.earlier.any:
            return None
        wanted = item.wanted or item.target
        name = self.earlier.name_of(wanted)
        found = self._sink.status(name)
        if not self.earlier.is_done(wanted, found):
            return None
        if item.entry[KIND] == FILE and self.earlier.boot != boot_id() and not self._is_equal(item, name):
            return None  # the system went down since: the name is there, the content may not be
        figures = self._figures
        figures.files += 1
        figures.resumed += 1
        figures.bytes += item.entry[SIZE] if item.entry[KIND] == FILE else 0
        figures.renamed += name != wanted
        self._telling.tell(item, item.action, DONE_BEFORE)
        return name

    def _is_equal(self, item: Item, name: bytes) -> bool:
        assert item.reader is not None
        fd, own = self._sink.place(name)
        try:
            descriptor = os.open(own, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        except OSError:
            return False
        try:
            same_size = os.fstat(descriptor).st_size == item.entry[SIZE]
            return same_size and is_equal(descriptor, item, item.reader)
        finally:
            os.close(descriptor)
