"""One run of a scenario: recorder, spool, sweeps, barrier and senders put together, with one state."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable

from app.messages import render
from app.model.errors import ArcxoError, BusyError
from app.model.events import Severity
from app.model.path_state import DirectoryStates
from app.model.paths import shown
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import (
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    RootStatistics,
    Scenario,
    ScenarioState,
    ScenarioStatus,
)
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.audit import Auditor
from app.replication.master.barrier import again
from app.replication.master.brake import Held
from app.replication.master.brake_decisions import BrakeDecisions
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
from app.replication.master.flight import Flight
from app.replication.master.home_disk import DiskFailure, disk_error
from app.replication.master.learning import Learner
from app.replication.master.opening import Opening
from app.replication.master.path_states import Known, directory_states
from app.replication.master.quiet import Quiet
from app.replication.master.recorder import Recorder
from app.replication.master.run_parts import RunParts
from app.replication.master.run_reports import RunReports, SyncItems
from app.replication.master.run_scripts import RunScripts
from app.replication.master.run_state import RunState
from app.replication.master.scheduled_bookmarks import ScheduledBookmarks
from app.replication.master.sender import wait_all
from app.replication.master.senders import Senders
from app.replication.master.spool import Spool
from app.replication.master.spool_keeper import SpoolKeeper
from app.replication.scripts.running import Scripts

_STOP_FLUSH_S = 5.0
_CLOCK_SLACK_S = 1.0
_STOP_COMMIT_S = 10.0


class Running:
    """From `start` to `close`. All public methods may be called from any thread."""

    def __init__(
        self,
        scenario: Scenario,
        directory: str,
        cookies: str,
        connector: ReplicaConnector,
        events: EventStore,
        scripts: Scripts,
        *,
        fresh: bool,
        suspended: list[str],
        adopt_roots: bool,
        on_change: Callable[[], None],
    ) -> None:
        self.scenario = scenario
        self._directory = directory
        self._cookies = cookies
        self._events = events
        self._fresh = fresh
        self._adopt_roots = adopt_roots
        self._on_change = on_change
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._filled = threading.Event()
        self._filters = PathFilter(scenario.filters)
        self._senders = Senders(scenario, connector, self._filters, self, self._filled, suspended)
        roots = [ComparedRoot(n, root.master_path) for n, root in enumerate(scenario.roots)]
        self._parts = RunParts(roots, self._senders)
        self._state = RunState(scenario, self._parts, self._ready, on_change)
        self._scripts = RunScripts(scripts, scenario, directory, self.event)
        self.around = self._scripts.around
        self.reports = RunReports(scenario, directory, self.event, self._figures)
        self._auditor = Auditor(scenario, directory, connector, self.flight, self.event)
        self._keeper = SpoolKeeper(self, scenario, directory, self._senders.if_any)
        self._bookmarks = ScheduledBookmarks(self)
        self._learner: Learner | None = None
        self._thread = threading.Thread(target=self._work, name=f"scenario {scenario.name}", daemon=True)

    # starting and ending

    def start(self) -> None:
        """Begin; returns at once, the state tells how far it is."""
        self.event("SR00014", Severity.SIGNIFICANT, scenario=self.scenario.name)
        self._thread.start()

    def close(self, *, drain: bool) -> None:
        """End. With `drain` what was captured is recorded and, where the replica answers, committed."""
        # First: it may wait for a barrier, which needs all the rest.
        self._auditor.close()
        parts = self._parts
        if drain:
            self._state.set(ScenarioState.STOPPING)
            if self._ready.is_set() and self.problem is None:
                self._drain()
        self._stopping.set()
        self._keeper.close()
        if parts.sweeps is not None:
            parts.sweeps.wake()
        self._thread.join()
        if self._learner is not None:
            self._learner.close()
        if parts.sweeps is not None:
            parts.sweeps.close()
        if parts.recorder is not None:
            parts.recorder.close()
        self._auditor.close()
        self._bookmarks.close()
        self._senders.close()
        if drain and self._filled.is_set():
            self.reports.ended(self.problem_count())
        self._scripts.close()
        if parts.spool is not None:
            parts.spool.close()
        if parts.shadow is not None:
            parts.shadow.close()

    def _drain(self) -> None:
        with contextlib.suppress(ArcxoError, OSError):
            barrier, spool = self._parts.barrier, self._parts.spool
            assert barrier is not None
            assert spool is not None
            quiet_at = time.time() - _CLOCK_SLACK_S
            seq = barrier.captured(_STOP_FLUSH_S)
            spool.note_quiet(quiet_at)
            self._judged(_STOP_FLUSH_S)
            live = [s for s in self._senders.all() if s.state is ReplicaState.REPLICATING]
            wait_all(live, seq, _STOP_COMMIT_S)

    def _judged(self, timeout_s: float) -> None:
        """Wait until the safety brake no longer just watches."""
        deadline = time.monotonic() + timeout_s
        brake = self._parts.brake
        while brake is not None and brake.watching and time.monotonic() < deadline:
            brake.wait_change(brake.held, 0.05)

    def _work(self) -> None:
        try:
            if self._opening().open():
                self._opened()
        except RootLostError as error:
            self.fail(ArcxoError(error.code, path=shown(self._parts.roots[error.root].path)), error.root)
            return
        except ArcxoError as error:
            self.fail(error, None)
            return
        except DiskFailure as error:
            self.fail(disk_error(error, self._directory, "ER00214"), None)
            return
        except Exception as error:
            # A bug: shown as such in the state, and raised on to the log with its trace.
            self.fail(ArcxoError("E1011", error=repr(error)), None)
            raise
        finally:
            if not self._filled.is_set():
                self._senders.drop()
        self._ready.set()
        self._state.derive()
        if self._parts.sweeps is not None:
            self._parts.sweeps.repeat()

    def _opening(self) -> Opening:
        return Opening(
            self,
            self.scenario,
            self._directory,
            self._cookies,
            self._parts,
            self._filters,
            self._keeper,
            self._start_sending,
            self._stopping,
            fresh=self._fresh,
            adopt_roots=self._adopt_roots,
        )

    def _opened(self) -> None:
        recorder = self._parts.recorder
        assert recorder is not None
        self._filled.set()
        self._scripts.start()
        self._auditor.start()
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        self._learner = Learner(self.scenario.name, self._parts.roots, recorder, shadow_path)
        self._learner.start()

    def _start_sending(self, spool: Spool, recorder: Recorder) -> None:
        self._senders.start(spool, recorder)
        self._bookmarks.start()

    # told by the parts

    def lost(self, root: int, cause: str) -> None:
        """A root was removed, moved or unmounted."""
        if not self._stopping.is_set():
            self.fail(ArcxoError("ER00223", path=shown(self._parts.roots[root].path), cause=cause), root)

    def recorded(self) -> None:
        """Something was recorded."""
        self._keeper.check_threshold()
        self.reports.daily()
        self.changed()

    def fail(self, error: ArcxoError, root: int | None) -> None:
        """Recording ends; the replicas still get what is recorded."""
        parts = self._parts
        if not self._state.failed(error):
            return
        if parts.recorder is not None:
            parts.recorder.hints.close()
        if root is not None and parts.brake is not None:
            # What is missing there when it is back is held, however little it is.
            error.params.setdefault("place", parts.roots[root].path.hex())
            parts.brake.brake_root(error)
        elif parts.recorder is not None:
            with contextlib.suppress(*DiskFailure):
                parts.recorder.judge(final=True)
        name = "" if root is None else shown(parts.roots[root].path)
        reason = render(error.code, error.params).text
        self.event("CR00100", Severity.CRITICAL, scenario=self.scenario.name, cause=reason, directory=name)
        self._ready.set()
        self._state.derive()

    def braked_by(self, held: Held) -> None:
        """The safety brake holds something until people decide."""
        cause = render(held.code, held.params).text
        params = {**held.params, "scenario": self.scenario.name, "cause": cause}
        self.event("CR00101", Severity.CRITICAL, **params)
        self._state.derive()

    # `Surroundings` of the senders

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Keep an event of this scenario."""
        self._events.append(
            code, severity, scenario_id=self.scenario.id, scenario_name=self.scenario.name, **params
        )
        self._on_change()

    def changed(self) -> None:
        """Something to be shown changed."""
        self._state.derive()
        self._on_change()

    # the state

    @property
    def state(self) -> ScenarioState:
        """What the scenario does now."""
        return self._state.now

    @property
    def problem(self) -> ArcxoError | None:
        """Why recording had to end, if it did."""
        return self._state.problem

    def flight(self, spec: ReplicaSpec) -> Flight | None:
        """What is on its way to a replica; None while nothing is recorded."""
        sender, parts = self._senders.if_any(spec.host), self._parts
        if not self._filled.is_set() or self.problem is not None or sender is None:
            return None
        if parts.barrier is None or parts.spool is None or parts.recorder is None:
            return None
        return Flight(parts.barrier, parts.spool, parts.recorder, sender)

    def path_states(self, spec: ReplicaSpec, path: bytes, limit: int) -> DirectoryStates:
        """How the entries of a directory stand on a replica; see `path_states.directory_states`."""
        flight, recorder = self.flight(spec), self._parts.recorder
        known = None
        if flight is not None and recorder is not None:
            sender = self._senders.of(spec.host)
            known = Known(
                os.path.join(self._directory, "shadow.sqlite3"),
                flight.on_its_way,
                sender.status,
                lambda: [*recorder.problems(), *sender.problems()],
            )
        return directory_states(
            self.scenario.name, self._parts.roots, self._filters, spec.host, known, path, limit
        )

    def synchronized(self, host: str, items: SyncItems, sent_bytes: int) -> None:
        """See `Surroundings`."""
        self.reports.synchronized(host, items, sent_bytes)

    def quiet(self) -> Quiet | None:
        """What proves that the roots stand still; None while nothing is recorded."""
        parts = self._parts
        if not self._filled.is_set() or self.problem is not None or self.braked is not None:
            return None
        if parts.barrier is None or parts.sweeps is None or parts.spool is None:
            return None
        return Quiet(parts.barrier, parts.sweeps, parts.spool, self._senders.committed)

    def audit_now(self) -> None:
        """Begin the next audit at once. Raises BusyError ER00446: there is none."""
        if not self.scenario.properties.audit_minutes:
            raise BusyError("ER00446", scenario=self.scenario.name)
        self._check_ready()
        self._auditor.audit_now()

    def problem_count(self) -> int:
        """Paths that could not be recorded or applied."""
        return len(self._parts.problems())

    def _figures(self) -> tuple[list[ReplicaStatus], list[RootStatistics]]:
        return [sender.status() for sender in self._senders.all()], list(self._parts.statistics())

    # asked by people

    def suspend(self, replica: str) -> None:
        """Hold a replica ("" = all). Raises BusyError ER00240, ER00241, ER00251."""
        self._check_ready()
        self._senders.suspend(replica)

    def resume(self, replica: str) -> None:
        """Go on with a replica ("" = all). Raises BusyError ER00251."""
        self._check_ready()
        self._senders.resume(replica)

    def synchronize(self, replica: str) -> None:
        """Have a replica ("" = all) synchronised again. Raises BusyError ER00251, ER00262."""
        self._check_ready()
        if self.braked is not None:
            raise BusyError("ER00262", scenario=self.scenario.name)
        self._senders.synchronize(replica)
        self.changed()

    def suspended(self) -> list[str]:
        """The replicas held now; before there are senders, those that will be."""
        return self._senders.suspended()

    @property
    def recorded_operations(self) -> int:
        """How many changes were recorded since the start."""
        return self._parts.recorded_operations

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        """Put a rewind point after everything written to the roots before the call."""
        self._check_ready()
        assert self._parts.barrier is not None
        return self._parts.barrier.bookmark(text, kind)

    def barrier(self, timeout_s: float) -> None:
        """Return once all that was written to the roots before the call is durable on every replica.

        Raises:
            BusyError: ER00250 naming what is still waited for after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        if not self._ready.wait(timeout_s):
            raise BusyError("ER00250", scenario=self.scenario.name, what="the start of the scenario")
        self._check_ready()
        assert self._parts.barrier is not None
        self._parts.barrier.wait(deadline)

    # the safety brake

    @property
    def braked(self) -> Held | None:
        """What the safety brake holds until people decide."""
        return self._parts.braked

    @property
    def decisions(self) -> BrakeDecisions:
        """Where people decide about it. Raises BusyError ER00263: nothing is held."""
        if self._parts.decisions is None:
            raise BusyError("ER00263", scenario=self.scenario.name)
        return self._parts.decisions

    def _check_ready(self) -> None:
        if self.problem is not None:
            raise again(self.problem)
        if not self._ready.is_set() or self._stopping.is_set():
            raise BusyError("ER00251", scenario=self.scenario.name, state=self.state.value)

    def status(self, revision: int) -> ScenarioStatus:
        """How everything stands now."""
        return self._state.status(revision)
