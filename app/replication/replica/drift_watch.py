"""Looks after drift on one replica: watches, compares, tells, and has the master's state put back.

Events are hints here, too: what counts is whether a path is as the applier left it, looked at with the
replica's lock held. The applier's own writes are told of as well and found to be right; so that this costs
little while much is applied, hints wait until it is quiet, up to a limit.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice

from app.model.drift import DriftItem, DriftKind, DriftReport, KeptEdit
from app.model.entry import EntryKind, Metadata, kind_of_mode, order_key
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.model.properties import properties_on
from app.model.scenario import DriftHandling, ScenarioProperties
from app.replication.events import EventStore
from app.replication.master.filters import PathFilter
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.drift import Drift, Finding, changed_at_ns, digest, ordered
from app.replication.replica.drift_hints import RootHints
from app.replication.replica.drift_keeping import LEAST_MINUTES, KeptEdits
from app.replication.replica.drift_states import count_directories, count_files
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import is_reserved
from app.replication.replica.steps import Operation
from app.replication.replica.trouble import PathTrouble
from app.sqlite_files import connect_private

DRIFT_TROUBLE = "WR00432"
_QUIET_LEAST_S = 0.4
_WAIT_MOST_S = 20.0
_BLIND_EVERY_S = 45.0
_SWEEP_SHARE = 400.0
_BLIND_SHARE = 10.0
_CHUNK = 400
_FINDINGS_MAX = 5_000
_EVENTS_EACH = 20
_EVENTS_PER_S = 60.0
_PATHS_SHOWN = 5
_PRUNE_EVERY_S = 600.0
_COUNT_EVERY_S = 5.0
_WATCHES_SHARE = 4
_LOCK_S = 0.5
_LAST_KEY = b"\xff" * 300
_log = logging.getLogger("arcxo.replication.drift")


class DriftWatch:
    """One replica's. `tick` and `close` are called by one thread, `report` by any."""

    def __init__(self, replica: Replica, cookies: bytes, events: EventStore) -> None:
        self._replica = replica
        self._cookies = cookies
        self._events = events
        self._store: ReplicaStore | None = None
        self._drift: Drift | None = None
        self._kept: KeptEdits | None = None
        self._own: list[Rooted] = []
        self._hints: list[RootHints] = []
        self._filters = PathFilter(replica.scenario.filters) if replica.scenario else None
        self._sweeping: Iterator[list[Finding]] | None = None
        self._sweep_began = 0.0
        self._sweep_due = 0.0
        self._found: list[Finding] = []
        self._operations = -1
        self._told: list[float] = []
        self._pruned_at = 0.0
        self._reverting = False
        self._once_more = False
        self._blind_told = False
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
        replica = self._replica
        with replica.lock:
            scenario, store = replica.opened()
            properties = properties_on(scenario, replica.name)
            drift = self._drift if self._store is store and self._drift is not None else Drift(store)
            kept = self._kept if self._store is store and self._kept is not None else KeptEdits(store)
            count = drift.refresh()
            items = []
            for root, path, kind, other, found, changed, size, reverting in drift.items(limit):
                top = replica.paths[root]
                items.append(
                    DriftItem(
                        _whole(top, path), kind, _time(found), _time(changed) if changed else None, size,
                        _whole(top, other) if other else b"", drift.beneath(root, path), reverting,
                    )
                )  # fmt: skip
            edits = [
                KeptEdit(
                    _whole(replica.paths[root], path), kind, kept.whole_path(root, place, path), _time(at),
                    _time(until),
                )
                for root, place, path, kind, at, until in kept.rows()[:limit]
            ]  # fmt: skip
            return DriftReport(
                replica.name,
                properties.drift,
                count,
                tuple(items),
                count > len(items),
                tuple(edits),
                self._checked_at,
                bool(self._hints) and not any(hints.source.unwatched() for hints in self._hints),
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
            self._filters = PathFilter(scenario.filters)
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
        finally:
            replica.lock.release()
        self._watch()
        self._begin_sweep()
        return True

    def _watch(self) -> None:
        # Capture on a master of this host needs watches more than this does, and they are limited by user.
        directories, limit = self._directories(), watch_limit()
        if directories > limit // _WATCHES_SHARE:
            self._tell_blind(f"{directories:,} directories, and {limit:,} watches are allowed")
            return
        os.makedirs(self._cookies, 0o700, exist_ok=True)
        for own in self._own:
            hints = RootHints(own.path, self._cookies)
            try:
                hints.source.start()
            except OSError as error:
                self._tell_blind(error.strerror or str(error))
                for begun in self._hints:
                    begun.source.close()
                self._hints = []
                return
            self._hints.append(hints)
        causes = [cause for hints in self._hints for cause in hints.causes]
        if causes:
            self._tell_blind(", ".join(causes))

    def _directories(self) -> int:
        """How many directories there are to watch."""
        store = self._store
        if store is None:
            return 0
        with closing(connect_private(store.index.path, timeout_s=1.0, read_only=True)) as database:
            return count_directories(database)

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
            wanted = sorted(path for path in paths if not _in_any(path, trees))
            for start in range(0, len(wanted), _CHUNK):
                part = wanted[start : start + _CHUNK]
                self._found += self._locked(partial(self._check, root, part))
            for top in sorted(trees):
                if not _in_any(top.rpartition(b"/")[0], trees):
                    for found in self._range(root, top):
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
        self._sweeping = self._sweep()

    def _end_sweep(self) -> None:
        self._sweeping = None
        self._settle()
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

    def _sweep(self) -> Iterator[list[Finding]]:
        for root in range(len(self._own)):
            source = self._hints[root].source if self._hints else None
            if source is not None:
                source.begin_check(thorough=True)
            yield from self._range(root, b"")
            if source is not None:
                source.end_check()

    def _range(self, root: int, top: bytes) -> Iterator[list[Finding]]:
        """Compare everything at and beneath `top`, part by part; findings of each part."""
        own = self._own[root]
        key = order_key(top)
        # All beneath a path has its key and \0 before the rest: it comes before its key and \1.
        low, end = key, key + b"\1" if key else _LAST_KEY
        own.forget()
        paths = (path for path in ordered(own, top) if not is_reserved(path))
        while True:
            part = list(islice(paths, _CHUNK))
            high = end if len(part) < _CHUNK else order_key(part[-1])
            yield self._locked(partial(self._compare, root, low, high, part))
            if high is end:
                return
            low = high + b"\0"

    def _compare(
        self, root: int, low: bytes, high: bytes, part: Sequence[bytes], drift: Drift
    ) -> list[Finding]:
        own = self._own[root]
        own.forget()
        if self._hints and self._sweeping is not None:
            source = self._hints[root].source
            for path in part:
                status = own.status_or_none(path)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    source.check(path, status.st_dev, status.st_ino)
        return drift.check_range(root, own, low, high, part)

    def _check(self, root: int, part: Sequence[bytes], drift: Drift) -> list[Finding]:
        self._own[root].forget()
        return drift.check(root, self._own[root], part)

    def _locked(self, look: Callable[[Drift], list[Finding]]) -> list[Finding]:
        """What a look finds, with the replica's lock held; nothing when the store is another one now."""
        replica = self._replica
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
            return [finding for finding in found if not self._leaves_out(finding)]

    def _leaves_out(self, finding: Finding) -> bool:
        """Whether the scenario's filters leave a path out: then it is not replication's business."""
        state = finding.now or finding.before
        if self._filters is None or state is None or not finding.path:
            return False
        return self._filters.leaves_out(finding.path, directory=stat.S_ISDIR(state.mode))

    # handling

    def listed(self, findings: Sequence[Finding]) -> None:
        """A listing for a synchronisation found these, which will make all equal. Replica's lock held."""
        _, store = self._replica.opened()
        own = [Rooted(tree.tree.path) for tree in store.trees]
        try:
            self._handle(Drift(store), KeptEdits(store), own, findings)
        finally:
            for place in own:
                place.close()

    def _settle(self) -> None:
        """Note and handle what was found, if it is still so."""
        found, self._found = self._found, []
        if not found:
            return
        replica = self._replica
        places: dict[int, dict[bytes, None]] = {}
        for finding in found:
            places.setdefault(finding.root, {})[finding.path] = None
        with replica.lock:
            if replica.store is not self._store or self._drift is None or self._kept is None:
                return
            still: list[Finding] = []
            for root, paths in places.items():
                self._own[root].forget()
                still += self._drift.check(root, self._own[root], paths)
            asked = self._handle(self._drift, self._kept, self._own, still)
            self.count = self._drift.count
            self._reverting |= bool(asked)
        for finding in asked:
            replica.tell_trouble(finding.root, finding.path, DRIFT_TROUBLE)

    def _handle(
        self, drift: Drift, kept: KeptEdits, own: Sequence[Rooted], found: Sequence[Finding]
    ) -> list[Finding]:
        """Note, keep, put back and tell, as the property says; what the master has to be asked for."""
        scenario, store = self._replica.opened()
        properties = properties_on(scenario, self._replica.name)
        findings = digest([finding for finding in found if not self._leaves_out(finding)])
        reverting = properties.drift is DriftHandling.REVERT
        places: dict[tuple[int, bytes], bytes] = {}
        unkept: set[tuple[int, bytes]] = set()
        if reverting:
            for finding in findings:
                if finding.inner or finding.now is None or finding.kind is DriftKind.METADATA:
                    continue
                place = (finding.root, finding.path)
                try:
                    places[place] = kept.keep(finding, own[finding.root], properties.rewind_minutes)
                except (OSError, PathTrouble) as error:
                    # Better drift than a lost edit.
                    _log.warning("an edit of %s could not be kept aside: %s", shown(finding.path), error)
                    unkept.add(place)
        drift.note(findings, reverting=reverting)
        asked: list[Finding] = []
        if reverting:
            local: list[tuple[Finding, Metadata]] = []
            for finding in findings:
                metadata = _known_metadata(finding)
                if metadata is not None:
                    local.append((finding, metadata))
                elif not finding.inner and (finding.root, finding.path) not in unkept:
                    store.index.note_trouble(finding.root, finding.path, DRIFT_TROUBLE)
                    asked.append(finding)
            drift.commit()
            if local:
                self._put_metadata_back(local)
        self._tell(findings, properties, places)
        return asked

    def _put_metadata_back(self, local: Sequence[tuple[Finding, Metadata]]) -> None:
        """What was applied is known but for contents and attributes: no need to have it sent again."""

        def work(batch: Batch) -> None:
            carrier = Carrier(batch)
            batch.over_others = Operation.REPAIR
            for number, (finding, metadata) in enumerate(local):
                try:
                    now, _, _ = batch.current(finding.root, finding.path)
                    wanted = replace(metadata, xattrs=now.xattrs, link_target=now.link_target)
                    carrier.restore(number, finding.root, finding.path, None, wanted)
                except (ArcxoError, OSError):
                    batch.drop_operation()

        try:
            self._replica.applier.run(work, keep_position=True)
        except ArcxoError as error:
            _log.warning("metadata on %s could not be put back: %s", self._replica.label, error)

    # telling

    def _tell(
        self,
        findings: Sequence[Finding],
        properties: ScenarioProperties,
        kept: dict[tuple[int, bytes], bytes],
    ) -> None:
        told = [finding for finding in findings if finding.told]
        if not told:
            return
        now = time.monotonic()
        self._told = [at for at in self._told if now - at < _EVENTS_PER_S]
        if len(told) + len(self._told) > _EVENTS_EACH:
            self._tell_many(told)
            return
        self._told += [now] * len(told)
        for finding in told:
            params: dict[str, object] = {
                "path": shown(self._at(finding)),
                "what": finding.kind.value,
                "changed": changed_text(finding),
                "replica": self._replica.name,
            }
            if finding.other:
                params["what"] = f"renamed from {shown(finding.other)}"
            if properties.drift is DriftHandling.REPORT:
                self._event("WR00430", params=params)
                continue
            place = kept.get((finding.root, finding.path), b"")
            until = datetime.now(UTC) + timedelta(minutes=max(properties.rewind_minutes, LEAST_MINUTES))
            params["kept"] = shown(place) or "—"
            params["until"] = until.isoformat(timespec="minutes") if place else "—"
            self._event("WR00431", params=params)

    def _tell_many(self, told: Sequence[Finding]) -> None:
        """One event for all of them, with counts and the first paths."""
        counts: dict[str, int] = {}
        for finding in told:
            counts[finding.kind.value] = counts.get(finding.kind.value, 0) + 1
        first = ", ".join(shown(self._at(finding)) for finding in told[:_PATHS_SHOWN])
        params: dict[str, object] = {
            "count": len(told),
            "counts": ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())),
            "paths": first + (", …" if len(told) > _PATHS_SHOWN else ""),
            "replica": self._replica.name,
        }
        self._event("WR00433", params=params)

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
            self._event("IR00434", Severity.INFORMATION, params={"replica": replica.name})
        self._reverting = bool(reverting)

    def _tell_blind(self, cause: str) -> None:
        if not self._blind_told:
            self._blind_told = True
            self._event("WR00435", params={"replica": self._replica.name, "cause": cause})

    def _event(self, code: str, severity: Severity = Severity.WARNING, *, params: dict[str, object]) -> None:
        scenario = self._replica.scenario
        self._events.append(
            code,
            severity,
            scenario_id=scenario.id if scenario else None,
            scenario_name=scenario.name if scenario else "",
            **params,
        )

    def _at(self, finding: Finding) -> bytes:
        return _whole(self._replica.paths[finding.root], finding.path)

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


