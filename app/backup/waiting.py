"""Restored files that wait beside those that programs have open, until these can be replaced.

They are listed in the file `pending` of the run that made them: one record for each, another when it is done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from app.backup.api import RestoreSink
from app.backup.busy import is_open
from app.backup.copying import copy_entry
from app.backup.journal import Fingerprint, Journal, Record, Step, read_journal
from app.backup.keeping import Keeper
from app.backup.metadata import metadata_at
from app.model.errors import Problem

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One file that waits: where it is, what it replaces, and how it was when it was put there."""

    path: bytes
    target: bytes
    after: Fingerprint
    since_ns: int


def note_waiting(state: str, path: bytes, target: bytes, after: Fingerprint | None) -> None:
    """Note, durably, that `path` is going to wait for `target`."""
    _note(state, Record(Step.PENDING, path, after=after, more={"for": target}))


def waiting_of(state: str) -> Iterator[Waiting]:
    """What waits of a run."""
    try:
        since = os.stat(os.path.join(state, PENDING)).st_mtime_ns
    except FileNotFoundError:
        return
    found: dict[bytes, Waiting] = {}
    for record in read_journal(state, PENDING):
        target = (record.more or {}).get("for")
        if record.step is Step.PENDING and record.after is not None and isinstance(target, bytes):
            found[record.target] = Waiting(record.target, target, record.after, since)
        elif record.step is Step.END:
            found.pop(record.target, None)
    yield from found.values()


class Replacer:
    """Puts what waits of one run in its place, where that can be done now."""

    def __init__(self, state: str, sink: RestoreSink, directories: list[bytes], *, keep: bool) -> None:
        self._state = state
        self._sink = sink
        self._directories = directories
        self._keep = keep

    def replace(self, waiting: Waiting) -> tuple[bool, str]:
        """(whether it is done with, why not or what happened instead).

        The journal of the run tells of the replacement as of any other, so it is undone with the rest. Raises
        OSError, and what the sink raises; it is tried again.
        """
        found = self._sink.status(waiting.path)
        if found is None:
            # Replaced before this process was killed, or removed by someone.
            _note(self._state, Record(Step.END, waiting.path))
            return True, "" if self._is_there(waiting) else "someone removed it"
        if Fingerprint.of(found) != waiting.after:
            return False, "it was changed while it waited"
        there = self._sink.status(waiting.target)
        if there is not None and is_open(*self._sink.place(waiting.target)):
            return False, "a program has the file open"
        journal = Journal(self._state)
        try:
            kept, before = b"", None
            if there is not None:
                before = Fingerprint.of(there)
                if self._keep:
                    keeper = Keeper(journal, self._sink, self._directories)
                    kept, before = keeper.keep(waiting.target, there)
            step = Step.CREATE if there is None else Step.REPLACE
            staged = self._staged(waiting, found)
            after = Fingerprint.of(os.lstat(staged))
            journal.append(Record(step, waiting.target, kept, before, after))
            journal.sync()
        finally:
            journal.close()
        metadata = metadata_at(staged)
        problems: list[Problem] = self._sink.publish(waiting.target, staged, metadata, replace=True)
        problems += self._sink.remove(waiting.path, directory=False)
        problems += self._sink.settle()
        if problems:
            return False, problems[0].params.get("reason", problems[0].code)
        _note(self._state, Record(Step.END, waiting.path))
        return True, ""

    def _is_there(self, waiting: Waiting) -> bool:
        found = self._sink.status(waiting.target)
        return found is not None and Fingerprint.of(found) == waiting.after

    def _staged(self, waiting: Waiting, found: os.stat_result) -> bytes:
        """Another name of what waits, from which it is moved in place: the waiting one goes last."""
        staged = self._sink.stage(waiting.target)
        fd, name = self._sink.place(waiting.path)
        try:
            os.link(name, staged, src_dir_fd=fd, follow_symlinks=False)
        except OSError:
            copy_entry(b"/proc/self/fd/%d/" % fd + name, staged, found)
        return staged


def drop_waiting(state: str) -> None:
    """Nothing of the run waits any more."""
    for waiting in list(waiting_of(state)):
        _note(state, Record(Step.END, waiting.path))


def _note(state: str, record: Record) -> None:
    journal = Journal(state, PENDING)
    try:
        journal.append(record)
        journal.sync()
    finally:
        journal.close()
