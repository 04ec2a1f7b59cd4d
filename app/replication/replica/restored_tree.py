"""New directories of a restore, staged with all that is in them and put in place by one operation each."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from app.model.entry import EntryKind, Metadata, order_key
from app.model.paths import check_relative
from app.native import native
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.drift_states import file_type, state_row
from app.replication.replica.grown import Grown
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import is_reserved
from app.replication.replica.steps import Operation
from app.replication.replica.trouble import PathTrouble
from app.replication.staged import TreeEntry, unpacked_files

_scan = native("scan")
_restored = native("restored")
_SIZE = 6
"""Where a row of states has it."""


def staged_tree(
    side: Rooted,
    root: int,
    path: bytes,
    staged: bytes,
    told: Sequence[TreeEntry],
    files: Sequence[tuple[bytes, bytes]] = (),
) -> Grown:
    """The directory staged at `staged` of the side store, which is to be at `path`, looked at entry by entry.

    Raises PathTrouble ER00404 when there is more or less in it than what was told, or something else, and
    ER00405 for a path that nothing may be restored to.
    """
    wanted = dict(told)
    if is_reserved(path):
        raise PathTrouble("ER00405", path, final=True)
    check_relative(path)
    top = side.status(staged)
    if top is None or b"" not in wanted or not stat.S_ISDIR(top.st_mode):
        raise PathTrouble("ER00404", path, final=True)
    grown = Grown(root, path, staged, top.st_ino)
    _note(grown, b"", wanted[b""], top, side.directory(staged), b".")
    packed = _by_directory(files)
    count, pending = len(wanted), [b""]
    while pending:
        above = pending.pop()
        fd = side.directory(staged + b"/" + above if above else staged)
        # One directory after the other: no more than its files are held besides what they become.
        told_here = _ToldFiles(packed.pop(above, []), path)
        for name, status in _look(grown, above, fd, told_here):
            relative = above + b"/" + name if above else name
            metadata = wanted.get(relative) or told_here.metadata(name)
            if metadata is None or stat.S_IFMT(status.st_mode) != file_type(metadata.kind):
                raise PathTrouble("ER00404", path, final=True)
            _note(grown, relative, metadata, status, fd, name)
            if stat.S_ISDIR(status.st_mode):
                pending.append(relative)
        count += told_here.count
    count += sum(_ToldFiles(parts, path).count for parts in packed.values())
    if len(grown.states) != count:
        raise PathTrouble("ER00404", path, final=True)
    return grown


def _by_directory(files: Sequence[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    """What was told of files by directory, packed."""
    found: dict[bytes, list[bytes]] = {}
    for above, packed in files:
        found.setdefault(above, []).append(packed)
    return found


class _ToldFiles:
    """What was told of the files of a directory, unpacked when one is asked for. Raises PathTrouble."""

    def __init__(self, parts: list[bytes], path: bytes) -> None:
        self.parts = parts
        self._path = path
        self._count: int | None = None
        self._rows: dict[bytes, tuple[int, int, int, int, int]] | None = None

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self._unpacked()) if self._count is None else self._count

    @count.setter
    def count(self, count: int) -> None:
        self._count = count

    def metadata(self, name: bytes) -> Metadata | None:
        """Of one of them."""
        row = self._unpacked().get(name)
        return None if row is None else Metadata(EntryKind.FILE, *row)

    def _unpacked(self) -> dict[bytes, tuple[int, int, int, int, int]]:
        if self._rows is None:
            self._rows = {}
            try:
                for part in self.parts:
                    self._rows.update((row[0], row[1:]) for row in unpacked_files(part))
            except ValueError:
                raise PathTrouble("ER00404", self._path, final=True) from None
        return self._rows


def _look(grown: Grown, above: bytes, fd: int, files: _ToldFiles) -> Iterable[tuple[bytes, os.stat_result]]:
    """What is in a directory, but for files that are exactly as told: those are noted."""
    if _restored is not None and files.parts:
        prefix = order_key(b"/".join((grown.path, above, b"") if above else (grown.path, b"")))
        seen = _restored.rows(fd, files.parts, grown.root, prefix)
        if seen is not None:
            rows, others, files.count = seen
            grown.states += rows
            grown.size_bytes += sum(row[_SIZE] for row in rows)
            return _statuses(fd, others)
    return _entries(fd)


def place_tree(batch: Batch, carrier: Carrier, number: int, grown: Grown) -> None:
    """Plan putting it in place: by one operation where nothing is, else by entries. Raises PathTrouble."""
    root, path = grown.root, grown.path
    if batch.status(root, path, subtree=True) is None:
        batch.place_grown(grown)
        batch.end_operation(number, 0, Operation.TREE, root, path, b"", grown.size_bytes, grown=grown)
        batch.store.index.drop_troubles_of(grown.places())
        return
    # Somebody made something there meanwhile.
    for (_, at), (_, metadata) in grown.entries.items():
        staged = None if metadata.kind is EntryKind.DIRECTORY else grown.side_of(at)
        carrier.restore(number, root, at, staged, metadata)


def _note(
    grown: Grown, relative: bytes, metadata: Metadata, status: os.stat_result, fd: int, name: bytes
) -> None:
    path = grown.path + b"/" + relative if relative else grown.path
    if stat.S_ISREG(status.st_mode):
        grown.size_bytes += status.st_size
    digest = b""
    if metadata.xattrs:
        digest = xattr_digest(read_xattrs(b"/proc/self/fd/%d/%s" % (fd, name)))
    # The rename into place moves the change time of the directory that is renamed.
    changed = status.st_ctime_ns if relative else 0
    row = state_row(grown.root, path, status, changed, digest)
    grown.states.append(row)
    entry = status.st_ino, metadata
    if grown.entry_of(path, row) != entry:
        grown.wanted[path] = entry


def _statuses(fd: int, names: Iterable[bytes]) -> Iterator[tuple[bytes, os.stat_result]]:
    for name in names:
        # What vanished is missed when all is counted.
        with contextlib.suppress(FileNotFoundError):
            yield name, os.stat(name, dir_fd=fd, follow_symlinks=False)


def _entries(fd: int) -> Iterable[tuple[bytes, os.stat_result]]:
    if _scan is not None:
        found, unread = _scan.entries(fd, b".", b"")
        if not unread:
            return cast("Iterable[tuple[bytes, os.stat_result]]", found)
    return _statuses(fd, map(os.fsencode, os.listdir(fd)))
