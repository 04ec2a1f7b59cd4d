"""Master and replica compared as they are now, without the stream: for difference reports and audits.

The master is walked, not taken from the shadow, and the replica looked at over a link of its own: what the
engine has wrong is seen, too. What is on its way shows as different; looking `again` tells.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.model.entry import EntryKind, order_key
from app.model.report import ReportedChange, ReportItem
from app.model.scenario import ScenarioProperties
from app.replication.content import hash_range, open_file
from app.replication.master.compare import ComparedRoot
from app.replication.master.differences import Difference, What, compare, expected_extras
from app.replication.master.filters import PathFilter
from app.replication.master.inspector import Inspector
from app.replication.master.observe import entry_of
from app.replication.master.recordable import UnrecordableError, check_name, read_target, read_xattrs
from app.replication.master.shadow import ShadowEntry
from app.replication.records import BLOCK_BYTES
from app.replication.sync_frames import HashItem, ListedEntry

_HASHED_AT_ONCE = 200
_HASHED_BYTES = 32 * 1024 * 1024
_AGAIN_AT_ONCE = 500
_GONE = (FileNotFoundError, NotADirectoryError)

Report = Callable[[bytes, OSError], None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One path that looked different. `ours` and `theirs` are what was seen; `link_to` another name of it."""

    root: int
    path: bytes
    change: ReportedChange
    ours: ShadowEntry | None
    theirs: ListedEntry | None
    link_to: bytes = b""

    def item(self, top: bytes, *, in_flight: bool) -> ReportItem:
        """For people; `top` is the root's path."""
        kind = (
            self.ours.kind if self.ours is not None else self.theirs.kind if self.theirs else EntryKind.FILE
        )
        return ReportItem(
            top + b"/" + self.path if self.path else top,
            self.change,
            kind.value,
            self.ours.size if self.ours is not None else 0,
            self.theirs.size_bytes if self.theirs is not None else 0,
            in_flight,
        )


