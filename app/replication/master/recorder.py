"""The recorder: takes hints, compares, and makes records and shadow durable, batch by batch.

One thread per scenario, so that all its roots have one order. The records of a batch are durable in the
spool before the shadow says so.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from app.distant_mounts import distant
from app.model.errors import ArcxoError, BusyError, Problem
from app.replication.codec import encode
from app.replication.master import statistics
from app.replication.master.brake import Brake
from app.replication.master.compare import ComparedRoot, Comparer, RootLostError
from app.replication.master.filling import Filling
from app.replication.master.filters import PathFilter
from app.replication.master.following import Due
from app.replication.master.hints import Hint, Hints
from app.replication.master.home_disk import DiskFailure, disk_error
from app.replication.master.looking_again import LookingAgain
from app.replication.master.outlet import Outlet
from app.replication.master.path_problems import PathProblems
from app.replication.master.shadow import Shadow, ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.tail import unlearn
from app.replication.records import Record

_BATCH_HINTS = 500
_IDLE_S = 0.5
_WATCHING_S = 0.05


class Recorder:
    """See the module. `on_failed` is told, in the recorder's thread, why recording had to end."""

    def __init__(
        self,
        name: str,
        roots: list[ComparedRoot],
        shadow: Shadow,
        spool: Spool,
        filters: PathFilter,
        *,
        brake: Brake,
        on_recorded: Callable[[], None],
        on_failed: Callable[[ArcxoError, int | None], None],
    ) -> None:
        self.hints = Hints()
        self.roots = roots
        self._name = name
        self._shadow = shadow
        self._spool = spool
        self.filling: Filling | None = None
        """Where the shadow is filled anew: how far."""
        self.settle: Callable[[], None] = lambda: None
        """Called between batches."""
        self._on_recorded = on_recorded
        self._on_failed = on_failed
        self._outlet = Outlet(spool, shadow)
        self._outlet.on_recording = lambda: statistics.note(shadow, roots)
        self.brake = brake
        brake.outlet = self._outlet
        self._lock = threading.Lock()
        self._synchronizing = 0
        self.path_problems = PathProblems(roots)
        self.looking = LookingAgain(self.hints, self.path_problems, self._outlet)
        self._comparer = Comparer(
            roots, shadow, self._outlet, filters, self.looking, brake, lambda: self._synchronizing == 0
        )
        self.looking.remind = self._comparer.remind
        self._swept: dict[int, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"recorder {name}", daemon=True)
        self.failure: ArcxoError | None = None

    # control

    def take_as_it_is(self, place: bytes) -> None:
        """Before `start`: people have decided about the file system at this absolute path, beneath a root."""
        for root in self.roots:
            if place.startswith(root.path + b"/"):
                self._comparer.mounts.taken = (root.number, place[len(root.path) + 1 :])

    def mend(self) -> None:
        """Before `start`, when the shadow goes on: compare what a crash left recorded but not known.

        Raises:
            ArcxoError: ER00210, ER00211: the spool is full.
            OSError: the spool's disk fails.
        """
        with self._lock:
            for root, path in unlearn(self._spool, self._shadow, self._outlet, self.brake.removing):
                self.hints.add(root, path, content=True, delay=0.0)

    def start(self) -> None:
        """Begin to record what the hints tell."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the batch that is under way; blocks until the thread has ended."""
        self._stopping.set()
        self.hints.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def flush(self, timeout_s: float) -> bool:
        """Record everything told so far, merge delays or not; False when `timeout_s` was not enough."""
        return self.hints.wait_for(self.hints.flush(), timeout_s) and self.failure is None

    def mark(self, record: Record) -> int:
        """Put a record (a bookmark) after everything recorded so far, durably; its sequence.

        Raises:
            ArcxoError: ER00210, ER00211: the spool is full.
            OSError: the spool's disk fails.
        """
        with self._lock:
            self._spool.append([encode(record)])
            self._spool.sync()
            seq = self._spool.last_seq
        self._on_recorded()
        return seq

    @contextlib.contextmanager
    def synchronization(self, check: Callable[[], None]) -> Iterator[tuple[int, ShadowReader]]:
        """While inside, renames are recorded as remove + create.

        Gives the sequence it begins after, and the shadow as of then, or as it will be once it is filled:
        `check` raises what ends waiting for that. Raises BusyError ER00262 while the safety brake holds
        anything: the shadow has it already.
        """
        with self._lock:
            if self.brake.held is not None:
                raise BusyError("ER00262", scenario=self._name)
            self._synchronizing += 1
            position = self._spool.last_seq
            filling = self.filling
            reader = ShadowReader(self._shadow.path) if filling is None else filling.reader(check)
        try:
            yield position, reader
        finally:
            reader.close()
            with self._lock:
                self._synchronizing -= 1

    def learn(self, root: int, path: bytes, status: os.stat_result, hashes: bytes) -> bool:
        """See `Comparer.learn`; from any thread. False also while a replica is synchronised.

        What a synchronisation reads may be a state in between, which is put right only because a comparison
        without hashes records all of a file.
        """
        with self._lock:
            if self._synchronizing or not self._comparer.learn(root, path, status, hashes):
                return False
            self._shadow.commit()
            return True

    @property
    def synchronizing(self) -> bool:
        """Whether a replica is synchronised now."""
        return self._synchronizing > 0

    @contextlib.contextmanager
    def between_batches(self) -> Iterator[None]:
        """While inside, nothing is recorded; what was changed in the shadow is kept at the end."""
        with self._lock:
            yield
            self._shadow.commit()

    def recorded_so_far(self) -> ShadowReader:
        """The shadow between two batches, to be closed; waits for the end of the one under way.

        A walk compares with this: what is recorded from now on is looked at from now on. Read in the middle
        of a batch, a path that is back would be found as recorded, and then be recorded as gone.
        """
        with self._lock:
            return ShadowReader(self._shadow.path)

    @property
    def operations(self) -> int:
        """Records made since the start."""
        return self._outlet.operations

    @property
    def links(self) -> int:
        """Hard links recorded since the start."""
        return self._outlet.links

    def swept(self, root: int) -> int:
        """Records since the start of what nothing but a walk told of."""
        return self._swept.get(root, 0)

    def entries(self, root: int) -> int:
        """What is recorded of a root (callable from any thread)."""
        reader = ShadowReader(self._shadow.path)
        try:
            return reader.counts(root)[0]
        finally:
            reader.close()

    @property
    def recorded_bytes(self) -> int:
        """Bytes of all records made since the start."""
        return self._outlet.bytes

    def problems(self) -> list[Problem]:
        """Paths that cannot be read, or not be recorded, now."""
        return self.path_problems.all()

    def report(self, root: int, path: bytes, error: OSError) -> None:
        """Note a path that cannot be read, or not be recorded (callable from any thread)."""
        self.path_problems.report(root, path, error)

    def look_at_problems(self, root: int) -> None:
        """Have the paths of a root that have a problem compared: no event may tell that they are gone.

        Blocks for looking at them; one on a mount that does not answer is left as it is.
        """
        for path in self.path_problems.of_root(root):
            try:
                distant.lstat(self.roots[root].whole(path))
            except TimeoutError:
                continue
            except OSError:
                pass  # the comparison sees what it is
            self.hints.add(root, path, content=True, delay=0.0)

    # the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            reminders = self.looking.reminders()
            moves, hints = self.hints.take(_BATCH_HINTS, self._patience_s(reminders))
            self.settle()
            if not moves and not hints and not reminders:
                hints = self.looking.leftovers()
            try:
                if moves or hints or reminders:
                    with self._lock:
                        self._record(moves, hints, reminders)
                self.hints.done()
                self.judge()
            except RootLostError as error:
                path = error.place or self.roots[error.root].path
                self._end(ArcxoError(error.code, path=_text(path), place=path.hex()), error.root)
                return
            except ArcxoError as error:
                self._end(error, None)
                return
            except DiskFailure as error:
                self._end(disk_error(error, self._shadow.path), None)
                return
            except Exception as error:
                # A bug: shown as such in the state, and raised on to the log with its trace.
                self._end(ArcxoError("E1011", error=repr(error)), None)
                raise
            if moves or hints or reminders:
                self._on_recorded()

    def _patience_s(self, reminders: list[Due]) -> float:
        if reminders:
            return 0.0
        return _WATCHING_S if self.brake.watching else _IDLE_S

    def judge(self, *, final: bool = False) -> None:
        """Let the safety brake decide whether what it watches is a flood. Raises OSError of the disk."""
        if self.brake.watching:
            with self.between_batches():
                self.brake.judge(self.hints.waiting(), final=final)

    def _end(self, error: ArcxoError, root: int | None) -> None:
        with self._lock, contextlib.suppress(*DiskFailure):
            self._outlet.discard()
        self.failure = error
        self.hints.close()
        self._on_failed(error, root)

    def _record(self, moves: list[tuple[int, bytes, bytes]], hints: list[Hint], reminders: list[Due]) -> None:
        self.looking.ticket = self.hints.oldest_taken()
        self.looking.written = {(hint.root, hint.path) for hint in hints if hint.content}
        for root, path, new_path in moves:
            self._comparer.move(root, path, new_path)
        for hint in hints:
            self.looking.ticket = hint.ticket
            before = self._outlet.operations
            if hint.prove:
                self._comparer.prove(hint.root, hint.path)
                continue
            found = self._comparer.compare(
                hint.root, hint.path, content=hint.content, tree=hint.tree, force=hint.force
            )
            self._descend(hint, found)
            if hint.swept and (made := self._outlet.operations - before):
                self._swept[hint.root] = self._swept.get(hint.root, 0) + made
            if self._outlet.large():
                self._outlet.commit()
                self._on_recorded()
        self.looking.ticket = None
        for due in reminders:
            self._comparer.remind(due.root, due.path)
            if self._outlet.large():
                self._outlet.commit()
                self._on_recorded()
        self._outlet.commit()

    def _descend(self, hint: Hint, found: list[bytes]) -> None:
        """Compare what is in a new or doubtful directory, deepest last, in the order of names."""
        waiting = list(reversed(found))
        while waiting and not self._stopping.is_set():
            path = waiting.pop()
            if self.hints.is_pending(hint.root, path) and not hint.force:
                # Its own hint comes in a moment, when whoever writes it may have finished.
                self.hints.add(
                    hint.root, path, content=hint.content, tree=hint.tree, ticket=hint.ticket or None
                )
                continue
            more = self._comparer.compare(
                hint.root, path, content=hint.content, tree=hint.tree, force=hint.force
            )
            waiting += reversed(more)
            if self._outlet.large():
                self._outlet.commit()
                self._on_recorded()
        if waiting:
            # Stopped in the middle: nothing is lost, the next start finds the rest by its walk.
            self.looking.left(hint.root, hint.path)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
