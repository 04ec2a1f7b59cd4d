"""The table of one root's watches: which directory each one is of, also while directories move.

A tree of nodes with names in bytes: a renamed directory changes one link, and the paths of all watches
beneath it follow. Directories that cannot be watched have their nodes, too, without a watch.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, Mask, WatchDescriptor

from app.distant_mounts import distant
from app.model.paths import shown
from app.replication.capture.port import CaptureListener, Unwatched

_C = InotifyConstants
MASK = Mask(
    _C.IN_MODIFY
    | _C.IN_ATTRIB
    | _C.IN_CLOSE_WRITE
    | _C.IN_MOVED_FROM
    | _C.IN_MOVED_TO
    | _C.IN_CREATE
    | _C.IN_DELETE
    | _C.IN_DELETE_SELF
    | _C.IN_MOVE_SELF
    | _C.IN_ONLYDIR
    | _C.IN_DONT_FOLLOW
    | _C.IN_EXCL_UNLINK
)
NO_WATCH = WatchDescriptor(-1)
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Node:
    """A directory of the root: watched, or (`wd` -1, `problem`) not."""

    __slots__ = ("callback", "children", "device", "inode", "name", "parent", "problem", "seen", "wd")

    def __init__(self, name: bytes, parent: Node | None) -> None:
        self.name = name
        self.parent = parent
        self.wd = NO_WATCH
        self.callback = CallbackId(0)
        self.problem: OSError | None = None
        self.device = 0
        self.inode = 0
        self.seen = 0
        self.children: dict[bytes, Node] = {}

    def path(self, top: Node | None) -> bytes | None:
        """The path beneath `top`; None for a directory that is not there any more, or not yet again."""
        names = []
        node = self
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return b"/".join(reversed(names)) if node is top else None

    def attach(self, parent: Node | None, name: bytes) -> None:
        """Become `name` in `parent`."""
        self.detach()
        self.parent, self.name = parent, name
        if parent is not None:
            parent.children[name] = self

    def detach(self) -> None:
        """Leave the parent's names; `parent` stays."""
        if self.parent is not None and self.parent.children.get(self.name) is self:
            del self.parent.children[self.name]


