"""Capture on systems without inotify: watchdog's Observer behind the same port.

It cannot pair moves reliably nor say when a queue overflowed; every event is a hint for a path, and
the sweep covers the rest.
"""

from __future__ import annotations

import os
from typing import Any

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from app.replication.capture.port import CaptureListener

_CHANGES = frozenset({"created", "modified", "deleted", "moved", "closed"})


class ObserverSource:
    """A `ChangeSource` on watchdog's Observer."""

    def __init__(self, root: bytes, cookies: bytes, listener: CaptureListener) -> None:
        self._root = root
        self._cookies = cookies
        self._listener = listener
        self._observer: Any = Observer()
        self._started = False

    def start(self) -> None:
        """See `ChangeSource.start`."""
        self._observer.schedule(
            _RootHandler(self._root, self._listener), os.fsdecode(self._root), recursive=True
        )
        self._observer.schedule(_CookieHandler(self._listener), os.fsdecode(self._cookies))
        self._observer.start()
        self._started = True

    def settle(self) -> None:
        """See `ChangeSource.settle`. Nothing to drop here."""

    def rewatch(self, *, all_directories: bool = False) -> None:
        """See `ChangeSource.rewatch`. The Observer watches whole trees."""

    def watched(self) -> int:
        """See `ChangeSource.watched`. The tree counts as one."""
        return int(self._started)

    def unwatched_directories(self) -> int:
        """See `ChangeSource.unwatched_directories`."""
        return 0

    def unwatched_paths(self) -> list[bytes]:
        """See `ChangeSource.unwatched_paths`."""
        return []

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
            path = whole[len(self._root) + 1 :]
            if event.is_directory and event.event_type in ("created", "moved"):
                self._listener.tree_changed(path)
            else:
                self._listener.changed(path, content=True, settled=event.event_type == "closed")
            self._listener.changed(path.rpartition(b"/")[0], content=False, settled=False)


class _CookieHandler(FileSystemEventHandler):
    def __init__(self, listener: CaptureListener) -> None:
        self._listener = listener

    def on_created(self, event: FileSystemEvent) -> None:
        """A cookie passed."""
        self._listener.cookie(os.path.basename(os.fsencode(event.src_path)))
