"""Looking at the paths of a replica: what is not as the applier left it, part by part."""

from __future__ import annotations

import logging
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice

from app.model.entry import order_key
from app.replication.master.filters import PathFilter
from app.replication.replica.drift import Drift, Finding, ordered
from app.replication.replica.drift_handling import leaves_out
from app.replication.replica.drift_hints import RootHints
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import is_reserved

CHUNK = 400
_GIVE_WAY_S = 0.002
"""A restore that waits for the lock gets it then."""
_LAST_KEY = b"\xff" * 300
_log = logging.getLogger("arcxo.replication.drift")


class DriftLooking:
    """At one open store, by one thread; the replica's lock is taken for each part.

    `own` are its roots, `hints` what watches them (empty: nothing does).
    """

    def __init__(
        self,
        replica: Replica,
        store: ReplicaStore | None,
        drift: Drift | None,
        filters: PathFilter | None,
        own: Sequence[Rooted],
        hints: Sequence[RootHints],
    ) -> None:
        self._replica = replica
        self._store = store
        self._drift = drift
        self._filters = filters
        self._own = own
        self._hints = hints
        self._sweeping = False
        self._reached = b""
        """The key up to which the last look came; b"" when there was none."""

    def everything(self) -> Iterator[list[Finding]]:
        """Compare everything, part by part; what is watched is checked on the way."""
        self._sweeping = True
        try:
            for root in range(len(self._own)):
                source = self._hints[root].source if self._hints else None
                if source is not None:
                    source.begin_check(thorough=True)
                yield from self.beneath(root, b"")
                if source is not None:
                    source.end_check()
        finally:
            self._sweeping = False

    def beneath(self, root: int, top: bytes) -> Iterator[list[Finding]]:
        """Compare everything at and beneath `top`, part by part; findings of each part."""
        own = self._own[root]
        key = order_key(top)
        # All beneath a path has its key and \0 before the rest: it comes before its key and \1.
        low, end = key, key + b"\1" if key else _LAST_KEY
        own.forget()
        paths = (path for path in ordered(own, top) if not is_reserved(path))
        while True:
            part = list(islice(paths, CHUNK))
            high = end if len(part) < CHUNK else order_key(part[-1])
            found: list[Finding] = []
            while True:
                self._reached = b""
                found += self._locked(partial(self._compare, root, low, high, part))
                low = (self._reached or high) + b"\0"
                if low > high:
                    break
                # Much is gone from here: others may have the replica before the rest of it is looked at.
                part = [path for path in part if order_key(path) >= low]
                yield []
            yield found
            if high is end:
                return

    def _compare(
        self, root: int, low: bytes, high: bytes, part: Sequence[bytes], drift: Drift
    ) -> list[Finding]:
        own = self._own[root]
        own.forget()
        if self._hints and self._sweeping:
            source = self._hints[root].source
            for path in part:
                status = own.status_or_none(path)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    source.check(path, status.st_dev, status.st_ino)
        found, self._reached = drift.check_range(root, own, low, high, part)
        return found

    def check(self, root: int, part: Sequence[bytes]) -> list[Finding]:
        """Compare some paths."""
        return self._locked(partial(self._check, root, part))

    def _check(self, root: int, part: Sequence[bytes], drift: Drift) -> list[Finding]:
        self._own[root].forget()
        return drift.check(root, self._own[root], part)

    def _locked(self, look: Callable[[Drift], list[Finding]]) -> list[Finding]:
        """What a look finds, with the replica's lock held; nothing when the store is another one now."""
        replica = self._replica
        if replica.restores:
            time.sleep(_GIVE_WAY_S)
        with replica.lock:
            if replica.store is not self._store or self._drift is None:
                return []
            try:
                found = look(self._drift)
            except OSError as error:
                _log.info("looking for changes of others on %s: %s", replica.label, error)
                return []
            if self._store is not None and self._store.index.has_notes:
                self._drift.commit()
            return [finding for finding in found if not leaves_out(self._filters, finding)]


def in_any(path: bytes, tops: set[bytes]) -> bool:
    """Whether `path` is one of `tops` or beneath one."""
    while path:
        if path in tops:
            return True
        path = path.rpartition(b"/")[0]
    return b"" in tops
