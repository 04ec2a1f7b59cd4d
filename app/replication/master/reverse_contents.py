"""Which files of the same size and time have another content on a replica that was rewound.

A rewind gives back contents, and a program may have put back the size and time of what it changed. So files
are compared by their hashes: all of them where the scenario does not trust size and time, else those that
the replica names as touched by a rewind or restore since it was synchronised, and those whose change time
says that they were written after the time they show, as far back as a rewind can reach.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.model.errors import Problem
from app.model.paths import shown
from app.model.rewind import RewindAction
from app.model.scenario import ScenarioProperties
from app.replication.content import open_file
from app.replication.master.contents import HashSource, Scan
from app.replication.master.reverse import ReverseStep, SameFile
from app.replication.master.roots import ComparedRoot
from app.replication.sync_frames import CONTENT_CHANGES

_SLACK_NS = 10_000_000_000
_THREADS = 2


def suspicious(properties: ScenarioProperties) -> Callable[[SameFile], bool]:
    """Whether size and time do not prove the content of a file, by the scenario's properties."""
    if not properties.ignore_same_size_time:
        return lambda _: True
    oldest_ns = time.time_ns() - properties.rewind_minutes * 60_000_000_000 - _SLACK_NS

    def later_than_shown(same: SameFile) -> bool:
        changed_ns = same.status.st_ctime_ns
        return changed_ns > same.status.st_mtime_ns + _SLACK_NS and changed_ns >= oldest_ns

    return later_than_shown


def content_steps(
    source: HashSource, root: ComparedRoot, files: Sequence[SameFile], problems: list[Problem]
) -> Iterator[ReverseStep]:
    """A step for each of `files` whose content is another one there; its other names come along.

    What cannot be read is told in `problems`. Raises ArcxoError when the stream ends.
    """
    leaders: dict[int, bytes | None] = {}
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="compare") as pool:
        for same in files:
            inode = same.status.st_ino
            if inode not in leaders:
                try:
                    # Its content is not there yet when a rewind is planned; it is known to be another one.
                    planned = bool(same.entry.inode & CONTENT_CHANGES)
                    differs = planned or _differs(source, root, same, pool)
                except OSError as error:
                    whole = root.whole(same.path)
                    params = {"path": shown(whole), "cause": error.strerror or str(error)}
                    problems.append(Problem("WR00280", whole, params))
                    differs = False
                leaders[inode] = same.path if differs else None
                leader, link_to = leaders[inode], None
            else:
                leader = link_to = leaders[inode]
            if leader is not None:
                size = same.entry.size_bytes
                yield ReverseStep(
                    same.path, RewindAction.OVERWRITE, same.entry, size, link_to, parent=same.parent
                )


def _differs(source: HashSource, root: ComparedRoot, same: SameFile, pool: ThreadPoolExecutor) -> bool:
    with contextlib.ExitStack() as stack:
        fd = open_file(root.whole(same.path))
        stack.callback(os.close, fd)
        size = os.fstat(fd).st_size
        scan = Scan(source, root.number, same.path, fd, size, pool)
        different = any(part.different for part in scan)
        # Without the file there, the steps by name say what is to be done.
        return scan.size_there >= 0 and (different or scan.size_there != size)
