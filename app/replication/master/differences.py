"""What is different on a replica: its listing and the master's, both in the order of `order_key`, merged.

Nothing is sent or changed here. A synchronisation sends what this finds, a difference report and an audit
show it. Contents are told apart by size and time only; where these are not trusted the difference is
`UNPROVED`, and comparing blocks (`contents.py`) tells.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from enum import StrEnum
from stat import S_ISREG
from typing import NamedTuple

from app.model.entry import EntryKind, order_key
from app.model.errors import ArcxoError
from app.model.scenario import ScenarioProperties
from app.replication.master.filters import PathFilter
from app.replication.master.shadow import ShadowEntry
from app.replication.met_inodes import MetInodes
from app.replication.sync_frames import CONTENT_UNPROVED, ListedEntry


class What(StrEnum):
    """How an entry differs."""

    MISSING = "missing"
    """The replica has nothing there."""
    EXTRA = "extra"
    """Only the replica has it; all beneath it is not listed again."""
    REPLACED = "replaced"
    """The replica has something of another kind, another link target or another device number there."""
    CONTENT = "content"
    """A file whose size or time is another."""
    UNPROVED = "unproved"
    """A file of the same size and time, which do not prove its content the same here."""
    JOINED = "joined"
    """A file that the replica has as one with a file that is another one on the master."""
    LINK = "link"
    """Another name of a file (`link_to`) that is not one on the replica."""
    METADATA = "metadata"
    """Permissions, owner, time or extended attributes."""


class Difference(NamedTuple):
    """One path. `ours` is None for EXTRA, `theirs` None where the replica has nothing (usable).

    `link_to`: LINK only. `linked` says that it is a name of the same file there already, and stays one
    unless that file is replaced. `metadata` says, of contents that may be the same, that the rest is not.
    """

    what: What
    path: bytes
    ours: ShadowEntry | None
    theirs: ListedEntry | None
    link_to: bytes = b""
    linked: bool = False
    metadata: bool = False


Keeps = Callable[[ListedEntry], bool]
Pair = tuple[ShadowEntry | None, ListedEntry | None]


def kept_extras(properties: ScenarioProperties, filters: PathFilter) -> Keeps:
    """Which entries only the replica has are no difference: what filters leave out is not ours to remove."""
    if properties.keep_deleted_during_sync:
        return lambda _: True
    return lambda theirs: filters.leaves_out(theirs.path, directory=theirs.kind is EntryKind.DIRECTORY)


def expected_extras(properties: ScenarioProperties, filters: PathFilter) -> Keeps:
    """Which entries only the replica has are as they should be between synchronisations: kept names, too."""
    if properties.keep_deleted_during_replication:
        return lambda _: True
    return kept_extras(properties, filters)


def compare(
    ours: Iterator[ShadowEntry],
    theirs: Iterator[ListedEntry],
    *,
    keeps: Keeps,
    trust_size_time: bool,
    unproved_ns: int | None = None,
    on_same: Callable[[ShadowEntry], None],
) -> Iterator[Difference]:
    """The differences of one root in the order of the listings; `on_same` is told of every entry without one.

    Files that changed at `unproved_ns` or later are not taken for the same by size and time, nor are those
    that are `CONTENT_UNPROVED`.

    Memory: names of the master's hard links, and a bit for each inode of the replica's. Raises ArcxoError
    ER00301 when the replica's listing is not in order.
    """
    pairs = Pairs(keeps=keeps, trust_size_time=trust_size_time, unproved_ns=unproved_ns, on_same=on_same)
    for mine, other in merge(ours, theirs):
        found = pairs.difference(mine, other)
        if found is not None:
            yield found


class Pairs:
    """The same of listings side by side, a pair at a time in their order.

    Equal pairs may be missing but those of hard links, and so may what only we have and has one name.
    """

    def __init__(
        self,
        *,
        keeps: Keeps,
        trust_size_time: bool,
        unproved_ns: int | None,
        on_same: Callable[[ShadowEntry], None],
    ) -> None:
        self._keeps = keeps
        self._trust_size_time = trust_size_time
        self._unproved_ns = unproved_ns
        self._on_same = on_same
        self._links = _Links()
        self._removed = b""

    def difference(self, mine: ShadowEntry | None, other: ListedEntry | None) -> Difference | None:
        """How the two differ, one of which may be None; None where they do not."""
        links, removed = self._links, self._removed
        if mine is None:
            assert other is not None
            path = other.path
            if not path or (removed and path.startswith(removed)) or self._keeps(other):
                return None
            if other.kind is EntryKind.DIRECTORY:
                self._removed = path + b"/"
            return Difference(What.EXTRA, path, None, other)
        is_file = S_ISREG(mine.mode)
        if other is not None and removed and mine.path.startswith(removed):
            other = None
        kind = EntryKind.FILE if is_file else mine.kind
        if other is not None and other.kind is not kind:
            if other.kind is EntryKind.DIRECTORY:
                self._removed = mine.path + b"/"
            leader = links.leader(mine, None) if is_file else None
            if leader is not None:
                return Difference(What.LINK, mine.path, mine, None, link_to=leader)
            return Difference(What.REPLACED, mine.path, mine, other)
        unproved_ns = self._unproved_ns
        # The change time tells of every change of a content; 0 or less: not known for sure.
        unproved = unproved_ns is not None and (not mine.changed_ns or abs(mine.changed_ns) >= unproved_ns)
        if other is not None and other.links & CONTENT_UNPROVED:
            other, unproved = other._replace(links=other.links ^ CONTENT_UNPROVED), True
        trusted = self._trust_size_time and not unproved
        found = _file(mine, other, links, trust_size_time=trusted) if is_file else _entry(mine, other)
        if found is None:
            self._on_same(mine)
        return found


def _entry(ours: ShadowEntry, theirs: ListedEntry | None) -> Difference | None:
    if theirs is None:
        return Difference(What.MISSING, ours.path, ours, None)
    if (theirs.link_target, theirs.rdev) != (ours.target, ours.rdev):
        return Difference(What.REPLACED, ours.path, ours, theirs)
    if not same_metadata(ours, theirs):
        return Difference(What.METADATA, ours.path, ours, theirs)
    return None


def _file(
    ours: ShadowEntry, theirs: ListedEntry | None, links: _Links, *, trust_size_time: bool
) -> Difference | None:
    path = ours.path
    if ours.links > 1:
        leader = links.leader(ours, theirs)
        if leader is not None:
            linked = links.linked_there(ours, theirs)
            if linked and not links.in_doubt(ours):
                return None
            return Difference(What.LINK, path, ours, theirs, link_to=leader, linked=linked)
    if theirs is None:
        links.doubt(ours)
        return Difference(What.MISSING, path, ours, None)
    if theirs.links > 1 and links.joined(theirs):
        links.doubt(ours)
        return Difference(What.JOINED, path, ours, theirs)
    same = same_metadata(ours, theirs)
    if ours.size != theirs.size_bytes or ours.modified_ns != theirs.modified_ns:
        links.doubt(ours)
        return Difference(What.CONTENT, path, ours, theirs, metadata=True)
    if not trust_size_time:
        links.doubt(ours)
        return Difference(What.UNPROVED, path, ours, theirs, metadata=not same)
    if not same:
        return Difference(What.METADATA, path, ours, theirs)
    return None


class _Links:
    """Which names of the master are one file, and which the replica has as one."""

    def __init__(self) -> None:
        self._leaders: dict[tuple[int, int], tuple[bytes, tuple[int, int] | None]] = {}
        self._met = MetInodes()
        self._doubted: set[tuple[int, int]] = set()

    def leader(self, ours: ShadowEntry, theirs: ListedEntry | None) -> bytes | None:
        """The first name of the same file, if `ours` is another one."""
        if ours.links < 2:
            return None
        key = (ours.device, ours.inode)
        known = self._leaders.get(key)
        if known is not None:
            return known[0]
        self._leaders[key] = (ours.path, None if theirs is None else (theirs.device, theirs.inode))
        return None

    def linked_there(self, ours: ShadowEntry, theirs: ListedEntry | None) -> bool:
        """Whether the replica has this name and the first one as one file."""
        first = self._leaders[ours.device, ours.inode][1]
        return theirs is not None and first is not None and first == (theirs.device, theirs.inode)

    def doubt(self, ours: ShadowEntry) -> None:
        """The first name may get a new inode there, so that no other name is linked to it any more."""
        if ours.links > 1:
            self._doubted.add((ours.device, ours.inode))

    def in_doubt(self, ours: ShadowEntry) -> bool:
        """Whether other names of this file may have to be linked again."""
        return (ours.device, ours.inode) in self._doubted

    def joined(self, theirs: ListedEntry) -> bool:
        """Whether the replica has this file, one of one name or the first of its names, and another as one.

        Asked once for each file: one of one name at two places (a bind mount) counts as two.
        """
        return self._met.again(theirs.device, theirs.inode)


def same_metadata(ours: ShadowEntry, theirs: ListedEntry) -> bool:
    """Whether permissions, owner, time and extended attributes are the same."""
    return (
        ours.modified_ns == theirs.modified_ns
        and ours.mode & 0o7777 == theirs.permissions
        and ours.uid == theirs.uid
        and ours.gid == theirs.gid
        and ours.xattrs == theirs.xattrs
    )


def merge(ours: Iterator[ShadowEntry], theirs: Iterator[ListedEntry]) -> Iterator[Pair]:
    """Two listings side by side; None where one side has nothing. Raises as `compare` does."""
    listed = _in_order(theirs)
    mine, other = next(ours, None), next(listed, None)
    while mine is not None or other is not None:
        if other is None:
            yield mine, None
            yield from zip(ours, itertools.repeat(None))
            return
        if mine is None:
            yield None, other[1]
            yield from ((None, entry) for _, entry in listed)
            return
        if mine.path == other[1].path:
            yield mine, other[1]
            mine, other = next(ours, None), next(listed, None)
        elif order_key(mine.path) < other[0]:
            yield mine, None
            mine = next(ours, None)
        else:
            yield None, other[1]
            other = next(listed, None)


def _in_order(theirs: Iterator[ListedEntry]) -> Iterator[tuple[bytes, ListedEntry]]:
    last: bytes | None = None
    for entry in theirs:
        key = order_key(entry.path)
        if last is not None and key <= last:
            # Merged, it would show entries as missing and others as extra, and extra ones are removed.
            raise ArcxoError("ER00301", cause="a listing that is not in order")
        last = key
        yield key, entry
