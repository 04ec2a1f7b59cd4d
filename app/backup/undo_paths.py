"""What an undo knows of the paths it goes through, besides what is on the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from app.backup.api import RestoreSink


class UndoPaths:
    """Looks through a sink. A plan tells it what would be gone and what would be back by then."""

    def __init__(self, sink: RestoreSink, directories: tuple[bytes, ...]) -> None:
        self._sink = sink
        self._tops = frozenset(one.rstrip(b"/") for one in directories)
        self._gone: set[bytes] = set()
        self._back: set[bytes] = set()
        self._explained: set[int] = set()

    def status(self, target: bytes) -> os.stat_result | None:
        """What is at a target; None = nothing, or nothing any more by then."""
        return None if target in self._gone else self._sink.status(target)

    def takes_away(self, target: bytes) -> None:
        """A plan: it would be gone."""
        self._gone.add(target)

    def brings_back(self, directory: bytes) -> None:
        """A plan: the directory would be there."""
        self._back.add(directory)

    def holds_others(self, directory: bytes, names: list[bytes]) -> bool:
        """A plan: whether something would be left of the `names` in a directory."""
        return any(directory + b"/" + name not in self._gone for name in names)

    def missing_above(self, target: bytes) -> tuple[list[bytes], bytes]:
        """(the directories above a target that are not there, the highest first; what is in place of one)."""
        missing: list[bytes] = []
        for directory in self._above(target):
            if directory in self._back:
                break
            found = self.status(directory)
            if found is None:
                missing.append(directory)
            elif stat.S_ISDIR(found.st_mode) or directory in self._tops:
                break
            else:
                return [], directory
        return missing[::-1], b""

    def explain(self, target: bytes) -> None:
        """It stays, and that was told: the directories above it stay for its sake."""
        for directory in self._above(target):
            mark = hash(directory)
            if mark in self._explained:
                break
            self._explained.add(mark)

    def is_explained(self, directory: bytes) -> bool:
        """Whether something beneath a directory was told to stay."""
        return hash(directory) in self._explained

    def _above(self, target: bytes) -> Iterator[bytes]:
        """The directories above a target, the nearest first, up to its destination."""
        while target not in self._tops:
            target = target.rpartition(b"/")[0]
            if not target:
                return
            yield target
