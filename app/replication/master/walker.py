"""Walks over a root in the order of `order_key`, to find what no hint told of."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator

from app.distant_mounts import distant
from app.model.entry import kept_ns, order_key
from app.model.paths import NAME_MAX_BYTES
from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import RESERVED_PREFIX, PathFilter
from app.replication.master.observe import unchanged
from app.replication.master.recordable import check_path
from app.replication.master.shadow import ShadowEntry, ShadowReader

EMPTIED_LEAST_ENTRIES = 10

Report = Callable[[bytes, OSError], None]


def walk(root: ComparedRoot, filters: PathFilter, report: Report) -> Iterator[tuple[bytes, os.stat_result]]:
    """Every entry that takes part, the root first. What vanishes is left out, what can't be read reported.

    Raises:
        RootLostError: the root is not the directory it was.
    """
    root.check()
    yield b"", distant.lstat(root.path)
    waiting = [iter(entries_of(root, b"", filters, report))]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        yield found
        if stat.S_ISDIR(found[1].st_mode):
            waiting.append(iter(entries_of(root, found[0], filters, report)))
    root.check()


def entries_of(
    root: ComparedRoot, path: bytes, filters: PathFilter, report: Report
) -> list[tuple[bytes, os.stat_result]]:
    """What takes part directly in a directory, by name; as `walk` where it vanished or can't be read."""
    found = []
    prefix = path + b"/" if path else b""
    takes_all, leaves_out = filters.takes_all, filters.leaves_out
    whole = root.whole(path)

    def silent(name: bytes, error: OSError) -> None:
        report(prefix + name, error)

    try:
        with distant.scan(whole, silent) if distant.places() else os.scandir(whole) as entries:
            for entry in entries:
                name = entry.name
                child = prefix + name
                try:
                    status = entry.stat(follow_symlinks=False)
                    if len(name) > NAME_MAX_BYTES:
                        check_path(child)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    # It alone cannot be looked at, or not be recorded; what is beside it can.
                    report(child, error)
                    continue
                mode = status.st_mode
                if stat.S_ISSOCK(mode):
                    continue
                # Asked of every entry there is: it is worth not to ask.
                if (takes_all and not name.startswith(RESERVED_PREFIX)) or not leaves_out(
                    child, directory=stat.S_ISDIR(mode)
                ):
                    found.append((child, status))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        report(path, error)
        return []
    found.sort()
    return found


def sweep(
    root: ComparedRoot,
    reader: ShadowReader,
    filters: PathFilter,
    report: Report,
    differs: Callable[[bytes, bool], None],
    stopped: Callable[[], bool],
    *,
    seen: Callable[[bytes, int, int], object] | None = None,
    all_told: bool = False,
) -> None:
    """Tell `differs(path, content)` of every path whose state is not the recorded one. Blocks for a walk.

    `seen(path, device, inode)` is told of each directory before it is read. `all_told`: every write since
    the shadow was written was told of, so that a content need not be read only because the number of names
    changed.

    Raises:
        RootLostError: the root vanished, or is another directory.
    """
    unread: set[bytes] = set()

    def note(path: bytes, error: OSError) -> None:
        unread.add(path)
        report(path, error)

    recorded = reader.listing(root.number)
    row = next(recorded, None)
    gone: list[bytes] = []
    for path, status in walk(root, filters, note):
        if stopped():
            return
        if seen is not None and stat.S_ISDIR(status.st_mode):
            seen(path, status.st_dev, status.st_ino)
        key = order_key(path)
        while row is not None and order_key(row.path) < key:
            gone.append(row.path)
            row = next(recorded, None)
        if row is not None and row.path == path:
            _compare(row, path, status, root.device, differs, all_told=all_told)
            row = next(recorded, None)
        else:
            differs(path, True)
    while row is not None:
        gone.append(row.path)
        row = next(recorded, None)
    for path in gone:
        # What is in a directory that cannot be read is not gone, nor is one that does not answer.
        if not unread or not any(path == one or path.startswith(one + b"/") for one in unread):
            differs(path, False)


def sweep_directory(
    root: ComparedRoot,
    path: bytes,
    reader: ShadowReader,
    filters: PathFilter,
    report: Report,
    differs: Callable[[bytes, bool], None],
    seen: Callable[[bytes, int, int], object],
) -> None:
    """Like `sweep`, for a directory and what is directly in it. Blocks for reading it."""
    try:
        status = distant.lstat(root.whole(path))
    except TimeoutError as error:
        report(path, error)
        return
    except OSError:
        differs(path, False)
        return
    rows = {row.path: row for row in reader.children(root.number, path)}
    row = reader.get(root.number, path)
    if row is not None:
        _compare(row, path, status, root.device, differs, all_told=False)
    unread: list[bytes] = []

    def note(child: bytes, error: OSError) -> None:
        unread.append(child)
        report(child, error)

    for child, status in entries_of(root, path, filters, note):
        if stat.S_ISDIR(status.st_mode):
            seen(child, status.st_dev, status.st_ino)
        known = rows.pop(child, None)
        if known is None:
            differs(child, True)
        else:
            _compare(known, child, status, root.device, differs, all_told=False)
    if not unread:
        for child in rows:
            differs(child, False)


def _compare(
    row: ShadowEntry,
    path: bytes,
    status: os.stat_result,
    root_device: int,
    differs: Callable[[bytes, bool], None],
    *,
    all_told: bool,
) -> None:
    if unchanged(row, status, root_device):
        return
    # A changed number of names moves the change time, too; that alone says nothing of the content.
    explained = row.links != status.st_nlink and row.modified_ns == kept_ns(status.st_mtime_ns)
    differs(path, not (all_told and explained and row.changed_ns))
