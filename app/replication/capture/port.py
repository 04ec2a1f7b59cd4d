"""What every change source offers and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A directory that cannot be watched, why, and the command that would help ("" if none)."""

    path: bytes
    cause: str
    command: str = ""


class CaptureListener(Protocol):
    """Told of hints, in the order things happened, in a thread of the source. Must return quickly."""

    def changed(self, path: bytes, *, content: bool, settled: bool) -> None:
        """The entry at `path` may have changed. `content`: its bytes too; `settled`: its writer closed it."""

    def tree_changed(self, path: bytes) -> None:
        """`path` and anything beneath it may have changed; its directories are watched already."""

    def left(self, path: bytes) -> None:
        """`path` was moved away; where to is told by `moved` within 10 ms, or it left the root."""

    def moved(self, path: bytes, new_path: bytes, *, directory: bool) -> None:
        """`path` (told by `left` before) is `new_path` now."""

    def cookie(self, name: bytes) -> None:
        """`name` was made in the directory of cookies: all that happened before has been told."""

    def unwatched(self, directory: Unwatched) -> None:
        """A directory is not watched; the sweep has to look after it."""

    def overflowed(self) -> None:
        """Hints were lost."""

    def doubtful(self) -> None:
        """Directories moved faster than they could be followed: hints may have been told of wrong paths."""

    def root_lost(self, cause: str) -> None:
        """The root itself was removed, moved or unmounted."""

    def excluded(self, path: bytes) -> bool:
        """Whether a directory and all beneath it do not matter."""


class ChangeSource(Protocol):
    """Watches one root until closed."""

    def start(self) -> None:
        """Watch the whole tree; blocks for a walk over its directories. Raises OSError if it cannot."""

    def settle(self) -> None:
        """Drop the watches of directories that were moved out of the root. Call it often; it is cheap."""

    def rewatch(self, *, all_directories: bool = False) -> None:
        """Watch what is not watched as what it is (a walk over those directories; `all_directories`: all)."""

    def watched(self) -> int:
        """Directories watched now."""

    def unwatched_directories(self) -> int:
        """Directories known that are not watched."""

    def unwatched_paths(self) -> list[bytes]:
        """Which those are."""

    def close(self) -> None:
        """Stop telling; blocks until the thread has ended. Repeated calls do nothing."""
