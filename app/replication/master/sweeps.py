"""What watches the roots of one run, and the walks that find what no event told of.

Three kinds of walk, each as small as can be proved: over a whole root, regularly and once after events were
lost, however often that was meanwhile; over the directories that cannot be watched, soon and again; and none
at all where every event was told. Each checks the watches on its way and says what it found.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.replication.capture import ChangeSource, Unwatched, open_source
from app.replication.capture.mapped import mapped_files
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
from app.replication.master.recorder import Recorder
from app.replication.master.root_listener import RootListener
from app.replication.master.shadow import ShadowReader
from app.replication.master.walker import Report, sweep, sweep_directory

MINUTE_S = 60.0
PAUSE_MOST_S = 10.0
ROOTS_EVERY_S = 15.0
UNWATCHED_EVERY_S = 15.0
_UNWATCHED_COST = 20.0
_TOLD_SOON_S = 1.0
_RECORDED_S = 60.0


class Run(Protocol):
    """What the walks and the barrier ask of the run they belong to, and tell it. From any thread."""

    @property
    def problem(self) -> ArcxoError | None:
        """Why recording had to end, if it did."""

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Something happened that people may want to read."""

    def changed(self) -> None:
        """Something to be shown changed."""

    def lost(self, root: int, cause: str) -> None:
        """A root was removed, moved or unmounted."""

    def fail(self, error: ArcxoError, root: int | None) -> None:
        """Recording has to end."""


