"""New directories of a restore, staged with all that is in them and put in place by one operation each."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from app.model.entry import EntryKind, Metadata
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
    count, here, rows = len(wanted), b"", _unpacked(packed, b"", path)
    count += len(rows)
    for above, fd, name, status in _beneath(side, staged):
        if above != here:
            # One directory after the other: no more than its files are held besides what they become.
            here, rows = above, _unpacked(packed, above, path)
            count += len(rows)
        relative = above + b"/" + name if above else name
        row = rows.get(name)
        if row is not None:
            metadata = Metadata(EntryKind.FILE, *row)
        elif relative in wanted:
            metadata = wanted[relative]
        else:
            raise PathTrouble("ER00404", path, final=True)
        if stat.S_IFMT(status.st_mode) != file_type(metadata.kind):
            raise PathTrouble("ER00404", path, final=True)
        _note(grown, relative, metadata, status, fd, name)
    count += sum(len(_unpacked(packed, above, path)) for above in list(packed))
    if len(grown.states) != count:
        raise PathTrouble("ER00404", path, final=True)
    return grown


def _by_directory(files: Sequence[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    """What was told of files by directory, packed."""
    found: dict[bytes, list[bytes]] = {}
    for above, packed in files:
        found.setdefault(above, []).append(packed)
    return found


def _unpacked(
    packed: dict[bytes, list[bytes]], above: bytes, path: bytes
) -> dict[bytes, tuple[int, int, int, int, int]]:
    """Take what the files of a directory have, by name. Raises PathTrouble."""
    found: dict[bytes, tuple[int, int, int, int, int]] = {}
    try:
        for part in packed.pop(above, ()):
            found.update((row[0], row[1:]) for row in unpacked_files(part))
    except ValueError:
        raise PathTrouble("ER00404", path, final=True) from None
    return found


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


def _beneath(side: Rooted, staged: bytes) -> Iterator[tuple[bytes, int, bytes, os.stat_result]]:
    """(path of its directory, descriptor of that, name, status), directories before what is in them."""
    pending = [b""]
    while pending:
        above = pending.pop()
        fd = side.directory(staged + b"/" + above if above else staged)
        for name, status in _entries(fd):
            yield above, fd, name, status
            if stat.S_ISDIR(status.st_mode):
                pending.append(above + b"/" + name if above else name)


def _entries(fd: int) -> Iterable[tuple[bytes, os.stat_result]]:
    if _scan is not None:
        found, unread = _scan.entries(fd, b".", b"")
        if not unread:
            return cast("Iterable[tuple[bytes, os.stat_result]]", found)
    names = map(os.fsencode, os.listdir(fd))
    return [(name, os.stat(name, dir_fd=fd, follow_symlinks=False)) for name in names]
