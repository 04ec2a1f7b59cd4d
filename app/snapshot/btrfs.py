"""btrfs: a read-only snapshot of the subvolume that holds the root, in constant time.

ioctl numbers and structures: linux/btrfs.h (BTRFS_IOC_SNAP_CREATE_V2, BTRFS_IOC_SNAP_DESTROY).
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Collection, Sequence

from app.model.errors import ArcxoError
from app.model.paths import shown
from app.snapshot import tree
from app.snapshot.api import Snapshot

_SNAP_CREATE_V2 = 0x50009417
_SNAP_DESTROY = 0x5000940F
_SUBVOL_RDONLY = 1 << 1
_SUBVOLUME_INODE = 256
_NAME = b"volume"


class BtrfsProvider:
    """Snapshots as read-only btrfs subvolumes. `inner`: others may lie beneath, and show as empty."""

    name = "btrfs"
    freezes_metadata = True

    def __init__(self, *, inner: bool = False) -> None:
        self._inner = inner

    def is_possible(self, root: bytes) -> bool:
        """Whether root is on btrfs at all. Looks, and changes nothing."""
        return _subvolume_of(root) is not None

    def supports(self, root: bytes, area: bytes) -> bool:
        """Whether root and area are on one btrfs, no other subvolume lies inside, and a snapshot works."""
        subvolume = _subvolume_of(root)
        if subvolume is None or _subvolume_of(area) is None:
            return False
        if not self._inner and _has_inner_subvolume(root):
            return False
        probe = b"probe-%d" % os.getpid()
        try:
            _create(subvolume, area, probe)
            _destroy(area, probe)
        except OSError:
            return False
        return True

    def create(
        self,
        root: bytes,
        area: bytes,
        snapshot_id: str,
        paths: Sequence[bytes] | None,
        subtrees: Collection[bytes] = (),
    ) -> Snapshot:
        """See `SnapshotProvider.create`; always of the whole subvolume, as that costs nothing."""
        del paths, subtrees
        subvolume = _subvolume_of(root)
        container = os.path.join(area, snapshot_id.encode())
        if subvolume is None:
            raise ArcxoError("E4191", root=shown(root), provider=self.name, cause="not on btrfs")
        try:
            os.mkdir(container, 0o700)
            _create(subvolume, container, _NAME)
        except OSError as error:
            tree.remove_tree(container)
            raise ArcxoError(
                "E4191", root=shown(root), provider=self.name, cause=error.strerror or str(error)
            ) from error
        inside = os.path.relpath(os.path.realpath(root), subvolume)
        path = os.path.normpath(os.path.join(container, _NAME, inside))
        return Snapshot(snapshot_id, self.name, root, path, container)

    def foreseen(self, root: bytes, area: bytes, snapshot_id: str) -> Snapshot | None:
        """See `SnapshotProvider.foreseen`: it has no manifest."""
        del root, area, snapshot_id
        return None

    def release(self, snapshot: Snapshot) -> None:
        """See `SnapshotProvider.release`."""
        if not os.path.isdir(snapshot.container):
            return
        try:
            if os.path.isdir(os.path.join(snapshot.container, _NAME)):
                _destroy(snapshot.container, _NAME)
            os.rmdir(snapshot.container)
        except OSError as error:
            raise ArcxoError("E4192", path=shown(snapshot.container), cause=error.strerror) from error


def _subvolume_of(path: bytes) -> bytes | None:
    """The directory at the top of the btrfs subvolume that holds `path`, or None."""
    current = os.path.realpath(path)
    if _file_system_of(current) != "btrfs":
        return None
    while os.lstat(current).st_ino != _SUBVOLUME_INODE:
        parent = os.path.dirname(current)
        if parent == current or os.path.ismount(current):
            return None  # a directory bind-mounted from inside a subvolume
        current = parent
    return current


def _file_system_of(path: bytes) -> str:
    """Type of the file system at `path`, by the mount table (the longest mount point wins)."""
    best = (b"", "")
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            fields = line.split()
            point = fields[4].decode("unicode_escape").encode("latin-1")
            kind = fields[fields.index(b"-") + 1].decode()
            if (path == point or path.startswith(point.rstrip(b"/") + b"/")) and len(point) >= len(best[0]):
                best = (point, kind)
    return best[1]


def _has_inner_subvolume(root: bytes) -> bool:
    """Whether another subvolume lies beneath `root`: a snapshot would show an empty directory there."""
    own = os.stat(root).st_dev
    pending = [root]
    while pending:
        with os.scandir(pending.pop()) as listing:
            for item in listing:
                if item.is_dir(follow_symlinks=False):
                    if item.stat(follow_symlinks=False).st_dev != own:
                        return True
                    pending.append(item.path)
    return False


def _create(subvolume: bytes, directory: bytes, name: bytes) -> None:
    source = os.open(subvolume, os.O_RDONLY | os.O_DIRECTORY)
    try:
        target = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # A bytearray: ioctl takes no immutable argument over 1,024 bytes.
            arguments = bytearray(struct.pack("=qQQ4Q4040s", source, 0, _SUBVOL_RDONLY, 0, 0, 0, 0, name))
            fcntl.ioctl(target, _SNAP_CREATE_V2, arguments)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _destroy(directory: bytes, name: bytes) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, _SNAP_DESTROY, bytearray(struct.pack("=q4088s", 0, name)))
    finally:
        os.close(descriptor)
