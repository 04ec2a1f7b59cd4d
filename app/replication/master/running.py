"""One run of a scenario: sources, recorder, spool, sweeps and senders put together, with one state."""

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
from app.model.brake import BrakeDecision, BrakeResult
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.paths import shown
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import ReplicaState, ReplicaStatus, Scenario, ScenarioState, ScenarioStatus
from app.replication.capture import ChangeSource, Unwatched, open_source
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.brake import Brake, Held
from app.replication.master.brake_review import chosen_root
from app.replication.master.bring_back import bring_back
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
from app.replication.master.losses import Losses
from app.replication.master.outlet import RECORDED_FACT
from app.replication.master.recorder import Recorder, RootListener
from app.replication.master.sender import Sender, wait_all
from app.replication.master.shadow import Shadow, ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.walker import EMPTIED_LEAST_ENTRIES, fill, sweep
from app.replication.records import Mark

_STOP_FLUSH_S = 5.0
_STOP_COMMIT_S = 10.0
_SUSPEND_S = 60.0
_COOKIE_AGAIN_S = 1.0
_SWEEP_PAUSE_MOST_S = 10.0
_BOOKMARK_FLUSH_S = 60.0
_PROBLEMS_SHOWN = 1_000
_UNWATCHED_EVENTS_MOST = 5


