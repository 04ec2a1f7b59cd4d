"""Proving a change list: everything that a walk finds different must be in it."""

from __future__ import annotations

from app.backup.api import ArchiveRoot, Change, ChangeKind

SHOWN = 20


class ListAudit:
    """The change lists of all roots of a task; `look` is told of each path that differs from the base."""

    def __init__(self, roots: tuple[ArchiveRoot, ...]) -> None:
        self._listed: set[bytes] = set()
        self._deep: set[bytes] = set()
        self.entries = 0
        self.missing: list[bytes] = []
        self.missed = 0
        for root in roots:
            assert root.audited is not None
            self.entries += len(root.audited)
            for change in root.audited:
                self._add(root, change)

    def _add(self, root: ArchiveRoot, change: Change) -> None:
        path = root.master_path.rstrip(b"/") + (b"/" + change.path if change.path else b"")
        if change.kind is not ChangeKind.CHANGED:
            self._deep.add(path)
        # What is above a changed path is looked at, too.
        while path not in self._listed:
            self._listed.add(path)
            path = path.rpartition(b"/")[0]

    def look(self, path: bytes) -> None:
        """A walk found another entry at `path` than the base has, or none."""
        if path in self._listed or path == b"/":
            return
        above = path
        while above:
            if above in self._deep:
                return
            above = above.rpartition(b"/")[0]
        self.missed += 1
        if len(self.missing) < SHOWN:
            self.missing.append(path)
