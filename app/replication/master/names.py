"""Names of files: hard links and moves, as records, and as the shadow keeps them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from app.replication.master.filters import PathFilter
from app.replication.master.following import Followers, Guard
from app.replication.master.observe import entry_of, same_metadata, same_status
from app.replication.master.outlet import Outlet
from app.replication.master.proofs import YOUNG_NS, Proofs
from app.replication.master.recordable import check_path, read_xattrs
from app.replication.master.roots import ComparedRoot
from app.replication.master.shadow import Shadow, ShadowEntry
from app.replication.records import MakeLink, Rename


class Compare(Protocol):
    """`Comparer.compare`."""

    def __call__(
        self, root_number: int, path: bytes, *, content: bool = False, tree: bool = False
    ) -> list[bytes]:
        """Record what changed at `path`; the paths in it to compare next."""


class Names:
    """For the recorder's thread; `compare` brings another name up to date."""

    def __init__(
        self,
        roots: list[ComparedRoot],
        shadow: Shadow,
        outlet: Outlet,
        filters: PathFilter,
        followers: Followers,
        guard: Guard,
        proofs: Proofs,
        compare: Compare,
        renames_allowed: Callable[[], bool],
    ) -> None:
        self._roots = roots
        self._shadow = shadow
        self._outlet = outlet
        self._filters = filters
        self._followers = followers
        self._guard = guard
        self._proofs = proofs
        self._compare = compare
        self._renames_allowed = renames_allowed

    # hard links

    def link(self, root: ComparedRoot, path: bytes, row: ShadowEntry | None, status: os.stat_result) -> bool:
        """Record `path` as another name of a recorded file, if it is one."""
        inode = status.st_ino & ((1 << 63) - 1)
        if row is not None and row.inode == inode:
            return False
        device = 0 if status.st_dev == root.device else status.st_dev & ((1 << 63) - 1)
        for recorded in self._shadow.names_of(root.number, device, inode):
            other = recorded
            if other.path == path:
                continue
            try:
                there = os.lstat(root.whole(other.path))
            except OSError:
                continue
            if not same_status(there, status):
                continue
            xattrs = read_xattrs(root.whole(path))
            seen = entry_of(path, status, xattrs, b"", root.device, other.hashes)
            if other.size != status.st_size or not same_metadata(other, seen):
                # The recorded name is behind: bring it up first, then this one is its equal.
                self._compare(root.number, other.path, content=True)
                known = self._shadow.get(root.number, other.path)
                if known is None or known.inode != inode:
                    continue
                other = known
            self._outlet.put(MakeLink(root.number, path, other.path))
            now = entry_of(path, status, xattrs, b"", root.device, other.hashes)
            now = self._proofs.unread(root, other, now)
            self.counted(root, row, now, 0)
            self.put(root, now, linked=True)
            self._followers.recorded(root.number, path, 0.0)
            return True
        return False

    def keeps_links(self, root: ComparedRoot, row: ShadowEntry | None, now: ShadowEntry) -> bool:
        """Whether the replica's file has other names that must see the new content."""
        if row is None or row.inode != now.inode or now.links < 2:
            return False
        names = self._shadow.names_of(root.number, now.device, now.inode)
        return any(other.path != now.path for other in names)

    def stands_alone(self, root: ComparedRoot, row: ShadowEntry) -> bool:
        """Whether the replica's file has this one name: then it may as well be another inode's, if equal."""
        if not row.inode:
            return False
        names = self._shadow.names_of(root.number, row.device, row.inode)
        return all(other.path == row.path for other in names)

    def linked(self, root: ComparedRoot, row: ShadowEntry) -> Sequence[ShadowEntry]:
        """The recorded names at or beneath one that belong to files with several names."""
        if stat.S_ISDIR(row.mode):
            return self._shadow.linked_beneath(root.number, row.path)
        return [row] if row.links > 1 and row.inode and stat.S_ISREG(row.mode) else []

    def left(self, root: ComparedRoot, gone: Iterable[ShadowEntry]) -> None:
        """These are names of their files no more: what was written through them shows through the others.

        Nobody tells of those. One of each root is compared: what is recorded of it is recorded of all.
        """
        for row in gone:
            written = self._followers.is_written(root.number, row.path)
            asked: set[int] = set()
            for number, other in self._proofs.names_everywhere(root, row):
                if number not in asked and (number, other.path) != (root.number, row.path):
                    asked.add(number)
                    self._followers.again(number, other.path, content=written, tree=False, delay=0.0)

    def put(self, root: ComparedRoot, now: ShadowEntry, *, linked: bool = False, again: bool = False) -> None:
        """Record `now`, and the same for all other recorded names of its inode.

        Names that have this inode in the shadow but were not linked with this one on the replica (the inode
        number was used before, or their link could not be made) are to be compared as something new.
        """
        before = self._shadow.get(root.number, now.path)
        linked = linked or (before is not None and before.inode == now.inode)
        self._shadow.put(root.number, now)
        for other in self._shadow.names_of(root.number, now.device, now.inode):
            if other.path == now.path:
                continue
            if linked and now.links > 1:
                if again:
                    # Sent in full, it is an inode of its own there.
                    self._outlet.put(MakeLink(root.number, other.path, now.path))
                self._shadow.put(root.number, now._replace(path=other.path))
            else:
                self._shadow.put(root.number, other._replace(inode=0, changed_ns=0))
                self._followers.again(root.number, other.path, content=True, tree=False, delay=0.0)

    def counted(self, root: ComparedRoot, row: ShadowEntry | None, now: ShadowEntry, sent: int) -> None:
        """Count a recorded change of a file, and have its names in other roots compared."""
        counters = root.counters
        if row is None:
            counters.files += 1
            self._guard.created(root.number, now)
        counters.size_bytes += now.size - (row.size if row is not None else 0)
        # What is only read again, as after a rename of a young file, is sent but is no change.
        again = row is not None and row.size == now.size and same_metadata(row, now)
        counters.files_changed += not again
        counters.changed_bytes += sent
        counters.last_change_at = datetime.now(UTC)
        if now.links > 1:
            # A name of it in another root of the scenario is told of nothing.
            for number, name in self._proofs.names_everywhere(root, now):
                if number != root.number:
                    self._shadow.put(number, name._replace(changed_ns=0))
                    self._followers.again(number, name.path, content=True, tree=False, delay=0.0)

    # renames

    def move(self, root_number: int, path: bytes, new_path: bytes) -> None:
        """Record a rename if it provably is one; else ask for both paths to be compared."""
        if not self._renamed(self._roots[root_number], path, new_path):
            self._followers.again(root_number, path, content=True, tree=True, delay=0.0)
            self._followers.again(root_number, new_path, content=True, tree=True, delay=0.0)

    def _renamed(self, root: ComparedRoot, path: bytes, new_path: bytes) -> bool:
        row = self._shadow.get(root.number, path)
        if row is None or path == new_path or not self._renames_allowed():
            return False
        if path.startswith(new_path + b"/") or new_path.startswith(path + b"/"):
            # One of them went elsewhere on the way: neither is beneath the other in any one moment.
            return False
        is_directory = stat.S_ISDIR(row.mode)
        if is_directory and self._filters.by_path:
            return False
        if self._filters.leaves_out(new_path, directory=is_directory):
            return False
        try:
            check_path(new_path)
            status = os.lstat(root.whole(new_path))
        except OSError:
            return False
        now = entry_of(new_path, status, (), row.target, root.device)
        if (now.inode, now.device, stat.S_IFMT(now.mode)) != (row.inode, row.device, stat.S_IFMT(row.mode)):
            return False
        try:
            old = os.lstat(root.whole(path))
        except OSError:
            old = None
        if old is not None and old.st_ino == status.st_ino and old.st_dev == status.st_dev:
            return False
        parent = self._shadow.get(root.number, new_path.rpartition(b"/")[0])
        if parent is None or not stat.S_ISDIR(parent.mode):
            return False
        replaced = self._shadow.get(root.number, new_path)
        if replaced is not None and (
            stat.S_ISDIR(replaced.mode) != is_directory
            # It was compared under its new name already: what is known of the old one is older.
            or (replaced.inode, replaced.device) == (row.inode, row.device)
        ):
            return False
        if not self._guard.renames(directory=is_directory):
            return False
        if replaced is not None:
            if is_directory:
                self._guard.removing(root.number, new_path)
            else:
                self._guard.rewriting(root.number, replaced)
            gone = self.linked(root, replaced)
            _, files, size = self._shadow.remove(root.number, new_path)
            root.counters.files -= files
            root.counters.size_bytes -= size
            self.left(root, gone)
        if not is_directory:
            self._guard.renamed(root.number, row, new_path)
        self._outlet.put(Rename(root.number, path, new_path))
        self._shadow.rename(root.number, path, new_path)
        self._followers.moved(root.number, path, new_path)
        root.counters.renamed += 1
        root.counters.last_change_at = datetime.now(UTC)
        self._followers.recorded(root.number, new_path, 0.0)
        # Paths in it may have been compared while the old name was gone, or another directory's: only a
        # walk tells. A file written within the granularity of its times is read again.
        young = not row.changed_ns or status.st_mtime_ns > time.time_ns() - YOUNG_NS
        for child in self._compare(root.number, new_path, content=young, tree=True):
            self._followers.again(root.number, child, content=False, tree=True, delay=0.0)
        return True
