"""Capture on Linux: watchdog's `InotifyFD`, one instance per root, with our own table of watches.

The watchdog thread calls `on_event`, everything else runs elsewhere. Nothing here decides what a change
means.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import Any

from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from app.replication.capture.limits import more_instances, more_watches
from app.replication.capture.port import CaptureListener, Unwatched
from app.replication.capture.table import NO_WATCH, Node, WatchTable

_C = InotifyConstants
COOKIE_MASK = Mask(_C.IN_CREATE | _C.IN_ONLYDIR)
PAIRING_S = 0.010


class InotifySource:
    """A `ChangeSource` on inotify; also the callback object that watchdog calls."""

    all_told = True

    def __init__(self, root: bytes, cookies: bytes, listener: CaptureListener) -> None:
        self._root = root
        self._cookies = cookies
        self._listener = listener
        self._table = WatchTable(root, listener, self)
        self._lock = self._table.lock
        self._inotify: Any = None
        self._cookie_wd = -2
        self._moving: dict[int, tuple[float, bytes, Node | None]] = {}
        self._closed = False

    def start(self, *, beneath: bool = True) -> None:
        """See `ChangeSource.start`."""
        try:
            self._inotify = self._table.inotify = InotifyFD()
        except OSError as error:
            if error.errno == errno.EMFILE:
                cause = f"{error.strerror} ({more_instances()})"
                raise OSError(error.errno, cause, self._root) from error
            raise
        self._inotify.name = f"inotify {os.fsdecode(os.path.basename(self._root))}"
        self._inotify.start()
        try:
            self._watch_cookies()
            self._watch_all(beneath=beneath)
        except BaseException:
            self.close()
            raise

    def _watch_cookies(self) -> None:
        try:
            self._cookie_wd = self._inotify.add_callback(
                self._cookies, COOKIE_MASK, self, self._table.new_id()
            )
        except OSError as error:
            if error.errno == errno.ENOSPC:
                # Without this one, nobody could say what was captured.
                cause = f"{error.strerror} ({more_watches(1)})"
                raise OSError(error.errno, cause, self._root) from error
            raise

    def _watch_all(self, *, beneath: bool) -> None:
        with self._lock:
            self._table.top = top = self._table.watch(b"", None, b"")
        if top is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._root)
        if beneath:
            self._table.watch_beneath(top, b"")

    def close(self) -> None:
        """See `ChangeSource.close`."""
        self._closed = self._table.closed = True
        inotify = self._inotify
        if inotify is not None:
            inotify.stop()
            if threading.current_thread() is not inotify:
                inotify.join()

    def watched(self) -> int:
        """See `ChangeSource.watched`."""
        with self._lock:
            table = self._table
            return len(table.nodes) - sum(node.wd != NO_WATCH for node in table.unwatched)

    def unwatched(self) -> list[Unwatched]:
        """See `ChangeSource.unwatched`."""
        found = []
        with self._lock:
            for node in self._table.unwatched:
                path = node.path(self._table.top)
                if path is not None and node.problem is not None:
                    found.append(Unwatched(path, node.problem.strerror or str(node.problem)))
        found.sort(key=lambda one: one.path)
        return found

    def remedy(self) -> str:
        """See `ChangeSource.remedy`."""
        with self._lock:
            limited = [node for node in self._table.unwatched if _is_limit(node.problem)]
        return more_watches(len(limited)) if limited else ""

    def settle(self) -> None:
        """See `ChangeSource.settle`."""
        if not self._inotify.is_alive() and not self._closed:
            raise OSError(errno.EIO, "the reading of change notifications has ended", self._root)
        if not self._moving:
            return
        now = time.monotonic()
        with self._lock:
            for cookie, (until, _, node) in list(self._moving.items()):
                if until <= now:
                    del self._moving[cookie]
                    if node is not None and node.parent is None:
                        self._table.drop(node)

    def rewatch(self) -> list[bytes]:
        """See `ChangeSource.rewatch`."""
        armed = []
        exhausted = False
        for found in self.unwatched():
            path = found.path
            with self._lock:
                node = self._table.find(path)
                if node is None:
                    continue
                if node.problem is None:
                    # Watched with the one above it.
                    armed.append(path)
                    continue
                if exhausted and _is_limit(node.problem):
                    if not os.path.isdir(self._table.whole(path)):
                        self._table.drop(node)
                    continue
                now = self._table.watch(path, node.parent, node.name)
                if now is None:
                    self._table.drop(node)
                    continue
                exhausted |= _is_limit(now.problem)
            if now.problem is None:
                self._table.watch_beneath(now, path)
            if now.problem is None:
                armed.append(path)
        return armed

    def begin_check(self, *, thorough: bool) -> None:
        """See `ChangeSource.begin_check`."""
        self._table.begin_check(thorough=thorough)

    def check(self, path: bytes, device: int, inode: int) -> bool:
        """See `ChangeSource.check`."""
        return self._table.check(path, device, inode)

    def end_check(self) -> None:
        """See `ChangeSource.end_check`."""
        self._table.end_check()

    # what watchdog calls, in its thread

    def on_event(self, event: InotifyEvent) -> None:
        """One event of the kernel. What is raised here is a bug, and ends the thread: see `settle`."""
        if self._closed:
            return
        if event.wd == self._cookie_wd:
            self._listener.cookie(event.name)
            return
        with self._lock:
            node = self._table.nodes.get(event.wd)
            if node is None:
                return
            directory = node.path(self._table.top)
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
            if is_directory:
                self._table.forget_unwatched(node, event.name)
            # Gone is not written: other names of the file need not be read for that.
            created = bool(mask & _C.IN_CREATE)
            self._listener.changed(path, content=created, settled=not created)
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
            node = self._table.nodes.get(wd)
            if node is not None:
                self._table.drop(node)

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        if not self._closed:
            self._listener.overflowed()

    def _on_self(self, node: Node, directory: bytes, mask: int) -> None:
        if node is self._table.top and mask & (_C.IN_DELETE_SELF | _C.IN_MOVE_SELF | _C.IN_UNMOUNT):
            cause = "unmounted" if mask & _C.IN_UNMOUNT else "moved" if mask & _C.IN_MOVE_SELF else "removed"
            self._listener.root_lost(cause)
        elif mask & _C.IN_UNMOUNT:
            # What it was mounted on comes to light there; directories within it are just gone.
            parent, name = node.parent, node.name
            with self._lock:
                self._table.drop(node)
            if parent is not None:
                self._appeared(parent, name, directory)
        elif mask & _C.IN_ATTRIB:
            self._listener.changed(directory, content=False, settled=False)

    def _on_left(self, parent: Node, event: InotifyEvent, path: bytes) -> None:
        with self._lock:
            node = parent.children.pop(event.name, None)
            if node is not None:
                node.parent = None
            self._moving[event.cookie] = (time.monotonic() + PAIRING_S, path, node)
        self._listener.left(path)

    def _on_arrived(self, parent: Node, event: InotifyEvent, path: bytes, *, is_directory: bool) -> None:
        with self._lock:
            _, origin, node = self._moving.pop(event.cookie, (0.0, None, None))
            replaced = parent.children.get(event.name)
            if node is not None and (self._table.nodes.get(node.wd) is node or node in self._table.unwatched):
                if replaced is not None and replaced is not node:
                    self._table.drop(replaced)
                    self._listener.doubtful()
                # A scan may have found it at another place since it left.
                node.attach(parent, event.name)
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

    def _appeared(self, parent: Node, name: bytes, path: bytes, *, tell: bool = True) -> None:
        """A directory is there now: watch it and all in it, then have it scanned (`tell`)."""
        found = True
        if not self._listener.excluded(path):
            with self._lock:
                known = parent.children.get(name)
                node = self._table.watch(path, parent, name)
            if node is not None:
                found = self._table.watch_beneath(node, path, known_too=not tell) or node is not known
        if tell or found:
            self._listener.tree_changed(path)


def _is_limit(error: OSError | None) -> bool:
    return error is not None and error.errno == errno.ENOSPC
