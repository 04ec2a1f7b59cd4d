"""Walk a quiet tree and build its twin: what the link and the reflink provider have in common."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence

from app.model.entry import EntryKind, Identity, Metadata, kept_ns, kind_of_mode
from app.model.errors import ArcxoError
from app.model.paths import shown

RESERVED_PREFIX = b".arcxo-"
"""Names beginning so belong to Arcxo and are in no snapshot."""

Visit = Callable[[bytes, Metadata, Identity], None]


def describe(path: bytes, status: os.stat_result | None = None) -> tuple[Metadata, Identity]:
    """Metadata and identity of `path` itself (links not followed)."""
    if status is None:
        status = os.lstat(path)
    kind = kind_of_mode(status.st_mode)
    metadata = Metadata(
        kind=kind,
        permissions=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size_bytes=status.st_size if kind is EntryKind.FILE else 0,
        modified_ns=kept_ns(status.st_mtime_ns),
        xattrs=xattrs(path),
        link_target=os.readlink(path) if kind is EntryKind.SYMLINK else b"",
        device=status.st_rdev,
    )
    return metadata, Identity(status.st_dev, status.st_ino, status.st_ctime_ns, status.st_nlink)


def xattrs(path: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Extended attributes of `path` itself, sorted; none where they cannot be listed."""
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return ()
    found = []
    for name in sorted(names):
        try:
            found.append((os.fsencode(name), os.getxattr(path, name, follow_symlinks=False)))
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
                raise
    return tuple(found)


def entries(
    root: bytes, paths: Sequence[bytes] | None, subtrees: Collection[bytes] = ()
) -> Iterator[tuple[bytes, os.stat_result]]:
    """(relative path, lstat) of everything to freeze, the root first, a directory before what is in it.

    With `paths`: those and the directories above them, each once; of `subtrees` also all beneath. A path that
    is gone is left out.
    """
    yield b"", os.lstat(root)
    if paths is None or b"" in subtrees:
        yield from _beneath(root, b"")
        return
    wanted: set[bytes] = set()
    for path in (*paths, *subtrees):
        if path in wanted:
            continue
        parts = path.split(b"/")
        wanted.update(b"/".join(parts[:length]) for length in range(1, len(parts) + 1))
    wanted.discard(b"")
    deep = frozenset(subtrees)
    covered = b""
    for path in sorted(wanted, key=lambda value: value.replace(b"/", b"\0")):
        if covered and path.startswith(covered):
            continue  # it came with the subtree
        try:
            status = os.lstat(os.path.join(root, path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        yield path, status
        if path in deep and stat.S_ISDIR(status.st_mode):
            covered = path + b"/"
            yield from _beneath(root, path)


def _beneath(root: bytes, start: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    pending = [start]
    while pending:
        directory = pending.pop()
        if directory != start:
            yield directory, os.lstat(os.path.join(root, directory))
        with os.scandir(os.path.join(root, directory)) as listing:
            found = sorted(listing, key=lambda item: item.name)
        prefix = directory + b"/" if directory else b""
        subdirectories = []
        for item in found:
            if item.name.startswith(RESERVED_PREFIX):
                continue
            if item.is_dir(follow_symlinks=False):
                subdirectories.append(prefix + item.name)
            else:
                yield prefix + item.name, item.stat(follow_symlinks=False)
        pending.extend(reversed(subdirectories))


def remove_tree(path: bytes) -> None:
    """Remove `path` and all beneath it; nothing there is fine. Raises ArcxoError E4192."""
    try:
        _remove(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArcxoError("E4192", path=shown(path), cause=error.strerror) from error


def _remove(path: bytes) -> None:
    pending = [path]
    directories = []
    while pending:
        directory = pending.pop()
        directories.append(directory)
        with os.scandir(directory) as listing:
            for item in listing:
                if item.is_dir(follow_symlinks=False):
                    pending.append(item.path)
                else:
                    os.unlink(item.path)
    for directory in reversed(directories):
        os.rmdir(directory)
