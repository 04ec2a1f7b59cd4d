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
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.paths import shown
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import ReplicaState, ReplicaStatus, Scenario, ScenarioState, ScenarioStatus
from app.replication.capture import ChangeSource, Unwatched, open_source
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
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
        on_change: Callable[[], None],
        emptied_is_meant: bool = False,
    ) -> None:
        self.scenario = scenario
        self._directory = directory
        self._cookies = cookies
        self._connector = connector
        self._events = events
        self._fresh = fresh
        self._emptied_is_meant = emptied_is_meant
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
            live = [s for s in self._senders if s.state is ReplicaState.REPLICATING]
            wait_all(live, seq, _STOP_COMMIT_S)

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
        for root in self._roots:
            try:
                root.identify()
            except OSError as error:
                raise RootLostError(root.number, "ER00220") from error
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        self._shadow = shadow = Shadow(shadow_path)
        self._spool = spool = Spool(
            os.path.join(self._directory, "spool"),
            max_bytes=properties.spool_max_mb << 20,
            min_free_bytes=properties.spool_min_free_mb << 20,
        )
        fresh = self._fresh or not spool.epoch or shadow.fact("complete") != spool.epoch
        self._recorder = recorder = Recorder(
            self.scenario.name,
            self._roots,
            shadow,
            spool,
            self._filters,
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
        self._senders = [
            Sender(
                self.scenario,
                spec,
                self._connector,
                spool,
                recorder,
                shadow_path,
                self._filters,
                self,
                suspended=spec.host in self._suspended,
            )
            for spec in self.scenario.replicas
        ]
        for sender in self._senders:
            sender.start()

    def _begin_epoch(self, shadow: Shadow, spool: Spool) -> None:
        # Watches stand already: what changes while the shadow is filled waits as hints.
        for root in self._roots:
            self._check_not_emptied(root, shadow)
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

    def _check_not_emptied(self, root: ComparedRoot, shadow: Shadow) -> None:
        """An empty directory where many entries were reaches the replicas only when asked for again."""
        if self._emptied_is_meant or shadow.fact(f"root {root.number}") != root.path.hex():
            return
        if shadow.counts(root.number)[0] <= EMPTIED_LEAST_ENTRIES:
            return
        with os.scandir(root.path) as entries:
            if next(entries, None) is None:
                raise RootLostError(root.number, "ER00222")

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
        name = "" if root is None else shown(self._roots[root].path)
        reason = render(error.code, error.params).text
        self.event("CR00100", Severity.CRITICAL, scenario=self.scenario.name, cause=reason, directory=name)
        self._ready.set()
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
    def was_emptied(self) -> bool:
        """Whether it stands in Problem because a root was found empty."""
        return self._problem is not None and self._problem.code == "ER00222"

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
        replicas = tuple(sender.status() for sender in senders) or tuple(
            ReplicaStatus(spec.host, ReplicaState.CONNECTING) for spec in self.scenario.replicas
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
