"""What watches the roots of one run, and the walks that find what no event told of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.paths import shown
from app.replication.capture import ChangeSource, Unwatched, open_source
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filters import PathFilter
from app.replication.master.recorder import Recorder, RootListener
from app.replication.master.shadow import ShadowReader
from app.replication.master.walker import Report, sweep

_PAUSE_MOST_S = 10.0
_UNWATCHED_EVENTS_MOST = 5


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
        shadow_path: str,
        every_minutes: int,
        stopping: threading.Event,
    ) -> None:
        self._run = run
        self._roots = roots
        self._recorder = recorder
        self._filters = filters
        self._shadow_path = shadow_path
        self._every_s = every_minutes * 60.0 or None
        self._stopping = stopping
        self._sources: list[ChangeSource] = []
        self._wanted = threading.Event()
        self._overflowed: set[int] = set()
        self._doubts: dict[int, int] = {}
        self._walked: set[int] = set()
        self._checked: dict[int, int] = {}
        self._swept = threading.Condition()
        self._unwatched_told = 0

    def watch(self, cookies: bytes, on_cookie: Callable[[int, bytes], None]) -> None:
        """Begin to watch all roots; blocks for a walk over their directories. Raises OSError."""
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
            source.start()

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
        for source in self._sources:
            source.settle()

    def watched(self) -> int:
        """Directories watched now."""
        return sum(source.watched() for source in self._sources)

    def unwatched(self) -> int:
        """Directories known that are not watched."""
        return sum(source.unwatched_directories() for source in self._sources)

    # walks

    def repeat(self) -> None:
        """Walk regularly, and when something was lost, until the run stops. In the run's own thread."""
        while not self._stopping.is_set():
            self._wanted.wait(self._every_s)
            self._wanted.clear()
            if self._stopping.is_set() or self._run.problem is not None:
                continue
            began = time.monotonic()
            try:
                self.once()
                # Doubts may come faster than walks end: let the recorder have most of the time.
                self._stopping.wait(min(_PAUSE_MOST_S, time.monotonic() - began))
            except RootLostError as error:
                path = shown(self._roots[error.root].path)
                self._run.fail(ArcxoError(error.code, path=path), error.root)
            except OSError as error:
                self._run.fail(ArcxoError("ER00213", cause=error.strerror or str(error)), None)

    def once(self) -> None:
        """Compare every path with the shadow; what differs becomes hints. In the run's own thread.

        Raises:
            RootLostError: a root is not the directory it was.
            OSError: the shadow cannot be read.
        """
        for root, source in zip(self._roots, self._sources, strict=True):
            with self._swept:
                overflowed = root.number in self._overflowed
                self._overflowed.discard(root.number)
                doubts = self._doubts.get(root.number, 0)
                doubted = doubts != self._checked.get(root.number, 0)
            if overflowed:
                self._run.event("WR00215", Severity.WARNING, directory=shown(root.path))
            # Directories made while events were lost are not watched, those moved may be under wrong names.
            source.rewatch(all_directories=doubted)
            number = root.number
            reader = ShadowReader(self._shadow_path)
            try:
                sweep(
                    root,
                    reader,
                    self._filters,
                    self.reporter(number),
                    self._hinter(number),
                    self._stopping.is_set,
                    all_told=number in self._walked and not doubted and not source.unwatched_directories(),
                )
            finally:
                reader.close()
            self._walked.add(number)
            with self._swept:
                self._checked[root.number] = doubts
                self._swept.notify_all()

    def reporter(self, number: int) -> Report:
        """Whom a walk over a root tells what cannot be read."""
        return lambda path, error: self._recorder.report(number, path, error)

    def _hinter(self, number: int) -> Callable[[bytes, bool], None]:
        hints = self._recorder.hints
        return lambda path, content: hints.add(number, path, content=content, delay=0.0)

    # what no event tells of

    def wait_checked(self, deadline: float) -> bool:
        """Whether all that was in doubt when called has been walked over; waits until `deadline`."""
        with self._swept:
            doubts = dict(self._doubts)
            return self._swept.wait_for(
                lambda: (
                    self._run.problem is not None
                    or all(self._checked.get(root, 0) >= count for root, count in doubts.items())
                ),
                max(0.0, deadline - time.monotonic()),
            )

    def hint_unwatched(self) -> None:
        """Have all directories compared that no watch tells of."""
        for root, source in zip(self._roots, self._sources, strict=True):
            for path in source.unwatched_paths():
                self._recorder.hints.add(root.number, path, content=True, tree=True, delay=0.0)

    # told by the sources

    def _unwatched(self, root: int, directory: Unwatched) -> None:
        self._unwatched_told += 1
        if self._unwatched_told <= _UNWATCHED_EVENTS_MOST:
            whole = self._roots[root].whole(directory.path)
            self._run.event(
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
        self._wanted.set()
