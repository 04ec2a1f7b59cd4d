"""Fills the shadow of a root as `filler` does, with the walk and the comparison in C.

What is unusual there is done one by one: links, devices, what has attributes, what cannot be read.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.distant_mounts import distant
from app.replication.master.compare import ComparedRoot
from app.replication.master.filler import GONE, Arm, Filler, walk_beneath
from app.replication.master.filters import RESERVED_PREFIX, PathFilter
from app.replication.master.shadow import SeenRow
from app.replication.master.walker import Report

_USUAL_ATTRIBUTE = b"security.selinux"
"""Systems with this one have it on every file; it is none of those that are replicated."""


class QuickFill:
    """For one walk, `walking` being the module of C. `filler` is what keeps and passes on."""

    def __init__(
        self,
        walking: Any,
        root: ComparedRoot,
        filler: Filler,
        filters: PathFilter,
        report: Report,
        arm: Arm,
        stopped: Callable[[], bool],
    ) -> None:
        self._walking = walking
        self._root = root
        self._filler = filler
        self._filters = filters
        self._report = report
        self._arm = arm
        self._stopped = stopped
        self._walk = walking.Walk(
            root.path,
            root.device,
            RESERVED_PREFIX,
            _USUAL_ATTRIBUTE,
            not filters.takes_all,
            filters.leaves_out,
            filler.next_part(),
        )
        self._recorded: Iterator[Sequence[SeenRow]] = iter(())

    def fill(self, recorded: Iterator[Sequence[SeenRow]]) -> None:
        """Walk and compare with what is recorded. Raises RootLostError, OSError for what no walk survives."""
        self._recorded = recorded
        self._root.check()
        if not self._top():
            return
        walk, walking = self._walk, self._walking
        while (step := walk.step()) != walking.END:
            if step == walking.NEED_ROWS:
                walk.recorded(next(recorded, None))
            elif step == walking.FULL:
                if not self._passed():
                    return
            elif not self._entry(*walk.path(), directory=step == walking.DIRECTORY):
                return
        walk.drop_rest()
        while (part := next(recorded, None)) is not None and not self._stopped():
            walk.recorded(part)
            walk.drop_rest()
        self._take()
        self._filler.keep_all()

    def _top(self) -> bool:
        """Begin with the root; False when it is to be stopped."""
        status = os.lstat(self._root.path)
        if stat.S_ISDIR(status.st_mode) and not self._distant():
            self._arm(b"", status.st_dev, status.st_ino)
            if self._walk.top():
                return self._looked_at(b"")
        return self._beneath(b"")

    def _entry(self, path: bytes, device: int, inode: int, *, directory: bool) -> bool:
        """What C came to, and leaves to us; False when it is to be stopped."""
        walk, walking = self._walk, self._walking
        if directory:
            self._arm(path, device, inode)
            entered = walking.REFUSED if self._distant() else walk.enter()
            if entered == walking.ENTERED:
                return True
            if entered == walking.LISTED:
                # Its state is newer than the list of what is in it: what came between is told as a hint.
                return self._looked_at(path)
        whole = self._beneath(path)
        walk.leave_out()
        return whole

    def _beneath(self, path: bytes) -> bool:
        """An entry, and what is beneath it, one by one; False when it is to be stopped."""
        root = self._root
        try:
            status = os.lstat(root.whole(path))
        except GONE:
            return True
        except OSError as error:
            self._report(path, error)
            return True
        if stat.S_ISSOCK(status.st_mode):
            return True
        for found, seen in walk_beneath(root, path, status, self._filters, self._report, self._arm):
            self._found(found, seen)
            self._walk.room -= 1
            if self._walk.room <= 0 and not self._passed():
                return False
        return True

    def _looked_at(self, path: bytes) -> bool:
        """A directory whose row is for us. True."""
        with contextlib.suppress(*GONE):
            self._found(path, os.lstat(self._root.whole(path)))
        return True

    def _found(self, path: bytes, status: os.stat_result) -> None:
        key = path.replace(b"/", b"\0")
        while (row := self._walk.recorded_at(key)) is False:
            self._walk.recorded(next(self._recorded, None))
        # What C found comes before it.
        self._take()
        self._filler.found(path, key, status, row)

    def _take(self) -> None:
        part, plain, gone = self._walk.taken()
        self._filler.add(part, plain, gone, self._walk.youngest_ns)

    def _passed(self) -> bool:
        """Pass a part on; False when it is to be stopped."""
        if self._stopped():
            return False
        self._take()
        self._filler.keep_all()
        self._walk.room = self._filler.next_part()
        return True

    def _distant(self) -> bool:
        """Whether a mount that may stop answering is at the root, or beneath it, or the root in one."""
        top = self._root.path
        return any(
            top == place or top.startswith(place + b"/") or place.startswith(top + b"/")
            for place in distant.places()
        )
