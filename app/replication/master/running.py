"""One run of a scenario: recorder, spool, sweeps, barrier and senders put together, with one state."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from app.messages import render
from app.model.errors import ArcxoError, BusyError, NotFoundError
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
from app.replication.master import statistics
from app.replication.master.audit import Auditor
from app.replication.master.barrier import Barrier, again
from app.replication.master.brake import Brake, Held
from app.replication.master.brake_decisions import BrakeDecisions
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
from app.replication.master.flight import Flight
from app.replication.master.home_disk import DiskFailure, disk_error
from app.replication.master.learning import Learner
from app.replication.master.losses import Losses
from app.replication.master.mounts import Mounts
from app.replication.master.outlet import RECORDED_FACT
from app.replication.master.path_states import Known, directory_states
from app.replication.master.quiet import Quiet
from app.replication.master.recorder import Recorder
from app.replication.master.run_reports import RunReports, SyncItems
from app.replication.master.run_scripts import RunScripts
from app.replication.master.scheduled_bookmarks import ScheduledBookmarks
from app.replication.master.sender import Sender, wait_all
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.master.spool_keeper import SpoolKeeper
from app.replication.master.sweeps import Sweeps
from app.replication.master.walker import EMPTIED_LEAST_ENTRIES, fill
from app.replication.scripts.running import Scripts

_STOP_FLUSH_S = 5.0
_CLOCK_SLACK_S = 1.0
_STOP_COMMIT_S = 10.0
_SUSPEND_S = 60.0
_PROBLEMS_SHOWN = 1_000


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
        self._connector = connector
        self._events = events
        self._fresh = fresh
        self._adopt_roots = adopt_roots
        self._suspended = suspended
        self._on_change = on_change
        self._lock = threading.RLock()
        self._state = ScenarioState.STARTING
        self._reason = ""
        self._since = datetime.now(UTC)
        self._filters = PathFilter(scenario.filters)
        self._roots = [ComparedRoot(n, root.master_path) for n, root in enumerate(scenario.roots)]
        self._shadow: Shadow | None = None
        self._spool: Spool | None = None
        self._losses: Losses | None = None
        self._brake: Brake | None = None
        self._recorder: Recorder | None = None
        self._sweeps: Sweeps | None = None
        self._learner: Learner | None = None
        self._barrier: Barrier | None = None
        self._decisions: BrakeDecisions | None = None
        self._senders: list[Sender] = []
        self._scripts = RunScripts(scripts, scenario, directory, self.event)
        self.around = self._scripts.around
        self._stopping = threading.Event()
        self.reports = RunReports(scenario, directory, self.event, self._figures)
        self._auditor = Auditor(scenario, directory, connector, self.flight, self.event)
        self._keeper = SpoolKeeper(self, scenario, directory, self._sender_if_any)
        self._bookmarks = ScheduledBookmarks(self)
        self._problem: ArcxoError | None = None
        self._ready = threading.Event()
        self._filled = threading.Event()
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
        if drain:
            self._set(ScenarioState.STOPPING)
            if self._ready.is_set() and self._problem is None:
                self._drain()
        self._stopping.set()
        self._keeper.close()
        if self._sweeps is not None:
            self._sweeps.wake()
        self._thread.join()
        if self._learner is not None:
            self._learner.close()
        if self._sweeps is not None:
            self._sweeps.close()
        if self._recorder is not None:
            self._recorder.close()
        self._auditor.close()
        self._bookmarks.close()
        for sender in self._senders:
            sender.close()
        if drain and self._filled.is_set():
            self.reports.ended(self.problem_count())
        self._scripts.close()
        if self._spool is not None:
            self._spool.close()
        if self._shadow is not None:
            self._shadow.close()

    def _drain(self) -> None:
        with contextlib.suppress(ArcxoError, OSError):
            assert self._barrier is not None
            assert self._spool is not None
            quiet_at = time.time() - _CLOCK_SLACK_S
            seq = self._barrier.captured(_STOP_FLUSH_S)
            self._spool.note_quiet(quiet_at)
            self._judged(_STOP_FLUSH_S)
            live = [s for s in self._senders if s.state is ReplicaState.REPLICATING]
            wait_all(live, seq, _STOP_COMMIT_S)

    def _judged(self, timeout_s: float) -> None:
        """Wait until the safety brake no longer just watches."""
        deadline = time.monotonic() + timeout_s
        brake = self._brake
        while brake is not None and brake.watching and time.monotonic() < deadline:
            brake.wait_change(brake.held, 0.05)

    def _work(self) -> None:
        try:
            self._open()
        except RootLostError as error:
            self.fail(ArcxoError(error.code, path=shown(self._roots[error.root].path)), error.root)
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
                self._drop_senders()
        self._ready.set()
        self._derive()
        if self._sweeps is not None:
            self._sweeps.repeat()

    def _open(self) -> None:
        properties = self.scenario.properties
        for path in (self._directory, self._cookies):
            os.makedirs(path, mode=0o700, exist_ok=True)
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        self._shadow = shadow = Shadow(shadow_path)
        self._spool = spool = self._keeper.open()
        fresh = not self._keeper.continues(spool, shadow)
        # An emptied root is not synchronised: its removals are recorded, and held by the safety brake.
        if not fresh and self._fresh and not self._adopt_roots and self._emptied_since(shadow):
            self._adopt_roots = True
        elif fresh or self._adopt_roots or not self._fresh or not self._unmounted_since(shadow):
            fresh = fresh or self._fresh
        self._losses = losses = Losses(shadow)
        self._brake = brake = Brake(
            self._directory, properties.brake_percent, self._roots, losses, spool, self._braked
        )
        brake.open(fresh=fresh)
        shadow.commit()
        for root in self._roots:
            self._identify(root, shadow, fresh=fresh)
        self._recorder = recorder = Recorder(
            self.scenario.name,
            self._roots,
            shadow,
            spool,
            self._filters,
            brake=brake,
            on_recorded=self._recorded,
            on_failed=self.fail,
        )
        self._sweeps = sweeps = Sweeps(
            self, self._roots, recorder, self._filters, shadow_path, properties.sweep_minutes, self._stopping
        )
        cookies = os.fsencode(self._cookies)
        self._barrier = barrier = Barrier(
            self, self.scenario.name, self._roots, cookies, sweeps, recorder, spool, brake, self._all
        )
        self._decisions = BrakeDecisions(
            self, self.scenario, self._roots, brake, losses, recorder, barrier, self._all
        )
        recorder.settle = sweeps.settle
        if fresh:
            epoch = self._new_epoch(shadow, spool)
            # While the roots are walked here, the replicas are connected to and walk theirs.
            self._start_senders(spool, recorder)
        sweeps.watch(cookies, barrier.passed)
        if fresh:
            self._fill(shadow, epoch, sweeps)
        for root in self._roots:
            _, root.counters.files, root.counters.size_bytes = shadow.counts(root.number)
        if fresh:
            statistics.note(shadow, self._roots)
            shadow.commit()
        else:
            statistics.recall(shadow, self._roots)
        if self._stopping.is_set():
            return
        if not fresh:
            if self._adopt_roots:
                recorder.take_as_it_is(brake.returned)
            recorder.mend()
        recorder.start()
        if not fresh:
            sweeps.once(starting=True)
        brake.started()
        if not fresh:
            self._start_senders(spool, recorder)
        self._filled.set()
        self._scripts.start()
        self._auditor.start()
        self._learner = Learner(self.scenario.name, self._roots, recorder, shadow_path)
        self._learner.start()

    def _start_senders(self, spool: Spool, recorder: Recorder) -> None:
        spool.hold_all([spec.host for spec in self.scenario.replicas])
        self._senders = [
            Sender(
                self.scenario,
                spec,
                self._connector,
                spool,
                recorder,
                self._filters,
                self,
                suspended=spec.host in self._suspended,
                recorded=self._filled,
            )
            for spec in self.scenario.replicas
        ]
        for sender in self._senders:
            sender.start()
        self._bookmarks.start()

    def _drop_senders(self) -> None:
        """There is nothing to send: they wait for a shadow that is not filled."""
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.close()

    def _identify(self, root: ComparedRoot, shadow: Shadow, *, fresh: bool) -> None:
        try:
            root.identify()
        except OSError as error:
            raise RootLostError(root.number, "ER00220") from error
        recorded = None if fresh or self._adopt_roots else shadow.get(root.number, b"")
        if recorded is not None and recorded.inode != root.inode & ((1 << 63) - 1):
            raise RootLostError(root.number, "ER00221")

    def _new_epoch(self, shadow: Shadow, spool: Spool) -> str:
        shadow.set_fact("complete", "")
        shadow.commit()
        epoch = secrets.token_hex(16)
        spool.reset(epoch)
        shadow.set_fact(RECORDED_FACT, "0")
        shadow.drop_roots_from(len(self._roots))
        shadow.commit()
        return epoch

    def _fill(self, shadow: Shadow, epoch: str, sweeps: Sweeps) -> None:
        # Watches stand already: what changes while the shadow is filled waits as hints.
        for root in self._roots:
            number = root.number
            fill(
                root,
                shadow,
                self._filters,
                sweeps.reporter(number),
                self._stopping.is_set,
            )
            shadow.set_fact(f"root {number}", root.path.hex())
        if not self._stopping.is_set():
            shadow.set_fact("complete", epoch)
        shadow.commit()

    def _unmounted_since(self, shadow: Shadow) -> bool:
        """Whether a file system beneath a root is gone since it was recorded; a walk tells, and brakes."""
        mounts = Mounts(shadow)
        for root in self._roots:
            if shadow.fact(f"root {root.number}") != root.path.hex():
                continue
            with contextlib.suppress(OSError):
                root.identify()
                try:
                    mounts.check_recorded(root)
                except RootLostError:
                    return True
        return False

    def _emptied_since(self, shadow: Shadow) -> bool:
        """Whether a root that had many entries when it was last recorded has none now."""
        for root in self._roots:
            if shadow.fact(f"root {root.number}") != root.path.hex():
                continue
            with contextlib.suppress(OSError), os.scandir(root.path) as entries:
                # Counting what was recorded reads all of it: only where it matters.
                if next(entries, None) is None and shadow.counts(root.number)[0] > EMPTIED_LEAST_ENTRIES:
                    return True
        return False

    # told by the parts

    def lost(self, root: int, cause: str) -> None:
        """A root was removed, moved or unmounted."""
        if not self._stopping.is_set():
            self.fail(ArcxoError("ER00223", path=shown(self._roots[root].path), cause=cause), root)

    def _recorded(self) -> None:
        self._keeper.check_threshold()
        self.reports.daily()
        self.changed()

    def fail(self, error: ArcxoError, root: int | None) -> None:
        """Recording ends; the replicas still get what is recorded."""
        with self._lock:
            if self._problem is not None:
                return
            self._problem = error
        if self._recorder is not None:
            self._recorder.hints.close()
        if root is not None and self._brake is not None:
            self._brake.brake_root(error)
        elif self._recorder is not None:
            with contextlib.suppress(*DiskFailure):
                self._recorder.judge(final=True)
        name = "" if root is None else shown(self._roots[root].path)
        reason = render(error.code, error.params).text
        self.event("CR00100", Severity.CRITICAL, scenario=self.scenario.name, cause=reason, directory=name)
        self._ready.set()
        self._derive()

    def _braked(self, held: Held) -> None:
        cause = render(held.code, held.params).text
        params = {**held.params, "scenario": self.scenario.name, "cause": cause}
        self.event("CR00101", Severity.CRITICAL, **params)
        self._derive()

    # `Surroundings` of the senders

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Keep an event of this scenario."""
        self._events.append(
            code, severity, scenario_id=self.scenario.id, scenario_name=self.scenario.name, **params
        )
        self._on_change()

    def changed(self) -> None:
        """Something to be shown changed."""
        self._derive()
        self._on_change()

    # the state

    def _derive(self) -> None:
        with self._lock:
            if self._state is ScenarioState.STOPPING:
                return
            if self._problem is not None:
                self._set(ScenarioState.PROBLEM, render(self._problem.code, self._problem.params).text)
                return
            if not self._ready.is_set() or not self._senders:
                return
            braked = self._brake.braked if self._brake is not None else None
            if braked is not None:
                self._set(ScenarioState.PROBLEM, render(braked.code, braked.params).text)
                return
            states = {sender.state for sender in self._senders}
            bad = {ReplicaState.PROBLEM, ReplicaState.DISCONNECTED}
            if ReplicaState.SYNCHRONIZING in states:
                self._set(ScenarioState.SYNCHRONIZING)
            elif states <= bad:
                self._set(ScenarioState.PROBLEM, next(s.reason for s in self._senders))
            elif states <= bad | {ReplicaState.CONNECTING}:
                if self._state is not ScenarioState.REPLICATING:
                    self._set(ScenarioState.STARTING)
            else:
                self._set(ScenarioState.REPLICATING)

    def _set(self, state: ScenarioState, reason: str = "") -> None:
        """The one setter: records and publishes."""
        with self._lock:
            if (self._state, self._reason) == (state, reason):
                return
            if self._state is not state:
                self._since = datetime.now(UTC)
            self._state, self._reason = state, reason
        self._on_change()

    @property
    def state(self) -> ScenarioState:
        """What the scenario does now."""
        return self._state

    @property
    def problem(self) -> ArcxoError | None:
        """Why recording had to end, if it did."""
        return self._problem

    def _all(self) -> list[Sender]:
        return self._senders

    def flight(self, spec: ReplicaSpec) -> Flight | None:
        """What is on its way to a replica; None while nothing is recorded."""
        sender = self._sender_if_any(spec.host)
        if not self._filled.is_set() or self._problem is not None or sender is None:
            return None
        if self._barrier is None or self._spool is None or self._recorder is None:
            return None
        return Flight(self._barrier, self._spool, self._recorder, sender)

    def path_states(self, spec: ReplicaSpec, path: bytes, limit: int) -> DirectoryStates:
        """How the entries of a directory stand on a replica; see `path_states.directory_states`."""
        flight, recorder = self.flight(spec), self._recorder
        known = None
        if flight is not None and recorder is not None:
            sender = self.sender(spec.host)
            known = Known(
                os.path.join(self._directory, "shadow.sqlite3"),
                flight.on_its_way,
                sender.status,
                lambda: [*recorder.problems(), *sender.problems()],
            )
        return directory_states(self.scenario.name, self._roots, self._filters, spec.host, known, path, limit)

    def synchronized(self, host: str, items: SyncItems, sent_bytes: int) -> None:
        """See `Surroundings`."""
        self.reports.synchronized(host, items, sent_bytes)

    def quiet(self) -> Quiet | None:
        """What proves that the roots stand still; None while nothing is recorded."""
        if not self._filled.is_set() or self._problem is not None or self.braked is not None:
            return None
        if self._barrier is None or self._sweeps is None or self._spool is None:
            return None
        return Quiet(self._barrier, self._sweeps, self._spool, self._committed)

    def _committed(self) -> int | None:
        """Up to where all replicas that are not suspended have everything."""
        found = [sender.committed for sender in self._senders if not sender.suspended]
        known = [sequence for sequence in found if sequence is not None]
        return min(known) if known and len(known) == len(found) else None

    def audit_now(self) -> None:
        """Begin the next audit at once. Raises BusyError ER00446: there is none."""
        if not self.scenario.properties.audit_minutes:
            raise BusyError("ER00446", scenario=self.scenario.name)
        self._check_ready()
        self._auditor.audit_now()

    def problem_count(self) -> int:
        """Paths that could not be recorded or applied."""
        recorder = self._recorder
        found = len(recorder.problems()) if recorder is not None else 0
        return found + sum(len(sender.problems()) for sender in self._senders)

    def _figures(self) -> tuple[list[ReplicaStatus], list[RootStatistics]]:
        return [sender.status() for sender in self._senders], [root.statistics() for root in self._roots]

    # asked by people

    def sender(self, replica: str) -> Sender:
        """The sender of a replica ("" = the only one). Raises NotFoundError ER00242."""
        for sender in self._senders:
            if sender.spec.host == replica or (not replica and len(self._senders) == 1):
                return sender
        raise NotFoundError("ER00242", replica=replica, scenario=self.scenario.name)

    def _sender_if_any(self, host: str) -> Sender | None:
        return next((sender for sender in self._senders if sender.spec.host == host), None)

    def senders(self, replica: str) -> list[Sender]:
        """The sender of a replica, or all for "". Raises NotFoundError ER00242."""
        return list(self._senders) if not replica else [self.sender(replica)]

    def suspend(self, replica: str) -> None:
        """Hold a replica ("" = all). Raises BusyError ER00240, ER00241."""
        self._check_ready()
        for sender in self.senders(replica):
            already = sender.suspended
            sender.suspend(_SUSPEND_S)
            if already:
                continue
            self.event("SR00150", Severity.SIGNIFICANT, replica=sender.spec.host)

    def resume(self, replica: str) -> None:
        """Go on with a replica ("" = all)."""
        self._check_ready()
        for sender in self.senders(replica):
            held = sender.suspended or sender.state is ReplicaState.PROBLEM
            sender.resume()
            if not held:
                continue
            self.event("SR00151", Severity.SIGNIFICANT, replica=sender.spec.host)

    def synchronize(self, replica: str) -> None:
        """Have a replica ("" = all) synchronised again."""
        self._check_ready()
        if self._brake is not None and self._brake.braked is not None:
            raise BusyError("ER00262", scenario=self.scenario.name)
        for sender in self.senders(replica):
            sender.request_synchronization()

    def suspended(self) -> list[str]:
        """The replicas held now; before there are senders, those that will be."""
        if not self._senders:
            return list(self._suspended)
        return [sender.spec.host for sender in self._senders if sender.suspended]

    @property
    def recorded_operations(self) -> int:
        """How many changes were recorded since the start."""
        return self._recorder.operations if self._recorder is not None else 0

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        """Put a rewind point after everything written to the roots before the call."""
        self._check_ready()
        assert self._barrier is not None
        return self._barrier.bookmark(text, kind)

    def barrier(self, timeout_s: float) -> None:
        """Return once all that was written to the roots before the call is durable on every replica.

        Raises:
            BusyError: ER00250 naming what is still waited for after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        if not self._ready.wait(timeout_s):
            raise BusyError("ER00250", scenario=self.scenario.name, what="the start of the scenario")
        self._check_ready()
        assert self._barrier is not None
        self._barrier.wait(deadline)

    # the safety brake

    @property
    def braked(self) -> Held | None:
        """What the safety brake holds until people decide."""
        return self._brake.braked if self._brake is not None else None

    @property
    def decisions(self) -> BrakeDecisions:
        """Where people decide about it. Raises BusyError ER00263: nothing is held."""
        if self._decisions is None:
            raise BusyError("ER00263", scenario=self.scenario.name)
        return self._decisions

    def _check_ready(self) -> None:
        if self._problem is not None:
            raise again(self._problem)
        if not self._ready.is_set() or self._stopping.is_set():
            raise BusyError("ER00251", scenario=self.scenario.name, state=self._state.value)

    def status(self, revision: int) -> ScenarioStatus:
        """How everything stands now."""
        senders = list(self._senders)
        recorder = self._recorder
        problems = recorder.problems() if recorder is not None else []
        for sender in senders:
            problems += sender.problems()
        braked = self._brake.braked if self._brake is not None else None
        absent = ReplicaState.BRAKED if braked is not None else ReplicaState.CONNECTING
        reason = render(braked.code, braked.params).text if braked is not None else ""
        replicas = tuple(sender.status() for sender in senders) or tuple(
            ReplicaStatus(spec.host, absent, reason) for spec in self.scenario.replicas
        )
        behind_s = recorder.hints.behind_s() if recorder is not None else 0.0
        if behind_s:
            replicas = tuple(replace(r, lag_seconds=max(r.lag_seconds or 0.0, behind_s)) for r in replicas)
        if self._problem is not None:
            # Nothing is recorded any more: what goes on is sending what was, not replication.
            replicas = tuple(
                replace(r, state=ReplicaState.PROBLEM, reason=self._reason)
                if r.state is ReplicaState.REPLICATING
                else r
                for r in replicas
            )
        return ScenarioStatus(
            scenario=self.scenario,
            state=self._state,
            reason=self._reason,
            since=self._since,
            replicas=replicas,
            roots=tuple(root.statistics() for root in self._roots),
            watched_directories=self._sweeps.watched() if self._sweeps is not None else 0,
            unwatched_directories=self._sweeps.unwatched() if self._sweeps is not None else 0,
            captured_operations=recorder.operations if recorder is not None else 0,
            captured_bytes=recorder.recorded_bytes if recorder is not None else 0,
            problems=tuple(problems[:_PROBLEMS_SHOWN]),
            problem_count=len(problems),
            revision=revision,
        )
