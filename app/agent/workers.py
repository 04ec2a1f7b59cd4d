"""Archives and restores, each in a worker process of its own at lower priority."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

from app.agent.api import ArchiveResult, CompareOrder, Progress, RestoreEvent
from app.agent.children import Spawner
from app.agent.far_media import MediaAnswer, MediaRequest
from app.agent.following import Stopped
from app.agent.pipe import make_pipe
from app.agent.role_process import RoleProcess
from app.model.archive import CompareEvent
from app.model.errors import ArcxoError, CanceledError, Problem
from app.model.packed_rows import PackedRows

_SIGN_OF_LIFE_S = 5.0
_POLL_S = 0.2
_CANCEL_GRACE_S = 15.0
_APPLIER_S = 3600.0
_SPARE_S = 600.0
_ATTACHED_S = 60.0


class SpareWorker:
    """At most one worker that has started and waits for its work: a small backup takes less than its start.

    Any thread. It ends by itself when nobody takes it for a while.
    """

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._guard = threading.Lock()
        self._spare: Worker | None = None
        self._closed = False
        self._timer: threading.Timer | None = None

    def prepare(self) -> None:
        """Have one ready soon; returns at once."""
        threading.Thread(target=self._prepare, name="spare-worker", daemon=True).start()

    def take(self) -> Worker:
        """The one that waits, else a new one."""
        with self._guard:
            worker, self._spare = self._spare, None
        if worker is not None:
            if worker.process.poll() is None:
                return worker
            worker.end()
        return Worker(self._spawner)

    def close(self) -> None:
        """End what waits; nothing is prepared any more."""
        with self._guard:
            self._closed = True
            worker, self._spare = self._spare, None
            if self._timer is not None:
                self._timer.cancel()
        if worker is not None:
            worker.end()

    def _prepare(self) -> None:
        with self._guard:
            if self._closed:
                return
            if self._spare is None or self._spare.process.poll() is not None:
                old, self._spare = self._spare, Worker(self._spawner)
                if old is not None:
                    old.end()
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(_SPARE_S, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        with self._guard:
            worker, self._spare = self._spare, None
        if worker is not None:
            worker.end()


class Worker:
    """A process that waits for its work at the other end of `pipe`."""

    def __init__(self, spawner: Spawner) -> None:
        self.pipe, theirs = make_pipe()
        self.sending = threading.Lock()
        self.process = spawner.start("app.agent.worker_main", (spawner.log_path,), theirs)

    def end(self) -> None:
        """The end of the pipe is the worker's cue to leave a consistent store and end; waits for it."""
        self.pipe.close()
        try:
            self.process.wait(_CANCEL_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class AnswerLine:
    """What a worker asked of the caller's media is answered here, from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Condition()
        self._worker: Worker | None = None

    def attach(self, worker: Worker) -> None:
        """It is this worker that asks."""
        with self._guard:
            self._worker = worker
            self._guard.notify_all()

    def answer(self, answer: MediaAnswer) -> None:
        """Pass an answer on; a worker that has ended needs none."""
        with self._guard:
            self._guard.wait_for(lambda: self._worker is not None, _ATTACHED_S)
            worker = self._worker
        if worker is None:
            return
        with contextlib.suppress(OSError), worker.sending:
            worker.pipe.send(("media", answer))


WorkerEvent = Progress | Problem | PackedRows | ArchiveResult


def run_archive(
    spawner: Spawner,
    task: Any,
    manifests: dict[bytes, bytes],
    gone: Stopped,
    spare: SpareWorker | None = None,
    line: AnswerLine | None = None,
) -> Iterator[WorkerEvent | MediaRequest | None]:
    """The events of an archive; `gone` or closing the iterator cancels it. None is a sign of life.

    With a `line` the media are the caller's: what is asked of them comes as events, and answers go into it.

    Raises:
        ArcxoError: AE0458 when the worker dies, and whatever the archive raises.
    """
    failed = ArcxoError("AE0458", name=task.scenario_name, id=task.scenario_id, host="localhost", reason="")
    worker = Worker(spawner) if spare is None else spare.take()
    if line is not None:
        line.attach(worker)
    yield from _run(worker, ("archive", task, manifests), gone, failed, None)


def run_comparison(
    spawner: Spawner, order: CompareOrder, gone: threading.Event
) -> Iterator[CompareEvent | None]:
    """The events of a comparison, as `run_archive`. Raises AE1025 when the worker dies."""
    failed = ArcxoError("AE1025", reason="")
    yield from _run(Worker(spawner), ("compare", order), gone, failed, None)


def run_restore_work(
    spawner: Spawner,
    work: tuple[Any, ...],
    scenario_id: int | None,
    gone: threading.Event,
    replica: RoleProcess | None,
    line: AnswerLine | None = None,
    spare: SpareWorker | None = None,
    run: str = "",
) -> Iterator[RestoreEvent | MediaRequest | None]:
    """The events of a restore, its plan or its undo, as `run_archive`; see `app.agent.restore_worker`.

    With a scenario its applier (`replica`) does the writing, and remembers which `run` it was.

    Raises:
        ArcxoError: AE1025 when the worker dies, and whatever the work raises.
    """
    failed = ArcxoError("AE1025", reason="")
    if scenario_id is None or replica is None:
        yield from _run(_asking(spawner, line, spare), (*work, None), gone, failed, None)
        return
    area = replica.call("begin_restore", scenario_id, run, timeout_s=_APPLIER_S)
    try:
        yield from _run(_asking(spawner, line, spare), (*work, area), gone, failed, replica)
    finally:
        replica.call("end_restore", scenario_id, area, timeout_s=_APPLIER_S)


def _asking(spawner: Spawner, line: AnswerLine | None, spare: SpareWorker | None) -> Worker:
    worker = Worker(spawner) if spare is None else spare.take()
    if line is not None:
        line.attach(worker)
    return worker


def _run(
    worker: Worker, work: Any, gone: Stopped, failed: ArcxoError, replica: RoleProcess | None
) -> Iterator[Any]:
    try:
        with worker.sending:
            worker.pipe.send(work)
        yield from _events(worker, gone, failed, replica)
    except (EOFError, OSError) as error:
        raise _with_reason(failed, worker.process) from error
    finally:
        worker.end()


def _events(worker: Worker, gone: Stopped, failed: ArcxoError, replica: RoleProcess | None) -> Iterator[Any]:
    ours = worker.pipe
    quiet_s = 0.0
    while True:
        if gone.is_set():
            raise CanceledError("AE1008", call="worker", host="localhost")
        if not ours.poll(_POLL_S):
            quiet_s += _POLL_S
            if quiet_s >= _SIGN_OF_LIFE_S:
                quiet_s = 0.0
                yield None
            continue
        kind, value = ours.recv()
        if kind in ("event", "media"):
            quiet_s = 0.0
            yield value
        elif kind == "apply":
            applied = _applied(replica, value)
            with worker.sending:
                ours.send(("applied", applied))
        elif kind == "done":
            return
        elif kind == "error":
            raise value
        else:
            raise _with_reason(failed, worker.process)


def _applied(replica: RoleProcess | None, request: tuple[str, tuple[Any, ...]]) -> tuple[bool, Any]:
    """What the applier's method answers to the worker: (whether it returned, value or error)."""
    method, arguments = request
    if replica is None:
        return False, ArcxoError("AE1099", where=method, error="no applier")
    try:
        return True, replica.call(method, *arguments, timeout_s=_APPLIER_S)
    except ArcxoError as error:
        return False, error


def _with_reason(failed: ArcxoError, process: subprocess.Popen[bytes]) -> ArcxoError:
    try:
        code: int | None = process.wait(1.0)
    except subprocess.TimeoutExpired:
        code = None
    failed.params["reason"] = f"the worker ended with {code}"
    return failed