def _known_metadata(finding: Finding) -> Metadata | None:
    """The metadata to put back, where nothing else differs and no attribute does."""
    before, now = finding.before, finding.now
    if finding.kind is not DriftKind.METADATA or before is None or now is None:
        return None
    if before.xattrs != now.xattrs or before.inode != now.inode:
        return None
    kind = EntryKind.DIRECTORY if stat.S_ISDIR(now.mode) else kind_of_mode(now.mode)
    return Metadata(kind, stat.S_IMODE(before.mode), before.uid, before.gid, before.size, before.modified_ns)


def watch_limit() -> int:
    """Inotify watches that a user may have; 0 on other systems."""
    try:
        with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def _in_any(path: bytes, tops: set[bytes]) -> bool:
    """Whether `path` is one of `tops` or beneath one."""
    while path:
        if path in tops:
            return True
        path = path.rpartition(b"/")[0]
    return b"" in tops


def _whole(top: bytes, path: bytes) -> bytes:
    return top + b"/" + path if path else top


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / 1e9, UTC)


def changed_text(finding: Finding) -> str:
    """When it was changed, for an event: as the file system tells, else when it was found, which is now."""
    changed = changed_at_ns(finding)
    return _time(changed).isoformat(timespec="seconds") if changed else _now()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
