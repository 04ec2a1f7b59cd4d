"""Which names of a replica root share an inode, so that writing to one of them is right for all."""

from __future__ import annotations

from app.replication.replica.applied import AppliedIndex
from app.replication.replica.steps import ReplicaTree


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

    def replace_root(self, root: int, names: list[tuple[bytes, int]]) -> None:
        """A listing of the whole root found exactly these."""
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

    def names(self, tree: ReplicaTree, inode: int) -> list[bytes]:
        """The names of `inode` that are there now, sorted."""
        found = []
        for path in sorted(self._names.get((tree.index, inode), ())):
            status = tree.tree.status_or_none(path)
            if status is not None and status.st_ino == inode:
                found.append(path)
        return found
