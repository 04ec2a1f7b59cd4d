"""Capture on Linux: watchdog's `InotifyFD`, one instance per root, with our own table of watches.

The table is a tree of nodes with names in bytes: a renamed directory changes one link, and the paths of
all watches beneath it follow. The watchdog thread calls `on_event`, `start` and `rewatch` run elsewhere;
one lock covers the table. Nothing here decides what a change means.
"""

from __future__ import annotations

import errno
import itertools
import os
import threading
import time
from typing import Any

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

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
COOKIE_MASK = Mask(_C.IN_CREATE | _C.IN_ONLYDIR)
PAIRING_S = 0.010
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class _Node:
    """A watched directory."""

    __slots__ = ("callback", "children", "name", "parent", "wd")

    def __init__(self, name: bytes, parent: _Node | None, wd: WatchDescriptor, callback: CallbackId) -> None:
        self.name = name
        self.parent = parent
        self.wd = wd
        self.callback = callback
        self.children: dict[bytes, _Node] = {}

    def path(self, top: _Node | None) -> bytes | None:
        """The path beneath `top`; None for a directory that is not there any more, or not yet again."""
        names = []
        node = self
        while node.parent is not None:
            names.append(node.name)
            node = node.parent
        return b"/".join(reversed(names)) if node is top else None

    def detach(self) -> None:
        if self.parent is not None and self.parent.children.get(self.name) is self:
            del self.parent.children[self.name]


