"""What a comparison asks of its surroundings besides room for its records."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from app.replication.master.shadow import ShadowEntry


class Again(IntEnum):
    """What has to be recorded once more of a path that a replica could not take."""

    NOTHING = 0
    METADATA = 1
    FULL = 2


class Due(NamedTuple):
    """A path to be recorded once more."""

    root: int
    path: bytes
    what: Again


class Followers(Protocol):
    """What a comparison asks for besides its records."""

    def again(self, root: int, path: bytes, *, content: bool, tree: bool, delay: float) -> None:
        """Compare a path (again)."""

    def again_in_full(self, root: int, path: bytes) -> None:
        """Record all there is at a path, whatever is known of it."""

    def changing(self, root: int, path: bytes, delay: float) -> None:
        """Read a path again that changed while it was read; all that was told before is recorded."""

    def young(self, root: int, path: bytes) -> None:
        """Read a path once more in two seconds."""

    def unproved(self, root: int, path: bytes) -> None:
        """Ask `Comparer.prove` of a path in two seconds."""

    def recorded(self, root: int, path: bytes, cost_s: float) -> None:
        """A change of a path was recorded; reading it took this long."""

    def trouble(self, root: int, path: bytes, error: OSError, *, force: bool = False) -> None:
        """A path cannot be read or recorded; try again later, where that may help.

        `force`: what it has must be sent in full then, whatever is known of it.
        """

    def fine(self, root: int, path: bytes, *, full: bool) -> None:
        """A path was read, and recorded where it differed; `full`: with all there is to it."""

    def metadata_recorded(self, root: int, path: bytes) -> None:
        """The metadata of a path were recorded, whatever was known of them."""

    def gone(self, root: int, path: bytes, *, beneath: bool) -> None:
        """Nothing is at a path any more (and with `beneath`: nor beneath it)."""

    def moved(self, root: int, path: bytes, new_path: bytes) -> None:
        """All at a path was recorded as renamed."""

    def is_pending(self, root: int, path: bytes) -> bool:
        """Whether a hint for the path waits."""

    def is_written(self, root: int, path: bytes) -> bool:
        """Whether somebody told of a content that was written there and is not recorded yet."""


class Lacking(Protocol):
    """What a replica could not take, as the recorder asks and tells of it, in its thread."""

    def recorded(self, root: int, path: bytes, seq: int, *, full: bool) -> Again:
        """A path is recorded by the record `seq`, in `full` or not; what of it must be recorded again."""

    def metadata_recorded(self, root: int, path: bytes, seq: int) -> None:
        """The metadata of a path are recorded by the record `seq`, whatever was known."""

    def gone(self, root: int, path: bytes, seq: int, *, beneath: bool) -> None:
        """From the record `seq` on nothing is at a path (and with `beneath`: nor beneath it)."""

    def moved(self, root: int, path: bytes, new_path: bytes) -> list[bytes]:
        """All at a path is elsewhere: what of it is lacking and must be recorded there in full."""

    def due(self, now: float) -> Sequence[Due]:
        """What is to be recorded again now (monotonic seconds)."""


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