class WatchTable:
    """The nodes of one root, usable from any thread; `lock` keeps several calls together.

    `handler` is what watchdog calls for each event; `inotify` is its descriptor, once there is one.
    """

    def __init__(self, root: bytes, listener: CaptureListener, handler: Any) -> None:
        self.lock = threading.RLock()
        self.inotify: Any = None
        self.top: Node | None = None
        self.nodes: dict[int, Node] = {}
        self.unwatched: set[Node] = set()
        self.closed = False
        self._root = root
        self._listener = listener
        self._handler = handler
        self._ids = itertools.count(1)
        self._walk = 0
        self._checking = False
        self._thorough = False

    def new_id(self) -> CallbackId:
        """An id for watchdog's callbacks."""
        return CallbackId(next(self._ids))

    def whole(self, path: bytes) -> bytes:
        """The absolute path."""
        return self._root + b"/" + path if path else self._root

    def find(self, path: bytes) -> Node | None:
        """The node at `path` (lock held)."""
        node = self.top
        for name in path.split(b"/") if path else ():
            if node is None:
                return None
            node = node.children.get(name)
        return node

    def watch(self, path: bytes, parent: Node | None, name: bytes) -> Node | None:
        """Watch one directory (lock held). None when it is gone; with its `problem` when it can't be."""
        whole = self.whole(path)
        before = parent.children.get(name) if parent is not None else self.top
        callback = self.new_id()
        look = os.lstat if distant.place_of(whole) is None else distant.lstat
        try:
            if look is not os.lstat:
                look(whole)
            wd = self.inotify.add_callback(whole, MASK, self._handler, callback)
            if wd == NO_WATCH:
                # watchdog swallows "permission denied" and files the callback under -1
                self.inotify.remove_callbacks([(wd, callback)])
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            if error.errno in GONE or self.closed:
                return None
            return self._cannot_watch(path, parent, name, before, error)
        node = self.nodes.get(wd)
        if node is not None:
            # Known already: another name of the same directory, or a move that was not told as one.
            self.inotify.remove_callbacks([(wd, callback)])
            if node.parent is not parent or node.name != name:
                there = node.path(self.top)
                if _holds(node, parent) or (there is not None and self._is_there(there, node)):
                    other = shown(self.whole(there or b""))
                    twice = OSError(errno.EEXIST, f"it is {other}, mounted here as well")
                    return self._cannot_watch(path, parent, name, before, twice)
                self._doubt()
        else:
            unwatched = before is not None and before.wd == NO_WATCH
            node = before if unwatched and before is not None else Node(name, parent)
            node.wd, node.callback = wd, callback
            self.nodes[wd] = node
        self._fine(node)
        self._place(node, parent, name, before, whole, look)
        return node

    def _place(
        self,
        node: Node,
        parent: Node | None,
        name: bytes,
        before: Node | None,
        whole: bytes,
        look: Callable[[bytes], os.stat_result],
    ) -> None:
        if before is not None and before is not node:
            self.drop(before)
            self._doubt()
        if parent is not None:
            node.attach(parent, name)
        node.seen = self._walk
        try:
            status = look(whole)
        except OSError:
            # Gone again, or another one: the next check finds out.
            node.device, node.inode = 0, 0
        else:
            node.device, node.inode = status.st_dev, status.st_ino

    def watch_beneath(self, top: Node, path: bytes, *, known_too: bool = True) -> bool:
        """Watch all directories beneath `path`; whether one was not known as what it is.

        Without `known_too`, not what is in a directory that was known already.
        """
        news = False
        waiting = [(top, path)]
        while waiting and not self.closed:
            node, directory = waiting.pop()
            try:
                whole = self.whole(directory)
                if distant.place_of(whole) is not None:
                    distant.lstat(whole)
                with os.scandir(whole) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError as error:
                if error.errno not in GONE:
                    with self.lock:
                        self._note_problem(directory, node, error)
                continue
            for name in names:
                child = directory + b"/" + name if directory else name
                if self._listener.excluded(child):
                    continue
                with self.lock:
                    known = node.children.get(name)
                    found = self.watch(child, node, name)
                news |= found is not known
                if found is not None and (known_too or found is not known):
                    waiting.append((found, child))
        return news

    def drop(self, node: Node) -> None:
        """Remove the watches of a directory and all beneath it (lock held)."""
        node.detach()
        waiting = [node]
        while waiting:
            gone = waiting.pop()
            waiting += [child for child in gone.children.values() if child.parent is gone]
            self.unwatched.discard(gone)
            if self.nodes.get(gone.wd) is gone:
                del self.nodes[gone.wd]
                if not self.closed:
                    self.inotify.remove_callbacks([(gone.wd, gone.callback)])

    def forget_unwatched(self, parent: Node, name: bytes) -> None:
        """A directory was removed; nothing but its parent tells of one that has no watch."""
        with self.lock:
            node = parent.children.get(name)
            if node is not None and node.wd == NO_WATCH:
                self.drop(node)

    def _cannot_watch(
        self, path: bytes, parent: Node | None, name: bytes, before: Node | None, error: OSError
    ) -> Node:
        if before is not None and before.wd != NO_WATCH and self._is_there(path, before):
            # Its watch stands from before the permission to set one went.
            return before
        node = before if before is not None and before.wd == NO_WATCH else Node(name, parent)
        self._place(node, parent, name, before, self.whole(path), distant.lstat)
        self._note_problem(path, node, error)
        return node

    def _note_problem(self, path: bytes, node: Node, error: OSError) -> None:
        """A directory is not watched, or what is in it cannot be (lock held)."""
        node.problem = error
        if node not in self.unwatched:
            self.unwatched.add(node)
            self._listener.unwatched(Unwatched(path, error.strerror or str(error)))

    def _doubt(self) -> None:
        # A check belongs to a walk, which sees each directory after it is watched as what it is.
        if not self._checking:
            self._listener.doubtful()

    def _fine(self, node: Node) -> None:
        node.problem = None
        self.unwatched.discard(node)

    def _is_there(self, path: bytes, node: Node) -> bool:
        try:
            status = distant.lstat(self.whole(path))
        except OSError as error:
            return error.errno not in GONE
        return (status.st_dev, status.st_ino) == (node.device, node.inode)

    # checks

    def begin_check(self, *, thorough: bool) -> None:
        """See `ChangeSource.begin_check`."""
        with self.lock:
            self._walk += 1
            self._thorough = thorough

    def check(self, path: bytes, device: int, inode: int) -> bool:
        """See `ChangeSource.check`."""
        with self.lock:
            parent_path, _, name = path.rpartition(b"/")
            parent = self.find(parent_path) if path else None
            node = parent.children.get(name) if parent is not None else None if path else self.top
            known = node is not None and (node.device, node.inode) == (device, inode)
            if node is not None and known:
                node.seen = self._walk
                # A directory may have got the inode number of one that is gone, of which nothing was told.
                if not self._thorough or node.wd == NO_WATCH:
                    return True
            if parent is not None:
                self._checking = True
                try:
                    self.watch(path, parent, name)
                finally:
                    self._checking = False
            return known

    def end_check(self) -> None:
        """See `ChangeSource.end_check`."""
        with self.lock:
            waiting = [self.top] if self.top is not None else []
            while waiting:
                node = waiting.pop()
                path = node.path(self.top) if node.seen != self._walk else None
                if path and not self._is_there(path, node):
                    self.drop(node)
                else:
                    waiting += list(node.children.values())


def _holds(node: Node, other: Node | None) -> bool:
    """Whether `other` is `node` or beneath it."""
    while other is not None:
        if other is node:
            return True
        other = other.parent
    return False
