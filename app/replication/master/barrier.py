"""Where "written before the call" is: the barrier and bookmarks of one run."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from app.messages import render
from app.model.errors import ArcxoError, BusyError
from app.model.events import Severity
from app.model.paths import shown
from app.model.rewind import PointKind, RewindPoint
from app.replication.master.brake import Brake
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.recorder import Recorder
from app.replication.master.sender import Sender, wait_all
from app.replication.master.spool import Spool
from app.replication.master.sweeps import Run, Sweeps
from app.replication.master.waiting import unrecorded
from app.replication.records import Mark

BOOKMARK_FLUSH_S = 60.0
_COOKIE_AGAIN_S = 1.0


class Barrier:
    """All methods may be called from any thread; they block until what they wait for is there.

    `cookies` is a directory that every root's change source tells of in the same queue as of the root.
    """

    def __init__(
        self,
        run: Run,
        name: str,
        roots: list[ComparedRoot],
        cookies: bytes,
        sweeps: Sweeps,
        recorder: Recorder,
        spool: Spool,
        brake: Brake,
        senders: Callable[[], list[Sender]],
    ) -> None:
        self._run = run
        self._name = name
        self._roots = roots
        self._cookies = cookies
        self._sweeps = sweeps
        self._recorder = recorder
        self._spool = spool
        self._brake = brake
        self._senders = senders
        self._lock = threading.Lock()
        self._awaited: dict[bytes, tuple[set[int], threading.Event]] = {}

    def passed(self, root: int, name: bytes) -> None:
        """A root's source told of a cookie: of all that happened there before, too."""
        with self._lock:
            awaited = self._awaited.get(name)
            if awaited is not None:
                awaited[0].discard(root)
                if not awaited[0]:
                    awaited[1].set()

    def captured(self, timeout_s: float) -> int:
        """Record everything written to the roots before the call; the sequence it ends at.

        Raises:
            BusyError: ER00250 naming what is still waited for after `timeout_s`.
            ArcxoError: why recording had to end.
        """
        deadline = time.monotonic() + timeout_s
        self._wait_told(deadline)
        try:
            if not self._sweeps.wait_checked(deadline):
                raise self.waits("a walk over the directories, because changes came too fast")
            self._sweeps.look_at_unwatched()
        except OSError as error:
            raise ArcxoError("ER00213", cause=error.strerror or str(error)) from error
        except RootLostError as error:
            lost = ArcxoError(error.code, path=shown(self._roots[error.root].path))
            self._run.fail(lost, error.root)
            raise lost from error
        if not self._recorder.flush(max(0.0, deadline - time.monotonic())):
            problem = self._run.problem
            if problem is not None:
                raise again(problem)
            behind = self._recorder.hints.behind()
            path = b"" if behind is None else self._roots[behind.root].whole(behind.path)
            raise self.waits(unrecorded(behind, shown(path)) or "the recording of changes")
        return self._spool.last_seq

    def _wait_told(self, deadline: float) -> None:
        name = secrets.token_hex(8).encode()
        passed = threading.Event()
        with self._lock:
            self._awaited[name] = ({root.number for root in self._roots}, passed)
        path = os.path.join(self._cookies, name)
        try:
            while True:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
                left = deadline - time.monotonic()
                if passed.wait(max(0.0, min(_COOKIE_AGAIN_S, left))):
                    break
                if left <= _COOKIE_AGAIN_S:
                    raise self.waits("the capture of changes")
                # The kernel may have dropped it with what else it had no room for.
                os.unlink(path)
        finally:
            with self._lock:
                del self._awaited[name]
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        """Put a rewind point after everything written to the roots before the call."""
        self.captured(BOOKMARK_FLUSH_S)
        at = datetime.now(UTC)
        mark = Mark(kind, secrets.token_hex(8), text, at)
        try:
            self._recorder.mark(mark)
        except OSError as error:
            raise ArcxoError("ER00213", cause=error.strerror or str(error)) from error
        self._run.event("IR00160", Severity.INFORMATION, text=text)
        return RewindPoint(mark.id, kind, at, 0, "", text)

    def wait(self, deadline: float) -> None:
        """Return once all that was written to the roots before the call is durable on every replica.

        Raises:
            BusyError: ER00250 naming what is still waited for at `deadline` (of the monotonic clock).
        """
        while True:
            live = [sender for sender in self._senders() if not sender.suspended]
            if not live:
                raise self.waits("its replicas, which are all suspended")
            troubles = [sender.trouble_count for sender in live]
            seq = self.captured(max(0.0, deadline - time.monotonic()))
            late = wait_all(live, seq, max(0.0, deadline - time.monotonic()))
            braked = self._brake.braked
            if late and braked is not None:
                raise self.waits(
                    f"a decision about the safety brake ({render(braked.code, braked.params).text})"
                )
            if late:
                whys = {sender.spec.host: sender.waiting() or sender.state.value for sender in live}
                names = ", ".join(f"{host} ({whys[host]})" for host in late)
                raise self.waits(f"replica {names}")
            if troubles == [sender.trouble_count for sender in live]:
                break
            # A path could not be applied meanwhile: it is recorded anew, in full, and waited for.
        now = datetime.now(UTC)
        for sender in live:
            # Of a path that could not be recorded or applied nothing is equal.
            if not (sender.problems() or self._recorder.problems()):
                sender.in_sync(now)
        self._run.changed()

    def waits(self, what: str) -> BusyError:
        """The error that names what is waited for."""
        return BusyError("ER00250", scenario=self._name, what=what)


def again(error: ArcxoError) -> ArcxoError:
    """The same error anew, for another caller."""
    copy = ArcxoError(error.code)
    copy.params.update(error.params)
    return copy
