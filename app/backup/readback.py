"""Reading back what was restored: content and metadata, batch by batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

from app.backup.api import RestoreSink
from app.backup.commit import Staged
from app.backup.filling import is_equal
from app.backup.items import Item
from app.backup.journal import Fingerprint
from app.backup.metadata import differing
from app.backup.new_files import Cut, fingerprint
from app.media.node import FILE, KIND, NAME, SYMLINK, Entry
from app.model.errors import Problem
from app.model.paths import shown
from app.native import native

_restored = native("restored")
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class ReadBack:
    """Counts what is as it should be. `troubled` are paths with something that is told already."""

    def __init__(
        self,
        sink: RestoreSink,
        report: Callable[[list[Problem]], None],
        tick: Callable[[bytes], None],
    ) -> None:
        self._sink = sink
        self._report = report
        self._tick = tick
        self.troubled: set[bytes] = set()
        self.verified = 0
        self.mismatches = 0

    def check_staged(self, done: list[Staged]) -> None:
        """Take over what was found while staging; read the others back."""
        for staged in done:
            if staged.read is None:
                self.check([staged.item])
            else:
                self._found(staged.item, *staged.read)

    def check_placed(self, done: list[Staged]) -> None:
        """The same of what others have put in place: what was read back is that very file, or it is read."""
        for staged in done:
            if staged.read is None or not self._is_in_place(staged):
                self.check([staged.item])
            else:
                self._tick(staged.item.source)
                self._found(staged.item, *staged.read)

    def _is_in_place(self, staged: Staged) -> bool:
        try:
            found = self._sink.status(staged.item.target)
        except OSError:
            return False
        return found is not None and Fingerprint.of(found) == staged.after

    def count(self, cuts: list[Cut]) -> None:
        """New files, which were read back when they were made."""
        self.verified += sum(len(cut.entries) for cut in cuts)

    def check_new(self, cuts: list[Cut]) -> None:
        """The same of what others have put in place; see `check_placed`."""
        for cut in cuts:
            self._tick(cut.files.source)
            cut.unfold()
            others = self._others(cut)
            self.verified += len(cut.entries) - len(others)
            self.check([cut.files.item(cut.entries[number]) for number in others])

    def _others(self, cut: Cut) -> list[int]:
        """The numbers of those that are not in place: there is nothing, or something else."""
        if not cut.entries:
            return []
        try:
            fd, _ = self._sink.place(cut.files.target + b"/" + cut.entries[0][NAME])
        except OSError:
            return list(range(len(cut.entries)))
        if _restored is not None:
            return cast("list[int]", _restored.unequal(fd, cut.entries, cut.inodes))
        made = enumerate(zip(cut.entries, cut.inodes, strict=True))
        return [number for number, (entry, inode) in made if not _is_in(fd, entry, inode)]

    def check(self, items: list[Item]) -> None:
        """Read back what is in place."""
        for item in items:
            self._tick(item.source)
            try:
                equal, wrong = self._look(item)
            except OSError:
                equal, wrong = False, []
            self._found(item, equal, wrong)

    def _found(self, item: Item, equal: bool, wrong: list[str]) -> None:
        if not equal:
            self.mismatches += 1
            self._report([Problem("E4228", item.source, {"target": shown(item.target)})])
        elif item.entry[KIND] == FILE:
            self.verified += 1
        if wrong and item.target not in self.troubled:
            what, reason = ", ".join(wrong), "the value read back is another"
            self._report([Problem("W4224", item.target, {"what": what, "reason": reason})])

    def _look(self, item: Item) -> tuple[bool, list[str]]:
        """(whether the content is equal, which metadata are not)."""
        fd, name = self._sink.place(item.target)
        metadata = item.metadata()
        if item.entry[KIND] != FILE:
            path = b"/proc/self/fd/%d/" % fd + name
            same = item.entry[KIND] != SYMLINK or os.readlink(name, dir_fd=fd) == metadata.link_target
            return same, differing(path, metadata)
        descriptor = os.open(name, _OPEN, dir_fd=fd)
        try:
            assert item.reader is not None
            found = os.fstat(descriptor)
            equal = found.st_size == metadata.size_bytes and is_equal(descriptor, item, item.reader)
            return equal, differing(descriptor, metadata, found)
        finally:
            os.close(descriptor)


def _is_in(fd: int, entry: Entry, inode: int) -> bool:
    try:
        found = os.stat(entry[NAME], dir_fd=fd, follow_symlinks=False)
    except OSError:
        return False
    return Fingerprint.plain(found) == fingerprint(entry, inode)
