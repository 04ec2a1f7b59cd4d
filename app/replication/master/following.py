"""What a comparison asks of its surroundings besides room for its records."""

from __future__ import annotations

from typing import Protocol

from app.replication.master.shadow import ShadowEntry


class Followers(Protocol):
    """What a comparison asks for besides its records."""

    def again(self, root: int, path: bytes, *, content: bool, tree: bool, delay: float) -> None:
        """Compare a path (again)."""

    def changing(self, root: int, path: bytes, delay: float) -> None:
        """Read a path again that changed while it was read; all that was told before is recorded."""

    def young(self, root: int, path: bytes) -> None:
        """Read a path once more in two seconds."""

    def unproved(self, root: int, path: bytes) -> None:
        """Ask `Comparer.prove` of a path in two seconds."""

    def recorded(self, root: int, path: bytes, cost_s: float) -> None:
        """A change of a path was recorded; reading it took this long."""

    def trouble(self, root: int, path: bytes, error: OSError) -> None:
        """A path cannot be read or recorded; try again later, where that may help."""

    def fine(self, root: int, path: bytes) -> None:
        """A path was read."""

    def gone(self, root: int, path: bytes, *, beneath: bool) -> None:
        """Nothing is at a path any more (and with `beneath`: nor beneath it)."""

    def is_pending(self, root: int, path: bytes) -> bool:
        """Whether a hint for the path waits."""

    def is_written(self, root: int, path: bytes) -> bool:
        """Whether somebody told of a content that was written there and is not recorded yet."""


class Guard(Protocol):
    """Told of what is about to be lost on the replicas, before its record is put: the safety brake."""

    def removing(self, root: int, path: bytes) -> None:
        """All at `path` is about to be recorded as removed."""

    def rewriting(self, root: int, row: ShadowEntry, *, whole: bool = True) -> None:
        """The content of a file is about to be recorded as replaced, most of it (`whole`) or less."""

    def created(self, root: int, entry: ShadowEntry) -> None:
        """An entry was recorded where none was."""

    def renames(self, *, directory: bool) -> bool:
        """Whether a rename may be recorded as one now."""

    def renamed(self, root: int, row: ShadowEntry, new_path: bytes) -> None:
        """A file is about to be recorded as renamed."""