class Comparison:
    """One root and one replica. For one thread; every call blocks on disk and link."""

    def __init__(
        self,
        root: ComparedRoot,
        inspector: Inspector,
        filters: PathFilter,
        properties: ScenarioProperties,
        report: Report,
        *,
        content: bool,
        pace: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._root = root
        self._inspector = inspector
        self._filters = filters
        self._keeps = expected_extras(properties, filters)
        self._told = report
        self._unread: set[bytes] = set()
        self._content = content
        self._pace = pace
        self._unproved: list[Difference] = []
        self._unproved_bytes = 0
        self.compared = 0
        self.compared_bytes = 0
        self.drifted: set[bytes] = set()
        """After `again`: paths that others are known to have changed on the replica."""
        self.complete = False
        """After `candidates`: whether nothing is left of the root."""
        self.through = b""
        """Else: everything up to this path was compared."""

    def candidates(
        self, after: bytes | None = None, enough: Callable[[], bool] = lambda: False
    ) -> Iterator[Candidate]:
        """What differs after `after` (None: in the whole root); ends early once there is `enough`.

        Raises:
            RootLostError: the master's root is gone. ArcxoError: the link has ended.
        """
        self.complete = False
        ours = self._counted(live(self._root, self._filters, self._report, after))
        theirs = self._inspector.listing(self._root.number, after)
        for difference in compare(
            ours, theirs, keeps=self._keeps, trust_size_time=not self._content, on_same=lambda _: None
        ):
            if difference.ours is None and self._unread and self._is_unread(difference.path):
                continue
            yield from self._candidate(difference)
            # Not behind a directory that only one side has: what is in it belongs to it.
            if difference.what not in (What.EXTRA, What.REPLACED, What.MISSING) and enough():
                yield from self._hashed()
                self.through = difference.path
                return
        yield from self._hashed()
        self.complete = True

    def _report(self, path: bytes, error: OSError) -> None:
        self._unread.add(path)
        self._told(path, error)

    def _is_unread(self, path: bytes) -> bool:
        """Whether nobody can tell what the master has at `path`: what a replica has is no difference."""
        while path and path not in self._unread:
            path = path.rpartition(b"/")[0]
        return path in self._unread

    def ranged(self, after: bytes | None, entries: int, size_bytes: int) -> Iterator[Candidate]:
        """The same for about so many entries and bytes; `through` and `complete` tell how far it came."""
        return self.candidates(after, lambda: self._enough(entries, size_bytes))

    def whole(self, path: bytes) -> bytes:
        """The master's absolute path."""
        return self._root.whole(path)

    def _enough(self, entries: int, size_bytes: int) -> bool:
        return self.compared >= entries or self.compared_bytes + self._unproved_bytes >= size_bytes

    def again(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Those of `found` that still differ, as they do now."""
        still: list[Candidate] = []
        self.drifted = set()
        for start in range(0, len(found), _AGAIN_AT_ONCE):
            part = {candidate.path for candidate in found[start : start + _AGAIN_AT_ONCE]}
            leaders = {candidate.link_to for candidate in found[start : start + _AGAIN_AT_ONCE]} - {b""}
            paths = sorted(part | leaders, key=order_key)
            ours = (entry for path in paths if (entry := self._look(path)) is not None)
            theirs = iter(self._inspector.look(self._root.number, paths))
            self.drifted |= self._inspector.drifted
            for difference in compare(
                ours, theirs, keeps=self._keeps, trust_size_time=not self._content, on_same=lambda _: None
            ):
                if difference.path in part and (
                    difference.ours is not None or not self._is_unread(difference.path)
                ):
                    still += self._candidate(difference)
            still += self._hashed()
        return still

    def _look(self, path: bytes) -> ShadowEntry | None:
        try:
            return look(self._root, self._filters, path)
        except UnrecordableError as error:
            if path not in self._unread:
                self._report(path, error)
            return None

    def _counted(self, ours: Iterator[ShadowEntry]) -> Iterator[ShadowEntry]:
        for entry in ours:
            self.compared += 1
            yield entry

    def _candidate(self, difference: Difference) -> Iterator[Candidate]:
        ours, theirs = difference.ours, difference.theirs
        if difference.what is What.UNPROVED:
            assert ours is not None
            if difference.metadata:
                yield self._made(difference, ReportedChange.METADATA)
                return
            self._unproved.append(difference)
            self._unproved_bytes += ours.size
            if len(self._unproved) >= _HASHED_AT_ONCE or self._unproved_bytes >= _HASHED_BYTES:
                yield from self._hashed()
            return
        if difference.what is What.LINK:
            if not difference.linked:
                change = ReportedChange.MISSING if theirs is None else ReportedChange.LINK
                yield self._made(difference, change)
            return
        if difference.what is What.CONTENT:
            assert ours is not None
            assert theirs is not None
            same_size = ours.size == theirs.size_bytes
            yield self._made(difference, ReportedChange.TIME if same_size else ReportedChange.SIZE)
            return
        yield self._made(difference, _CHANGES[difference.what])

    def _made(self, difference: Difference, change: ReportedChange) -> Candidate:
        return Candidate(
            self._root.number, difference.path, change, difference.ours, difference.theirs, difference.link_to
        )

    # contents

    def _hashed(self) -> Iterator[Candidate]:
        """Compare the contents that wait for it, block by block."""
        waiting, self._unproved, self._unproved_bytes = self._unproved, [], 0
        small = [d for d in waiting if d.ours is not None and 0 < d.ours.size <= _HASHED_BYTES]
        if small:
            items = [HashItem(d.path, 0, d.ours.size) for d in small if d.ours is not None]
            for difference, part in zip(small, self._inspector.hashes(self._root.number, items), strict=True):
                if not self._same(difference, 0, part.size_bytes, part.hashes):
                    yield self._made(difference, ReportedChange.CONTENT)
        for difference in waiting:
            if difference.ours is not None and difference.ours.size > _HASHED_BYTES:
                yield from self._large(difference, difference.ours.size)

    def _large(self, difference: Difference, size: int) -> Iterator[Candidate]:
        for offset in range(0, size, _HASHED_BYTES):
            length = min(_HASHED_BYTES, size - offset)
            (part,) = self._inspector.hashes(self._root.number, [HashItem(difference.path, offset, length)])
            if not self._same(difference, offset, part.size_bytes, part.hashes):
                yield self._made(difference, ReportedChange.CONTENT)
                return

    def _same(self, difference: Difference, offset: int, size: int, hashes: bytes) -> bool:
        """Whether the content from `offset` on has these hashes; so it counts if it cannot be read."""
        ours = difference.ours
        assert ours is not None
        if size != ours.size:
            return False
        length = min(_HASHED_BYTES, ours.size - offset)
        try:
            fd = open_file(self._root.whole(difference.path))
            try:
                mine = hash_range(fd, offset, length)
            finally:
                os.close(fd)
        except _GONE:
            return False
        except OSError as error:
            self._report(difference.path, error)
            return True
        self.compared_bytes += length
        self._pace(length)
        return mine == hashes


_CHANGES = {
    What.MISSING: ReportedChange.MISSING,
    What.EXTRA: ReportedChange.EXTRA,
    What.REPLACED: ReportedChange.TYPE,
    What.JOINED: ReportedChange.LINK,
    What.METADATA: ReportedChange.METADATA,
}
assert _HASHED_BYTES % BLOCK_BYTES == 0


def live(
    root: ComparedRoot, filters: PathFilter, report: Report, after: bytes | None
) -> Iterator[ShadowEntry]:
    """Every entry of a root after `after` (None: the root first) as it is now, in the order of `order_key`.

    Raises RootLostError when the root is not the directory it was.
    """
    root.check()
    if after is None:
        top = look(root, filters, b"")
        if top is not None:
            yield top
    last = None if after is None else order_key(after)
    waiting = [iter(_names(root, b"", filters, report, last))]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        path, wanted = found
        try:
            entry = look(root, filters, path)
        except UnrecordableError as error:
            report(path, error)
            continue
        if entry is None:
            continue
        if wanted:
            yield entry
        if stat.S_ISDIR(entry.mode):
            waiting.append(iter(_names(root, path, filters, report, last)))
    root.check()


def _names(
    root: ComparedRoot, path: bytes, filters: PathFilter, report: Report, last: bytes | None
) -> list[tuple[bytes, bool]]:
    prefix = path + b"/" if path else b""
    found = []
    try:
        with os.scandir(root.whole(path)) as entries:
            for entry in entries:
                child = prefix + entry.name
                try:
                    check_name(child)
                except UnrecordableError as error:
                    report(child, error)
                    continue
                directory = entry.is_dir(follow_symlinks=False)
                if filters.leaves_out(child, directory=directory):
                    continue
                key = order_key(child)
                if last is None or key > last:
                    found.append((child, True))
                elif directory and (key == last or last.startswith(key + b"\0")):
                    found.append((child, False))
    except _GONE:
        return []
    except OSError as error:
        report(path, error)
        return []
    found.sort()
    return found


def look(root: ComparedRoot, filters: PathFilter, path: bytes) -> ShadowEntry | None:
    """What takes part at `path` now; None when nothing does. Raises UnrecordableError."""
    whole = root.whole(path)
    try:
        status = os.lstat(whole)
        target = read_target(whole, status)
        xattrs = read_xattrs(whole)
    except UnrecordableError:
        raise
    except OSError:
        return None
    directory = stat.S_ISDIR(status.st_mode)
    if stat.S_ISSOCK(status.st_mode) or (path and filters.leaves_out(path, directory=directory)):
        return None
    return entry_of(path, status, xattrs, target, root.device)
