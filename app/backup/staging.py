"""Staging the entries of a restore in this process and those that help it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from app.backup.api import RestoreSink
from app.backup.commit import Staged, discard
from app.backup.crew import Crew, Helper, Made
from app.backup.items import Item
from app.backup.making import Maker, Portion, Stretch, portions, together
from app.backup.new_files import Cut, NewFiles, keep_made
from app.media.node import SIZE
from app.model.errors import ArcxoError, CanceledError

_AHEAD = 6
_AHEAD_WITH_HELP = 2
_LOW = 1500
"""With fewer items left to make, more are asked for: helpers have something to do while it comes."""
_LOOK_S = 0.2
_LARGE_BYTES = 32 << 20
"""From this size on a file is made by a thread of its own, so that others do not wait for it."""
_TOGETHER_BYTES = 8 << 20
_TOGETHER = 32


class Stager:
    """Stages what is added, portion by portion: small files by the thread that goes through `made` and by
    helpers, whoever is free; blocks are read ahead by another thread, large files made by a third.

    *Measured:* creating small files with more threads cost more system time and no less elapsed time.

    `tick(path, bytes)` may raise CanceledError; `damaged` and `failed` take what went wrong with one item,
    and raise what ends the restore. They are called from two threads.
    """

    def __init__(
        self,
        sink: RestoreSink,
        crew: Crew,
        tick: Callable[[bytes, int], None],
        damaged: Callable[[bytes, ArcxoError], None],
        failed: Callable[[bytes, OSError], None],
    ) -> None:
        self._sink = sink
        self._crew = crew
        self._tick = tick
        self._damaged = damaged
        self._failed = failed
        self._stopped = threading.Event()
        self._given = 0
        self._shown = b""
        self._left: deque[Portion] = deque()
        self._ahead: deque[tuple[Portion, Future[bytes]]] = deque()
        self._large: deque[Portion] = deque()
        self._large_added = threading.Event()
        self._large_pending = 0
        """Large files that a thread makes, or that wait for it."""
        self._finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._hold = self._ended = False

    def add(
        self,
        items: list[Item],
        stretch: Stretch,
        files: Sequence[NewFiles] = (),
        *,
        hold: bool = False,
    ) -> None:
        """To be made after what was added before. `hold`: nothing more is asked for until all is made."""
        new, alone = together((one, self._sink.grown_at(one.target) or b"") for one in files)
        small, many = portions([*items, *alone])
        some = list(_together([item for item in many if item.entry[SIZE] < _LARGE_BYTES]))
        large = []
        for item in many:
            if item.entry[SIZE] >= _LARGE_BYTES:
                assert item.reader is not None
                large.append(Portion(item.reader, items=[item]))
        for portion in (*some, *small, *new, *large):
            portion.stretch = stretch
        stretch.left += len(some) + len(small) + len(new) + len(large)
        # The long ones first: at the end there is little left for one to wait for.
        self._left += [*some, *small, *new]
        self._large_pending += len(large)
        self._large += large
        self._large_added.set()
        self._hold = hold
        self._deal()

    def end(self) -> None:
        """Nothing more is added."""
        self._ended = True

    def stop(self) -> None:
        """Nothing is made any more on return, but for a piece of a large file; what was made is removed."""
        self._stopped.set()
        self._crew.end()

    def made(self) -> Generator[Staged | list[Cut] | Stretch | None]:
        """Every item that could be made, when it is ready; new files that were; a stretch when all of it was;
        None when something should be added, else `end` be called. To be closed.
        """
        thread = threading.Thread(target=self._make_large, name="large files", daemon=True)
        thread.start()
        for helper in self._crew.helpers:
            helper.listen(self._finished)
        maker = Maker(self._stage, self._tick, self._damaged, self._failed)
        ahead = self._ahead
        reading = ThreadPoolExecutor(1, "read ahead")
        try:
            while True:
                if not (self._hold or self._ended) and self._items_left() < _LOW:
                    yield None
                self._deal()
                most = _AHEAD_WITH_HELP if self._crew.helpers else _AHEAD
                while self._left and len(ahead) < most:
                    portion = self._left.popleft()
                    ahead.append((portion, reading.submit(portion.read)))
                if ahead:
                    portion, block = ahead.popleft()
                    if portion.cuts:
                        yield from self._keep(portion, maker.together(portion, block.result))
                    for one in maker.portion(portion, block.result):
                        self._shown = one.item.source
                        yield one
                        if self._deal_soon():
                            self._deal()
                    yield from _done(portion)
                elif not self._is_busy():
                    if self._ended:
                        break
                    self._hold = False
                    continue
                yield from self._ready(wait=not ahead and not self._left and self._is_busy())
        finally:
            self._stopped.set()
            reading.shutdown(cancel_futures=True)
            if self._is_busy():
                self._crew.end()
            self._drain(thread)

    def _items_left(self) -> int:
        return sum(map(len, self._left))

    def _stage(self, item: Item) -> bytes:
        return self._sink.stage(item.target)

    def _is_busy(self) -> bool:
        busy = any(helper.is_busy for helper in self._crew.helpers)
        return busy or bool(self._large_pending) or not self._finished.empty()

    def _deal_soon(self) -> bool:
        return bool(self._left) and any(helper.wants_more for helper in self._crew.helpers)

    def _deal(self) -> None:
        """Give each helper what it can take now: a large file when nothing else is left."""
        for helper in self._crew.helpers:
            while helper.wants_more and (portion := self._next()) is not None:
                self._give(helper, portion)

    def _next(self) -> Portion | None:
        if self._left:
            # From the other end than this process: neither makes files where the other does.
            return self._left.pop()
        try:
            portion = self._large.popleft()
        except IndexError:
            return None
        self._large_pending -= 1
        return portion

    def _give(self, helper: Helper, portion: Portion) -> None:
        self._given += 1
        number = self._given
        # A directory for each order: making files in one does not wait for those moved out of another.
        session = self._crew.session_of(portion)
        helper.give(portion, session, lambda item: self._sink.stage(item.target, number))

    def _keep(self, portion: Portion, results: list[list[int]]) -> Iterator[list[Cut]]:
        """New files of a portion are made; what of them could not be made so is made by itself."""
        refused = keep_made(portion.cuts, results)
        if refused:
            alone = Portion(portion.reader, items=refused, stretch=portion.stretch)
            if portion.stretch is not None:
                portion.stretch.left += 1
            self._left.appendleft(alone)
        self._shown = portion.cuts[0].files.source
        yield portion.cuts

    def _ready(self, *, wait: bool) -> Iterator[Staged | list[Cut] | Stretch]:
        """What others have finished; with `wait` at least one thing, if there will be any."""
        while True:
            try:
                found = self._finished.get(block=wait, timeout=_LOOK_S)
            except queue.Empty:
                if not wait or not self._is_busy():
                    return
                self._tick(self._shown, 0)  # the restore may have been stopped
                continue
            wait = False
            if isinstance(found, BaseException):
                raise found
            yield from self._made(found)

    def _made(self, made: Made) -> Iterator[Staged | list[Cut] | Stretch]:
        """What a helper tells, or the thread that makes large files."""
        if made.large:
            self._large_pending -= 1
        if made.ticked is not None:
            size, source = made.ticked
            self._tick(source, size)
        try:
            for path, error in made.damaged:
                self._damaged(path, error)
            for path, refusal in made.failed:
                self._failed(path, refusal)
        except BaseException:
            made.discard()
            raise
        if made.done is not None and made.results is not None:
            yield from self._keep(made.done, made.results)
        self._left.extendleft(made.left)
        waiting = deque(made.staged)
        try:
            while waiting:
                yield waiting.popleft()
        finally:
            for one in waiting:
                discard(one.path)
        if made.done is not None:
            yield from _done(made.done)
        self._deal()

    def _drain(self, thread: threading.Thread) -> None:
        self._large_added.set()
        thread.join()
        while not self._finished.empty():
            found = self._finished.get()
            if isinstance(found, Made):
                found.discard()

    def _make_large(self) -> None:
        def tick(path: bytes, size: int) -> None:
            if self._stopped.is_set():
                raise CanceledError("E4291")
            self._tick(path, size)

        maker = Maker(self._stage, tick, self._damaged, self._failed)
        try:
            while not self._stopped.is_set():
                try:
                    portion = self._large.popleft()
                except IndexError:
                    self._large_added.wait()
                    self._large_added.clear()
                    continue
                staged = maker.alone(portion.items[0])
                made = [] if staged is None else [staged]
                self._finished.put(Made(made, done=portion, large=True))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes it
            self._finished.put(error)


def _done(portion: Portion) -> Iterator[Stretch]:
    """All of a portion is made; its stretch, when that was the last of it."""
    stretch = portion.stretch
    if stretch is not None:
        stretch.left -= 1
        if not stretch.left:
            yield stretch


def _together(items: list[Item]) -> Iterator[Portion]:
    """Files of several chunks, some at a time: what one process makes."""
    portion, size = None, 0
    for item in items:
        assert item.reader is not None
        full = size >= _TOGETHER_BYTES or (portion is not None and len(portion.items) >= _TOGETHER)
        if portion is None or full or portion.reader is not item.reader:
            if portion is not None:
                yield portion
            portion, size = Portion(item.reader), 0
        portion.items.append(item)
        size += item.entry[SIZE]
    if portion is not None:
        yield portion
