"""The replica's engine of a host: takes the streams of masters, and keeps, freezes and rewinds replicas."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.model.drift import DriftReport
from app.model.errors import ArcxoError, BusyError, NotFoundError, Problem
from app.model.events import Severity
from app.model.kept_replica import KeptReplica
from app.model.media import Consistency
from app.model.paths import shown
from app.model.rewind import PointKind, RewindDensity, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import ReplicaStatus, Scenario
from app.replication.events import EventStore
from app.replication.link import Link
from app.replication.replica.applied import CHANGE_KINDS
from app.replication.replica.claims import Claims
from app.replication.replica.drift_worker import DriftWorker
from app.replication.replica.kept_state import forget, kept_of
from app.replication.replica.replica import Replica
from app.replication.replica.restoring import apply_staged, begin_restore, end_restore, taken_back
from app.replication.replica.rewind_points import PointFilter, density, points_newest_first
from app.replication.replica.rewinding import add_point, plan_rewind, rewind
from app.replication.replica.root_checks import RootChecks
from app.replication.replica.stream import ReplicaStream
from app.replication.scripts.running import Scripts
from app.replication.staged import RestoreArea, StagedOperation

LOOK_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class FrozenReplica:
    """A replica while nothing is applied to it. All tuples are in the order of the scenario's roots."""

    scenario: Scenario
    roots: tuple[bytes, ...]
    sides: tuple[bytes, ...]
    incarnation: str
    change: int
    taken_at: datetime
    consistency: Consistency

    @property
    def pairs(self) -> tuple[tuple[bytes, bytes], ...]:
        """(master path, replica path) per root."""
        return tuple(
            (root.master_path, path) for root, path in zip(self.scenario.roots, self.roots, strict=True)
        )