class Running:
    """From `start` to `close`. All public methods may be called from any thread."""

    def __init__(
        self,
        scenario: Scenario,
        directory: str,
        cookies: str,
        connector: ReplicaConnector,
        events: EventStore,
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
        self._sources: list[ChangeSource] = []
        self._shadow: Shadow | None = None
        self._spool: Spool | None = None
        self._losses: Losses | None = None
        self._brake: Brake | None = None
        self._recorder: Recorder | None = None
        self._senders: list[Sender] = []
        self._stopping = threading.Event()
        self._sweep_now = threading.Event()
        self._overflowed: set[int] = set()
        self._doubts: dict[int, int] = {}
        self._checked: dict[int, int] = {}
        self._swept = threading.Condition()
        self._awaited: dict[bytes, tuple[set[int], threading.Event]] = {}
        self._unwatched_told = 0
        self._threshold_told = False
        self._problem: ArcxoError | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"scenario {scenario.name}", daemon=True)

    # starting and ending

    def start(self) -> None:
        """Begin; returns at once, the state tells how far it is."""
        self.event("SR00014", Severity.SIGNIFICANT, scenario=self.scenario.name)
        self._thread.start()

    def close(self, *, drain: bool) -> None:
        """End. With `drain` what was captured is recorded and, where the replica answers, committed."""
        if drain:
            self._set(ScenarioState.STOPPING)
            if self._ready.is_set() and self._problem is None:
                self._drain()
        self._stopping.set()
        self._sweep_now.set()
        self._thread.join()
        for source in self._sources:
            source.close()
        if self._recorder is not None:
            self._recorder.close()
        for sender in self._senders:
            sender.close()
        if self._spool is not None:
            self._spool.close()
        if self._shadow is not None:
            self._shadow.close()

    def _drain(self) -> None:
        with contextlib.suppress(ArcxoError, OSError):
            seq = self._captured(_STOP_FLUSH_S)
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
            self._fail(ArcxoError(error.code, path=shown(self._roots[error.root].path)), error.root)
            return
        except ArcxoError as error:
            self._fail(error, None)
            return
        except OSError as error:
            where = os.fsdecode(error.filename) if error.filename else self._directory
            self._fail(ArcxoError("ER00214", path=where, cause=error.strerror or str(error)), None)
            return
        except Exception as error:
            # A bug: shown as such in the state, and raised on to the log with its trace.
            self._fail(ArcxoError("E1011", error=repr(error)), None)
            raise
        self._ready.set()
        self._derive()
        self._sweep_until_closed()

    def _open(self) -> None:
        properties = self.scenario.properties
        for path in (self._directory, self._cookies):
            os.makedirs(path, mode=0o700, exist_ok=True)
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        self._shadow = shadow = Shadow(shadow_path)
        self._spool = spool = Spool(
            os.path.join(self._directory, "spool"),
            max_bytes=properties.spool_max_mb << 20,
            min_free_bytes=properties.spool_min_free_mb << 20,
        )
        fresh = not spool.epoch or shadow.fact("complete") != spool.epoch
        # An emptied root is not synchronised: its removals are recorded, and held by the safety brake.
        if not fresh and self._fresh and not self._adopt_roots and self._emptied_since(shadow):
            self._adopt_roots = True
        else:
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
            settle=self._settle,
            on_recorded=self._recorded,
            on_failed=self._fail,
        )
        for root in self._roots:
            listener = RootListener(
                root.number,
                recorder.hints,
                self._filters,
                on_cookie=self._cookie,
                on_unwatched=self._unwatched,
                on_overflow=self._overflow,
                on_doubt=self._doubt,
                on_lost=self._lost,
            )
            source = open_source(root.path, os.fsencode(self._cookies), listener)
            self._sources.append(source)
            source.start()
        if fresh:
            self._begin_epoch(shadow, spool)
        for root in self._roots:
            _, root.counters.files, root.counters.size_bytes = shadow.counts(root.number)
        spool.hold_all([spec.host for spec in self.scenario.replicas])
        if self._stopping.is_set():
            return
        if not fresh:
            recorder.mend()
        recorder.start()
        if not fresh:
            self._sweep(shadow_path)
        brake.started()
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
            )
            for spec in self.scenario.replicas
        ]
        for sender in self._senders:
            sender.start()

    def _identify(self, root: ComparedRoot, shadow: Shadow, *, fresh: bool) -> None:
        try:
            root.identify()
        except OSError as error:
            raise RootLostError(root.number, "ER00220") from error
        recorded = None if fresh or self._adopt_roots else shadow.get(root.number, b"")
        if recorded is not None and recorded.inode != root.inode & ((1 << 63) - 1):
            raise RootLostError(root.number, "ER00221")

    def _begin_epoch(self, shadow: Shadow, spool: Spool) -> None:
        # Watches stand already: what changes while the shadow is filled waits as hints.
        shadow.set_fact("complete", "")
        shadow.commit()
        epoch = secrets.token_hex(16)
        spool.reset(epoch)
        shadow.set_fact(RECORDED_FACT, "0")
        shadow.drop_roots_from(len(self._roots))
        for root in self._roots:
            number = root.number
            fill(
                root,
                shadow,
                self._filters,
                self._reporter(number),
                self._stopping.is_set,
            )
            shadow.set_fact(f"root {number}", root.path.hex())
        if not self._stopping.is_set():
            shadow.set_fact("complete", epoch)
        shadow.commit()

    def _emptied_since(self, shadow: Shadow) -> bool:
        """Whether a root that had many entries when it was last recorded has none now."""
        for root in self._roots:
            if shadow.fact(f"root {root.number}") != root.path.hex():
                continue
            if shadow.counts(root.number)[0] <= EMPTIED_LEAST_ENTRIES:
                continue
            with contextlib.suppress(OSError), os.scandir(root.path) as entries:
                if next(entries, None) is None:
                    return True
        return False

    # sweeps

    def _sweep_until_closed(self) -> None:
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        every = self.scenario.properties.sweep_minutes * 60.0 or None
        while not self._stopping.is_set():
            self._sweep_now.wait(every)
            self._sweep_now.clear()
            if self._stopping.is_set() or self._problem is not None:
                continue
            began = time.monotonic()
            try:
                self._sweep(shadow_path)
                # Doubts may come faster than walks end: let the recorder have most of the time.
                self._stopping.wait(min(_SWEEP_PAUSE_MOST_S, time.monotonic() - began))
            except RootLostError as error:
                self._fail(ArcxoError(error.code, path=shown(self._roots[error.root].path)), error.root)
            except OSError as error:
                self._fail(ArcxoError("ER00213", cause=error.strerror or str(error)), None)

    def _sweep(self, shadow_path: str) -> None:
        for root, source in zip(self._roots, self._sources, strict=True):
            with self._swept:
                overflowed = root.number in self._overflowed
                self._overflowed.discard(root.number)
                doubts = self._doubts.get(root.number, 0)
                doubted = doubts != self._checked.get(root.number, 0)
            if overflowed:
                self.event("WR00215", Severity.WARNING, directory=shown(root.path))
            # Directories made while events were lost are not watched, those moved may be under wrong names.
            source.rewatch(all_directories=doubted)
            number = root.number
            reader = ShadowReader(shadow_path)
            try:
                sweep(
                    root,
                    reader,
                    self._filters,
                    self._reporter(number),
                    self._hinter(number),
                    self._stopping.is_set,
                )
            finally:
                reader.close()
            with self._swept:
                self._checked[root.number] = doubts
                self._swept.notify_all()

    def _reporter(self, number: int) -> Callable[[bytes, OSError], None]:
        recorder = self._recorder
        assert recorder is not None
        return lambda path, error: recorder.report(number, path, error)

    def _hinter(self, number: int) -> Callable[[bytes, bool], None]:
        recorder = self._recorder
        assert recorder is not None
        return lambda path, content: recorder.hints.add(number, path, content=content, delay=0.0)

    # told by the parts

    def _settle(self) -> None:
        for source in self._sources:
            source.settle()

    def _cookie(self, root: int, name: bytes) -> None:
        with self._lock:
            awaited = self._awaited.get(name)
            if awaited is not None:
                awaited[0].discard(root)
                if not awaited[0]:
                    awaited[1].set()

    def _unwatched(self, root: int, directory: Unwatched) -> None:
        self._unwatched_told += 1
        if self._unwatched_told <= _UNWATCHED_EVENTS_MOST:
            whole = self._roots[root].whole(directory.path)
            self.event(
                "WR00217",
                Severity.WARNING,
                directory=shown(whole),
                cause=directory.cause,
                command=directory.command or "—",
            )

    def _overflow(self, root: int) -> None:
        with self._swept:
            self._overflowed.add(root)
        self._doubt(root)

    def _doubt(self, root: int) -> None:
        with self._swept:
            self._doubts[root] = self._doubts.get(root, 0) + 1
        self._sweep_now.set()

    def _lost(self, root: int, cause: str) -> None:
        if not self._stopping.is_set():
            self._fail(ArcxoError("ER00223", path=shown(self._roots[root].path), cause=cause), root)

    def _recorded(self) -> None:
        self._check_threshold()
        self.changed()

    def _check_threshold(self) -> None:
        properties = self.scenario.properties
        if not properties.spool_max_mb or self._spool is None:
            return
        size = self._spool.size_bytes() >> 20
        over = size * 100 >= properties.spool_max_mb * properties.spool_threshold_percent
        if over and not self._threshold_told:
            self.event(
                "WR00216", Severity.WARNING, size_mb=size, limit_mb=properties.spool_max_mb,
                scenario=self.scenario.name,
            )  # fmt: skip
        self._threshold_told = over

    def _fail(self, error: ArcxoError, root: int | None) -> None:
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
            with contextlib.suppress(OSError):
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

    # asked by people

    def sender(self, replica: str) -> Sender:
        """The sender of a replica ("" = the only one). Raises NotFoundError ER00242."""
        for sender in self._senders:
            if sender.spec.host == replica or (not replica and len(self._senders) == 1):
                return sender
        raise NotFoundError("ER00242", replica=replica, scenario=self.scenario.name)

    def senders(self, replica: str) -> list[Sender]:
        """The sender of a replica, or all for "". Raises NotFoundError ER00242."""
        return list(self._senders) if not replica else [self.sender(replica)]

    def suspend(self, replica: str) -> None:
        """Hold a replica ("" = all). Raises BusyError ER00240, ER00241."""
        self._check_ready()
        for sender in self.senders(replica):
            sender.suspend(_SUSPEND_S)
            self.event("SR00150", Severity.SIGNIFICANT, replica=sender.spec.host)

    def resume(self, replica: str) -> None:
        """Go on with a replica ("" = all)."""
        self._check_ready()
        for sender in self.senders(replica):
            sender.resume()
            self.event("SR00151", Severity.SIGNIFICANT, replica=sender.spec.host)

    def synchronize(self, replica: str) -> None:
        """Have a replica ("" = all) synchronised again."""
        self._check_ready()
        if self._brake is not None and self._brake.braked is not None:
            raise BusyError("ER00262", scenario=self.scenario.name)
        for sender in self.senders(replica):
            sender.request_synchronization()

    def suspended(self) -> list[str]:
        """The replicas held now."""
        return [sender.spec.host for sender in self._senders if sender.suspended]

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        """Put a rewind point after everything written to the roots before the call."""
        self._check_ready()
        assert self._recorder is not None
        self._captured(_BOOKMARK_FLUSH_S)
        at = datetime.now(UTC)
        mark = Mark(kind, secrets.token_hex(8), text, at)
        try:
            self._recorder.mark(mark)
        except OSError as error:
            raise ArcxoError("ER00213", cause=error.strerror or str(error)) from error
        self.event("IR00160", Severity.INFORMATION, text=text)
        return RewindPoint(mark.id, kind, at, 0, "", text)

    def barrier(self, timeout_s: float) -> None:
        """Return once all that was written to the roots before the call is durable on every replica.

        Raises:
            BusyError: ER00250 naming what is still waited for after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        if not self._ready.wait(timeout_s):
            raise self._waits("the start of the scenario")
        self._check_ready()
        while True:
            live = [sender for sender in self._senders if not sender.suspended]
            if not live:
                raise self._waits("its replicas, which are all suspended")
            troubles = [sender.trouble_count for sender in live]
            seq = self._captured(max(0.0, deadline - time.monotonic()))
            late = wait_all(live, seq, max(0.0, deadline - time.monotonic()))
            braked = self._brake.braked if self._brake is not None else None
            if late and braked is not None:
                raise self._waits(
                    f"a decision about the safety brake ({render(braked.code, braked.params).text})"
                )
            if late:
                names = ", ".join(f"{host} ({self.sender(host).state.value})" for host in late)
                raise self._waits(f"replica {names}")
            if troubles == [sender.trouble_count for sender in live]:
                break
            # A path could not be applied meanwhile: it is recorded anew, in full, and waited for.
        now = datetime.now(UTC)
        for sender in live:
            sender.in_sync_at = now
        self.changed()

    # the safety brake

    @property
    def braked(self) -> Held | None:
        """What the safety brake holds until people decide."""
        return self._brake.braked if self._brake is not None else None

    def accept(self, path: bytes) -> BrakeResult:
        """Let held changes (of `path` and beneath; b"" = all) go to the replicas, once all is decided.

        Raises:
            BusyError: ER00263 nothing is held. NotFoundError: ER00264 a path outside the roots.
        """
        recorder, losses, _ = self._held_parts()
        where = self._chosen(path)
        with recorder.between_batches():
            chosen = losses.undecided(*where)
            losses.decide(chosen, BrakeDecision.ACCEPTED)
            left, lifted = self._lift_when_decided()
        self.event("SR00269", Severity.SIGNIFICANT, scenario=self.scenario.name, accepted=len(chosen),
                   restored=0, left=left)  # fmt: skip
        return BrakeResult(len(chosen), left, lifted)

    def reject(self, path: bytes) -> BrakeResult:
        """Bring what is held (of `path` and beneath; b"" = all) back to the master from a replica.

        Raises:
            BusyError: ER00263 nothing is held, ER00267 no replica is connected.
            NotFoundError: ER00264 a path outside the roots.
            ArcxoError: the connection was lost meanwhile; what came back until then stays.
        """
        recorder, losses, _ = self._held_parts()
        where = self._chosen(path)
        exchange = next((found for s in self._senders if (found := s.fetcher()) is not None), None)
        if exchange is None:
            raise BusyError("ER00267", scenario=self.scenario.name)
        with recorder.between_batches():
            chosen = losses.undecided(*where)
        result = bring_back(self._roots, chosen, exchange.fetch)
        # What came back is recorded before the decision about it is.
        self._captured(_BOOKMARK_FLUSH_S)
        with recorder.between_batches():
            losses.decide(result.done, BrakeDecision.RESTORED)
            left, lifted = self._lift_when_decided()
        self.event("SR00269", Severity.SIGNIFICANT, scenario=self.scenario.name, accepted=0,
                   restored=result.restored, left=left)  # fmt: skip
        return BrakeResult(
            len(result.done), left, lifted, result.restored, result.restored_bytes, result.kept_aside,
            tuple(result.problems[:_PROBLEMS_SHOWN]),
        )  # fmt: skip

    def _held_parts(self) -> tuple[Recorder, Losses, Brake]:
        # Also after recording had to end: deciding lets the replicas have what is recorded.
        recorder, losses, brake = self._recorder, self._losses, self._brake
        if recorder is None or losses is None or brake is None or brake.braked is None:
            raise BusyError("ER00263", scenario=self.scenario.name)
        return recorder, losses, brake

    def _chosen(self, path: bytes) -> tuple[int | None, bytes]:
        return chosen_root(self.scenario, path)

    def _lift_when_decided(self) -> tuple[int, bool]:
        """(what is left undecided, whether the brake was lifted); the recorder's lock is held."""
        recorder, losses, brake = self._held_parts()
        left = len(losses.undecided())
        if left:
            return left, False
        synchronize = losses.any_restored()
        if synchronize:
            # What was brought back must never have been away: the held records are not sent at all.
            for sender in self._senders:
                sender.request_synchronization(instead=True)
            # A comparison by size and time may not see these.
            for number, path in losses.changed():
                recorder.hints.add(number, path, content=True, force=True)
        brake.lift([spec.host for spec in self.scenario.replicas], synchronize=synchronize)
        self._derive()
        return 0, True

    def _captured(self, timeout_s: float) -> int:
        """Record everything written to the roots before the call; the sequence it ends at."""
        assert self._recorder is not None
        assert self._spool is not None
        deadline = time.monotonic() + timeout_s
        name = secrets.token_hex(8).encode()
        passed = threading.Event()
        with self._lock:
            self._awaited[name] = (set(range(len(self._roots))), passed)
        path = os.path.join(os.fsencode(self._cookies), name)
        try:
            while True:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                left = deadline - time.monotonic()
                if passed.wait(max(0.0, min(_COOKIE_AGAIN_S, left))):
                    break
                if left <= _COOKIE_AGAIN_S:
                    raise self._waits("the capture of changes")
                # The kernel may have dropped it with what else it had no room for.
                os.unlink(path)
        finally:
            with self._lock:
                del self._awaited[name]
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._looked_at_unseen(deadline)
        if not self._recorder.flush(max(0.0, deadline - time.monotonic())):
            if self._problem is not None:
                raise _again(self._problem)
            raise self._waits("the recording of changes")
        return self._spool.last_seq

    def _looked_at_unseen(self, deadline: float) -> None:
        """Have everything compared that no event tells of: after dropped events, and where no watch is."""
        assert self._recorder is not None
        with self._swept:
            doubts = dict(self._doubts)
            done = self._swept.wait_for(
                lambda: (
                    self._problem is not None
                    or all(self._checked.get(root, 0) >= count for root, count in doubts.items())
                ),
                max(0.0, deadline - time.monotonic()),
            )
        if not done:
            raise self._waits("a walk over the directories, because changes came too fast")
        for root, source in zip(self._roots, self._sources, strict=True):
            for path in source.unwatched_paths():
                self._recorder.hints.add(root.number, path, content=True, tree=True, delay=0.0)

    def _waits(self, what: str) -> BusyError:
        return BusyError("ER00250", scenario=self.scenario.name, what=what)

    def _check_ready(self) -> None:
        if self._problem is not None:
            raise _again(self._problem)
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
        if recorder is not None and recorder.hints.waiting():
            replicas = tuple(replace(r, lag_seconds=r.lag_seconds or 0.0) for r in replicas)
        return ScenarioStatus(
            scenario=self.scenario,
            state=self._state,
            reason=self._reason,
            since=self._since,
            replicas=replicas,
            roots=tuple(root.statistics() for root in self._roots),
            watched_directories=sum(source.watched() for source in self._sources),
            unwatched_directories=sum(source.unwatched_directories() for source in self._sources),
            captured_operations=recorder.operations if recorder is not None else 0,
            captured_bytes=recorder.recorded_bytes if recorder is not None else 0,
            problems=tuple(problems[:_PROBLEMS_SHOWN]),
            problem_count=len(problems),
            revision=revision,
        )


def _again(error: ArcxoError) -> ArcxoError:
    """The same error anew, for another caller."""
    copy = ArcxoError(error.code)
    copy.params.update(error.params)
    return copy
