"""What every change source offers and whom it tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Unwatched:
    """A directory that cannot be watched, and why."""

    path: bytes
    cause: str


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
        """A directory could not be watched; sweeps have to look after it from now on."""

    def overflowed(self) -> None:
        """Hints were lost."""

    def doubtful(self) -> None:
        """Directories moved faster than they could be followed: hints may have been told of wrong paths."""

    def root_lost(self, cause: str) -> None:
        """The root itself was removed, moved or unmounted."""

    def excluded(self, path: bytes) -> bool:
        """Whether a directory and all beneath it do not matter."""


class ChangeSource(Protocol):
    """Watches one root until closed. All methods may be called from any thread.

    `all_told`: a cookie proves that every event before it was told, or that `overflowed` or `unwatched` was.
    """

    all_told: bool

    def start(self, *, beneath: bool = True) -> None:
        """Watch the whole tree; blocks for a walk over its directories. Raises OSError if it cannot.

        Without `beneath` only the root, at once: the caller tells of each directory by `check`.
        """

    def settle(self) -> None:
        """Drop the watches of directories that were moved out of the root. Call it often; it is cheap.

        Raises OSError when the source does not tell any more.
        """

    def rewatch(self) -> list[bytes]:
        """Try again to watch what could not be watched; the directories that are watched now.

        What happened in them before is not told.
        """

    def begin_check(self, *, thorough: bool) -> None:
        """A walk over all directories begins, which tells of each by `check`, and then `end_check`s.

        `thorough`: events were lost, also of watches that ended.
        """

    def check(self, path: bytes, device: int, inode: int) -> bool:
        """The directory at `path` is this one: watch it if it is not known as that. Whether it was known."""

    def end_check(self) -> None:
        """Every directory was told of: drop the watches of those that are not there any more."""

    def watched(self) -> int:
        """Directories watched now."""

    def unwatched(self) -> list[Unwatched]:
        """Directories known that are not watched."""

    def remedy(self) -> str:
        """The command that would let all directories be watched ("" if there is none)."""

    def close(self) -> None:
        """Stop telling; blocks until the thread has ended. Repeated calls do nothing."""
