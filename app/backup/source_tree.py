"""A directory that no scenario made, read as it is or from a snapshot of its volume: what is left out of it.

A directory that is left out is in the session as one whose metadata were never taken, with nothing in it: a
restore makes it where it is missing, and touches nothing that is there.
"""

from __future__ import annotations

import os
import stat

from app.backup.api import SourceRules
from app.backup.tree import TreeArchiver
from app.media.node import CONTENT, DIRECTORY, KIND, LEFT_OUT, NAME, Entry, encode_node

OTHER_FILE_SYSTEM = "I4270"
KERNELS_OWN = "I4271"
ARCXOS_OWN = "I4272"
_SIDE_STORE = b".arcxo-"
_KEPT_FOR_PEOPLE = b".arcxo-replaced-"
_EMPTY_SUBVOLUME_INODE = 2
_HOME_MARKS = (b"engine/home.id",)
_MEDIA_MARKS = (b"label", b"packs", b"sessions")


class SourceTree(TreeArchiver):
    """Archives one root by its rules. What vanishes while it is read is not there."""

    _device = -1

    def _whole(self, path: bytes, found: os.stat_result, base: Entry | None) -> Entry:
        self._device = found.st_dev
        return super()._whole(path, found, base)

    def _entry(self, source: bytes, path: bytes, found: os.stat_result, base: Entry | None) -> Entry | None:
        if not stat.S_ISDIR(found.st_mode):
            return super()._entry(source, path, found, base)
        reason = self._left_out(source, path, found)
        if reason:
            return self._empty(source, path, base, reason)
        above, self._device = self._device, found.st_dev
        try:
            return super()._entry(source, path, found, base)
        finally:
            self._device = above

    def _left_out(self, source: bytes, path: bytes, found: os.stat_result) -> str:
        """The message that says why nothing beneath a directory is read ("" = it is)."""
        rules = self._root.rules
        assert isinstance(rules, SourceRules)
        relative = path[len(self._root.master_path.rstrip(b"/")) + 1 :]
        name = os.path.basename(path)
        if relative in rules.of_the_kernel:
            return KERNELS_OWN
        if relative in rules.own or (name.startswith(_SIDE_STORE) and not name.startswith(_KEPT_FOR_PEOPLE)):
            return ARCXOS_OWN
        if not rules.cross_file_systems:
            if relative in rules.mounts or found.st_dev != self._device:
                return OTHER_FILE_SYSTEM
            if rules.from_snapshot and found.st_ino == _EMPTY_SUBVOLUME_INODE:
                return OTHER_FILE_SYSTEM
        return ARCXOS_OWN if is_of_arcxo(source) else ""

    def _unanswered(self, source: bytes, path: bytes, base: Entry | None, error: OSError) -> Entry | None:
        rules = self._root.rules
        assert isinstance(rules, SourceRules)
        if not rules.cross_file_systems:
            return self._empty(source, path, base, OTHER_FILE_SYSTEM)
        self._unreadable(path, error)
        return self._empty(source, path, base)

    def _empty(self, source: bytes, path: bytes, base: Entry | None, reason: str = "") -> Entry:
        if reason:
            self._ledger.problem(reason, path, counts=False)
        if base is not None and base[KIND] == DIRECTORY:
            self._removed(path, base, beneath_only=True)
        entry: Entry = [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": LEFT_OUT}, b""]
        entry[NAME] = os.path.basename(source)
        entry[CONTENT] = self._contents.node(encode_node([]))
        self._finish(path, entry, base)
        return entry

    def _unreadable(self, path: bytes, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            super()._unreadable(path, error)


def is_of_arcxo(directory: bytes) -> bool:
    """Whether a directory is a home of Arcxo or one of its media, by what is in it."""
    return any(
        all(os.path.lexists(directory + b"/" + mark) for mark in marks)
        for marks in (_HOME_MARKS, _MEDIA_MARKS)
    )
