"""Walks over a root in the order of `order_key`: to fill the shadow, and to find what no hint told of."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator

from app.model.entry import order_key
from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import PathFilter
from app.replication.master.observe import entry_of, row_unchanged, unchanged
from app.replication.master.shadow import Shadow, ShadowEntry, ShadowReader, ShadowRow
from app.replication.metadata import read_xattrs

EMPTIED_LEAST_ENTRIES = 10
_COMMIT_EVERY = 5_000
_TICK_NS = 20_000_000
"""Longer than what the kernel takes its file times from stands still."""

Report = Callable[[bytes, OSError], None]


def walk(root: ComparedRoot, filters: PathFilter, report: Report) -> Iterator[tuple[bytes, os.stat_result]]:
    """Every entry that takes part, the root first. What vanishes is left out, what can't be read reported.

    Raises:
        RootLostError: the root is not the directory it was.
    """
    root.check()
    yield b"", os.lstat(root.path)
    waiting = [iter(_directory(root, b"", filters, report))]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        yield found
        if stat.S_ISDIR(found[1].st_mode):
            waiting.append(iter(_directory(root, found[0], filters, report)))
    root.check()


def _directory(
    root: ComparedRoot, path: bytes, filters: PathFilter, report: Report
) -> list[tuple[bytes, os.stat_result]]:
    found = []
    prefix = path + b"/" if path else b""
    try:
        with os.scandir(root.whole(path)) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                child = prefix + entry.name
                if not stat.S_ISSOCK(status.st_mode) and not filters.leaves_out(
                    child, directory=stat.S_ISDIR(status.st_mode)
                ):
                    found.append((child, status))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        report(path, error)
        return []
    found.sort()
    return found


def fill(
    root: ComparedRoot, shadow: Shadow, filters: PathFilter, report: Report, stopped: Callable[[], bool]
) -> int:
    """Make the shadow of a root what is there now, without any record; entries written. Blocks for a walk.

    Rows of an earlier run that still hold, by inode and change time, stay: after a pause most do.

    Raises:
        RootLostError: the root is not the directory it was.
    """
    shadow.commit()
    reader = ShadowReader(shadow.path)
    try:
        return _fill(root, shadow, reader.rows(root.number), filters, report, stopped)
    finally:
        reader.close()


def _fill(
    root: ComparedRoot,
    shadow: Shadow,
    recorded: Iterator[ShadowRow],
    filters: PathFilter,
    report: Report,
    stopped: Callable[[], bool],
) -> int:
    number, count, youngest_ns = root.number, 0, 0
    row = next(recorded, None)
    for path, status in walk(root, filters, report):
        if stopped():
            return count
        key = path.replace(b"/", b"\0")
        while row is not None and row[0] < key:
            shadow.drop(number, row[0])
            row = next(recorded, None)
        known = row if row is not None and row[0] == key else None
        if known is not None:
            row = next(recorded, None)
            if row_unchanged(known, status, root.device):
                continue
        try:
            now = _entry_now(root, path, status)
        except (FileNotFoundError, NotADirectoryError):
            now = None
        except OSError as error:
            report(path, error)
            now = None
        if now is not None:
            shadow.put(number, now)
            youngest_ns = max(youngest_ns, status.st_ctime_ns)
        elif known is not None:
            shadow.drop(number, key)
        count += 1
        if count % _COMMIT_EVERY == 0:
            shadow.commit()
    while row is not None and not stopped():
        shadow.drop(number, row[0])
        row = next(recorded, None)
    # Contents are read from now on. None of them may come with a change time that another one had, too.
    while -_TICK_NS < time.time_ns() - youngest_ns < _TICK_NS:
        time.sleep(_TICK_NS / 1e9)
    return count


def _entry_now(root: ComparedRoot, path: bytes, status: os.stat_result) -> ShadowEntry:
    whole = root.whole(path)
    target = os.readlink(whole) if stat.S_ISLNK(status.st_mode) else b""
    return entry_of(path, status, read_xattrs(whole), target, root.device)


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
        # What is in a directory that cannot be read is not gone.
        if not unread or not any(path.startswith(directory + b"/") for directory in unread):
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
        status = os.lstat(root.whole(path))
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

    for child, status in _directory(root, path, filters, note):
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
    explained = row.links != status.st_nlink and row.modified_ns == status.st_mtime_ns
    differs(path, not (all_told and explained and row.changed_ns))
