"""What the watches of one replica root tell of: paths to compare, the applier's own among them."""

from __future__ import annotations

import threading
import time

from app.replication.capture import ChangeSource, Unwatched, open_source
from app.replication.replica.side_store import is_reserved

HINTS_MAX = 20_000


class RootHints:
    """A `CaptureListener`. `take` gives what was told since the last time."""

    def __init__(self, path: bytes, cookies: bytes) -> None:
        self._lock = threading.Lock()
        self._paths: set[bytes] = set()
        self._trees: set[bytes] = set()
        self._since = 0.0
        self.everything = False
        """Hints were lost, or are too many: the whole root has to be compared."""
        self.lost = ""
        """Why the root is not there any more."""
        self.causes: list[str] = []
        """Why directories are not watched, the first ones."""
        self.source: ChangeSource = open_source(path, cookies, self)

    def take(self) -> tuple[set[bytes], set[bytes]]:
        """(paths, tops of trees) to compare."""
        with self._lock:
            paths, trees = self._paths, self._trees
            self._paths, self._trees = set(), set()
            self._since = 0.0
        return paths, trees

    def waiting_since(self) -> float:
        """When the oldest was told, of the monotonic clock; 0 when there are none."""
        return self._since

    def waiting(self) -> int:
        """How many there are."""
        return len(self._paths) + len(self._trees)

    # `CaptureListener`

    def changed(self, path: bytes, *, content: bool, settled: bool) -> None:
        """See `CaptureListener`."""
        del content, settled
        self._add(path, self._paths)

    def tree_changed(self, path: bytes) -> None:
        """See `CaptureListener`."""
        self._add(path, self._trees)

    def left(self, path: bytes) -> None:
        """See `CaptureListener`."""
        self._add(path, self._trees)

    def moved(self, path: bytes, new_path: bytes, *, directory: bool) -> None:
        """See `CaptureListener`."""
        self._add(path, self._trees)
        self._add(new_path, self._trees if directory else self._paths)

    def cookie(self, name: bytes) -> None:
        """See `CaptureListener`."""

    def unwatched(self, directory: Unwatched) -> None:
        """See `CaptureListener`."""
        if directory.cause not in self.causes:
            self.causes.append(directory.cause)

    def overflowed(self) -> None:
        """See `CaptureListener`."""
        self.everything = True

    def doubtful(self) -> None:
        """See `CaptureListener`."""
        self.everything = True

    def root_lost(self, cause: str) -> None:
        """See `CaptureListener`."""
        self.lost = cause

    def excluded(self, path: bytes) -> bool:
        """See `CaptureListener`."""
        return is_reserved(path)

    def _add(self, path: bytes, to: set[bytes]) -> None:
        if is_reserved(path):
            return
        with self._lock:
            if len(self._paths) + len(self._trees) >= HINTS_MAX:
                self._paths.clear()
                self._trees.clear()
                self.everything = True
            to.add(path)
            if not self._since:
                self._since = time.monotonic()
