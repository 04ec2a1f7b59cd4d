"""What others changed of the paths that a backup is about to read, while the look at all is still under way.

A backup of changes reads the listed paths and nothing else. So it is enough to know of these that they are
as the applier left them; what others changed elsewhere gets its change number when the look comes to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.replication.master.filters import PathFilter
from app.replication.replica.applied import SUBTREE
from app.replication.replica.drift import Drift, Finding
from app.replication.replica.drift_handling import DriftHandler
from app.replication.replica.drift_keeping import KeptEdits
from app.replication.replica.drift_looking import CHUNK, DriftLooking, in_any
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted

FINDINGS_MAX = 5_000
"""So many findings are handled together: an entry that was renamed is known as that among them."""


class LookAtChanges:
    """One look at the paths of a change list, by one thread; the replica's lock is taken for each part."""

    def __init__(self, replica: Replica, handler: DriftHandler) -> None:
        self.asked: list[Finding] = []
        """What the master has to be asked for."""
        self.count: int | None = None
        """Items that drifted, where any was found."""
        self._replica = replica
        self._handler = handler
        self._own: list[Rooted] = []

    def look(self, rows: Sequence[tuple[int, bytes, int]]) -> bool:
        """Compare (root, path, kind) and, of subtrees, all beneath; note and handle what is different.

        False: the replica is another one now, or is being restored to; then nothing is known.
        Raises as `Replica.opened`; OSError when a root cannot be opened.
        """
        with self._replica.lock:
            scenario, store = self._replica.opened()
            drift = Drift(store)
        filters = PathFilter(scenario.filters)
        try:
            for tree in store.trees:
                self._own.append(Rooted(tree.tree.path))
                if self._own[-1].identity != tree.tree.identity:
                    raise FileNotFoundError(tree.tree.path)
            looking = DriftLooking(self._replica, store, drift, filters, self._own, ())
            found: list[Finding] = []
            for root in range(len(self._own)):
                for part in _parts(looking, root, rows):
                    found += part
                    if len(found) >= FINDINGS_MAX:
                        self._settle(store, found)
                        found = []
            return self._settle(store, found)
        finally:
            for own in self._own:
                own.close()

    def _settle(self, store: ReplicaStore, found: Sequence[Finding]) -> bool:
        """Note and handle what was found, if it is still so."""
        with self._replica.lock:
            if self._replica.store is not store or self._replica.restores:
                return False
            if not found:
                return True
            drift, places = Drift(store), dict.fromkeys((one.root, one.path) for one in found)
            still: list[Finding] = []
            for root, own in enumerate(self._own):
                own.forget()
                still += drift.check(root, own, [path for at, path in places if at == root])
            self.asked += self._handler.handle(drift, KeptEdits(store), self._own, still)
            self.count = drift.count
        return True


def _parts(
    looking: DriftLooking, root: int, rows: Sequence[tuple[int, bytes, int]]
) -> Iterator[list[Finding]]:
    """Findings of one root's rows, part by part; what is beneath a subtree is looked at once."""
    tops = {path for at, path, kind in rows if at == root and kind == SUBTREE}
    single = [path for at, path, _ in rows if at == root and not (tops and in_any(path, tops))]
    for start in range(0, len(single), CHUNK):
        yield looking.check(root, single[start : start + CHUNK])
    for top in sorted(tops):
        if not in_any(top.rpartition(b"/")[0], tops):
            yield from looking.beneath(root, top)
