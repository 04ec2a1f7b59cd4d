"""Which names of a replica root share an inode, so that writing to one of them is right for all."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from app.model.entry import EntryKind
from app.replication.met_inodes import MetInodes
from app.replication.replica.applied import CHANGED, SUBTREE, AppliedIndex
from app.replication.replica.steps import ReplicaTree
from app.replication.sync_frames import ListedEntry

_PACKED = struct.Struct("<QI")
_IS_DIRECTORY = 1 << 31


class LinkGroups:
    """Known hard links. A name here is a candidate: it counts only while its inode is the noted one."""

    def __init__(self, index: AppliedIndex) -> None:
        self._index = index
        self._inode: dict[tuple[int, bytes], int] = {}
        self._names: dict[tuple[int, int], set[bytes]] = {}
        self.reload()

    def reload(self) -> None:
        """Back to what is durable."""
        self._inode.clear()
        self._names.clear()
        for root, path, inode in self._index.links():
            self._inode[root, path] = inode
            self._names.setdefault((root, inode), set()).add(path)

    def add(self, root: int, path: bytes, inode: int) -> None:
        """`path` is one of several names of `inode`."""
        if self._inode.get((root, path)) == inode:
            return
        self.drop(root, path)
        self._inode[root, path] = inode
        self._names.setdefault((root, inode), set()).add(path)
        self._index.set_link(root, path, inode)

    def drop(self, root: int, path: bytes) -> int:
        """`path` is no longer there; returns the inode it was a name of, or 0."""
        inode = self._inode.pop((root, path), 0)
        if inode:
            names = self._names[root, inode]
            names.discard(path)
            if not names:
                del self._names[root, inode]
            self._index.set_link(root, path, None)
        return inode

    def moved(self, root: int, path: bytes, new_path: bytes | None) -> None:
        """`path` and all beneath it moved to `new_path`, or out of the root."""
        if not self._inode:
            return
        prefix = path + b"/"
        hit = [
            known for at, known in self._inode if at == root and (known == path or known.startswith(prefix))
        ]
        for known in hit:
            inode = self.drop(root, known)
            if new_path is not None:
                self.add(root, new_path + known[len(path) :], inode)

    def noted(self, root: int, path: bytes) -> int:
        """The inode that `path` is noted for, or 0."""
        return self._inode.get((root, path), 0)

    def inodes(self, root: int) -> set[int]:
        """All inodes that names are noted for."""
        return {inode for at, inode in self._names if at == root}

    def replace_root(self, root: int, names: list[tuple[bytes, int]]) -> None:
        """From now on exactly these are noted of a root; see `ListedLinks`."""
        for at, known in list(self._inode):
            if at == root:
                inode = self._inode.pop((at, known))
                self._names.pop((root, inode), None)
        for path, inode in names:
            self._inode[root, path] = inode
            self._names.setdefault((root, inode), set()).add(path)
        self._index.replace_links(root, names)

    def known(self, root: int, inode: int) -> tuple[bytes, ...]:
        """The names noted for `inode`, those that are only planned among them."""
        return tuple(sorted(self._names.get((root, inode), ())))

    def with_other_names(self, changes: list[tuple[int, bytes, int]]) -> list[tuple[int, bytes, int]]:
        """(root, path, kind) of changes, with the other names of each file one name of which is among them.

        A backup of changes knows two names as one file only when it is told of both.
        """
        told = {(root, path) for root, path, _ in changes}
        deep = {(root, path) for root, path, kind in changes if kind == SUBTREE}
        more: list[tuple[int, bytes, int]] = []
        for (root, _), names in self._names.items():
            if len(names) > 1:
                untold = [
                    name for name in names if (root, name) not in told and not _is_beneath(deep, root, name)
                ]
                if len(untold) < len(names):
                    more += [(root, name, CHANGED) for name in untold]
        return sorted([*changes, *more]) if more else changes

    def names(self, tree: ReplicaTree, inode: int) -> list[bytes]:
        """The names of `inode` that are there now, sorted."""
        found = []
        for path in sorted(self._names.get((tree.index, inode), ())):
            status = tree.tree.status_or_none(path)
            if status is not None and status.st_ino == inode:
                found.append(path)
        return found


def _is_beneath(deep: set[tuple[int, bytes]], root: int, path: bytes) -> bool:
    while deep and path:
        path = path.rpartition(b"/")[0]
        if (root, path) in deep:
            return True
    return False


class ListedLinks:
    """What a listing of one whole root sees of hard links; `end` makes it what is noted.

    Where a kept point has each file once more, all files of the root are in it, mostly with one name. So they
    are kept packed, each behind its directory, in 12 bytes and its name.
    """

    def __init__(self, links: LinkGroups, root: int) -> None:
        self._links = links
        self._root = root
        self._met = MetInodes()
        self._shared: set[int] = set()
        self._packed = bytearray()
        self._directory: bytes | None = None

    def see(self, entry: ListedEntry) -> None:
        """One entry of the listing."""
        if entry.links > 1 and entry.kind is not EntryKind.DIRECTORY:
            self.note(entry.path, entry.inode)

    def note(self, path: bytes, inode: int) -> None:
        """One that has several names and is no directory."""
        if self._met.again(0, inode):
            self._shared.add(inode)
        directory, _, name = path.rpartition(b"/")
        if directory != self._directory:
            self._directory = directory
            self._packed += _PACKED.pack(0, len(directory) | _IS_DIRECTORY) + directory
        self._packed += _PACKED.pack(inode, len(name)) + name

    def end(self) -> None:
        """The listing is complete.

        A name that is alone in the root stays noted while anything else holds its inode: that may be
        another name which was moved aside, and a rewind brings that one back.
        """
        links, root, shared = self._links, self._root, self._shared
        wanted = shared | links.inodes(root)
        links.replace_root(
            root,
            [
                (path, inode)
                for path, inode in (self._listed() if wanted else ())
                if inode in wanted and (inode in shared or links.noted(root, path) == inode)
            ],
        )

    def _listed(self) -> Iterator[tuple[bytes, int]]:
        at, packed, prefix = 0, self._packed, b""
        while at < len(packed):
            inode, length = _PACKED.unpack_from(packed, at)
            at += _PACKED.size
            if length & _IS_DIRECTORY:
                length ^= _IS_DIRECTORY
                prefix = bytes(packed[at : at + length]) + b"/" if length else b""
            else:
                yield prefix + packed[at : at + length], inode
            at += length
