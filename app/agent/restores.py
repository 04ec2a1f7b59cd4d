"""Restores on this host: runs them and their undos in workers, and tends what they leave.

One thread looks every few seconds whether what waits for a program to end can take its place, and now and
then forgets what is kept of restores whose time is over.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from app.agent.api import RestoreEvent, RestoreOrder, UndoOrder
from app.agent.applier_sink import ApplierSink
from app.agent.children import Spawner
from app.agent.far_media import MediaRequest
from app.agent.role_process import RoleProcess
from app.agent.workers import AnswerLine, SpareWorker, run_restore_work
from app.backup.api import RestoreSink
from app.backup.sink import DirectorySink
from app.backup.states import About, State, States, states_pending
from app.backup.waiting import Replacer, drop_waiting, waiting_of
from app.model.archive import RestoreResult
from app.model.errors import ArcxoError, BusyError, NotFoundError, Problem
from app.model.events import Severity
from app.model.paths import shown
from app.model.restore import KeptRestore, PendingReplacement, UndoResult
from app.replication.events import EventStore
from app.replication.replica.restored_mark import undo_of

_LOOK_S = 5.0
_SWEEP_EVERY_S = 900.0
_APPLIER_S = 3600.0
_log = logging.getLogger("arcxo.agent.restores")


class Restores:
    """The restores of a host. `tend` starts the thread that looks after what they leave. Any thread."""

    def __init__(
        self,
        home: str,
        engine: str,
        spawner: Spawner,
        replica: RoleProcess,
        events: EventStore,
        spare: SpareWorker | None = None,
    ) -> None:
        self._home = home
        self._states = States(os.path.join(engine, "restores"))
        self._spawner = spawner
        self._spare = spare
        self._replica = replica
        self._events = events
        self._guard = threading.Lock()
        self._busy: set[str] = set()
        self._reasons: dict[bytes, str] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="restores", daemon=True)

    def tend(self) -> None:
        """Begin to look after what restores leave: also what waited when the host went down."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_LOOK_S)

    # -- running --------------------------------------------------------------------------------------

    def restore(
        self, order: RestoreOrder, gone: threading.Event, line: AnswerLine | None = None
    ) -> Iterator[RestoreEvent | MediaRequest | None]:
        """Carry out an order, or plan it. None is a sign of life. Raises what the worker does.

        With a `line` the media are the caller's; see `run_archive`.
        """
        protected = (os.fsencode(self._home), *order.protected)
        if order.plan_only:
            work = ("plan", order, "", protected)
            yield from run_restore_work(self._spawner, work, None, gone, None, line, self._spare)
            if self._spare is not None:
                # What was planned is restored next, as a rule.
                self._spare.prepare()
            return
        about = About(
            order.job_id,
            order.scenario_id or 0,
            _digest(order),
            tuple(dict.fromkeys(path for part in order.parts() for _, path in part.targets)),
            order.undo_days,
        )
        state = self._states.begin(about)
        with self._using(state):
            ended = False
            for event in run_restore_work(
                self._spawner,
                ("restore", order, state.path, protected),
                order.scenario_id,
                gone,
                self._replica,
                line,
                self._spare,
                str(state.job_id),
            ):
                ended = ended or isinstance(event, RestoreResult)
                yield event
        if ended and not order.undo_days and not any(waiting_of(state.path)):
            self._states.discard(state)

    def undo(self, order: UndoOrder, gone: threading.Event) -> Iterator[RestoreEvent | None]:
        """Take back what a job restored here, or say what that would do. Raises NotFoundError E4240."""
        job = order.undone_job
        states = self._states.of_job(job)
        if not states:
            raise NotFoundError("E4240", job=job)
        taken_back: set[int] = set()
        for state in states:
            with self._using(state):
                work = ("undo", order, state.path, state.about.directories)
                scenario = state.about.scenario_id or None
                replica = None if order.plan_only else self._replica
                done: UndoResult | None = None
                named = undo_of(str(job))
                for event in run_restore_work(self._spawner, work, scenario, gone, replica, run=named):
                    assert not isinstance(event, MediaRequest)
                    done = event if isinstance(event, UndoResult) else done
                    yield event
            if order.plan_only or done is None or done.problems:
                continue
            drop_waiting(state.path)
            if not done.changed:
                self._states.discard(state)
                taken_back.add(state.about.scenario_id)
        for one in taken_back - {0} - {state.about.scenario_id for state in self._states.of_job(job)}:
            self._replica.call("restore_taken_back", one, str(job), timeout_s=_APPLIER_S)

    def kept(self) -> Sequence[KeptRestore]:
        """The restores that can be undone here, one entry for each job."""
        found: dict[int, KeptRestore] = {}
        for state in self._states.all():
            if not state.about.undo_days:
                continue
            one, other = state.kept(), found.get(state.job_id)
            if other is not None:
                size, pending = one.kept_bytes + other.kept_bytes, one.pending + other.pending
                one = KeptRestore(one.job_id, max(one.until_ns, other.until_ns), size, pending)
            found[state.job_id] = one
        return list(found.values())

    def pending(self) -> Sequence[PendingReplacement]:
        """What waits for a program to end."""
        return [
            PendingReplacement(
                state.job_id,
                waiting.target,
                waiting.path,
                waiting.since_ns,
                self._reasons.get(waiting.path, "a program has the file open"),
            )
            for state in states_pending(self._states.directory)
            for waiting in waiting_of(state.path)
        ]

    @contextlib.contextmanager
    def _using(self, state: State) -> Iterator[None]:
        """Nobody else uses the state meanwhile. Raises BusyError AE1050."""
        with self._guard:
            if state.path in self._busy:
                raise BusyError("AE1050", job=state.job_id)
            self._busy.add(state.path)
        try:
            yield
        finally:
            with self._guard:
                self._busy.discard(state.path)

    # -- tending --------------------------------------------------------------------------------------

    def _run(self) -> None:
        swept_at = -_SWEEP_EVERY_S
        while not self._closing.is_set():
            try:
                self._replace_waiting()
                if time.monotonic() - swept_at > _SWEEP_EVERY_S:
                    swept_at = time.monotonic()
                    for state in self._states.sweep():
                        _log.info(
                            "what was kept of the restore of job %d is gone: its time is over", state.job_id
                        )
            except (ArcxoError, OSError) as error:
                _log.info("looking after restores stopped for now: %s", error)
            except Exception:  # noqa: BLE001 - the next look may succeed
                _log.exception("looking after restores failed")
            self._closing.wait(_LOOK_S)

    def _replace_waiting(self) -> None:
        for state in states_pending(self._states.directory):
            waiting = list(waiting_of(state.path))
            if not waiting:
                continue
            try:
                with self._using(state), self._sink(state) as sink:
                    directories = list(state.about.directories)
                    keep = state.about.undo_days > 0
                    replacer = Replacer(state.path, sink, directories, keep=keep)
                    for one in waiting:
                        self._try(state, replacer, one)
            except BusyError:
                continue

    def _try(self, state: State, replacer: Replacer, one: Any) -> None:
        try:
            done, reason = replacer.replace(one)
        except OSError as error:
            done, reason = False, error.strerror or str(error)
        self._reasons[one.path] = reason
        if done:
            self._reasons.pop(one.path, None)
            code = "AW1052" if reason else "AN1051"
            severity = Severity.WARNING if reason else Severity.INFORMATION
            self._events.append(
                code,
                severity,
                scenario_id=state.about.scenario_id or None,
                path=shown(one.target),
                job=state.job_id,
                waiting=shown(one.path),
                reason=reason,
            )

    @contextlib.contextmanager
    def _sink(self, state: State) -> Iterator[RestoreSink]:
        scenario = state.about.scenario_id
        if not scenario:
            plain = DirectorySink(list(state.about.directories))
            try:
                yield plain
            finally:
                plain.finish()
            return
        area = self._replica.call("begin_restore", scenario, str(state.job_id), timeout_s=_APPLIER_S)

        def apply(operations: Sequence[Any]) -> list[Problem]:
            problems: list[Problem] = self._replica.call(
                "apply_staged", scenario, operations, timeout_s=_APPLIER_S
            )
            return problems

        sink = ApplierSink(apply, area, list(state.about.directories))
        try:
            yield sink
        finally:
            sink.finish()
            self._replica.call("end_restore", scenario, area, timeout_s=_APPLIER_S)


def _digest(order: RestoreOrder) -> str:
    """What is the same in every try of one run of a job: all but the claim and the keys."""
    parts = [(part.media_path, part.session, part.paths, part.targets) for part in order.parts()]
    text = repr((parts, order.conflict.value, order.structure.value, order.exact, order.scenario_id))
    return hashlib.sha256(text.encode()).hexdigest()
