"""Change records from the only two things that count: the shadow, and the state of a path now."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.distant_mounts import distant
from app.model.entry import EntryKind
from app.replication.master.files import Files
from app.replication.master.filters import PathFilter
from app.replication.master.following import Followers, Guard
from app.replication.master.mounts import Mounts
from app.replication.master.names import Names
from app.replication.master.observe import entry_of, same_metadata, same_status, unchanged
from app.replication.master.outlet import Outlet
from app.replication.master.proofs import Proofs
from app.replication.master.recordable import UnrecordableError, check_path, read_target, read_xattrs
from app.replication.master.roots import ComparedRoot, RootLostError
from app.replication.master.shadow import Shadow, ShadowEntry
from app.replication.metadata import metadata_of, xattr_digest
from app.replication.records import MakeEntry, Remove, SetMetadata

__all__ = ["ComparedRoot", "Comparer", "RootLostError"]

_GONE = (FileNotFoundError, NotADirectoryError)


class Comparer:
    """Compares paths and puts records into the outlet. For one thread; blocks on the disk."""

    def __init__(
        self,
        roots: list[ComparedRoot],
        shadow: Shadow,
        outlet: Outlet,
        filters: PathFilter,
        followers: Followers,
        guard: Guard,
        renames_allowed: Callable[[], bool],
    ) -> None:
        self._roots = roots
        self._shadow = shadow
        self._outlet = outlet
        self._filters = filters
        self._followers = followers
        self._guard = guard
        self.mounts = Mounts(shadow)
        self._proofs = proofs = Proofs(roots, shadow, followers)
        self._names = Names(
            roots, shadow, outlet, filters, followers, guard, proofs, self.compare, renames_allowed
        )
        self._files = Files(outlet, followers, guard, self._names, proofs)
        self.move = self._names.move
        self.prove = proofs.prove
        self.learn = proofs.learn

    # one path

    def compare(
        self, root_number: int, path: bytes, *, content: bool = False, tree: bool = False, force: bool = False
    ) -> list[bytes]:
        """Record what changed at `path`. Returns the paths in it to compare next (`tree`, new directories).

        Raises:
            RootLostError: the root is gone, or a file system beneath it: nothing at all is recorded.
        """
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        try:
            # A mount that does not answer would hold up all that is recorded.
            status = distant.lstat(root.whole(path))
        except _GONE:
            self._gone(root, path, row, force=force)
            return []
        except OSError as error:
            if error.errno != errno.ELOOP or root.holds(path):
                self._trouble(root_number, path, row, error, force=force)
                return []
            self._gone(root, path, row, force=force)
            return []
        if not root.holds(path):
            # A directory on the way is a symbolic link by now: what it leads to is not this path.
            self._gone(root, path, row, force=force)
            return []
        if not path and (status.st_dev, status.st_ino) != (root.device, root.inode):
            raise RootLostError(root_number, "ER00221")
        if row is not None and path:
            self.mounts.check(root, row, status)
        try:
            check_path(path)
        except UnrecordableError as error:
            self._followers.trouble(root_number, path, error)
            return []
        is_directory = stat.S_ISDIR(status.st_mode)
        if stat.S_ISSOCK(status.st_mode) or self._filters.leaves_out(path, directory=is_directory):
            if row is not None:
                self._gone(root, path, row, force=False)
            return []
        if path and (row is None or force) and not self._parent(root, path, force=force):
            return []
        try:
            again = self._present(root, path, row, status, content=content, tree=tree, force=force)
        except _GONE:
            # It vanished while it was looked at: the next comparison sees that.
            self._followers.again(root_number, path, content=content, tree=tree, delay=0.01)
            return []
        except OSError as error:
            self._trouble(root_number, path, row, error, force=force)
            return []
        return again

    def _trouble(
        self, root: int, path: bytes, row: ShadowEntry | None, error: OSError, *, force: bool
    ) -> None:
        """A path cannot be read. What has to be sent in full is so later, even by the next start."""
        if force and row is not None and stat.S_ISREG(row.mode):
            self._shadow.put(root, row._replace(modified_ns=-1, changed_ns=0, hashes=None))
        self._followers.trouble(root, path, error, force=force)

    def remind(self, root_number: int, path: bytes) -> None:
        """Record the metadata of what is recorded at `path` once more; compare it where it is another now."""
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        if row is None:
            # With nothing there a removal is recorded, so that whoever asks hears of that.
            self._followers.again_in_full(root_number, path)
            return
        whole = root.whole(path)
        try:
            status = distant.lstat(whole)
            same = unchanged(row, status, root.device) and root.holds(path)
            target, xattrs = (read_target(whole, status), read_xattrs(whole)) if same else (b"", ())
            same = same and same_status(status, os.lstat(whole))
        except OSError:
            same = False
        if not same or xattr_digest(xattrs) != row.xattrs:
            self._followers.again(root_number, path, content=True, tree=False, delay=0.0)
            return
        self._outlet.put(SetMetadata(root_number, path, metadata_of(status, xattrs, target)))
        self._followers.metadata_recorded(root_number, path)

    def _parent(self, root: ComparedRoot, path: bytes, *, force: bool) -> bool:
        """Whether the directory that holds `path` is recorded; records it where it is not yet."""
        parent = path.rpartition(b"/")[0]
        row = self._shadow.get(root.number, parent)
        known = row is not None and stat.S_ISDIR(row.mode)
        if known and not force:
            return True
        if force and row is not None and known:
            return not parent or self._parent_again(root, path, parent)
        for child in self.compare(root.number, parent):
            self._followers.again(root.number, child, content=True, tree=True, delay=0.0)
        row = self._shadow.get(root.number, parent)
        return row is not None and stat.S_ISDIR(row.mode)

    def _parent_again(self, root: ComparedRoot, path: bytes, parent: bytes) -> bool:
        """Record the directory that holds `path` once more, and those above it; False when it is gone."""
        if not self._parent(root, parent, force=True):
            return False
        whole = root.whole(parent)
        try:
            status = os.lstat(whole)
            if not stat.S_ISDIR(status.st_mode):
                return False
            xattrs = read_xattrs(whole)
        except _GONE:
            return False
        except UnrecordableError as error:
            # As it was recorded before the replica has it, or says so of what is to be in it.
            self._followers.trouble(root.number, parent, error)
            return True
        except OSError as error:
            self._followers.trouble(root.number, path, error, force=True)
            return False
        self._outlet.put(MakeEntry(root.number, parent, metadata_of(status, xattrs, b"")))
        return True

    def _gone(self, root: ComparedRoot, path: bytes, row: ShadowEntry | None, *, force: bool) -> None:
        if not path:
            raise RootLostError(root.number, "ER00220")
        beneath = row is None or stat.S_ISDIR(row.mode)
        if row is None and not force:
            self._followers.gone(root.number, path, beneath=beneath)
            return
        # A root that was unmounted or removed shows all its entries as gone.
        root.check()
        if row is not None:
            self.mounts.check_above(root, path)
            self._guard.removing(root.number, path)
        self._outlet.put(Remove(root.number, path))
        gone = self._names.linked(root, row) if row is not None else []
        entries, files, size = self._shadow.remove(root.number, path)
        self._names.left(root, gone)
        counters = root.counters
        counters.removed += entries
        counters.files -= files
        counters.size_bytes -= size
        counters.last_change_at = datetime.now(UTC)
        self._followers.fine(root.number, path, full=True)
        self._followers.gone(root.number, path, beneath=beneath)

    def _present(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        content: bool,
        tree: bool,
        force: bool,
    ) -> list[bytes]:
        mode = status.st_mode
        if row is not None and stat.S_IFMT(row.mode) != stat.S_IFMT(mode):
            self._gone(root, path, row, force=False)
            row = None
        if stat.S_ISREG(mode):
            if row is not None and not content and not force and unchanged(row, status, root.device):
                return []
            self._files.compare(root, path, row, status, content=content, force=force)
            if row is not None and row.links > 1 and row.inode != status.st_ino & ((1 << 63) - 1):
                self._names.left(root, [row])
            return []
        if stat.S_ISDIR(mode):
            fresh = row is None or row.inode != status.st_ino & ((1 << 63) - 1)
            if fresh or force or not unchanged(_some(row), status, root.device):
                self._entry(root, path, row, status, force=force)
            if fresh or tree or force:
                return self._names_in(root, path)
            return []
        if row is None or force or not unchanged(row, status, root.device):
            self._entry(root, path, row, status, force=force)
        return []

    def _names_in(self, root: ComparedRoot, path: bytes) -> list[bytes]:
        """Everything the directory has now or is recorded to have."""
        prefix = path + b"/" if path else b""
        names = {prefix + name for name in os.listdir(root.whole(path))}
        names.update(entry.path for entry in self._shadow.children(root.number, path))
        return sorted(names)

    def _entry(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        force: bool,
    ) -> None:
        """A directory, link, fifo or device that is new or changed."""
        whole = root.whole(path)
        target = read_target(whole, status)
        xattrs = read_xattrs(whole)
        if not same_status(status, os.lstat(whole)) and not stat.S_ISDIR(status.st_mode):
            self._followers.again(root.number, path, content=True, tree=False, delay=0.0)
            return
        now = entry_of(path, status, xattrs, target, root.device)
        now = self._proofs.read_now(root, now, time.time_ns(), agrees=True)
        metadata = metadata_of(status, xattrs, target)
        is_directory = metadata.kind is EntryKind.DIRECTORY
        if row is None or force:
            if path:
                self._outlet.put(MakeEntry(root.number, path, metadata))
            if not path or is_directory:
                self._outlet.put(SetMetadata(root.number, path, metadata))
            if is_directory and row is None:
                root.counters.folders_created += 1
        elif (row.target, row.rdev) != (now.target, now.rdev):
            self._outlet.put(Remove(root.number, path))
            self._outlet.put(MakeEntry(root.number, path, metadata))
        elif not same_metadata(row, now):
            self._outlet.put(SetMetadata(root.number, path, metadata))
        if row is None:
            self._guard.created(root.number, now)
        self._shadow.put(root.number, now)
        root.counters.last_change_at = datetime.now(UTC)
        self._followers.recorded(root.number, path, 0.0)
        self._followers.fine(root.number, path, full=row is None or force)


def _some(row: ShadowEntry | None) -> ShadowEntry:
    assert row is not None
    return row
