"""Change records from the only two things that count: the shadow, and the state of a path now."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from app.model.entry import EntryKind, Metadata
from app.model.scenario import RootStatistics
from app.replication.content import (
    changed_blocks,
    data_extents,
    data_of,
    hash_blocks,
    open_file,
    read_exact,
    windows,
)
from app.replication.master.filters import PathFilter
from app.replication.master.hints import wait_for_cost
from app.replication.master.observe import entry_of, same_metadata, same_state, same_status, unchanged
from app.replication.master.outlet import Outlet
from app.replication.master.shadow import Shadow, ShadowEntry
from app.replication.metadata import metadata_of, read_xattrs
from app.replication.records import (
    BLOCK_BYTES,
    INLINE_MAX_BYTES,
    Extent,
    MakeEntry,
    MakeLink,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)

BLOCKWISE_MIN_BYTES = 1024 * 1024
WHOLE_AT_PERCENT = 70
YOUNG_NS = 2_000_000_000
TORN_TRIES = 3
_GONE = (FileNotFoundError, NotADirectoryError)


class RootLostError(Exception):
    """The root is not there, or not what it was: nothing may be concluded from that."""

    def __init__(self, root: int, code: str) -> None:
        self.root = root
        self.code = code
        super().__init__(root, code)


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
        """A path cannot be read; try again later."""

    def fine(self, root: int, path: bytes) -> None:
        """A path was read."""

    def is_pending(self, root: int, path: bytes) -> bool:
        """Whether a hint for the path waits."""


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


@dataclass(slots=True)
class RootCounters:
    """Figures of one root."""

    files: int = 0
    size_bytes: int = 0
    folders_created: int = 0
    files_changed: int = 0
    removed: int = 0
    renamed: int = 0
    changed_bytes: int = 0
    last_change_at: datetime | None = None


@dataclass(slots=True)
class ComparedRoot:
    """One root as the comparison needs it. `device` and `inode` are those it had when the engine started."""

    number: int
    path: bytes
    device: int = 0
    inode: int = 0
    counters: RootCounters = field(default_factory=RootCounters)

    def whole(self, path: bytes) -> bytes:
        """The absolute path."""
        return self.path + b"/" + path if path else self.path

    def holds(self, path: bytes) -> bool:
        """Whether all directories on the way to `path` are there, and none is a symbolic link."""
        end = path.find(b"/")
        while end >= 0:
            try:
                if not stat.S_ISDIR(os.lstat(self.whole(path[:end])).st_mode):
                    return False
            except OSError:
                return False
            end = path.find(b"/", end + 1)
        return True

    def identify(self) -> None:
        """Remember which directory the root is. Raises OSError when there is none."""
        status = os.stat(self.path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(20, os.strerror(20), self.path)
        self.device, self.inode = status.st_dev, status.st_ino

    def check(self) -> None:
        """Raises RootLostError when the root is not the directory it was."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise RootLostError(self.number, "ER00220") from error
        if status.st_dev != self.device or status.st_ino != self.inode:
            raise RootLostError(self.number, "ER00221")

    def statistics(self) -> RootStatistics:
        """The figures for people."""
        c = self.counters
        return RootStatistics(
            self.path, c.size_bytes, c.files, c.folders_created, c.files_changed, c.removed, c.renamed,
            c.changed_bytes, c.last_change_at,
        )  # fmt: skip