class InotifySource:
    """A `ChangeSource` on inotify; also the callback object that watchdog calls."""

    def __init__(self, root: bytes, cookies: bytes, listener: CaptureListener) -> None:
        self._root = root
        self._cookies = cookies
        self._listener = listener
        self._lock = threading.RLock()
        self._inotify: Any = None
        self._nodes: dict[int, _Node] = {}
        self._top: _Node | None = None
        self._cookie_wd = -2
        self._ids = itertools.count(1)
        self._moving: dict[int, tuple[float, bytes, _Node | None]] = {}
        self._unwatched: dict[bytes, Unwatched] = {}
        self._closed = False

    def start(self) -> None:
        """See `ChangeSource.start`."""
        self._inotify = InotifyFD()
        self._inotify.name = f"inotify {os.fsdecode(os.path.basename(self._root))}"
        self._inotify.start()
        try:
            self._cookie_wd = self._inotify.add_callback(
                self._cookies, COOKIE_MASK, self, CallbackId(next(self._ids))
            )
            with self._lock:
                self._top = self._watch(b"", None, b"")
            if self._top is not None:
                self._watch_beneath(self._top, b"", all_directories=True)
        except BaseException:
            self.close()
            raise
        if self._top is None:
            cause = self._unwatched.get(b"")
            self.close()
            raise OSError(errno.EACCES, cause.cause if cause else "the root cannot be watched", self._root)

    def close(self) -> None:
        """See `ChangeSource.close`."""
        self._closed = True
        inotify = self._inotify
        if inotify is not None:
            inotify.stop()
            if threading.current_thread() is not inotify:
                inotify.join()

    def watched(self) -> int:
        """See `ChangeSource.watched`."""
        return len(self._nodes)

    def unwatched_directories(self) -> int:
        """See `ChangeSource.unwatched_directories`."""
        return len(self._unwatched)

    def unwatched_paths(self) -> list[bytes]:
        """See `ChangeSource.unwatched_paths`."""
        return list(self._unwatched)

    def settle(self) -> None:
        """See `ChangeSource.settle`."""
        if not self._moving:
            return
        now = time.monotonic()
        with self._lock:
            for cookie, (until, _, node) in list(self._moving.items()):
                if until <= now:
                    del self._moving[cookie]
                    if node is not None and node.parent is None:
                        self._drop(node)

    def rewatch(self, *, all_directories: bool = False) -> None:
        """See `ChangeSource.rewatch`."""
        if all_directories and self._top is not None:
            self._unwatched.clear()
            self._watch_beneath(self._top, b"", all_directories=True)
        for path in sorted(self._unwatched):
            with self._lock:
                self._unwatched.pop(path, None)
                parent_path, _, name = path.rpartition(b"/")
                parent = self._find(parent_path)
                node = self._watch(path, parent, name) if parent is not None and path else None
            if node is not None:
                self._watch_beneath(node, path, all_directories=True)
                self._listener.tree_changed(path)

    # what watchdog calls, in its thread

    def on_event(self, event: InotifyEvent) -> None:
        """One event of the kernel."""
        if self._closed:
            return
        if event.wd == self._cookie_wd:
            self._listener.cookie(event.name)
            return
        with self._lock:
            node = self._nodes.get(event.wd)
            if node is None:
                return
            directory = node.path(self._top)
        if directory is None:
            # On its way from one place to another, or out: it is scanned where it comes to rest.
            self._listener.doubtful()
            return
        mask = event.mask
        if not event.name:
            self._on_self(node, directory, mask)
            return
        path = directory + b"/" + event.name if directory else event.name
        is_directory = bool(mask & _C.IN_ISDIR)
        if mask & _C.IN_MOVED_FROM:
            self._on_left(node, event, path)
        elif mask & _C.IN_MOVED_TO:
            self._on_arrived(node, event, path, is_directory=is_directory)
        elif mask & _C.IN_CREATE and is_directory:
            self._appeared(node, event.name, path)
        elif mask & (_C.IN_CREATE | _C.IN_DELETE):
            self._listener.changed(path, content=True, settled=bool(mask & _C.IN_DELETE))
        elif mask & (_C.IN_MODIFY | _C.IN_CLOSE_WRITE):
            self._listener.changed(path, content=True, settled=bool(mask & _C.IN_CLOSE_WRITE))
            return
        else:
            self._listener.changed(path, content=False, settled=False)
            return
        self._listener.changed(directory, content=False, settled=False)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The kernel dropped a watch: its directory is gone."""
        with self._lock:
            node = self._nodes.pop(wd, None)
            if node is not None:
                node.detach()

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        if not self._closed:
            self._listener.overflowed()

    def _on_self(self, node: _Node, directory: bytes, mask: int) -> None:
        if node is self._top and mask & (_C.IN_DELETE_SELF | _C.IN_MOVE_SELF | _C.IN_UNMOUNT):
            cause = "unmounted" if mask & _C.IN_UNMOUNT else "moved" if mask & _C.IN_MOVE_SELF else "removed"
            self._listener.root_lost(cause)
        elif mask & _C.IN_UNMOUNT:
            self._listener.tree_changed(directory)
        elif mask & _C.IN_ATTRIB:
            self._listener.changed(directory, content=False, settled=False)

    def _on_left(self, parent: _Node, event: InotifyEvent, path: bytes) -> None:
        with self._lock:
            node = parent.children.pop(event.name, None)
            if node is not None:
                node.parent = None
            self._moving[event.cookie] = (time.monotonic() + PAIRING_S, path, node)
        self._listener.left(path)

    def _on_arrived(self, parent: _Node, event: InotifyEvent, path: bytes, *, is_directory: bool) -> None:
        with self._lock:
            _, origin, node = self._moving.pop(event.cookie, (0.0, None, None))
            replaced = parent.children.get(event.name)
            if node is not None and self._nodes.get(node.wd) is node:
                if replaced is not None and replaced is not node:
                    self._drop(replaced)
                    self._listener.doubtful()
                # A scan may have found it at another place since it left.
                node.detach()
                node.name = event.name
                node.parent = parent
                parent.children[event.name] = node
        if origin is None:
            if is_directory:
                self._appeared(parent, event.name, path)
            else:
                self._listener.changed(path, content=True, settled=True)
            return
        self._listener.moved(origin, path, directory=is_directory)
        if is_directory and node is None:
            self._appeared(parent, event.name, path)
        elif is_directory:
            # A watch is set by path, which may have been another directory's by then: what came to rest
            # here, and all in it, is found anew.
            self._appeared(parent, event.name, path, tell=False)

    def _appeared(self, parent: _Node, name: bytes, path: bytes, *, tell: bool = True) -> None:
        """A directory is there now: watch it and all in it, then have it scanned (`tell`)."""
        found = True
        if not self._listener.excluded(path):
            with self._lock:
                known = parent.children.get(name)
                node = self._watch(path, parent, name)
            if node is not None:
                found = self._watch_beneath(node, path, all_directories=not tell) or node is not known
        if tell or found:
            self._listener.tree_changed(path)

    # the table

    def _find(self, path: bytes) -> _Node | None:
        node = self._top
        for name in path.split(b"/") if path else ():
            if node is None:
                return None
            node = node.children.get(name)
        return node

    def _watch(self, path: bytes, parent: _Node | None, name: bytes) -> _Node | None:
        """Watch one directory (lock held). None when it is gone or cannot be watched."""
        whole = self._root + b"/" + path if path else self._root
        callback = CallbackId(next(self._ids))
        try:
            wd = self._inotify.add_callback(whole, MASK, self, callback)
        except OSError as error:
            if error.errno not in _GONE and not self._closed:
                self._cannot_watch(path, error)
            return None
        if wd == -1:
            # watchdog swallows "permission denied" and files the callback under -1
            self._inotify.remove_callbacks([(wd, callback)])
            self._cannot_watch(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))
            return None
        self._unwatched.pop(path, None)
        node = self._nodes.get(wd)
        if node is not None:
            # Known already: another name of the same directory, or a move that was not told as one.
            self._inotify.remove_callbacks([(wd, callback)])
            if node is not self._top and (node.parent is not parent or node.name != name):
                self._listener.doubtful()
                node.detach()
                node.parent, node.name = parent, name
        else:
            node = _Node(name, parent, wd, callback)
            self._nodes[wd] = node
        if parent is not None:
            before = parent.children.get(name)
            if before is not None and before is not node:
                self._drop(before)
                self._listener.doubtful()
            parent.children[name] = node
        return node

    def _watch_beneath(self, top: _Node, path: bytes, *, all_directories: bool) -> bool:
        """Watch all directories beneath `path`; whether one was not watched as what it is.

        Without `all_directories`, not what is in a directory that was watched already.
        """
        news = False
        waiting = [(top, path)]
        while waiting and not self._closed:
            node, directory = waiting.pop()
            whole = self._root + b"/" + directory if directory else self._root
            try:
                with os.scandir(whole) as entries:
                    names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError as error:
                if error.errno not in _GONE:
                    self._cannot_watch(directory, error)
                continue
            for name in names:
                child = directory + b"/" + name if directory else name
                if self._listener.excluded(child):
                    continue
                with self._lock:
                    known = node.children.get(name)
                    found = self._watch(child, node, name)
                news |= found is not known
                if found is not None and (all_directories or found is not known):
                    waiting.append((found, child))
        return news

    def _drop(self, node: _Node) -> None:
        """Remove the watches of a directory and all beneath it (lock held)."""
        node.detach()
        waiting = [node]
        while waiting:
            gone = waiting.pop()
            waiting += [child for child in gone.children.values() if child.parent is gone]
            if self._nodes.get(gone.wd) is gone:
                del self._nodes[gone.wd]
                if not self._closed:
                    self._inotify.remove_callbacks([(gone.wd, gone.callback)])

    def _cannot_watch(self, path: bytes, error: OSError) -> None:
        command = ""
        if error.errno == errno.ENOSPC:
            limit = _limit("max_user_watches")
            command = f"sysctl fs.inotify.max_user_watches={max(2 * limit, 524_288)}"
        elif error.errno == errno.EMFILE:
            command = f"sysctl fs.inotify.max_user_instances={2 * _limit('max_user_instances')}"
        found = Unwatched(path, error.strerror or str(error), command)
        self._unwatched[path] = found
        self._listener.unwatched(found)


def _limit(name: str) -> int:
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 128
