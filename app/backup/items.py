"""One entry of a session on its way to the place where a restore writes it."""

from __future__ import annotations

from dataclasses import dataclass

from app.media.node import DIRECTORY, EXTRA, KIND, LEFT_OUT, Entry, to_metadata
from app.media.reader import ChunkReader
from app.model.entry import Metadata
from app.model.restore import RestoreAction


@dataclass(slots=True)
class Item:
    """One entry on its way. `failed` is set instead of an action when it cannot be written."""

    source: bytes
    target: bytes
    entry: Entry
    action: RestoreAction
    reason: str = ""
    failed: str = ""
    replaces: bool = False
    reader: ChunkReader | None = None
    above: bool = False
    """A directory above what was selected: made when missing, else left as it is."""
    old_bytes: int = 0
    """Size of what is replaced or removed."""
    wanted: bytes = b""
    """The place it would have had, for an entry that gets another name."""

    recorded: Entry | None = None
    """The entry as its session has it, where the one that is written has other owners."""
    known: Metadata | None = None

    def metadata(self) -> Metadata:
        """The metadata that it is to have."""
        if self.known is None:
            self.known = to_metadata(self.entry)
        return self.known

    @property
    def is_change(self) -> bool:
        """Whether a plan counts it: nothing happens to directories that are there."""
        stays = self.entry[KIND] == DIRECTORY and self.action is RestoreAction.OVERWRITE
        return not stays or self.replaces or bool(self.failed)


def is_implicit(entry: Entry) -> bool:
    """Whether a directory's metadata were never taken."""
    return bool(entry[EXTRA] and entry[EXTRA].get("y"))


def is_left_out(entry: Entry) -> bool:
    """Whether the backup left a directory out: what is there now is no concern of a restore."""
    return bool(entry[EXTRA] and entry[EXTRA].get("y") == LEFT_OUT)
