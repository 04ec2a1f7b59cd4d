"""Capture on systems without inotify: watchdog's Observer behind the same port.

What it cannot see, and what covers it:

- Changes of permissions, owners, times and extended attributes alone are told on some systems only; moves
  are told as a removal and a creation wherever their two halves do not meet. The walks find the former, and
  the latter is right, only dearer.
- It does not say that events were lost, nor which directories it could not watch: `watched` counts the tree
  as one, `unwatched` is empty, and `all_told` is False, so that walks trust nothing but what they see.
- Where one root is reached by two paths, or a file system is mounted within it, nothing is told of the
  change itself; the walks find what it left.

A walk runs as often as the property says, and with every barrier: see `Sweeps`.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from app.replication.capture.port import CaptureListener, Unwatched

_CHANGES = frozenset({"created", "modified", "deleted", "moved", "closed"})


class ObserverSource:
    """A `ChangeSource` on watchdog's Observer. See the module for its limits."""

    all_told = False

    def __init__(self, root: bytes, cookies: bytes, listener: CaptureListener) -> None:
        self._root = root
        self._cookies = cookies
        self._listener = listener
        self._observer: Any = Observer()
        self._started = False

    def start(self, *, beneath: bool = True) -> None:  # noqa: ARG002  # it watches whole trees only
        """See `ChangeSource.start`."""
        self._observer.schedule(
            _RootHandler(self._root, self._listener), os.fsdecode(self._root), recursive=True
        )
        self._observer.schedule(_CookieHandler(self._listener), os.fsdecode(self._cookies))
        self._observer.start()
        self._started = True

    def settle(self) -> None:
        """See `ChangeSource.settle`. Nothing to drop here."""
        threads = (self._observer, *self._observer.emitters)
        if self._started and not all(thread.is_alive() for thread in threads):
            raise OSError(errno.EIO, "the reading of change notifications has ended", self._root)

    def rewatch(self) -> list[bytes]:
        """See `ChangeSource.rewatch`. The Observer watches whole trees."""
        return []

    def begin_check(self, *, thorough: bool) -> None:
        """See `ChangeSource.begin_check`. The Observer keeps its watches by itself."""

    def check(self, _path: bytes, _device: int, _inode: int) -> bool:
        """See `ChangeSource.check`."""
        return True

    def end_check(self) -> None:
        """See `ChangeSource.end_check`."""

    def watched(self) -> int:
        """See `ChangeSource.watched`. The tree counts as one."""
        return int(self._started)

    def unwatched(self) -> list[Unwatched]:
        """See `ChangeSource.unwatched`. The Observer does not tell."""
        return []

    def remedy(self) -> str:
        """See `ChangeSource.remedy`."""
        return ""

    def close(self) -> None:
        """See `ChangeSource.close`."""
        if self._started:
            self._started = False
            self._observer.stop()
            self._observer.join()


class _RootHandler(FileSystemEventHandler):
    def __init__(self, root: bytes, listener: CaptureListener) -> None:
        self._root = root
        self._listener = listener

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Turn any change into hints for the paths it names."""
        if event.event_type not in _CHANGES:
            return
        for named in (event.src_path, event.dest_path):
            whole = os.fsencode(named)
            if not whole:
                continue
            if whole == self._root:
                if event.event_type in ("deleted", "moved"):
                    self._listener.root_lost("removed" if event.event_type == "deleted" else "moved")
                else:
                    self._listener.changed(b"", content=False, settled=False)
                continue
            if not whole.startswith(self._root + b"/"):
                # The other end of a move out of the root, or into it.
                continue
            path = whole[len(self._root) + 1 :]
            if event.is_directory and event.event_type in ("created", "moved"):
                self._listener.tree_changed(path)
            else:
                self._listener.changed(path, content=True, settled=event.event_type == "closed")
            self._listener.changed(path.rpartition(b"/")[0], content=False, settled=False)


class _CookieHandler(FileSystemEventHandler):
    def __init__(self, listener: CaptureListener) -> None:
        self._listener = listener

    def on_any_event(self, event: FileSystemEvent) -> None:
        """A cookie passed: whatever is told of it, its name is of no earlier time.

        A look that finds a new cookie with the inode of the one before tells a move or a modification.
        """
        if event.event_type in ("created", "modified"):
            self._listener.cookie(os.path.basename(os.fsencode(event.src_path)))
        elif event.event_type == "moved":
            self._listener.cookie(os.path.basename(os.fsencode(event.dest_path)))
