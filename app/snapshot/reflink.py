"""Reflink trees (XFS, btrfs, …): each file a clone that shares its blocks until one side changes.

FICLONE: ioctl_ficlonerange(2).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Sequence

from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.snapshot import tree
from app.snapshot.api import Snapshot

_FICLONE = 0x40049409
_TRUSTED_ONLY = (b"security.", b"trusted.")


class ReflinkProvider:
    """Snapshots as trees of clones with their own metadata."""

    name = "reflink"
    freezes_metadata = True

    def supports(self, root: bytes, area: bytes) -> bool:
        """Try to clone a small file from the root's volume into the area."""
        probe = os.path.join(root, tree.RESERVED_PREFIX + b"probe-%d" % os.getpid())
        clone = os.path.join(area, os.path.basename(probe))
        status = os.stat(root)
        try:
            descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(descriptor, b"\0" * 4096)
            finally:
                os.close(descriptor)
            try:
                _clone(probe, clone)
                os.unlink(clone)
            finally:
                os.unlink(probe)
                os.utime(root, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError:
            if os.path.lexists(clone):
                os.unlink(clone)
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
        """See `SnapshotProvider.create`."""
        container = os.path.join(area, snapshot_id.encode())
        target = os.path.join(container, b"tree")
        try:
            os.mkdir(container, 0o700)
            self._clone_tree(root, target, paths, subtrees)
        except OSError as error:
            tree.remove_tree(container)
            raise ArcxoError(
                "E4191", root=shown(root), provider=self.name, cause=error.strerror or str(error)
            ) from error
        except BaseException:
            tree.remove_tree(container)
            raise
        return Snapshot(snapshot_id, self.name, root, target, container, None, paths is not None)

    def _clone_tree(
        self, root: bytes, target: bytes, paths: Sequence[bytes] | None, subtrees: Collection[bytes]
    ) -> None:
        first_names: dict[tuple[int, int], bytes] = {}
        directories: list[tuple[bytes, Metadata]] = []
        for path, status in tree.entries(root, paths, subtrees):
            source = os.path.join(root, path) if path else root
            copy = os.path.join(target, path) if path else target
            metadata, identity = tree.describe(source, status)
            if metadata.kind is EntryKind.DIRECTORY:
                os.mkdir(copy, 0o700)
                directories.append((copy, metadata))
                continue
            if identity.links > 1:
                first = first_names.setdefault((identity.device, identity.inode), copy)
                if first != copy:
                    os.link(first, copy, follow_symlinks=False)
                    continue
            if metadata.kind is EntryKind.FILE:
                _clone(source, copy)
            elif metadata.kind is EntryKind.SYMLINK:
                os.symlink(metadata.link_target, copy)
            else:
                os.mknod(copy, status.st_mode, metadata.device)
            dress(copy, metadata)
        for copy, metadata in reversed(directories):
            dress(copy, metadata)

    def foreseen(self, root: bytes, area: bytes, snapshot_id: str) -> Snapshot | None:
        """See `SnapshotProvider.foreseen`: it has no manifest."""
        del root, area, snapshot_id
        return None

    def release(self, snapshot: Snapshot) -> None:
        """See `SnapshotProvider.release`."""
        tree.remove_tree(snapshot.container)


def _clone(source: bytes, target: bytes) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        writing = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.ioctl(writing, _FICLONE, reading)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def dress(path: bytes, metadata: Metadata) -> None:
    """Owner before mode (chown clears set-id bits), times last."""
    os.chown(path, metadata.uid, metadata.gid, follow_symlinks=False)
    if metadata.kind is not EntryKind.SYMLINK:
        os.chmod(path, metadata.permissions)
    for name, value in metadata.xattrs:
        try:
            os.setxattr(path, name, value, follow_symlinks=False)
        except PermissionError:
            # Without privilege these cannot be set, and the system sets its own.
            if not name.startswith(_TRUSTED_ONLY):
                raise
    os.utime(path, ns=(metadata.modified_ns, metadata.modified_ns), follow_symlinks=False)
