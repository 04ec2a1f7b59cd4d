"""One scenario's replica on this host: its stored definition, its open store, its stream."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from app.held_directories import names_in
from app.model.errors import ArcxoError, Problem
from app.model.events import Severity
from app.model.paths import shown
from app.model.properties import properties_of
from app.model.scenario import ReplicaState, ReplicaStatus, Scenario
from app.replication.definition import from_xml
from app.replication.events import EventStore
from app.replication.replica.applied import AppliedIndex
from app.replication.replica.applier import Applier
from app.replication.replica.claims import Claims
from app.replication.replica.disk import failures_told
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.restored_mark import clear_mark, restored_at, set_mark, take_from_mark
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import open_side_store
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.undo_log import UndoLog
from app.replication.replica.walking import remove_tree

_EVENT_PROBLEMS_MAX = 20
_RETAIN_EVERY_S = 30.0


class Replica:
    """`lock` is held for every use of the store; a freeze holds it for as long as it lasts."""

    def __init__(
        self,
        scenario_id: int,
        directory: bytes,
        side: bytes,
        home_id: str,
        all_paths: Callable[[], Sequence[bytes]],
        claims: Claims,
    ) -> None:
        self.lock = threading.RLock()
        self.scenario: Scenario | None = None
        self.name = ""
        self.paths: tuple[bytes, ...] = ()
        self.state = ReplicaState.STOPPED
        self.listed_at = 0.0
        """When it was last listed for a synchronisation, by the clock that only goes on."""
        self.on_trouble: Callable[[int, bytes, str], None] | None = None
        """Tells the master of the open stream, which then sends a path again."""
        self.clean_end = False
        self.stopped_code = ""
        """What applying stopped for, as it was told, until something is applied again."""
        self.restores: dict[bytes, float] = {}
        """When each restore under way began (monotonic seconds), by the name of its area. Any thread."""
        self.restore_runs: dict[bytes, str] = {}
        """Which restores, or undos, these are. Any thread."""
        self.stream_ended = threading.Event()
        self.stream_ended.set()
        self._end: Callable[[], None] | None = None
        self._id = scenario_id
        self._directory = directory
        self._side = side
        self._home_id = home_id
        self._all_paths = all_paths
        self._claims = claims
        self._store: ReplicaStore | None = None
        self._applier: Applier | None = None
        self._retained_at = 0.0

    @property
    def streaming(self) -> bool:
        """Whether a stream from a master is open."""
        return not self.stream_ended.is_set()

    @property
    def label(self) -> str:
        """The scenario's name, or its number where the name is not known."""
        return self.scenario.name if self.scenario is not None else str(self._id)

    @property
    def applier(self) -> Applier:
        """The writer of the open store."""
        if self._applier is None:
            self.open_stored()
        assert self._applier is not None
        return self._applier

    @property
    def replicating(self) -> bool:
        """Whether the replica is known to follow its master: synchronised, stream open or suspended."""
        store = self._store
        return store is not None and bool(store.index.position.epoch) and (self.streaming or self.clean_end)

    @property
    def store(self) -> ReplicaStore | None:
        """The store, if it is open and its roots are as it says. With `lock` held."""
        if self._applier is not None and self._applier.half_applied:
            return None
        return self._store

    def mark_restored(self) -> None:
        """A restore is about to write here, which the next stream replaces. With `lock` held."""
        if not self.streaming:
            set_mark(self._directory, list(self.restore_runs.values()))

    def mark_taken_back(self, run: str) -> None:
        """What a restore wrote here was wholly taken back. With `lock` held."""
        take_from_mark(self._directory, run)

    def tell_trouble(self, root: int, path: bytes, code: str) -> None:
        """Have the master send `path` again, if it is connected; else it is told when it is."""
        tell = self.on_trouble
        if tell is not None:
            tell(root, path, code)

    def opened(self) -> tuple[Scenario, ReplicaStore]:
        """The definition and the open store, whose roots are as it says.

        Raises:
            ArcxoError: ER00414 when a root is not there, ER00426 while another home writes it, ER00408 while
                the disk refuses to take back what a batch that failed had done.
        """
        if self._store is None:
            self.open_stored()
        self.applier.mend()
        assert self._store is not None
        assert self.scenario is not None
        return self.scenario, self._store

    @failures_told()
    def open_stored(self) -> None:
        """Open by the stored definition: a copy of a home writes nothing that the other one writes.

        Raises ArcxoError (ER00418, ER00414, ER00426, ER00408, E3370), OSError.
        """
        try:
            with open(self._directory + b"/definition.xml", "rb") as file:
                xml = file.read()
            with open(self._directory + b"/replica.name", "rb") as file:
                name = file.read().decode()
        except FileNotFoundError:
            raise ArcxoError("ER00418", id=self._id) from None
        self._take_definition(from_xml(xml), name)
        with self._claims.alone():
            for path in self.paths:
                self._claims.refuse(path)
            # The home may have been moved, or a kill have come between.
            self._claims.take(self.paths, self._id, self.label)
        self._open_store(create=False)

    @failures_told()
    def admit(self, scenario: Scenario, name: str, xml: bytes) -> ReplicaStore:
        """Open for a stream of `scenario`, keeping its definition. Raises ArcxoError."""
        known = self.paths
        if self.scenario is None and os.path.exists(self._directory + b"/definition.xml"):
            with contextlib.suppress(ArcxoError):
                self.open_stored()
            known = self.paths
        spec = next((replica for replica in scenario.replicas if replica.host == name), None)
        if spec is None or len(spec.paths) != len(scenario.roots):
            raise ArcxoError("ER00420", scenario=scenario.name, replica=name)
        if known and known != spec.paths:
            self.forget()
            known = ()
        fresh = not known
        self._take_definition(scenario, name)
        try:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            # The definition comes last: what has one is known, and its directories are not made again.
            if self._store is None:
                self._open_store(create=fresh)
            self._write(b"replica.name", name.encode())
            self._write(b"definition.xml", xml)
        except BaseException:
            if fresh:
                self.close()
                self.scenario, self.paths = None, ()
            raise
        self._check_roots()
        assert self._store is not None
        return self._store

    def begin_stream(self, end: Callable[[], None]) -> None:
        """This stream is the one until `finish_stream`; `end` closes it from another thread.

        With `lock` held. Raises OSError when the disk refuses; there is no stream then.
        """
        assert not self.streaming
        clear_mark(self._directory)
        self._end = end
        self.clean_end = False
        self.stream_ended.clear()

    def finish_stream(self, *, clean: bool) -> None:
        """The stream is over; `clean` when nothing went wrong here."""
        self._end = None
        self.on_trouble = None
        self.clean_end = clean
        self.state = ReplicaState.STOPPED
        # Last: from here on the next stream may begin.
        self.stream_ended.set()

    def end_stream(self, timeout_s: float = 10.0) -> bool:
        """Close the open stream and wait for it; False when it does not end in time."""
        end = self._end
        if end is not None:
            end()
        return self.stream_ended.wait(timeout_s)

    def retain(self, now: float, *, at_once: bool = False) -> None:
        """Now and then, or `at_once`, drop what the rewind log need not keep. The caller holds the lock."""
        due = at_once or now - self._retained_at >= _RETAIN_EVERY_S
        # What is half applied is not taken back yet, which needs all that is kept.
        if not due or self.scenario is None or self.store is None:
            return
        self._retained_at = now
        spec = next(spec for spec in self.scenario.replicas if spec.host == self.name)
        properties = properties_of(self.scenario, spec)
        minutes = properties.rewind_minutes if properties.rewind_enabled else 0
        # The disk may be full; what is left over goes the next time.
        with contextlib.suppress(OSError, sqlite3.Error):
            self.store.retain(minutes, properties.rewind_mb)

    def report(self, events: EventStore, problems: Sequence[Problem]) -> None:
        """Metadata that could not be set, as events (the first ones of many)."""
        for problem in problems[:_EVENT_PROBLEMS_MAX]:
            events.append(
                problem.code,
                Severity.WARNING,
                scenario_id=self._id,
                scenario_name=self.label,
                path=shown(problem.path),
                **{key: value for key, value in problem.params.items() if key != "path"},
            )

    def status(self) -> ReplicaStatus:
        """Own figures; does not wait for a freeze or a long batch."""
        store = self._store
        if store is None:
            return ReplicaStatus(self.name, self.state, restored_at=restored_at(self._directory))
        oldest: datetime | None = None
        size = 0
        if self.lock.acquire(timeout=0.2):
            try:
                segments = store.log.segment_times()
                size = sum(part[3] for part in segments) + store.index.aside_bytes()
                if segments and segments[0][2]:
                    oldest = datetime.fromtimestamp(segments[0][2] / 1e9, UTC)
            finally:
                self.lock.release()
        return ReplicaStatus(
            self.name,
            self.state,
            applied_operations=store.index.position.operations,
            rewind_oldest_at=oldest,
            rewind_bytes=size,
            restored_at=restored_at(self._directory),
        )

    def close(self) -> None:
        """Close files."""
        if self._store is not None:
            self._store.close()
        self._store = None
        self._applier = None

    def forget(self) -> None:
        """Remove all but the roots' contents."""
        if self._store is None and self.scenario is None:
            with contextlib.suppress(ArcxoError, OSError):
                self.open_stored()
        sides = [tree.store.path for tree in self._store.trees] if self._store is not None else []
        self.close()
        for side in sides:
            self._remove_side(side)
        self.scenario = None
        self.paths = ()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _take_definition(self, scenario: Scenario, name: str) -> None:
        spec = next((replica for replica in scenario.replicas if replica.host == name), None)
        if spec is None:
            raise ArcxoError("ER00420", scenario=scenario.name, replica=name)
        self.scenario, self.name, self.paths = scenario, name, spec.paths

    def _open_store(self, *, create: bool) -> None:
        trees: list[ReplicaTree] = []
        try:
            for index, path in enumerate(self.paths):
                if create:
                    os.makedirs(path, 0o755, exist_ok=True)
                self._check_directory(path)
                key = b"%d/%d" % (self._id, index)
                store = open_side_store(path, self._side, self._home_id, key, list(self._all_paths()))
                tree = Rooted(path)
                trees.append(ReplicaTree(index, tree, Rooted(store.path), store))
            log = UndoLog(self._directory + b"/undo")
            applied = AppliedIndex(os.fsdecode(self._directory + b"/applied.sqlite3"))
            self._store = ReplicaStore(trees, log, applied)
        except BaseException:
            for opened in trees:
                opened.tree.close()
                opened.side.close()
            raise
        self._applier = Applier(self._store)
        self._applier.on_full = lambda: self.retain(time.monotonic(), at_once=True)
        for opened in trees:
            for name in names_in(opened.side.fd):
                if name.startswith(b"restore-"):
                    remove_tree(opened.side, name)

    def _check_directory(self, path: bytes) -> None:
        if not os.path.isdir(path):
            raise ArcxoError("ER00414", path=shown(path), scenario=self.label)

    def _check_roots(self) -> None:
        """The directories are still the ones that were opened."""
        assert self._store is not None
        for tree in self._store.trees:
            try:
                status = os.stat(tree.tree.path)
            except FileNotFoundError:
                status = None
            if status is None or (status.st_dev, status.st_ino) != tree.tree.identity:
                self.close()
                raise ArcxoError("ER00414", path=shown(tree.tree.path), scenario=self.label)

    def _write(self, name: bytes, data: bytes) -> None:
        path = self._directory + b"/" + name
        fd = os.open(path + b".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(path + b".new", path)

    def _remove_side(self, side: bytes) -> None:
        shutil.rmtree(side, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(side))
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(os.path.dirname(side)))
