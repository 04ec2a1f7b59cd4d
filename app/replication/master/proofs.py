"""What the change time of a file proves of its content, and what of it is to be looked at again.

See `ShadowEntry.changed_ns`.
"""

from __future__ import annotations

import os
import time

from app.replication.master.following import Followers
from app.replication.master.hints import wait_for_cost
from app.replication.master.observe import same_state, unchanged
from app.replication.master.roots import ComparedRoot
from app.replication.master.shadow import Shadow, ShadowEntry

YOUNG_NS = 2_000_000_000
"""So long after a change the same change time may still come with another content."""


class Proofs:
    """For the recorder's thread; `learn` under its lock."""

    def __init__(self, roots: list[ComparedRoot], shadow: Shadow, followers: Followers) -> None:
        self._roots = roots
        self._shadow = shadow
        self._followers = followers

    def read_now(self, root: ComparedRoot, now: ShadowEntry, looked_ns: int, *, agrees: bool) -> ShadowEntry:
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
        return now._replace(changed_ns=0)

    def unread(self, root: ComparedRoot, known: ShadowEntry, now: ShadowEntry) -> ShadowEntry:
        """`now`, whose content was not read and is taken from `known`, with what its change time proves."""
        if known.changed_ns == now.changed_ns:
            return now
        if known.changed_ns == 0:
            self._followers.young(root.number, now.path)
            return now._replace(changed_ns=0)
        self._followers.unproved(root.number, now.path)
        return now._replace(changed_ns=-now.changed_ns)

    def prove(self, root_number: int, path: bytes) -> None:
        """Take an unread content as proved: what was told meanwhile of its file has been compared."""
        root = self._roots[root_number]
        row = self._shadow.get(root_number, path)
        if row is None or row.changed_ns >= 0:
            return
        names = self.names_everywhere(root, row)
        if any(self._followers.is_pending(number, other.path) for number, other in names):
            self._followers.unproved(root_number, path)
            return
        try:
            status = os.lstat(root.whole(path))
        except OSError:
            status = None
        proved = row._replace(changed_ns=-row.changed_ns)
        if status is None or not unchanged(proved, status, root.device):
            self._followers.again(root_number, path, content=True, tree=False, delay=0.0)
            return
        for number, other in names:
            if number == root_number and other.changed_ns == row.changed_ns:
                self._shadow.put(number, other._replace(changed_ns=proved.changed_ns))

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
        names = self.names_everywhere(root, row)
        if any(self._followers.is_pending(number, other.path) for number, other in names):
            return False
        for number, other in names:
            if number == root_number and other.changed_ns == row.changed_ns:
                self._shadow.put(number, other._replace(hashes=hashes))
        return True

    def names_everywhere(self, root: ComparedRoot, row: ShadowEntry) -> list[tuple[int, ShadowEntry]]:
        """All recorded names of a file, with the number of their root."""
        return [
            (other.number, name)
            for other in self._roots
            if other is root or (row.device == 0 and other.device == root.device)
            for name in self._shadow.names_of(other.number, row.device, row.inode)
        ]
