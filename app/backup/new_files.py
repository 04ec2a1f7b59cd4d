"""Plain files of new directories, many at a time: what most of a restore is.

Nobody sees a new directory before it is put in place, so nothing can be in the way of what is made in it. A
file of one chunk without extras there needs no decision of its own, and is made by `app.native.making`.
What that refuses is made alone, as everything is where it is not built.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgpack

from app.backup.items import Item
from app.backup.journal import Mark
from app.media.node import CONTENT, EXTRA, FILE, GID, KIND, MTIME, NAME, PERMISSIONS, PIECE, SIZE, UID, Entry
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError
from app.model.restore import RestoreAction
from app.native import native, same_calls

MOST = 2000
"""Files of a directory that are taken together."""
Orders = list[tuple[bytes, list[Entry], list[int]]]
_CALLS = ("open", "write", "pread", "fstat", "chown", "chmod", "utime", "close", "unlink")
_MODE = 0o7777
_making = native("making")


@dataclass(slots=True, eq=False)
class NewFiles:
    """Files in `source`, a directory of a session, for `target`, a directory in which nothing is yet."""

    source: bytes
    target: bytes
    entries: list[Entry]
    reader: ChunkReader

    def item(self, entry: Entry) -> Item:
        """One of them by itself."""
        source, target = self.source + b"/" + entry[NAME], self.target + b"/" + entry[NAME]
        return Item(source, target, entry, RestoreAction.CREATE, reader=self.reader)


@dataclass(slots=True, eq=False)
class Cut:
    """Files of one directory that have their contents in one block: where in it each is.

    `place` is where they are made.
    """

    files: NewFiles
    place: bytes
    entries: list[Entry] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    inodes: list[int] = field(default_factory=list)
    """Of what was made, for each entry."""
    size_bytes: int = 0
    """Of all contents."""
    _folded: bytes = b""

    def fold(self) -> None:
        """Keep the entries as a few bytes while this waits, a quarter of what they take; see `unfold`."""
        if self.entries:
            self._folded, self.entries = msgpack.packb(self.entries), []
            # Those of its whole directory.
            self.files = NewFiles(self.files.source, self.files.target, [], self.files.reader)

    def unfold(self) -> None:
        """Have the entries again."""
        if self._folded:
            self.entries, self._folded = msgpack.unpackb(self._folded), b""

    def discard(self) -> None:
        """Remove what was made."""
        for entry in self.entries:
            try:
                os.unlink(self.place + b"/" + entry[NAME])
            except OSError:
                continue


def can_make() -> bool:
    """Whether files can be made many at a time."""
    return _making is not None and same_calls(_CALLS)


def is_plain(entry: Entry) -> bool:
    """Whether an entry is a file that can be made among others: of one chunk, without extras."""
    return entry[KIND] == FILE and entry[EXTRA] is None and len(entry[CONTENT]) == PIECE.size


def parted(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Some at a time."""
    for start in range(0, len(entries), MOST):
        yield entries[start : start + MOST]


def cuts(files: NewFiles, place: bytes) -> tuple[dict[tuple[int, int], Cut], list[Item]]:
    """(by pack and block the files with their contents there, what has to be made by itself)."""
    found: dict[tuple[int, int], Cut] = {}
    alone: list[Item] = []
    spot = files.reader.index.spot
    for entry in files.entries:
        at = spot(entry[CONTENT][:32])
        if at is None or at[3] != entry[SIZE]:
            alone.append(files.item(entry))
            continue
        key = at[:2]
        cut = found.get(key)
        if cut is None:
            cut = found[key] = Cut(files, place)
        cut.entries.append(entry)
        cut.starts.append(at[2])
        cut.size_bytes += at[3]
    return found, alone


def make(cuts_of_block: list[Cut], block: bytes, reader: ChunkReader) -> list[list[int]]:
    """Make the files of one block; for each the inode, or a negative number where it could not be made."""
    rows: list[tuple[int, bytes, int, int, int, int, int, int]] = []
    results = [[-1] * len(cut.entries) for cut in cuts_of_block]
    if _making is None or not same_calls(_CALLS):
        return results
    check = reader.cut
    places: list[tuple[list[int], int]] = []
    for number, cut in enumerate(cuts_of_block):
        found = results[number]
        for index, (entry, start) in enumerate(zip(cut.entries, cut.starts, strict=True)):
            name, _, permissions, uid, gid, length, modified, _, _, _, content = entry
            try:
                check(block, start, length, content[:32])
            except ArcxoError:
                continue  # another pack may hold it whole
            rows.append((number, name, start, length, permissions & _MODE, uid, gid, modified))
            places.append((found, index))
    made = _making.files([cut.place for cut in cuts_of_block], rows, block)
    for (found, index), inode in zip(places, made, strict=True):
        found[index] = inode
    return results


def keep_made(cuts_of_block: list[Cut], results: list[list[int]]) -> list[Item]:
    """Take over what `make` tells; what is not made is returned, and in none of them any more."""
    refused: list[Item] = []
    for cut, inodes in zip(cuts_of_block, results, strict=True):
        cut.starts = []
        if min(inodes) < 0:
            pairs = list(zip(cut.entries, inodes, strict=True))
            refused += [cut.files.item(entry) for entry, inode in pairs if inode < 0]
            cut.entries = [entry for entry, inode in pairs if inode >= 0]
            cut.size_bytes = sum(entry[SIZE] for entry in cut.entries)
            inodes = [inode for inode in inodes if inode >= 0]  # noqa: PLW2901 - those of the entries
        cut.inodes = inodes
    return refused


def fingerprint(entry: Entry, inode: int) -> Mark:
    """The fingerprint of a file that was made."""
    mode = stat.S_IFREG | (entry[PERMISSIONS] & _MODE)
    return inode, entry[SIZE], entry[MTIME], mode, entry[UID], entry[GID]


def as_orders(cuts_of_block: list[Cut]) -> Orders:
    """Plain values for another process."""
    return [(cut.place, cut.entries, cut.starts) for cut in cuts_of_block]


def from_orders(orders: Orders, reader: ChunkReader) -> list[Cut]:
    """What `as_orders` was given."""
    nowhere = NewFiles(b"", b"", [], reader)
    return [Cut(nowhere, place, entries, starts) for place, entries, starts in orders]
