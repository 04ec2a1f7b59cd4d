"""What a root's change source tells, passed on as hints."""

from __future__ import annotations

from collections.abc import Callable

from app.replication.capture.port import Unwatched
from app.replication.master.filters import PathFilter
from app.replication.master.hints import Hints


class RootListener:
    """Passes what one root's change source tells on as hints. Called in the source's thread."""

    def __init__(
        self,
        number: int,
        hints: Hints,
        filters: PathFilter,
        *,
        on_cookie: Callable[[int, bytes], None],
        on_unwatched: Callable[[int, Unwatched], None],
        on_overflow: Callable[[int], None],
        on_doubt: Callable[[int], None],
        on_lost: Callable[[int, str], None],
    ) -> None:
        self._number = number
        self._hints = hints
        self._filters = filters
        self._on_cookie = on_cookie
        self._on_unwatched = on_unwatched
        self._on_overflow = on_overflow
        self._on_doubt = on_doubt
        self._on_lost = on_lost

    def changed(self, path: bytes, *, content: bool, settled: bool) -> None:
        """See `CaptureListener`."""
        self._hints.add(self._number, path, content=content, settled=settled)

    def tree_changed(self, path: bytes) -> None:
        """See `CaptureListener`."""
        self._hints.add(self._number, path, content=True, tree=True)

    def left(self, path: bytes) -> None:
        """See `CaptureListener`."""
        self._hints.left(self._number, path)

    def moved(self, path: bytes, new_path: bytes, *, directory: bool) -> None:
        """See `CaptureListener`."""
        self._hints.moved(self._number, path, new_path, directory=directory)

    def cookie(self, name: bytes) -> None:
        """See `CaptureListener`."""
        self._on_cookie(self._number, name)

    def unwatched(self, directory: Unwatched) -> None:
        """See `CaptureListener`."""
        self._on_unwatched(self._number, directory)

    def overflowed(self) -> None:
        """See `CaptureListener`."""
        self._on_overflow(self._number)

    def doubtful(self) -> None:
        """See `CaptureListener`."""
        self._on_doubt(self._number)

    def root_lost(self, cause: str) -> None:
        """See `CaptureListener`."""
        self._on_lost(self._number, cause)

    def excluded(self, path: bytes) -> bool:
        """See `CaptureListener`."""
        return self._filters.leaves_out_directory(path)
