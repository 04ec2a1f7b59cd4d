"""What a restore does about what is in the place of an entry already."""

from __future__ import annotations

import os
import stat

from app.backup.api import RestoreTask
from app.backup.beneath import Places
from app.backup.claims import Claims, origin_of
from app.backup.items import Item, is_left_out
from app.backup.owners import OwnerMap
from app.held_directories import names_in
from app.media.api import SessionHeader
from app.media.node import DIRECTORY, KIND, MTIME, Entry
from app.model.errors import UsageError
from app.model.job import Conflict
from app.model.paths import is_beneath, shown
from app.model.restore import RestoreAction

_SUFFIX = b".restored"
_NAME_MAX = 255
_DIRECTORY = 0


class Deciding:
    """Decides for the entries of a restore, one after the other. Looks at the destination, changes nothing.

    `header` is the session that the entries are of, `owners` whose they become. Raises UsageError E4243 when
    a destination is part of what is protected.
    """

    def __init__(
        self, task: RestoreTask, header: SessionHeader, owners: OwnerMap, places: Places, *, several: bool
    ) -> None:
        self._task = task
        self._places = places
        self._several = several
        self.header = header
        self.owners = owners
        self.claims = Claims()
        self.made_above: set[bytes] = set()
        """Destinations that are made, and what is above them, to which no entry of a session has come yet."""
        self._tops = {directory: os.path.realpath(directory) for directory in task.directories()}
        self._above = (b"", True)
        """The last directory, and whether something in it may be protected."""
        self.protected = tuple(os.path.realpath(path) for path in task.protected)
        for directory, real in self._tops.items():
            if any(is_beneath(real, path) for path in self.protected):
                raise UsageError("E4243", path=shown(directory))

    def decide(self, source: bytes, target: bytes, entry: Entry, *, fresh: bool = False) -> Item:
        """What becomes of one entry; nothing is in a `fresh` directory yet."""
        is_directory = entry[KIND] == DIRECTORY
        given = self.owners.given(entry)
        item = Item(source, target, given, RestoreAction.CREATE)
        if given is not entry:
            item.recorded = entry
        if is_directory and target in self.made_above:
            self.made_above.discard(target)
            self.claims.take(target, _DIRECTORY)
            item.action = RestoreAction.OVERWRITE
            return item
        if self._several or len(self.protected):
            self._look_at_others(item, is_directory)
            if item.failed or item.action is not RestoreAction.CREATE:
                return item
            target = item.target
        if fresh:
            return item
        try:
            there = self._places.status(target)
        except OSError as error:
            item.failed, item.reason = "E4225", error.strerror or str(error)
            return item
        if there is None:
            return item
        if is_directory:
            self._over_directory(item, there)
        else:
            self._conflict(item, there)
        return item

    def _look_at_others(self, item: Item, is_directory: bool) -> None:
        """Whether another entry of this restore has the place, or nothing may be written there."""
        written = not is_left_out(item.entry) if is_directory else not self._several
        if written and self._is_protected(item.target):
            item.failed, item.reason = "E4233", "it is part of this installation"
            return
        if not self._several:
            return
        header = self.header
        origin = _DIRECTORY
        if not is_directory:
            origin = origin_of(header.machine, header.scenario_id, item.source)
        taken = self.claims.by(item.target)
        if taken is None:
            self.claims.take(item.target, origin)
        elif is_directory and taken == _DIRECTORY:
            item.action, item.above = RestoreAction.OVERWRITE, True
        elif self._task.conflict is Conflict.RENAME and not is_directory:
            self._rename(item, origin)
        elif taken == origin:
            # An older version: the newest session has been there.
            item.action, item.reason = RestoreAction.SKIP, "superseded"
        else:
            item.failed = "E4227"

    def takes_any(self, directory: bytes) -> bool:
        """Whether whatever is in a fresh directory gets the place that it wants there."""
        self._is_protected(directory + b"/.")
        return not (self._several or self._above[1])

    def _is_protected(self, target: bytes) -> bool:
        """Whether nothing may be written there. Found out by directory: most of them have nothing of that."""
        if target not in self._tops:
            above = target.rpartition(b"/")[0]
            if above != self._above[0]:
                real = self.real(above)
                near = any(is_beneath(real, path) or is_beneath(path, real) for path in self.protected)
                self._above = (above, near)
            if not self._above[1]:
                return False
        real = self.real(target)
        return any(is_beneath(real, path) for path in self.protected)

    def real(self, target: bytes) -> bytes:
        """Where a target is once the links above the destination are followed."""
        top = self._places.top_of(target)
        if top is None:
            return os.path.realpath(target)
        return self._tops[top].rstrip(b"/") + target[len(top.rstrip(b"/")) :]

    def _over_directory(self, item: Item, there: os.stat_result) -> None:
        top = item.target in self._tops
        if stat.S_ISDIR(there.st_mode) or (top and os.path.isdir(item.target)):
            item.action = RestoreAction.OVERWRITE
        elif self._task.conflict is Conflict.OVERWRITE:
            item.action, item.replaces = RestoreAction.OVERWRITE, True
            item.old_bytes = there.st_size if stat.S_ISREG(there.st_mode) else 0
        else:
            item.failed, item.reason = "E4225", "something else than a directory is in its place"

    def _conflict(self, item: Item, there: os.stat_result) -> None:
        conflict = self._task.conflict
        if conflict is Conflict.RENAME:
            self._rename(item, 1)
        elif conflict is Conflict.SKIP:
            item.action, item.reason = RestoreAction.SKIP, "exists"
        elif conflict is Conflict.OLDER and there.st_mtime_ns >= item.entry[MTIME]:
            item.action, item.reason = RestoreAction.SKIP, "newer"
        elif stat.S_ISDIR(there.st_mode) and not self._task.exact and self._is_full(item.target):
            item.failed, item.reason = "E4225", "a directory that is not empty is in its place"
        else:
            item.action, item.replaces = RestoreAction.OVERWRITE, True
            item.old_bytes = there.st_size if stat.S_ISREG(there.st_mode) else 0

    def _rename(self, item: Item, origin: int) -> None:
        item.action, item.wanted, item.target = (
            RestoreAction.RENAME,
            item.target,
            self._free_name(item.target),
        )
        if self._several:
            self.claims.take(item.target, origin)

    def _is_full(self, target: bytes) -> bool:
        beneath, relative = self._places.split(target)
        return bool(names_in(beneath.open(relative)))

    def _free_name(self, target: bytes) -> bytes:
        directory, name = os.path.split(target)
        number = 1
        while True:
            suffix = _SUFFIX if number == 1 else _SUFFIX + b"%d" % number
            candidate = directory + b"/" + name[: _NAME_MAX - len(suffix)] + suffix
            if candidate not in self.claims and self._places.status(candidate) is None:
                return candidate
            number += 1
