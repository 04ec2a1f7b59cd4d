"""The one thread that looks after drift on all replicas of a host."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence

from app.model.drift import DriftReport
from app.model.errors import ArcxoError
from app.replication.events import EventStore
from app.replication.replica.applied import CHANGED
from app.replication.replica.drift import Finding
from app.replication.replica.drift_watch import DriftWatch
from app.replication.replica.replica import Replica

_EVERY_S = 0.5
_AFTER_ERROR_S = 5.0
_REST = 1.0
_REST_AWAITED = 0.1
_REST_BESIDE_A_BACKUP = 9.0
"""How long it rests after a part of a look, as a share of what that took: others want the machine, and the
replica's lock. A backup that waits for the end of a look wants it more; one that reads, the machine."""
_log = logging.getLogger("arcxo.replication.drift")


class DriftWorker:
    """From `start` to `close`. `cookies` is a directory of its own, outside all roots."""

    def __init__(
        self, replicas: Callable[[], Sequence[tuple[int, Replica]]], cookies: bytes, events: EventStore
    ) -> None:
        self._replicas = replicas
        self._cookies = cookies
        self._events = events
        self._lock = threading.Lock()
        self._watches: dict[int, DriftWatch] = {}
        self._not_before: dict[int, float] = {}
        self._closing = threading.Event()
        self._awake = threading.Event()
        self._awaited = 0
        self._backup_reads: Callable[[], bool] = bool
        self._thread = threading.Thread(target=self._work, name="drift", daemon=True)

    def give_way(self, backup_reads: Callable[[], bool]) -> None:
        """Rest more while a backup of this host reads. Asked after each part of a look; must not block."""
        self._backup_reads = backup_reads

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; blocks until the look under way is done."""
        self._closing.set()
        self._awake.set()
        if self._thread.is_alive():
            self._thread.join()
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()

    def report(self, scenario_id: int, replica: Replica, limit: int) -> DriftReport:
        """The drift of a replica now."""
        return self._watch(scenario_id, replica).report(limit)

    def listed(self, scenario_id: int, replica: Replica, findings: Sequence[Finding]) -> None:
        """A listing for a synchronisation found these. With the replica's lock held."""
        self._watch(scenario_id, replica).listed(findings)

    def checked(self, scenario_id: int, replica: Replica, timeout_s: float) -> bool:
        """Whether every path was compared since the store was opened; waits for it.

        Until then what others did while nobody looked is not known. Raises as `Replica.opened`.
        """
        watch = self._unchecked(scenario_id, replica)
        if watch is None:
            return True
        with self._lock:
            self._awaited += 1
        self._awake.set()
        try:
            return watch.checked.wait(timeout_s)
        finally:
            with self._lock:
                self._awaited -= 1

    def is_awaited(self, scenario_id: int, replica: Replica) -> bool:
        """Whether `checked` would wait now. Raises as `Replica.opened`."""
        return self._unchecked(scenario_id, replica) is not None

    def checked_since(
        self, scenario_id: int, replica: Replica, bases: Sequence[tuple[str, int]], timeout_s: float
    ) -> bool:
        """The same of what changed after the oldest of `bases`, (incarnation, change), alone.

        Where the look at all paths is not over, these are looked at here, and nothing else is waited for.
        """
        with replica.lock:
            watch = self._unchecked(scenario_id, replica)
            if watch is None:
                return True
            _, store = replica.opened()
            since = [change for incarnation, change in bases if incarnation == store.index.incarnation]
            rows = store.index.changed_since(min(since)) if since else None
            if rows is None or any(not path and kind != CHANGED for _, path, kind in rows):
                return True  # there is no list: everything is read
            rows = store.links.with_other_names(rows)
        try:
            if watch.look_at(rows):
                return True
        except OSError as error:
            _log.info("looking at what changed on %s: %s", replica.label, error)
        return self.checked(scenario_id, replica, timeout_s)

    def _unchecked(self, scenario_id: int, replica: Replica) -> DriftWatch | None:
        """The watch of a replica, unless all was compared, or not all is known so that nothing can be."""
        with replica.lock:
            _, store = replica.opened()
            if not all(store.states.is_vouched(tree.index) for tree in store.trees):
                return None
        watch = self._watch(scenario_id, replica)
        return None if watch.checked.is_set() else watch

    def figures(self, scenario_id: int) -> tuple[int | None, int | None]:
        """(items that drifted, files there) as of the last look; None where there was none yet."""
        watch = self._watches.get(scenario_id)
        return (None, None) if watch is None else (watch.count, watch.files)

    def _watch(self, scenario_id: int, replica: Replica) -> DriftWatch:
        with self._lock:
            watch = self._watches.get(scenario_id)
            if watch is None:
                watch = self._watches[scenario_id] = DriftWatch(replica, self._cookies, self._events)
            return watch

    def _work(self) -> None:
        while not self._closing.is_set():
            began = time.monotonic()
            more = False
            known = dict(self._replicas())
            for gone in [number for number in self._watches if number not in known]:
                with self._lock:
                    watch = self._watches.pop(gone)
                watch.close()
            for number, replica in known.items():
                if self._closing.is_set():
                    return
                more |= self._tick(number, replica)
            spent = time.monotonic() - began
            if self._awake.wait(spent * self._rest() if more else _EVERY_S):
                self._awake.clear()

    def _rest(self) -> float:
        if self._awaited:
            return _REST_AWAITED
        return _REST_BESIDE_A_BACKUP if self._backup_reads() else _REST

    def _tick(self, number: int, replica: Replica) -> bool:
        if time.monotonic() < self._not_before.get(number, 0.0):
            return False
        watch = self._watch(number, replica)
        try:
            return watch.tick()
        except (sqlite3.Error, OSError, ArcxoError) as error:
            # The store was closed meanwhile, or its disk takes nothing: looked at again in a while.
            _log.info("looking after drift of %s waits: %s", replica.label, error)
            watch.close()
            self._not_before[number] = time.monotonic() + _AFTER_ERROR_S
            return False
        except Exception:  # noqa: BLE001 - the watch over all replicas must not end for one
            _log.exception("looking after drift of %s failed", replica.label)
            watch.close()
            return False