class Comparer:
    """Compares paths and puts records into the outlet. For one thread; blocks on the disk."""

    def __init__(
        self,
        roots: list[ComparedRoot],
        shadow: Shadow,
        outlet: Outlet,
        filters: PathFilter,
        followers: Followers,
        guard: Guard,
        renames_allowed: Callable[[], bool],
    ) -> None:
        self._roots = roots
        self._shadow = shadow
        self._outlet = outlet
        self._filters = filters
        self._followers = followers
        self._guard = guard
        self._renames_allowed = renames_allowed

    # one path

    def compare(
        self, root_number: int, path: bytes, *, content: bool = False, tree: bool = False, force: bool = False
    ) -> list[bytes]:
        """Record what changed at `path`. Returns the paths in it to compare next (`tree`, new directories).

        Raises:
            RootLostError: the root is gone, so nothing at all is recorded.
        """
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        try:
            status = os.lstat(root.whole(path))
        except _GONE:
            self._gone(root, path, row, force=force)
            return []
        except OSError as error:
            if error.errno != errno.ELOOP or root.holds(path):
                self._followers.trouble(root_number, path, error)
                return []
            self._gone(root, path, row, force=force)
            return []
        if not root.holds(path):
            # A directory on the way is a symbolic link by now: what it leads to is not this path.
            self._gone(root, path, row, force=force)
            return []
        if not path and (status.st_dev, status.st_ino) != (root.device, root.inode):
            raise RootLostError(root_number, "ER00221")
        is_directory = stat.S_ISDIR(status.st_mode)
        if stat.S_ISSOCK(status.st_mode) or self._filters.leaves_out(path, directory=is_directory):
            if row is not None:
                self._gone(root, path, row, force=False)
            return []
        if path and (row is None or force) and not self._parent(root, path, force=force):
            return []
        try:
            again = self._present(root, path, row, status, content=content, tree=tree, force=force)
        except _GONE:
            # It vanished while it was looked at: the next comparison sees that.
            self._followers.again(root_number, path, content=content, tree=tree, delay=0.01)
            return []
        except OSError as error:
            self._followers.trouble(root_number, path, error)
            return []
        return again

    def _parent(self, root: ComparedRoot, path: bytes, *, force: bool) -> bool:
        """Whether the directory that holds `path` is recorded; records it where it is not yet."""
        parent = path.rpartition(b"/")[0]
        row = self._shadow.get(root.number, parent)
        known = row is not None and stat.S_ISDIR(row.mode)
        if known and not force:
            return True
        if force and row is not None and known:
            if parent:
                self._parent(root, parent, force=True)
            try:
                status = os.lstat(root.whole(parent))
            except OSError:
                return False
            if not stat.S_ISDIR(status.st_mode):
                return False
            if parent:
                xattrs = read_xattrs(root.whole(parent))
                self._outlet.put(MakeEntry(root.number, parent, metadata_of(status, xattrs, b"")))
            return True
        for child in self.compare(root.number, parent):
            self._followers.again(root.number, child, content=True, tree=True, delay=0.0)
        row = self._shadow.get(root.number, parent)
        return row is not None and stat.S_ISDIR(row.mode)

    def _gone(self, root: ComparedRoot, path: bytes, row: ShadowEntry | None, *, force: bool) -> None:
        if not path:
            raise RootLostError(root.number, "ER00220")
        if row is None and not force:
            return
        # A root that was unmounted or removed shows all its entries as gone.
        root.check()
        if row is not None:
            self._guard.removing(root.number, path)
        self._outlet.put(Remove(root.number, path))
        entries, files, size = self._shadow.remove(root.number, path)
        counters = root.counters
        counters.removed += entries
        counters.files -= files
        counters.size_bytes -= size
        counters.last_change_at = datetime.now(UTC)
        self._followers.fine(root.number, path)

    def _present(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        content: bool,
        tree: bool,
        force: bool,
    ) -> list[bytes]:
        mode = status.st_mode
        if row is not None and stat.S_IFMT(row.mode) != stat.S_IFMT(mode):
            self._gone(root, path, row, force=False)
            row = None
        if stat.S_ISREG(mode):
            if row is not None and not content and not force and unchanged(row, status, root.device):
                return []
            self._file(root, path, row, status, content=content, force=force)
            return []
        if stat.S_ISDIR(mode):
            fresh = row is None or row.inode != status.st_ino & ((1 << 63) - 1)
            if fresh or force or not unchanged(_some(row), status, root.device):
                self._entry(root, path, row, status, force=force)
            if fresh or tree or force:
                return self._names(root, path)
            return []
        if row is None or force or not unchanged(row, status, root.device):
            self._entry(root, path, row, status, force=force)
        return []

    def _names(self, root: ComparedRoot, path: bytes) -> list[bytes]:
        """Everything the directory has now or is recorded to have."""
        prefix = path + b"/" if path else b""
        names = {prefix + name for name in os.listdir(root.whole(path))}
        names.update(entry.path for entry in self._shadow.children(root.number, path))
        return sorted(names)

    def _entry(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        force: bool,
    ) -> None:
        """A directory, link, fifo or device that is new or changed."""
        whole = root.whole(path)
        target = os.readlink(whole) if stat.S_ISLNK(status.st_mode) else b""
        xattrs = read_xattrs(whole)
        if not same_status(status, os.lstat(whole)) and not stat.S_ISDIR(status.st_mode):
            self._followers.again(root.number, path, content=True, tree=False, delay=0.0)
            return
        now = entry_of(path, status, xattrs, target, root.device)
        now = self._read_now(root, now, time.time_ns(), agrees=True)
        metadata = metadata_of(status, xattrs, target)
        is_directory = metadata.kind is EntryKind.DIRECTORY
        if row is None or force:
            if path:
                self._outlet.put(MakeEntry(root.number, path, metadata))
            if not path or is_directory:
                self._outlet.put(SetMetadata(root.number, path, metadata))
            if is_directory and row is None:
                root.counters.folders_created += 1
        elif (row.target, row.rdev) != (now.target, now.rdev):
            self._outlet.put(Remove(root.number, path))
            self._outlet.put(MakeEntry(root.number, path, metadata))
        elif not same_metadata(row, now):
            self._outlet.put(SetMetadata(root.number, path, metadata))
        if row is None:
            self._guard.created(root.number, now)
        self._shadow.put(root.number, now)
        root.counters.last_change_at = datetime.now(UTC)
        self._followers.recorded(root.number, path, 0.0)
        self._followers.fine(root.number, path)

    # files

    def _file(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        content: bool,
        force: bool,
    ) -> None:
        if status.st_nlink > 1 and not force and self._link(root, path, row, status):
            return
        began = time.monotonic()
        whole = root.whole(path)
        # Same inode, size and time, and nobody told of writing: only the metadata can have changed.
        same = (
            row is not None
            and not force
            and row.inode == status.st_ino & ((1 << 63) - 1)
            and row.size == status.st_size
            and row.modified_ns == status.st_mtime_ns
        )
        if same and not content and row is not None and row.changed_ns:
            xattrs = read_xattrs(whole)
            if not same_status(status, os.lstat(whole)):
                self._followers.again(root.number, path, content=True, tree=False, delay=0.0)
                return
            now = self._unread(root, row, entry_of(path, status, xattrs, b"", root.device, row.hashes))
            if not same_metadata(row, now):
                self._outlet.put(SetMetadata(root.number, path, metadata_of(status, xattrs, b"")))
                self._counted(root, row, now, 0)
            self._put_links(root, now)
            self._followers.fine(root.number, path)
            return
        fd = open_file(whole)
        try:
            for attempt in range(TORN_TRIES):
                looked_ns = time.time_ns()
                before = os.fstat(fd)
                if before.st_size > INLINE_MAX_BYTES:
                    done = self._large(root, path, row, fd, before, looked_ns, force=force)
                else:
                    last = attempt == TORN_TRIES - 1
                    done = self._small(root, path, row, fd, before, looked_ns, force=force, last=last)
                if done:
                    break
        finally:
            os.close(fd)
        self._followers.recorded(root.number, path, time.monotonic() - began)
        self._followers.fine(root.number, path)

    def _small(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        fd: int,
        before: os.stat_result,
        looked_ns: int,
        *,
        force: bool,
        last: bool,
    ) -> bool:
        size = before.st_size
        data = read_exact(fd, 0, size) if size else b""
        extents = data_extents(fd, before)
        xattrs = read_xattrs(fd)
        agrees = self._agrees(root, path, fd, before)
        if not agrees and not last:
            return False
        hashes = hash_blocks(data)
        now = entry_of(path, before, xattrs, b"", root.device, hashes)
        now = self._read_now(root, now, looked_ns, agrees=agrees)
        metadata = metadata_of(before, xattrs, b"")
        if (
            not force
            and row is not None
            and row.hashes == hashes
            and row.size == size
            and row.inode == now.inode
        ):
            if not same_metadata(row, now):
                self._outlet.put(SetMetadata(root.number, path, metadata))
                self._counted(root, row, now, 0)
            self._put_links(root, now)
            return True
        if extents and not (len(extents) == 1 and extents[0].length == size):
            sent = b"".join(data[e.offset : e.offset + e.length] for e in extents)
        else:
            sent = data if extents else b""
        if row is not None and not force:
            self._guard.rewriting(root.number, row)
        if self._keeps_links(root, row, now) and not force:
            whole = (Extent(0, size),) if size else ()
            self._outlet.put(WriteBlocks(root.number, path, metadata, whole, data))
        else:
            self._outlet.put(ReplaceFile(root.number, path, metadata, extents, sent))
        self._counted(root, row, now, len(sent))
        self._put_links(root, now, again=force)
        return True

    def _large(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        fd: int,
        before: os.stat_result,
        looked_ns: int,
        *,
        force: bool,
    ) -> bool:
        """Content over the inline limit. One pass whatever happens meanwhile; a file that is being written
        is compared again afterwards.
        """
        known = None
        if row is not None and not force and row.hashes and row.size > BLOCKWISE_MIN_BYTES:
            same_inode = row.inode == before.st_ino & ((1 << 63) - 1)
            known = row.hashes if same_inode or row.links == 1 else None
        xattrs = read_xattrs(fd)
        metadata = metadata_of(before, xattrs, b"")
        if known is not None and row is not None:
            hashes, sent = self._blocks(root, path, fd, before, known, metadata, row)
        else:
            now = entry_of(path, before, xattrs, b"", root.device)
            in_place = self._keeps_links(root, row, now) and not force
            if row is not None and not force:
                self._guard.rewriting(root.number, row)
            hashes, sent = self._whole(root, path, fd, before, metadata, in_place=in_place)
        agrees = self._agrees(root, path, fd, before)
        now = entry_of(path, before, xattrs, b"", root.device, hashes)
        now = self._read_now(root, now, looked_ns, agrees=agrees)
        if sent or row is None or force or not same_metadata(row, now) or row.size != now.size:
            self._counted(root, row, now, sent)
        self._put_links(root, now, again=force)
        return True

    def _whole(
        self,
        root: ComparedRoot,
        path: bytes,
        fd: int,
        before: os.stat_result,
        metadata: Metadata,
        *,
        in_place: bool,
    ) -> tuple[bytes, int]:
        extents = (Extent(0, before.st_size),) if in_place else data_extents(fd, before)
        stage = self._outlet.new_stage()
        hashes = []
        sent = 0
        for window in windows(fd, before.st_size, extents):
            hashes.append(window.hashes)
            data = data_of(window, extents)
            if data:
                self._outlet.put(StageContent(stage, sent, data))
                sent += len(data)
        made = WriteBlocks if in_place else ReplaceFile
        if sent:
            self._outlet.put(made(root.number, path, metadata, extents, None, stage))
        else:
            self._outlet.put(made(root.number, path, metadata, (), b""))
        return b"".join(hashes), sent

    def _blocks(
        self,
        root: ComparedRoot,
        path: bytes,
        fd: int,
        before: os.stat_result,
        known: bytes,
        metadata: Metadata,
        row: ShadowEntry,
    ) -> tuple[bytes, int]:
        size = before.st_size
        hashes = []
        runs: list[Extent] = []
        kept: list[bytes] = []
        stage = 0
        sent = 0
        for window in windows(fd, size, data_extents(fd, before)):
            hashes.append(window.hashes)
            changed = changed_blocks(window, known)
            if not changed:
                continue
            data = window.data if window.data is not None else bytes(window.length)
            for offset in changed:
                block = data[offset - window.offset : offset - window.offset + BLOCK_BYTES]
                if runs and runs[-1].offset + runs[-1].length == offset:
                    runs[-1] = replace(runs[-1], length=runs[-1].length + len(block))
                else:
                    runs.append(Extent(offset, len(block)))
                kept.append(block)
            if stage or sum(map(len, kept)) > INLINE_MAX_BYTES:
                stage = stage or self._outlet.new_stage()
                sent = self._stage_parts(stage, sent, kept)
        total = sent + sum(map(len, kept))
        if not runs and size == row.size:
            if not same_metadata(row, entry_of(path, before, metadata.xattrs, b"", root.device)):
                self._outlet.put(SetMetadata(root.number, path, metadata))
            return b"".join(hashes), 0
        self._guard.rewriting(root.number, row, whole=2 * total > row.size)
        if stage:
            self._outlet.put(WriteBlocks(root.number, path, metadata, tuple(runs), None, stage))
        else:
            self._outlet.put(WriteBlocks(root.number, path, metadata, tuple(runs), b"".join(kept)))
        return b"".join(hashes), total

    def _stage_parts(self, stage: int, offset: int, kept: list[bytes]) -> int:
        data = b"".join(kept)
        kept.clear()
        for start in range(0, len(data), INLINE_MAX_BYTES):
            part = data[start : start + INLINE_MAX_BYTES]
            self._outlet.put(StageContent(stage, offset + start, part))
        return offset + len(data)

    def _agrees(self, root: ComparedRoot, path: bytes, fd: int, before: os.stat_result) -> bool:
        """Whether the file is still what it was before reading, and still the one at the path."""
        if not same_status(before, os.fstat(fd)):
            return False
        return same_status(before, os.lstat(root.whole(path)))

    # what a change time proves: see `ShadowEntry.changed_ns`

    def _read_now(self, root: ComparedRoot, now: ShadowEntry, looked_ns: int, *, agrees: bool) -> ShadowEntry:
        """`now`, all of which was read after `looked_ns`, with what its change time proves."""
        if not agrees:
            # Written all the time: what was read is recorded, and it is compared again, as soon as that is
            # worth what it costs.
            delay = wait_for_cost((time.time_ns() - looked_ns) / 1e9)
            self._followers.changing(root.number, now.path, delay)
        elif looked_ns - YOUNG_NS < now.changed_ns <= looked_ns + YOUNG_NS:
            self._followers.young(root.number, now.path)
        else:
            return now
        return replace(now, changed_ns=0)

    def _unread(self, root: ComparedRoot, known: ShadowEntry, now: ShadowEntry) -> ShadowEntry:
        """`now`, whose content was not read and is taken from `known`, with what its change time proves."""
        if known.changed_ns == now.changed_ns:
            return now
        if known.changed_ns == 0:
            self._followers.young(root.number, now.path)
            return replace(now, changed_ns=0)
        self._followers.unproved(root.number, now.path)
        return replace(now, changed_ns=-now.changed_ns)

    def prove(self, root_number: int, path: bytes) -> None:
        """Take an unread content as proved: what was told meanwhile of its file has been compared."""
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        if row is None or row.changed_ns >= 0:
            return
        names = self._names_everywhere(root, row)
        if any(self._followers.is_pending(number, other.path) for number, other in names):
            self._followers.unproved(root_number, path)
            return
        try:
            status = os.lstat(root.whole(path))
        except OSError:
            status = None
        proved = replace(row, changed_ns=-row.changed_ns)
        if status is None or not unchanged(proved, status, root.device):
            self._followers.again(root_number, path, content=True, tree=False, delay=0.0)
            return
        for number, other in names:
            if number == root_number and other.changed_ns == row.changed_ns:
                self._shadow.put(number, replace(other, changed_ns=proved.changed_ns))

    def learn(self, root_number: int, path: bytes, status: os.stat_result, hashes: bytes) -> bool:
        """Keep the hashes of a content that was read, whole and unchanged, while it had `status`.

        That was long enough ago for everything told before to be waiting or compared by now. False when it
        is not what is recorded any more, or something waits to be compared.
        """
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        if (
            row is None
            or row.hashes is not None
            or not row.changed_ns
            or not same_state(row, status, root.device)
        ):
            return False
        names = self._names_everywhere(root, row)
        if any(self._followers.is_pending(number, other.path) for number, other in names):
            return False
        for number, other in names:
            if number == root_number and other.changed_ns == row.changed_ns:
                self._shadow.put(number, replace(other, hashes=hashes))
        return True

    def _names_everywhere(self, root: ComparedRoot, row: ShadowEntry) -> list[tuple[int, ShadowEntry]]:
        """All recorded names of a file, with the number of their root."""
        return [
            (other.number, name)
            for other in self._roots
            if other is root or (row.device == 0 and other.device == root.device)
            for name in self._shadow.names_of(other.number, row.device, row.inode)
        ]

    def _counted(self, root: ComparedRoot, row: ShadowEntry | None, now: ShadowEntry, sent: int) -> None:
        counters = root.counters
        if row is None:
            counters.files += 1
            self._guard.created(root.number, now)
        counters.size_bytes += now.size - (row.size if row is not None else 0)
        # What is only read again, as after a rename of a young file, is sent but is no change.
        again = row is not None and row.size == now.size and same_metadata(row, now)
        counters.files_changed += not again
        counters.changed_bytes += sent
        counters.last_change_at = datetime.now(UTC)
        if now.links > 1:
            # A name of it in another root of the scenario is told of nothing.
            for number, name in self._names_everywhere(root, now):
                if number != root.number:
                    self._shadow.put(number, replace(name, changed_ns=0))
                    self._followers.again(number, name.path, content=True, tree=False, delay=0.0)

    # hard links

    def _link(self, root: ComparedRoot, path: bytes, row: ShadowEntry | None, status: os.stat_result) -> bool:
        """Record `path` as another name of a recorded file, if it is one."""
        inode = status.st_ino & ((1 << 63) - 1)
        if row is not None and row.inode == inode:
            return False
        device = 0 if status.st_dev == root.device else status.st_dev & ((1 << 63) - 1)
        for recorded in self._shadow.names_of(root.number, device, inode):
            other = recorded
            if other.path == path:
                continue
            try:
                there = os.lstat(root.whole(other.path))
            except OSError:
                continue
            if not same_status(there, status):
                continue
            xattrs = read_xattrs(root.whole(path))
            seen = entry_of(path, status, xattrs, b"", root.device, other.hashes)
            if other.size != status.st_size or not same_metadata(other, seen):
                # The recorded name is behind: bring it up first, then this one is its equal.
                self.compare(root.number, other.path, content=True)
                known = self._shadow.get(root.number, other.path)
                if known is None or known.inode != inode:
                    continue
                other = known
            self._outlet.put(MakeLink(root.number, path, other.path))
            now = entry_of(path, status, xattrs, b"", root.device, other.hashes)
            now = self._unread(root, other, now)
            self._counted(root, row, now, 0)
            self._put_links(root, now, linked=True)
            self._followers.recorded(root.number, path, 0.0)
            return True
        return False

    def _keeps_links(self, root: ComparedRoot, row: ShadowEntry | None, now: ShadowEntry) -> bool:
        """Whether the replica's file has other names that must see the new content."""
        if row is None or row.inode != now.inode or now.links < 2:
            return False
        names = self._shadow.names_of(root.number, now.device, now.inode)
        return any(other.path != now.path for other in names)

    def _put_links(
        self, root: ComparedRoot, now: ShadowEntry, *, linked: bool = False, again: bool = False
    ) -> None:
        """Record `now`, and the same for all other recorded names of its inode.

        Names that have this inode in the shadow but were not linked with this one on the replica (the inode
        number was used before, or their link could not be made) are to be compared as something new.
        """
        before = self._shadow.get(root.number, now.path)
        linked = linked or (before is not None and before.inode == now.inode)
        self._shadow.put(root.number, now)
        for other in self._shadow.names_of(root.number, now.device, now.inode):
            if other.path == now.path:
                continue
            if linked and now.links > 1:
                if again:
                    # Sent in full, it is an inode of its own there.
                    self._outlet.put(MakeLink(root.number, other.path, now.path))
                self._shadow.put(root.number, replace(now, path=other.path))
            else:
                self._shadow.put(root.number, replace(other, inode=0, changed_ns=0))
                self._followers.again(root.number, other.path, content=True, tree=False, delay=0.0)

    # renames

    def move(self, root_number: int, path: bytes, new_path: bytes) -> None:
        """Record a rename if it provably is one; else ask for both paths to be compared."""
        if not self._renamed(self._roots[root_number], path, new_path):
            self._followers.again(root_number, path, content=True, tree=True, delay=0.0)
            self._followers.again(root_number, new_path, content=True, tree=True, delay=0.0)

    def _renamed(self, root: ComparedRoot, path: bytes, new_path: bytes) -> bool:
        row = self._shadow.get(root.number, path)
        if row is None or path == new_path or not self._renames_allowed():
            return False
        is_directory = stat.S_ISDIR(row.mode)
        if is_directory and self._filters.by_path:
            return False
        if self._filters.leaves_out(new_path, directory=is_directory):
            return False
        try:
            status = os.lstat(root.whole(new_path))
        except OSError:
            return False
        now = entry_of(new_path, status, (), row.target, root.device)
        if (now.inode, now.device, stat.S_IFMT(now.mode)) != (row.inode, row.device, stat.S_IFMT(row.mode)):
            return False
        try:
            old = os.lstat(root.whole(path))
        except OSError:
            old = None
        if old is not None and old.st_ino == status.st_ino and old.st_dev == status.st_dev:
            return False
        parent = self._shadow.get(root.number, new_path.rpartition(b"/")[0])
        if parent is None or not stat.S_ISDIR(parent.mode):
            return False
        replaced = self._shadow.get(root.number, new_path)
        if replaced is not None and (
            stat.S_ISDIR(replaced.mode) != is_directory
            # It was compared under its new name already: what is known of the old one is older.
            or (replaced.inode, replaced.device) == (row.inode, row.device)
        ):
            return False
        if not self._guard.renames(directory=is_directory):
            return False
        if replaced is not None:
            if is_directory:
                self._guard.removing(root.number, new_path)
            else:
                self._guard.rewriting(root.number, replaced)
            _, files, size = self._shadow.remove(root.number, new_path)
            root.counters.files -= files
            root.counters.size_bytes -= size
        if not is_directory:
            self._guard.renamed(root.number, row, new_path)
        self._outlet.put(Rename(root.number, path, new_path))
        self._shadow.rename(root.number, path, new_path)
        root.counters.renamed += 1
        root.counters.last_change_at = datetime.now(UTC)
        self._followers.recorded(root.number, new_path, 0.0)
        # Paths in it may have been compared while the old name was gone, or another directory's: only a
        # walk tells. A file written within the granularity of its times is read again.
        young = not row.changed_ns or status.st_mtime_ns > time.time_ns() - YOUNG_NS
        for child in self.compare(root.number, new_path, content=young, tree=True):
            self._followers.again(root.number, child, content=False, tree=True, delay=0.0)
        return True


def _some(row: ShadowEntry | None) -> ShadowEntry:
    assert row is not None
    return row