class Sweeps:
    """From `watch` to `close`. Methods without a note may be called from any thread."""

    def __init__(
        self,
        run: Run,
        roots: list[ComparedRoot],
        recorder: Recorder,
        filters: PathFilter,
        every_minutes: int,
        stopping: threading.Event,
    ) -> None:
        self._run = run
        self._roots = roots
        self._recorder = recorder
        self._filters = filters
        self._every_s = every_minutes * MINUTE_S or float("inf")
        self._stopping = stopping
        self._sources: list[ChangeSource] = []
        self._wanted = threading.Event()
        self._swept = threading.Condition()
        self._overflows: dict[int, int] = {}
        self._doubts: dict[int, int] = {}
        self._checked: dict[int, int] = {}
        self._walked: set[int] = set()
        self._looking = threading.Lock()
        self._failed_at: float | None = None
        self._told: dict[int, int] = {}

    def watch(self, cookies: bytes, on_cookie: Callable[[int, bytes], None], *, beneath: bool = True) -> None:
        """Begin to watch all roots; blocks for a walk over their directories. Raises OSError.

        Without `beneath` only the roots themselves: `arming` watches what is in them.
        """
        for root in self._roots:
            listener = RootListener(
                root.number,
                self._recorder.hints,
                self._filters,
                on_cookie=on_cookie,
                on_unwatched=self._unwatched,
                on_overflow=self._overflow,
                on_doubt=self._doubt,
                on_lost=self._run.lost,
            )
            source = open_source(root.path, cookies, listener)
            self._sources.append(source)
            source.start(beneath=beneath)
        if beneath:
            self._tell_unwatched()

    @contextlib.contextmanager
    def arming(self, number: int) -> Iterator[Callable[[bytes, int, int], object]]:
        """For a walk over a root that watches each directory as it comes to it, as `watch` left them out."""
        source = self._sources[number]
        source.begin_check(thorough=False)
        yield source.check
        if not self._stopping.is_set():
            source.end_check()
        self._tell_unwatched()

    def close(self) -> None:
        """Watch no more; blocks until the threads of the sources have ended."""
        self.wake()
        for source in self._sources:
            source.close()

    def wake(self) -> None:
        """Have `repeat` look whether it should end."""
        self._wanted.set()

    def settle(self) -> None:
        """See `ChangeSource.settle`. Called by the recorder between batches."""
        for root, source in zip(self._roots, self._sources, strict=False):
            try:
                source.settle()
            except OSError as error:
                cause = error.strerror or str(error)
                self._run.fail(ArcxoError("ER00219", directory=shown(root.path), cause=cause), None)

    def watched(self) -> int:
        """Directories watched now."""
        return sum(source.watched() for source in self._sources)

    def unwatched(self) -> int:
        """Directories known that are not watched."""
        return sum(len(source.unwatched()) for source in self._sources)

    # walks

    def repeat(self) -> None:
        """Walk regularly, and when something was lost, until the run stops. In the run's own thread."""
        now = time.monotonic()
        whole, unwatched = now + self._every_s, now + UNWATCHED_EVERY_S
        while not self._stopping.is_set() and self._run.problem is None:
            now = time.monotonic()
            due = min(whole, unwatched if self.unwatched() else whole, now + ROOTS_EVERY_S)
            if self._failed_at is not None:
                due = min(due, self._failed_at + _TOLD_SOON_S)
            self._wanted.wait(max(0.0, due - now))
            self._wanted.clear()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            try:
                self._check_roots()
                if began >= whole or self._in_doubt():
                    self.once()
                    whole = time.monotonic() + self._every_s
                    # Doubts may come faster than walks end: let the recorder have most of the time.
                    self._stopping.wait(min(PAUSE_MOST_S, time.monotonic() - began))
                elif began >= unwatched and self.unwatched():
                    self.look_at_unwatched()
                    cost = time.monotonic() - began
                    unwatched = time.monotonic() + max(UNWATCHED_EVERY_S, _UNWATCHED_COST * cost)
                self._tell_unwatched()
            except RootLostError as error:
                path = shown(self._roots[error.root].path)
                self._run.fail(ArcxoError(error.code, path=path), error.root)
            except OSError as error:
                self._run.fail(ArcxoError("ER00213", cause=error.strerror or str(error)), None)

    def _check_roots(self) -> None:
        # A directory above a root may have been moved away, or something mounted over it: no event says so.
        for root in self._roots:
            root.check()

    def _in_doubt(self) -> bool:
        with self._swept:
            return any(self._checked.get(root, 0) < count for root, count in self._doubts.items())

    def once(self, *, starting: bool = False) -> None:
        """Compare every path with the shadow; what differs becomes hints. In the run's own thread.

        Waits until that is recorded, to tell how much it was, unless the run is just `starting`.

        Raises:
            RootLostError: a root is not the directory it was.
            OSError: the shadow cannot be read.
        """
        with self._looking:
            for root, source in zip(self._roots, self._sources, strict=True):
                self._walk(root, source, starting=starting)
        self._tell_unwatched()

    def _walk(self, root: ComparedRoot, source: ChangeSource, *, starting: bool) -> None:
        number = root.number
        began = time.monotonic()
        with self._swept:
            overflows = self._overflows.pop(number, 0)
            doubts = self._doubts.get(number, 0)
            doubted = doubts != self._checked.get(number, 0)
        first = number not in self._walked
        if overflows:
            self._run.event("WR00215", Severity.WARNING, directory=shown(root.path), times=overflows)
        before = self._recorder.swept(number)
        self._arm(root, source)
        all_told = source.all_told and not first and not doubted and not source.unwatched()
        source.begin_check(thorough=doubted)
        reader = self._recorder.recorded_so_far()
        try:
            sweep(
                root,
                reader,
                self._filters,
                self.reporter(number),
                self._hinter(number),
                self._stopping.is_set,
                seen=source.check,
                all_told=all_told,
            )
            self._hint_mapped(root, reader)
        finally:
            reader.close()
        if self._stopping.is_set():
            return
        source.end_check()
        self._recorder.look_at_problems(number)
        self._walked.add(number)
        with self._swept:
            self._checked[number] = doubts
            self._swept.notify_all()
        if not starting:
            self._tell_found(root, before, time.monotonic() - began, lost=overflows > 0)

    def _hint_mapped(self, root: ComparedRoot, reader: ShadowReader) -> None:
        """Have files compared that a program has mapped to write: nothing tells of its stores."""
        prefix = root.path + b"/"
        for (device, inode), path in mapped_files().items():
            names = {path[len(prefix) :]} if path.startswith(prefix) else set()
            if device == root.device:
                names.update(reader.names_of(root.number, inode))
            for name in names:
                self._recorder.hints.add(root.number, name, content=True, delay=0.0, swept=True)

    def _tell_found(self, root: ComparedRoot, before: int, seconds: float, *, lost: bool) -> None:
        """Say how many changes only this walk found, once they are recorded."""
        hints = self._recorder.hints
        ticket = hints.newest()
        deadline = time.monotonic() + _RECORDED_S
        while not hints.wait_for(ticket, 0.2):
            # A hint may wait for long, and a barrier for what is in doubt by now.
            ended = self._stopping.is_set() or self._run.problem is not None or time.monotonic() > deadline
            if ended or self._in_doubt():
                return
        found = self._recorder.swept(root.number) - before
        if found or lost:
            self._run.event(
                "IR00218",
                Severity.INFORMATION,
                directory=shown(root.path),
                found=found,
                entries=self._recorder.entries(root.number),
                seconds=f"{seconds:.1f}",
            )

    def reporter(self, number: int) -> Report:
        """Whom a walk over a root tells what cannot be read."""
        return lambda path, error: self._recorder.report(number, path, error)

    def _hinter(self, number: int) -> Callable[[bytes, bool], None]:
        hints = self._recorder.hints
        return lambda path, content: hints.add(number, path, content=content, delay=0.0, swept=True)

    # what no event tells of

    def wait_checked(self, deadline: float) -> bool:
        """Whether all that was in doubt when called has been walked over; waits until `deadline`.

        Raises RootLostError: a root is not the directory it was.
        """
        self._check_roots()
        for root, source in zip(self._roots, self._sources, strict=True):
            if not source.all_told:
                self._doubt(root.number)
        with self._swept:
            doubts = dict(self._doubts)
            return self._swept.wait_for(
                lambda: (
                    self._run.problem is not None
                    or all(self._checked.get(root, 0) >= count for root, count in doubts.items())
                ),
                max(0.0, deadline - time.monotonic()),
            )

    def look_at_unwatched(self) -> None:
        """Try again to watch what is not watched, and compare what is directly in those directories.

        Blocks for reading them. Raises OSError: the shadow cannot be read.
        """
        with self._looking:
            for root, source in zip(self._roots, self._sources, strict=True):
                if source.unwatched():
                    before, began = self._recorder.swept(root.number), time.monotonic()
                    armed = self._arm(root, source)
                    paths = [*armed, *(one.path for one in source.unwatched())]
                    self._compare(root, source, paths)
                    if armed:
                        self._tell_found(root, before, time.monotonic() - began, lost=False)

    def _compare(self, root: ComparedRoot, source: ChangeSource, paths: list[bytes]) -> None:
        def seen(path: bytes, device: int, inode: int) -> None:
            # One that nothing told of is watched now (or not), and what is in it was not told of, either.
            if not source.check(path, device, inode):
                waiting.append(path)

        waiting = paths[::-1]
        reader = self._recorder.recorded_so_far()
        try:
            while waiting and not self._stopping.is_set():
                sweep_directory(
                    root,
                    waiting.pop(),
                    reader,
                    self._filters,
                    self.reporter(root.number),
                    self._hinter(root.number),
                    seen,
                )
        finally:
            reader.close()

    def _arm(self, root: ComparedRoot, source: ChangeSource) -> list[bytes]:
        """Try again to watch what is not watched; what is now must still be compared."""
        armed = source.rewatch()
        if armed:
            left = len(source.unwatched())
            self._told[root.number] = left
            self._run.event(
                "IR00222",
                Severity.INFORMATION,
                directory=shown(root.path),
                directories=len(armed),
                left=left,
            )
            self._run.changed()
        return armed

    def _tell_unwatched(self) -> None:
        """Say how many directories cannot be watched, each time there are more."""
        self._failed_at = None
        for root, source in zip(self._roots, self._sources, strict=True):
            unwatched = source.unwatched()
            if len(unwatched) > self._told.get(root.number, 0):
                self._run.event(
                    "WR00217",
                    Severity.WARNING,
                    directory=shown(root.path),
                    directories=len(unwatched),
                    watched=source.watched(),
                    example=shown(root.whole(unwatched[0].path)),
                    cause=unwatched[0].cause,
                    command=source.remedy() or "—",
                )
                self._run.changed()
            self._told[root.number] = len(unwatched)

    # told by the sources

    def _unwatched(self, _root: int, _directory: Unwatched) -> None:
        # Many come together: they are counted a little later.
        if self._failed_at is None:
            self._failed_at = time.monotonic()
            self._wanted.set()

    def _overflow(self, root: int) -> None:
        with self._swept:
            self._overflows[root] = self._overflows.get(root, 0) + 1
        self._doubt(root)

    def _doubt(self, root: int) -> None:
        with self._swept:
            self._doubts[root] = self._doubts.get(root, 0) + 1
        self._wanted.set()
