"""Looks after drift on one replica: watches, compares, tells, and has the master's state put back.

Events are hints here, too: what counts is whether a path is as the applier left it, looked at with the
replica's lock held. The applier's own writes are told of as well and found to be right; so that this costs
little while much is applied, hints wait until it is quiet, up to a limit.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

from app.model.drift import DriftReport
from app.model.events import Severity
from app.replication.events import EventStore
from app.replication.master.filters import PathFilter
from app.replication.replica.drift import Drift, Finding
from app.replication.replica.drift_handling import DRIFT_TROUBLE, DriftHandler
from app.replication.replica.drift_hints import RootHints
from app.replication.replica.drift_keeping import KeptEdits
from app.replication.replica.drift_looking import CHUNK, DriftLooking, in_any
from app.replication.replica.drift_of_changes import LookAtChanges
from app.replication.replica.drift_report import drift_report
from app.replication.replica.drift_states import count_directories, count_files
from app.replication.replica.drift_telling import DriftTelling
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.sqlite_files import connect_private

_QUIET_LEAST_S = 0.4
_WAIT_MOST_S = 20.0
_BLIND_EVERY_S = 45.0
_SWEEP_SHARE = 400.0
_BLIND_SHARE = 10.0
_FINDINGS_MAX = 5_000
_PRUNE_EVERY_S = 600.0
_COUNT_EVERY_S = 5.0
_WATCHES_SHARE = 4
_LOCK_S = 0.5
_AFTER_LISTING_S = 1.5
_log = logging.getLogger("arcxo.replication.drift")


class DriftWatch:
    """One replica's. `tick` and `close` are called by one thread, `report` by any."""

    def __init__(self, replica: Replica, cookies: bytes, events: EventStore) -> None:
        self._replica = replica
        self._cookies = cookies
        self._telling = DriftTelling(replica, events)
        self._handler = DriftHandler(replica, self._telling, lambda: self.files)
        self._store: ReplicaStore | None = None
        self._drift: Drift | None = None
        self._kept: KeptEdits | None = None
        self._own: list[Rooted] = []
        self._hints: list[RootHints] = []
        self._looking = DriftLooking(replica, None, None, None, self._own, self._hints)
        self._sweeping: Iterator[list[Finding]] | None = None
        self._sweep_began = 0.0
        self._sweep_due = 0.0
        self._found: list[Finding] = []
        self._operations = -1
        self._pruned_at = 0.0
        self._reverting = False
        self._once_more = False
        self._checked_at: datetime | None = None
        self._blind_every = _BLIND_EVERY_S
        self.count: int | None = None
        """Items that drifted, as of the last look."""
        self.checked = threading.Event()
        """Set once every path was compared since the store was opened."""
        self.files: int | None = None
        """Files that replication left there, as of the last count."""
        self._counted_operations = -1
        self._count_due = 0.0

    # for people

    def report(self, limit: int) -> DriftReport:
        """The drift now. Takes the replica's lock."""
        watched = bool(self._hints) and not any(hints.source.unwatched() for hints in self._hints)
        with self._replica.lock:
            _, store = self._replica.opened()
            mine = self._store is store
            return drift_report(
                self._replica,
                self._drift if mine and self._drift is not None else Drift(store),
                self._kept if mine and self._kept is not None else KeptEdits(store),
                limit,
                checked_at=self._checked_at,
                watched=watched,
            )

    # the thread

    def close(self) -> None:
        """Watch no more."""
        for hints in self._hints:
            hints.source.close()
        for own in self._own:
            own.close()
        self._hints, self._own = [], []
        self.checked.clear()
        self._store = self._drift = self._kept = None
        self._sweeping = None
        self._found = []

    def tick(self) -> bool:
        """One short look; whether there is more to do at once. Blocks on the disk."""
        if time.monotonic() - self._replica.listed_at < _AFTER_LISTING_S:
            # It compares everything itself, and what comes after it is in a hurry.
            return False
        if not self._ready():
            return False
        now = time.monotonic()
        busy = self._is_busy()
        if self._store is None:
            return False
        if any(hints.lost for hints in self._hints):
            self.close()
            return False
        for hints in self._hints:
            hints.source.settle()
        if self._is_restored(now):
            return False
        self._look_at_hints(now, busy=busy)
        more = self._advance_sweep(now, busy=busy)
        self._prune(now)
        self._count_files(now)
        self._tell_back()
        return more

    def _ready(self) -> bool:
        """Whether there is a store to look after, every path of which is known; opens what it needs."""
        replica = self._replica
        if not replica.lock.acquire(timeout=_LOCK_S):
            return False
        try:
            store = replica.store
            scenario = replica.scenario
            if store is None or scenario is None:
                if self._store is not None:
                    self.close()
                return False
            if store is self._store:
                return True
            vouched = all(store.states.is_vouched(tree.index) for tree in store.trees)
            position = store.index.position
            if not vouched or (replica.streaming and not position.epoch):
                return False
            self.close()
            self._drift = Drift(store)
            self._kept = KeptEdits(store)
            self.count = self._drift.count
            try:
                for tree in store.trees:
                    self._own.append(Rooted(tree.tree.path))
                    if self._own[-1].identity != tree.tree.identity:
                        raise FileNotFoundError(tree.tree.path)
            except OSError:
                self.close()
                return False
            self._store = store
            filters = PathFilter(scenario.filters)
            self._looking = DriftLooking(replica, store, self._drift, filters, self._own, self._hints)
        finally:
            replica.lock.release()
        self._watch()
        self._begin_sweep()
        return True

    def _watch(self) -> None:
        # Capture on a master of this host needs watches more than this does, and they are limited by user.
        directories, limit = self._directories(), watch_limit()
        if directories > limit // _WATCHES_SHARE:
            self._telling.blind(f"{directories:,} directories, and {limit:,} watches are allowed")
            return
        os.makedirs(self._cookies, 0o700, exist_ok=True)
        for own in self._own:
            hints = RootHints(own.path, self._cookies)
            try:
                hints.source.start()
            except OSError as error:
                self._telling.blind(error.strerror or str(error))
                for begun in self._hints:
                    begun.source.close()
                self._hints.clear()
                return
            self._hints.append(hints)
        causes = [cause for hints in self._hints for cause in hints.causes]
        if causes:
            self._telling.blind(", ".join(causes))

    def _directories(self) -> int:
        """How many directories there are to watch."""
        store = self._store
        if store is None:
            return 0
        with closing(connect_private(store.index.path, timeout_s=1.0, read_only=True)) as database:
            return count_directories(database)

    def _is_restored(self, now: float) -> bool:
        """Whether a restore has just begun: what it replaces need not be found first. For a while only."""
        began = list(self._replica.restores.values())
        return bool(began) and now - min(began) < _WAIT_MOST_S

    def _is_busy(self) -> bool:
        """Whether something was applied since the last look."""
        store = self._store
        operations = store.operations if store is not None else 0
        busy = operations != self._operations
        self._operations = operations
        return busy

    # comparing

    def _look_at_hints(self, now: float, *, busy: bool) -> None:
        for root, hints in enumerate(self._hints):
            if hints.everything:
                hints.everything = False
                hints.take()
                self._once_more |= self._sweeping is not None
                self._sweep_due = min(self._sweep_due, now + (5.0 if busy else 0.0))
            since = hints.waiting_since()
            if not since or now - since < _QUIET_LEAST_S or (busy and now - since < _WAIT_MOST_S):
                continue
            paths, trees = hints.take()
            wanted = sorted(path for path in paths if not in_any(path, trees))
            for start in range(0, len(wanted), CHUNK):
                part = wanted[start : start + CHUNK]
                self._found += self._looking.check(root, part)
            for top in sorted(trees):
                if not in_any(top.rpartition(b"/")[0], trees):
                    for found in self._looking.beneath(root, top):
                        self._found += found
        if self._hints and self._found and self._sweeping is None:
            self._settle()

    def _advance_sweep(self, now: float, *, busy: bool) -> bool:
        blind = not self._hints or any(hints.source.unwatched() for hints in self._hints)
        if self._sweeping is None:
            if now < self._sweep_due and not (blind and now - self._sweep_began > self._blind_every):
                return False
            self._begin_sweep()
        assert self._sweeping is not None
        until = time.monotonic() + (0.1 if busy else 0.4)
        while time.monotonic() < until:
            if self._is_restored(time.monotonic()):
                return False
            found = next(self._sweeping, None)
            if found is None:
                self._end_sweep()
                return False
            self._found += found
            if len(self._found) >= _FINDINGS_MAX:
                self._settle()
        return True

    def _begin_sweep(self) -> None:
        self._sweep_began = time.monotonic()
        self._sweeping = self._looking.everything()

    def _end_sweep(self) -> None:
        self._sweeping = None
        if not self._settle():
            self._sweep_due = time.monotonic()
            return
        took = time.monotonic() - self._sweep_began
        scenario = self._replica.scenario
        minutes = scenario.properties.sweep_minutes if scenario is not None else 0
        # A large tree is compared less often: this must not become the main work of the machine.
        self._sweep_due = time.monotonic() + max(minutes * 60.0 or 3600.0, took * _SWEEP_SHARE)
        self._blind_every = max(_BLIND_EVERY_S, took * _BLIND_SHARE)
        if self._once_more:
            # Events were lost while it ran: what it had passed by then may have changed.
            self._once_more = False
            self._sweep_due = time.monotonic()
        self._checked_at = datetime.now(UTC)
        self.checked.set()

    # handling

    def listed(self, findings: Sequence[Finding]) -> None:
        """A listing for a synchronisation found these, which will make all equal. Replica's lock held."""
        _, store = self._replica.opened()
        own = [Rooted(tree.tree.path) for tree in store.trees]
        try:
            self._handler.handle(Drift(store), KeptEdits(store), own, findings, overwritten=True)
        finally:
            for place in own:
                place.close()

    def look_at(self, rows: Sequence[tuple[int, bytes, int]]) -> bool:
        """Compare listed paths in the caller's thread; whether it is known what others changed of them.

        See `LookAtChanges.look`. Without the replica's lock.
        """
        look = LookAtChanges(self._replica, self._handler)
        known = look.look(rows)
        if look.count is not None:
            self.count = look.count
        self._reverting |= bool(look.asked)
        for finding in look.asked:
            self._replica.tell_trouble(finding.root, finding.path, DRIFT_TROUBLE)
        return known

    def _settle(self) -> bool:
        """Note and handle what was found, if it is still so. False: a restore has begun, which goes first."""
        found, self._found = self._found, []
        if not found:
            return True
        replica = self._replica
        places: dict[int, dict[bytes, None]] = {}
        for finding in found:
            places.setdefault(finding.root, {})[finding.path] = None
        with replica.lock:
            if replica.store is not self._store or self._drift is None or self._kept is None:
                return True
            still: list[Finding] = []
            for root, paths in places.items():
                self._own[root].forget()
                listed = list(paths)
                for start in range(0, len(listed), CHUNK):
                    if self._is_restored(time.monotonic()):
                        self._found = found
                        return False
                    still += self._drift.check(root, self._own[root], listed[start : start + CHUNK])
            asked = self._handler.handle(self._drift, self._kept, self._own, still)
            self.count = self._drift.count
            self._reverting |= bool(asked)
        for finding in asked:
            replica.tell_trouble(finding.root, finding.path, DRIFT_TROUBLE)
        return True

    def _tell_back(self) -> None:
        """Tell when everything that was asked for is there again."""
        replica = self._replica
        if self._drift is None or not (self.count or self._reverting):
            return
        if not replica.lock.acquire(timeout=0.0):
            return
        try:
            if replica.store is not self._store:
                return
            self.count = self._drift.refresh()
            reverting = self._drift.reverting()
        finally:
            replica.lock.release()
        if self._reverting and not reverting:
            self._telling.event("IR00434", Severity.INFORMATION, params={"replica": replica.name})
        self._reverting = bool(reverting)
        if not self.count:
            self._handler.release()

    def _count_files(self, now: float) -> None:
        """Count the files now and then, in a view of the index of its own so that nothing waits for it."""
        store = self._store
        if store is None or now < self._count_due or store.operations == self._counted_operations:
            return
        operations = store.operations
        with closing(connect_private(store.index.path, timeout_s=1.0, read_only=True)) as database:
            try:
                self.files = count_files(database)
            except sqlite3.OperationalError:
                return
        self._counted_operations = operations
        took = time.monotonic() - now
        self._count_due = time.monotonic() + max(_COUNT_EVERY_S, took * _SWEEP_SHARE)

    def _prune(self, now: float) -> None:
        if self._kept is None or now - self._pruned_at < _PRUNE_EVERY_S:
            return
        self._pruned_at = now
        with self._replica.lock:
            if self._replica.store is self._store:
                try:
                    self._kept.drop_old(time.time_ns())
                except OSError as error:
                    _log.info("kept edits could not be dropped: %s", error)
                if self._drift is not None:
                    self._drift.commit()


def watch_limit() -> int:
    """Inotify watches that a user may have; 0 on other systems."""
    try:
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
