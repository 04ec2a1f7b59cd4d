"""The processes that help a restore, seen from the restorer: what each was given, and what came of it.

Threads of one process wait for each other's interpreter lock; processes do not. *Measured* on two processors:
making files in two threads took longer than in one.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.backup.api import HelperProcess, StartHelper
from app.backup.commit import Staged, discard
from app.backup.items import Item
from app.backup.journal import Fingerprint
from app.backup.making import Portion
from app.backup.new_files import as_orders
from app.backup.selection import OpenPart
from app.media.far import FAR
from app.media.node import SIZE
from app.model.errors import ArcxoError

_MOST = 3
"""Helpers: more would wait for the disk."""
_AHEAD = 1000
"""So many small files a helper has at a time: it has work while the restorer puts a batch in place."""
_SMALL_BYTES = 64 << 10
"""What a larger file has counts as so many more."""
_log = logging.getLogger("arcxo.backup.crew")


@dataclass(slots=True)
class _Given:
    portion: Portion
    places: list[bytes]
    weight: int


@dataclass(frozen=True, slots=True)
class Made:
    """What came of an order, all of `done`. `left`: the helper was lost, and others have to make that."""

    staged: Sequence[Staged] = ()
    damaged: Sequence[tuple[bytes, ArcxoError]] = ()
    failed: Sequence[tuple[bytes, OSError]] = ()
    left: Sequence[Portion] = ()
    ticked: tuple[int, bytes] | None = None
    done: Portion | None = None
    large: bool = False
    """Whether it was made by a thread of this process."""
    results: list[list[int]] | None = None
    """What came of the new files of `done`."""

    def discard(self) -> None:
        """Remove what was made: it is of no use."""
        for one in self.staged:
            discard(one.path)
        for cut in self.done.cuts if self.done is not None and self.results is not None else ():
            cut.discard()


class Helper:
    """One helper. `give` for one thread; what comes back goes into the queue given last."""

    def __init__(self, process: HelperProcess, sessions: list[tuple[Any, ...]]) -> None:
        self._process = process
        self._guard = threading.Lock()
        self._given: dict[int, _Given] = {}
        self._weight = 0
        self._number = 0
        self._lost = False
        self._answers: queue.SimpleQueue[Any] | None = None
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._orders.put(sessions)
        # Sent by a thread of its own: a helper that reads nothing would hold the restore here.
        self._threads = [
            threading.Thread(target=work, name=f"helper-{name}", daemon=True)
            for work, name in ((self._send, "orders"), (self._read, "answers"))
        ]
        for thread in self._threads:
            thread.start()

    def listen(self, answers: queue.SimpleQueue[Any]) -> None:
        """Where the `Made` of what is given from now on go."""
        self._answers = answers

    @property
    def wants_more(self) -> bool:
        """Whether it has less than it can have at a time."""
        with self._guard:
            return not self._lost and self._weight < _AHEAD

    @property
    def is_busy(self) -> bool:
        """Whether something it was given has not come back."""
        with self._guard:
            return bool(self._given)

    def give(self, portion: Portion, session: int, stage: Callable[[Item], bytes]) -> None:
        """Have it make a portion at the places that `stage` gives."""
        given = _Given(portion, [stage(item) for item in portion.items], _weight(portion))
        with self._guard:
            if not self._lost:
                self._number += 1
                self._given[self._number] = given
                self._weight += given.weight
                if portion.cuts:
                    assert portion.pack is not None
                    where = (portion.pack.pack_id, portion.block)
                    self._orders.put((self._number, session, where, as_orders(portion.cuts)))
                    return
                rows = [
                    (item.source, item.target, place, item.entry)
                    for item, place in zip(portion.items, given.places, strict=True)
                ]
                self._orders.put((self._number, session, portion.pack is not None, rows))
                return
        assert self._answers is not None
        self._answers.put(Made(left=[portion]))

    def end(self) -> None:
        """Kill it: it makes nothing any more on return. What it was making is cleared away."""
        self._process.end()
        with self._guard:
            self._lost = True
            given, self._given = list(self._given.values()), {}
        self._orders.put(None)
        _clear(given)
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                self._process.line.send(order)
            except (OSError, ValueError):
                return

    def _read(self) -> None:
        try:
            while True:
                self._take(*self._process.line.recv())
        except (EOFError, OSError):
            self._lose()

    def _take(self, kind: str, *values: Any) -> None:
        answers = self._answers
        if answers is None:
            return
        if kind == "tick":
            answers.put(Made(ticked=(values[0], values[1])))
        elif kind == "error":
            (error,) = values
            if error.code == "AE1099":
                answers.put(error)
            _log.info("a process that helps a restore gave up: %s", error)
        else:
            number, rows, damaged, failed = values
            given = self._given.get(number)
            if given is None:
                return
            if kind == "new":
                self._done(number, given, Made(results=rows, done=given.portion))
                return
            items = given.portion.items
            staged = [
                Staged(items[index], path, Fingerprint(*mark), problems, read=read)
                for index, path, mark, problems, read in rows
            ]
            failures = [(path, OSError(code, text)) for path, code, text in failed]
            self._done(number, given, Made(staged, damaged, failures, done=given.portion))

    def _done(self, number: int, given: _Given, made: Made) -> None:
        assert self._answers is not None
        with self._guard:
            # Together: what it is not busy with any more can be taken.
            if self._given.pop(number, None) is not None:
                self._weight -= given.weight
                self._answers.put(made)

    def _lose(self) -> None:
        """It has ended: what it had is left for others, what it made of that is of no use."""
        self._process.end()
        with self._guard:
            self._lost = True
            given = list(self._given.values())
            _clear(given)
            if given:
                _log.info("a process that helps a restore has ended; its part is made without it")
                assert self._answers is not None
                self._answers.put(Made(left=[one.portion for one in given]))
            self._given.clear()


class Crew:
    """The helpers of one restore. They start while it is still being planned."""

    def __init__(self, start: StartHelper | None) -> None:
        self._start = start
        self._sessions: dict[int, int] = {}
        self.helpers: list[Helper] = []

    def begin(self, parts: Sequence[OpenPart]) -> None:
        """Start them, one less than there are processors; without any, or for far media, none."""
        if self._start is None or self.helpers or any(one.part.media_path.startswith(FAR) for one in parts):
            return
        self._sessions = {id(one.reader): index for index, one in enumerate(parts)}
        sessions = [(one.part.media_path, one.part.session, one.part.data_key) for one in parts]
        for _ in range(min(_MOST, _processors() - 1)):
            try:
                process = self._start()
            except OSError as error:
                _log.info("no process can be started to help a restore: %s", error)
                return
            self.helpers.append(Helper(process, sessions))

    def session_of(self, portion: Portion) -> int:
        """Which of the sessions a portion is from."""
        return self._sessions[id(portion.reader)]

    def end(self) -> None:
        """Kill them."""
        for helper in self.helpers:
            helper.end()
        self.helpers.clear()


def _weight(portion: Portion) -> int:
    size: int = sum(item.entry[SIZE] for item in portion.items)
    size += sum(cut.size_bytes for cut in portion.cuts)
    return len(portion) + size // _SMALL_BYTES


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _clear(given: list[_Given]) -> None:
    for one in given:
        for place in one.places:
            discard(place)
        for cut in one.portion.cuts:
            cut.discard()
