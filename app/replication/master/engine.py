"""The master's engine: the scenarios of this host, saved, checked, run and asked about."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from app.model.bookmarks import check_bookmark
from app.model.brake import BrakeResult, BrakeReview
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.host import CheckResult
from app.model.path_state import DirectoryStates
from app.model.paths import shown
from app.model.report import Report
from app.model.rewind import PointKind, ReplicatedBack, RewindPoint
from app.model.scenario import (
    NewScenario,
    ReplicaState,
    ReplicaStatus,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    SyncMethod,
)
from app.model.suspending import check_until
from app.replication.definition import to_xml
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.brake import forget, load
from app.replication.master.brake_review import check_whole_root, review
from app.replication.master.definitions import Definitions
from app.replication.master.filters import PathFilter
from app.replication.master.holding import Holding
from app.replication.master.library import Intent, Library
from app.replication.master.path_states import directory_states
from app.replication.master.quiet import QuietMark
from app.replication.master.replicate_back import ReplicateBack
from app.replication.master.reporting import Reporting
from app.replication.master.roots import ComparedRoot
from app.replication.master.running import Running
from app.replication.master.runs import Runs
from app.replication.master.statistics import LastStatistics


class MasterEngine:
    """See the module. All methods may be called from any thread; they block on disk and replicas.

    `directory` is the `engine/` directory of the home; `reserved` are directories (home, media) that no
    root may hold or lie in. `names()` are further names that servers know this host by.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        host: str,
        connector: ReplicaConnector,
        events: EventStore,
        reserved: Sequence[bytes] = (),
        names: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._directory = os.fspath(directory)
        self._host = host
        self._connector = connector
        self._events = events
        self._names = names
        self._lock = threading.RLock()
        self._library = Library(self._directory)
        self._definitions = Definitions(self._library, self._lock, tuple(reserved), self._named)
        self._runs = Runs(self._directory, self._library, connector, events, self._lock)
        self._holding = Holding(self._library, self._runs)
        self._last = LastStatistics()
        self._reporting = Reporting(self._library.directory, connector, events)

    # the engine itself

    def start(self) -> None:
        """Load all definitions and run again what ran when the engine ended."""
        for scenario in self._definitions.load(self._events):
            intent = self._library.intent(scenario.id)
            if intent.running and scenario.properties.run_after_reboot:
                self._runs.begin(scenario, fresh=False, suspended=intent.suspended)
                self._holding.load(scenario.id, intent.until)
        self._runs.start()
        self._holding.start()

    def close(self) -> None:
        """End all runs in order; they are remembered as running. Blocks until all threads have ended."""
        self._holding.close()
        self._reporting.close()
        self._runs.close()

    # definitions

    def check(self, scenario: NewScenario) -> Sequence[CheckResult]:
        """What stands against a scenario on the master's side, and which roots are fine."""
        return self._definitions.check(scenario)

    def create(self, scenario: NewScenario) -> Scenario:
        """Save a new scenario.

        Raises:
            ArcxoError: the first reason against it (ER00101 to ER00115).
        """
        made = self._definitions.create(scenario)
        self._runs.changed(made.id)
        return made

    def import_xml(self, xml: bytes) -> Scenario:
        """Save a scenario from its definition; it gets a new id when its own is taken.

        Raises:
            ArcxoError: E3370, or the first reason against it.
        """
        made = self._definitions.import_xml(xml)
        self._runs.changed(made.id)
        return made

    def export(self, scenario_id: int) -> bytes:
        """The definition as XML. Raises NotFoundError ER00117."""
        return to_xml(self._definitions.of(scenario_id))

    def update(self, scenario: Scenario) -> Scenario:
        """Save a changed definition; its version grows.

        Raises:
            BusyError: ER00118 while the scenario runs.
            ArcxoError: ER00119 when what can't change was changed, or the first reason against it.
        """
        with self._lock:
            known = self._definitions.of(scenario.id)
            if self._runs.get(scenario.id) is not None:
                raise BusyError("ER00118", scenario=known.name)
            saved = self._definitions.update(known, scenario)
        self._runs.changed(saved.id)
        return saved

    def delete(self, scenario_id: int) -> None:
        """Remove a definition with its shadow and spool. Raises BusyError ER00118 while it runs."""
        with self._runs.act(scenario_id), self._lock:
            # A definition that cannot be read can still be deleted.
            if not self._definitions.is_unreadable(scenario_id):
                scenario = self._definitions.of(scenario_id)
                if self._runs.get(scenario_id) is not None:
                    raise BusyError("ER00118", scenario=scenario.name)
            self._definitions.delete(scenario_id)
            self._runs.forget(scenario_id)
        self._runs.changed(scenario_id)

    # running

    def run(self, scenario_id: int, sync: SyncMethod | None = None) -> None:
        """Start a scenario, with a synchronisation; returns once it is started. A running one goes on.

        Raises:
            ArcxoError: ER00101 and others when it may not run.
        """
        with self._runs.act(scenario_id):
            scenario = self._definitions.of(scenario_id)
            if sync is not None and sync is not scenario.properties.sync:
                scenario = replace(scenario, properties=replace(scenario.properties, sync=sync))
            running = self._runs.get(scenario_id)
            # A run that is just failing is not in that state yet, and ends all the same.
            failed = running is not None and running.problem is not None
            if running is not None and not failed and running.state is not ScenarioState.PROBLEM:
                return
            self._definitions.refuse(scenario)
            if running is None:
                # Half of what a replicate-back did must not be replicated.
                self._back(scenario).finish_interrupted()
            held = load(self._library.directory(scenario_id))
            # What the safety brake holds must not get out by a synchronisation.
            fresh = held is None or not held.holds
            # First: a disk that takes not even this leaves the run as it is, to go on when there is room.
            self._library.keep_intent(scenario_id, Intent(running=True))
            self._holding.forget(scenario_id)
            if running is not None:
                self._runs.end(scenario_id, drain=False)
            self._runs.begin(scenario, fresh=fresh, suspended=[])

    def stop(self, scenario_id: int) -> None:
        """Stop a scenario after what is captured was recorded and sent; returns when it has stopped."""
        with self._runs.act(scenario_id):
            scenario = self._definitions.of(scenario_id)
            self._library.keep_intent(scenario_id, Intent(running=False))
            self._holding.forget(scenario_id)
            if self._runs.get(scenario_id) is None:
                return
            self._events.append(
                "SR00095", Severity.SIGNIFICANT, scenario_id=scenario_id, scenario_name=scenario.name,
                scenario=scenario.name,
            )  # fmt: skip
            self._runs.end(scenario_id, drain=True)

    def suspend(self, scenario_id: int, replica: str = "", until: datetime | None = None) -> None:
        """Hold a replica; returns when all that was sent to it is durable there. The spool goes on.

        At `until` it is resumed; one that is suspended already gets another time, or none.

        Raises:
            UsageError: ER00244 a time that cannot be.
            BusyError: ER00251 not running, ER00240 synchronising, ER00241 no answer.
            ArcxoError: ER00243 the scenario's properties do not allow it.
        """
        if until is not None:
            check_until(until)
        with self._runs.act(scenario_id):
            running = self._run_of(scenario_id)
            if not running.scenario.properties.suspend_enabled:
                raise ArcxoError("ER00243", scenario=running.scenario.name)
            self._holding.suspend(running, replica, until)

    def resume(self, scenario_id: int, replica: str = "") -> None:
        """Go on with a replica, from the spool."""
        with self._runs.act(scenario_id):
            self._holding.resume(self._run_of(scenario_id), replica)

    def synchronize(self, scenario_id: int, replica: str = "") -> None:
        """Synchronise a replica again; returns once it is asked for. Raises BusyError ER00251."""
        self._run_of(scenario_id).synchronize(replica)

    def bookmark(self, scenario_id: int, text: str, kind: PointKind = PointKind.BOOKMARK) -> RewindPoint:
        """Put a rewind point after everything written before the call; its `change` is known to replicas.

        Raises:
            UsageError: ER00123 a text that replicas would refuse for ever, or that no list can show.
        """
        check_bookmark(text)
        return self._run_of(scenario_id).bookmark(text, kind)

    def barrier(self, scenario_id: int, timeout_s: float) -> None:
        """Return once everything written before the call is durable on every replica that is not suspended.

        Raises:
            BusyError: ER00250 after `timeout_s`, naming what waits; ER00251 not running.
        """
        self._run_of(scenario_id).barrier(timeout_s)

    # the safety brake

    def brake_review(self, scenario_id: int, path: bytes = b"", limit: int = 1_000) -> BrakeReview:
        """What the safety brake holds back; see `brake_review.review`. Also while the scenario is stopped."""
        scenario = self._definitions.of(scenario_id)
        return review(scenario, self._library.directory(scenario_id), path, limit)

    def brake_accept(self, scenario_id: int, path: bytes = b"") -> BrakeResult:
        """Let what is held go. A root that is gone or another one is taken as it is now.

        Raises:
            BusyError: ER00251 not running, ER00263 nothing is held. NotFoundError: ER00264, ER00271 of a root
            that is gone, a path beneath it. ArcxoError: ER00268 a root is not there.
        """
        with self._runs.act(scenario_id):
            running = self._run_of(scenario_id)
            if (held := running.braked) is None or not held.root_lost:
                return running.decisions.accept(path)
            check_whole_root(running.scenario, path)
            self._restart(running, fresh=True)
            return BrakeResult(0, 0, lifted=True)

    def brake_reject(self, scenario_id: int, path: bytes = b"") -> BrakeResult:
        """Bring what is held back to the master. Of a root that was gone, what is missing is held then.

        Raises:
            BusyError: ER00251 not running, ER00263 nothing is held, ER00267 no replica is connected.
            NotFoundError: ER00264, ER00271 of a root that is gone, a path beneath it.
            ArcxoError: ER00268 a root is not there.
        """
        with self._runs.act(scenario_id):
            running = self._run_of(scenario_id)
            if (held := running.braked) is None or not held.root_lost:
                return running.decisions.reject(path)
            check_whole_root(running.scenario, path)
            self._restart(running, fresh=False)
            return BrakeResult(0, 0, lifted=True)

    def _restart(self, running: Running, *, fresh: bool) -> None:
        scenario = running.scenario
        for root in scenario.roots:
            if not os.path.isdir(root.master_path):
                raise ArcxoError("ER00268", path=shown(root.master_path), scenario=scenario.name)
        suspended = running.suspended()
        self._runs.end(scenario.id, drain=False)
        if fresh:
            forget(self._library.directory(scenario.id))
        self._runs.begin(scenario, fresh=fresh, suspended=suspended, adopt_roots=True)

    # making the master equal to a replica

    def plan_replicate_back(
        self, scenario_id: int, replica: str, paths: Sequence[bytes], point_id: str
    ) -> ReplicatedBack:
        """What `replicate_back` would change once the replica is rewound to a point. Changes nothing."""
        scenario = self._definitions.of(scenario_id)
        with self._runs.act(scenario_id):
            return self._back(scenario).plan(replica, paths, point_id)

    def replicate_back(self, scenario_id: int, replica: str, paths: Sequence[bytes]) -> ReplicatedBack:
        """Make the roots (or only `paths`) equal to what a replica has. See `ReplicateBack.carry_out`.

        Raises:
            BusyError: ER00283 the scenario runs.
        """
        scenario = self._definitions.of(scenario_id)
        with self._runs.act(scenario_id):
            done = self._back(scenario).carry_out(replica, paths)
        self._runs.changed(scenario_id)
        return done

    def _back(self, scenario: Scenario) -> ReplicateBack:
        if self._runs.get(scenario.id) is not None:
            raise BusyError("ER00283", scenario=scenario.name)
        directory = self._library.directory(scenario.id)
        return ReplicateBack(scenario, directory, self._connector, self._events)

    # asking

    def statuses(self) -> Sequence[ScenarioStatus]:
        """How all scenarios stand, by name."""
        scenarios = sorted(self._definitions.all(), key=lambda scenario: scenario.name.casefold())
        return [self._status(scenario) for scenario in scenarios]

    def status(self, scenario_id: int) -> ScenarioStatus:
        """How one scenario stands. Raises NotFoundError ER00117."""
        return self._status(self._definitions.of(scenario_id))

    def _status(self, scenario: Scenario) -> ScenarioStatus:
        revision = self._runs.revision(scenario.id)
        running = self._runs.get(scenario.id)
        if running is not None:
            return self._holding.shown(running.status(revision))
        stopped_at = self._runs.stopped_at(scenario.id)
        return ScenarioStatus(
            scenario,
            ScenarioState.STOPPED,
            since=stopped_at,
            replicas=tuple(ReplicaStatus(spec.host, ReplicaState.STOPPED) for spec in scenario.replicas),
            roots=self._last.of(scenario, self._library.directory(scenario.id), stopped_at),
            revision=revision,
        )

    def difference(
        self, scenario_id: int, replica: str = "", limit: int = 1_000, *, content: bool = False
    ) -> Report:
        """Compare with a replica, whatever the scenario does; nothing is changed. See `Reporting`."""
        scenario = self._definitions.of(scenario_id)
        return self._reporting.difference(
            scenario, self._runs.get(scenario_id), replica, limit, content=content
        )

    def compared(self, scenario_id: int, replica: str = "") -> tuple[int, int]:
        """How far a comparison under way is. See `Reporting`."""
        return self._reporting.compared(scenario_id, replica)

    def reports(self, scenario_id: int, limit: int = 100) -> Sequence[Report]:
        """The reports kept of a scenario, newest first, without items."""
        return self._reporting.newest_first(self._definitions.of(scenario_id).id, limit)

    def report(self, scenario_id: int, report_id: str, limit: int = 1_000) -> Report:
        """One of them, with items. Raises NotFoundError ER00440."""
        return self._reporting.report(self._definitions.of(scenario_id).id, report_id, limit)

    def quiet_before(self, scenario_id: int, timeout_s: float) -> QuietMark | None:
        """A mark before a cut of the replicas; None when they are not equal soon. See `Quiet`."""
        running = self._runs.get(scenario_id)
        quiet = running.quiet() if running is not None else None
        return None if quiet is None else quiet.begin(timeout_s)

    def quiet_since(self, scenario_id: int, mark: QuietMark, timeout_s: float) -> bool:
        """Whether nothing was written to the roots since `mark`: the cut is of one moment."""
        running = self._runs.get(scenario_id)
        quiet = running.quiet() if running is not None else None
        return quiet is not None and quiet.holds(mark, timeout_s)

    def path_states(self, scenario_id: int, replica: str, path: bytes, limit: int) -> DirectoryStates:
        """How the entries of a directory of the master stand on a replica ("" = the only one).

        Raises:
            NotFoundError: ER00242 no such replica, ER00419 a path outside the roots, AE1020.
            ArcxoError: AE1021 a directory that cannot be read.
        """
        scenario = self._definitions.of(scenario_id)
        specs = [spec for spec in scenario.replicas if spec.host == replica or not replica]
        if not specs or (not replica and len(specs) > 1):
            raise NotFoundError("ER00242", replica=replica, scenario=scenario.name)
        running = self._runs.get(scenario_id)
        if running is not None:
            return running.path_states(specs[0], path, limit)
        roots = [ComparedRoot(number, root.master_path) for number, root in enumerate(scenario.roots)]
        filters = PathFilter(scenario.filters)
        return directory_states(scenario.name, roots, filters, specs[0].host, None, path, limit)

    def audit_now(self, scenario_id: int) -> None:
        """Begin the next audit at once. Raises BusyError ER00251 not running, ER00446 the audit is off."""
        self._run_of(scenario_id).audit_now()

    # inside

    def _named(self, scenario: NewScenario | Scenario) -> str:
        """What this host is called in a scenario: the master's name there, where it is one of ours."""
        return scenario.master if scenario.master in self._names() else self._host

    def _run_of(self, scenario_id: int) -> Running:
        return self._runs.of(self._definitions.of(scenario_id))