class ReplicaEngine:
    """All replicas of this host. Any thread; calls about one scenario wait for each other.

    `directory` is the home's `engine` directory. Blocks on the disk everywhere.
    """

    def __init__(self, directory: str | bytes, host: str, events: EventStore) -> None:
        self._directory = os.fsencode(directory)
        self._host = host
        self._events = events
        self._lock = threading.Lock()
        self._replicas: dict[int, Replica] = {}
        self._home_id = ""
        self._closed = False
        self.claims = Claims(self._directory)
        self.checks = RootChecks(
            self._directory, self._side(), lambda: self._home_id, self._known, self.claims
        )
        self.drift_worker = DriftWorker(self._known, self._base() + b"/cookies", events)
        self.scripts = Scripts(os.path.dirname(os.path.abspath(os.fsdecode(directory))))

    def start(self) -> None:
        """Open every replica known here; what a crash left half applied is taken back."""
        os.makedirs(self._base(), 0o700, exist_ok=True)
        self._home_id = self._read_home_id()
        for text in sorted(os.listdir(self._base())):
            name = os.fsdecode(text)
            if not name.isdecimal():
                continue
            replica = self._replica(int(name), create=True)
            try:
                replica.open_stored()
            except (ArcxoError, OSError) as error:
                cause = str(error) if isinstance(error, ArcxoError) else os.strerror(error.errno or 0)
                self._events.append(
                    "WR00409",
                    Severity.WARNING,
                    scenario_id=int(name),
                    scenario_name=replica.scenario.name if replica.scenario else "",
                    cause=cause,
                )
        self.drift_worker.start()

    def close(self) -> None:
        """End all streams and close all files."""
        with self._lock:
            self._closed = True
            replicas = list(self._replicas.values())
        for replica in replicas:
            replica.end_stream()
        self.drift_worker.close()
        self.scripts.close()
        for replica in replicas:
            with replica.lock:
                replica.close()

    def serve(self, link: Link) -> None:
        """Run one stream from a master in this thread until it ends; closes the link."""
        try:
            ReplicaStream(self, link).run()
        finally:
            link.close()

    def replica_for(self, scenario: Scenario) -> Replica:
        """The replica of a scenario that says hello, known or new.

        Raises ArcxoError ER00415 when another scenario writes one of its directories.
        """
        if self._closed:
            raise ArcxoError("ER00201", host=self._host, reason="its engine is ending")
        return self._replica(scenario.id, create=True)

    def replica_of(self, scenario_id: int) -> Replica:
        """The replica of a scenario known here. Raises NotFoundError ER00418."""
        return self._replica(scenario_id)

    @contextlib.contextmanager
    def freeze(self, scenario_id: int) -> Iterator[FrozenReplica]:
        """Hold applying while inside; the batch under way is finished before.

        Raises:
            NotFoundError: ER00418, no such replica here.
            ArcxoError: AE0465, the replica is not known to follow its master.
        """
        replica = self._replica(scenario_id)
        with replica.lock:
            scenario, store = replica.opened()
            if not replica.replicating:
                raise BusyError("AE0465", name=scenario.name, id=scenario.id)
            yield FrozenReplica(
                scenario,
                replica.paths,
                tuple(tree.store.path for tree in store.trees),
                store.index.incarnation,
                store.change,
                datetime.now(UTC),
                # Changes are applied as they come: nothing proves that the master's roots were quiet.
                Consistency.FUZZY,
            )

    def is_look_awaited(self, scenario_id: int) -> bool:
        """Whether `changed_since` would wait for the look at all paths now; `LOOK_WAIT_S` at most."""
        return self.drift_worker.is_awaited(scenario_id, self._replica(scenario_id))

    def knows_changes(self, scenario_id: int, bases: Sequence[tuple[str, int]]) -> bool:
        """Whether what others did to the paths that changed after `bases`, (incarnation, change), is known.

        Looks at these, or waits a while for the look at all paths. Raises NotFoundError ER00418, no such
        replica here.
        """
        replica = self._replica(scenario_id)
        return self.drift_worker.checked_since(scenario_id, replica, bases, LOOK_WAIT_S)

    def changed_since(
        self, scenario_id: int, incarnation: str, change: int, *, looked: bool = False
    ) -> list[tuple[int, bytes, str]] | None:
        """(root, path, "changed" | "removed" | "subtree") after `change`; None when that is not known.

        Waits a while for the look at all paths, so that what others changed is in it; not where
        `knows_changes` has `looked` at the listed ones.
        """
        replica = self._replica(scenario_id)
        if not looked and not self.drift_worker.checked(scenario_id, replica, LOOK_WAIT_S):
            # What others changed while no engine ran would be missing in the list.
            return None
        with replica.lock:
            _, store = replica.opened()
            if incarnation != store.index.incarnation:
                return None
            rows = store.index.changed_since(change)
            if rows is None:
                return None
            rows = store.links.with_other_names(rows)
            return [(root, path, CHANGE_KINDS[kind]) for root, path, kind in rows]

    # rewind -------------------------------------------------------------------------------------

    def rewind_points(
        self,
        scenario_id: int,
        *,
        kinds: Sequence[PointKind] = (),
        path: bytes = b"",
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> list[RewindPoint]:
        """Points the replica can be taken back to, newest first; see `PointFilter`.

        Raises NotFoundError ER00417 when the page before ended at a point that is gone, ER00419.
        """
        wanted = PointFilter(tuple(kinds), path, since, until, after)
        replica = self._replica(scenario_id)
        with replica.lock:
            scenario, store = replica.opened()
            found = points_newest_first(store, scenario, replica.name, wanted)
            return list(itertools.islice(found, limit))

    def rewind_density(
        self, scenario_id: int, *, path: bytes, since: datetime, until: datetime, parts: int
    ) -> RewindDensity:
        """How many changes were applied when, in equal parts of a time. Raises NotFoundError ER00419."""
        replica = self._replica(scenario_id)
        with replica.lock:
            scenario, store = replica.opened()
            return density(store, scenario, path, since, until, parts)

    def tend(self) -> None:
        """Drop what rewind logs need not keep, also where no stream is open. To be called now and then."""
        with self._lock:
            replicas = list(self._replicas.values())
        for replica in replicas:
            if replica.lock.acquire(blocking=False):
                try:
                    replica.retain(time.monotonic())
                finally:
                    replica.lock.release()

    def add_point(self, scenario_id: int, kind: PointKind, text: str) -> RewindPoint:
        """Make a point of the state now; durable on return."""
        replica = self._replica(scenario_id)
        with replica.lock:
            return add_point(replica, kind, text)

    def plan_rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindPlan:
        """What `rewind` would change, exactly; `paths` are the master's, absolute. Changes nothing.

        Raises NotFoundError ER00417 for a point that is not there (any more), ER00419 for a foreign path.
        """
        return plan_rewind(self._replica(scenario_id), point_id, paths)

    def rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindResult:
        """Take the replica (or only `paths`, the master's) back to a point. All or nothing, even if killed.

        The next run of the scenario begins with a synchronisation.

        Raises:
            BusyError: ER00416 while the scenario's stream is open.
            NotFoundError: ER00417, ER00419 as in `plan_rewind`.
            ArcxoError: ER00408 when the disk fails; nothing has changed then.
        """
        return rewind(self._replica(scenario_id), self._events, point_id, paths)[0]

    # restore ------------------------------------------------------------------------------------

    def begin_restore(self, scenario_id: int, run: str = "") -> RestoreArea:
        """A staging directory per root; stays until `end_restore` or the next start.

        `run`: which restore it is, so that `restore_taken_back` can tell of it; "" = not known.
        """
        return begin_restore(self._replica(scenario_id), scenario_id, run)

    def restore_taken_back(self, scenario_id: int, run: str) -> None:
        """What the restore `run` wrote was wholly taken back: the scenario's next run replaces none of it."""
        taken_back(self._replica(scenario_id), run)

    def apply_staged(self, scenario_id: int, operations: Sequence[StagedOperation]) -> list[Problem]:
        """Carry out a restore's operations in order, together and durably; they can be rewound.

        Returns what could not be done, by path; the rest is done.

        Raises ArcxoError ER00408 when the disk fails; nothing has changed then.
        """
        return apply_staged(self._replica(scenario_id), operations)

    def end_restore(self, scenario_id: int, area: RestoreArea) -> None:
        """Remove what is left in the area."""
        end_restore(self._replica(scenario_id), area)

    # the rest -----------------------------------------------------------------------------------

    def status(self, scenario_id: int) -> ReplicaStatus:
        """The replica's own figures."""
        found = self._replica(scenario_id).status()
        drifted, files = self.drift_worker.figures(scenario_id)
        return replace(found, drifted=drifted, files=files)

    def drift(self, scenario_id: int, limit: int) -> DriftReport:
        """What others changed on the replica; up to `limit` items and kept edits."""
        return self.drift_worker.report(scenario_id, self._replica(scenario_id), limit)

    def free_bytes(self, scenario_id: int) -> tuple[int, ...]:
        """Free space of each root's volume."""
        found: list[int] = []
        for path in self._replica(scenario_id).paths:
            space = os.statvfs(path)
            found.append(space.f_bavail * space.f_frsize)
        return tuple(found)

    def forget(self, scenario_id: int) -> None:
        """Remove everything kept of the replica but its roots' contents. Unknown ones are fine.

        Raises BusyError ER00482 while a master is connected.
        """
        with self._lock:
            replica = self._replicas.get(scenario_id)
        if replica is None:
            return
        with replica.lock:
            paths = replica.paths
            forget(scenario_id, replica, self._side())
            self.claims.release(paths)
            with self._lock:
                self._replicas.pop(scenario_id, None)

    def kept(self) -> list[KeptReplica]:
        """What is kept here of each replica, by number. Blocks for looking at all kept edits."""
        return [kept_of(number, replica) for number, replica in sorted(self._known())]

    @property
    def events(self) -> EventStore:
        """Where the engine's events go."""
        return self._events

    @property
    def home(self) -> str:
        """The home, as it is named where its disk refuses something."""
        return f"home {shown(os.path.dirname(os.path.abspath(self._directory)))}"

    @property
    def host(self) -> str:
        """The name of this host in events."""
        return self._host

    def all_paths(self) -> list[bytes]:
        """The roots of all replicas here."""
        return self._all_paths()

    def _replica(self, scenario_id: int, *, create: bool = False) -> Replica:
        with self._lock:
            found = self._replicas.get(scenario_id)
            if found is None:
                if not create:
                    raise NotFoundError("ER00418", id=scenario_id)
                directory = self._base() + b"/%d" % scenario_id
                found = Replica(
                    scenario_id, directory, self._side(), self._home_id, self._all_paths, self.claims
                )
                self._replicas[scenario_id] = found
            return found

    def _known(self) -> list[tuple[int, Replica]]:
        with self._lock:
            return list(self._replicas.items())

    def _all_paths(self) -> list[bytes]:
        return [path for replica in list(self._replicas.values()) for path in replica.paths]

    def _base(self) -> bytes:
        return self._directory + b"/replica"

    def _side(self) -> bytes:
        return self._directory + b"/side"

    def _read_home_id(self) -> str:
        path = self._base() + b"/home.id"
        try:
            with open(path, "rb") as file:
                found = file.read().decode("ascii").strip()
        except FileNotFoundError:
            found = ""
        if not found:
            found = secrets.token_hex(4)
            new = path + b".new"
            fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, found.encode())
                os.fsync(fd)
            finally:
                os.close(fd)
            os.replace(new, path)
        return found
