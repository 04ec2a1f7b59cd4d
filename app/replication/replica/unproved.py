"""Which contents of a replica may be older ones of the same size and time, after a rewind or a restore.

Of a file that a program writes and gives its old time back, the content before looks like the one after. A
synchronisation that trusts size and time would take what a rewind put back for what the master has. So what
rewinds and restores touched is noted until a synchronisation has ended, and listings say of such files that
size and time do not prove their content. Listings for difference reports say so, too, and end nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.model.entry import EntryKind
from app.replication.frame_codec import encode_listing
from app.replication.replica.applied import CHANGED, AppliedIndex
from app.replication.replica.replica_store import ReplicaStore
from app.replication.sync_frames import CONTENT_UNPROVED, FORMAT_OF, Listed, ListedEntry, raw_entries

_KEY = "unproved"
_FILE, _DIRECTORY = FORMAT_OF[EntryKind.FILE], FORMAT_OF[EntryKind.DIRECTORY]
_KIND, _LINKS = 1, 12


def note_unproved(index: AppliedIndex, first: int, last: int) -> None:
    """The changes after `first` up to `last` are not the master's. Durable with the next commit."""
    known = _span(index)
    if known is not None:
        first = min(first, known[0])
    index.note("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_KEY, f"{first} {last}"))


def end_unproved(store: ReplicaStore) -> None:
    """A synchronisation is complete, which has compared what its listings told. Durable with the next commit.

    What came after a listing (a restore beside the stream) is left for the next one.
    """
    span, told = _span(store.index), store.unproved_told
    if span is not None and all(told.get(tree.index, -1) >= span[1] for tree in store.trees):
        store.index.note("DELETE FROM meta WHERE key = ?", (_KEY,))


class Unproved:
    """What is noted of one root when this is made.

    All that changed since counts, also what the stream changed: it may have set but a file's permissions.
    With the replica's lock held; reads what is committed.
    """

    def __init__(self, store: ReplicaStore, root: int) -> None:
        self._store = store
        self._root = root
        self._links = store.links
        self._reading = store.index.reading()
        self._beneath: bytes | None = None
        span = _span(store.index)
        self._first = span[0] if span is not None else None
        # Of what was removed longer ago than is known, nothing tells what is there instead.
        self._all = span is not None and span[0] < store.index.horizon
        self._last = span[1] if span is not None else store.change

    def marked(self, entries: Sequence[ListedEntry]) -> tuple[ListedEntry, ...]:
        """Any entries of the root, in which such files are marked."""
        if self._first is None:
            return tuple(entries)
        return tuple(
            entry._replace(links=entry.links | CONTENT_UNPROVED)
            if entry.kind is EntryKind.FILE
            and (self._all or self._has_changed(entry.path) or self._has_other(entry.path, entry.links))
            else entry
            for entry in entries
        )

    def told(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """All `Listing`s of the root, in order, encoded, marked for a synchronisation that compares them."""
        self._store.unproved_told[self._root] = self._last
        if self._first is None:
            return parts
        return (encode_listing(self._root, tuple(map(self._told, raw_entries(part)))) for part in parts)

    def _told(self, entry: Listed) -> Listed:
        path, kind = entry[0], entry[_KIND]
        if kind == _DIRECTORY and not self._is_beneath(path) and self._kind_of_change(path) > CHANGED:
            self._beneath = path + b"/" if path else b""
        if kind != _FILE or not self._is_unproved(path, entry[_LINKS]):
            return entry
        return (*entry[:_LINKS], entry[_LINKS] | CONTENT_UNPROVED)

    def _is_unproved(self, path: bytes, links: int) -> bool:
        if self._all or self._is_beneath(path) or self._kind_of_change(path) >= 0:
            return True
        return self._has_other(path, links)

    def _has_other(self, path: bytes, links: int) -> bool:
        """Whether another name of the file has changed."""
        inode = self._links.noted(self._root, path) if links > 1 else 0
        return bool(inode) and any(map(self._has_changed, self._links.known(self._root, inode)))

    def _is_beneath(self, path: bytes) -> bool:
        return self._beneath is not None and path.startswith(self._beneath)

    def _has_changed(self, path: bytes) -> bool:
        """Whether it has, or all in a directory above it."""
        if self._kind_of_change(path) >= 0:
            return True
        while path:
            path = path.rpartition(b"/")[0]
            if self._kind_of_change(path) > CHANGED:
                return True
        return False

    def _kind_of_change(self, path: bytes) -> int:
        """How `path` has changed since: -1 not at all, `CHANGED`, or more: all that is there came then."""
        row = self._reading.execute(
            "SELECT max(kind) FROM stamps WHERE root = ? AND path = ? AND change > ?",
            (self._root, path, self._first),
        ).fetchone()
        return -1 if row[0] is None else int(row[0])


def _span(index: AppliedIndex) -> tuple[int, int] | None:
    row = index.reading().execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    if row is None:
        return None
    first, last = str(row[0]).split()
    return int(first), int(last)
