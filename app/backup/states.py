"""The directories that restores of a host keep: journals, what is kept aside, what they were about.

`<job>.<scope>.<run>` in one directory; the scope is the scenario whose replica was written, 0 for plain
directories. Beside the journal: `about`, `kept/` with former entries, `areas` naming such directories
elsewhere, `pending` with files that wait for a program to end. A name that ends in `.gone` is being removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgpack

from app.backup.journal import NAME as JOURNAL
from app.backup.journal import Step, read_journal
from app.backup.keeping import AREAS, KEPT
from app.backup.waiting import PENDING, waiting_of
from app.model.restore import KeptRestore

_NAME = re.compile(r"(\d+)\.(\d+)\.(\d+)\Z")
_GONE = ".gone"
_ABOUT = "about"
_UNFINISHED_DAYS = 7
"""A run without a way back that never came to its end is gone on with within so many days."""


@dataclass(frozen=True, slots=True)
class About:
    """What a run is about. `order` tells one order from another."""

    job_id: int
    scenario_id: int
    order: str
    directories: tuple[bytes, ...]
    undo_days: int


@dataclass(frozen=True, slots=True)
class State:
    """The directory of one run."""

    path: str
    job_id: int
    scope: int
    run: int
    about: About

    @property
    def is_ended(self) -> bool:
        """Whether the restore came to its end, or was taken back."""
        return any(record.step in (Step.END, Step.UNDONE) for record in read_journal(self.path))

    @property
    def until_ns(self) -> int:
        """When what is kept may go."""
        days = self.about.undo_days or _UNFINISHED_DAYS
        try:
            changed = os.stat(os.path.join(self.path, JOURNAL)).st_mtime_ns
        except FileNotFoundError:
            changed = os.stat(self.path).st_mtime_ns
        return changed + days * 86_400 * 1_000_000_000

    def kept(self) -> KeptRestore:
        """What is kept of it."""
        size = 0
        for area in self._areas():
            with contextlib.suppress(FileNotFoundError), os.scandir(area) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    size += found.st_size if stat.S_ISREG(found.st_mode) else 0
        pending = sum(1 for _ in waiting_of(self.path))
        return KeptRestore(self.job_id, self.until_ns, size, pending)

    def _areas(self) -> list[bytes]:
        return [os.fsencode(self.path) + b"/" + KEPT, *_far_areas(self.path)]


class States:
    """All runs of a host; `directory` is made when the first one begins."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def all(self) -> list[State]:
        """Every run, oldest first. What cannot be read is left out."""
        found = []
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        for name in names:
            match = _NAME.match(name)
            path = os.path.join(self.directory, name)
            about = _read_about(path) if match else None
            if match and about is not None:
                job, scope, run = map(int, match.groups())
                found.append(State(path, job, scope, run, about))
        return sorted(found, key=lambda state: (state.job_id, state.scope, state.run))

    def of_job(self, job_id: int) -> list[State]:
        """The newest run of each scope of a job."""
        newest = {state.scope: state for state in self.all() if state.job_id == job_id}
        return list(newest.values())

    def begin(self, about: About) -> State:
        """The run to go on with, when the last one of this order did not come to its end; else a new one."""
        last = next((one for one in self.of_job(about.job_id) if one.scope == about.scenario_id), None)
        if last is not None and last.about.order == about.order and not last.is_ended:
            return last
        run = 1 if last is None else last.run + 1
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        path = os.path.join(self.directory, f"{about.job_id}.{about.scenario_id}.{run}")
        os.makedirs(path, mode=0o700, exist_ok=True)
        _write_about(path, about)
        return State(path, about.job_id, about.scenario_id, run, about)

    def discard(self, state: State) -> None:
        """Forget a run and remove what is kept of it. Killed half-way, `sweep` goes on."""
        gone = state.path + _GONE
        os.rename(state.path, gone)
        _remove(gone)

    def sweep(self, now_ns: int | None = None) -> list[State]:
        """Remove what is past its time, and what a removal that was killed left; returns what expired."""
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self.directory):
                if name.endswith(_GONE):
                    _remove(os.path.join(self.directory, name))
        expired = []
        moment = time.time_ns() if now_ns is None else now_ns
        for state in self.all():
            if state.until_ns < moment and not any(waiting_of(state.path)):
                self.discard(state)
                expired.append(state)
        return expired


def _far_areas(path: str) -> list[bytes]:
    return [record.target for record in read_journal(path, AREAS)]


def _remove(path: str) -> None:
    for area in _far_areas(path):
        # Of our own making, by its name; never through a link that someone put there.
        if b"/.arcxo-kept-" in area and os.path.isdir(area) and not os.path.islink(area):
            shutil.rmtree(area, ignore_errors=True)
    shutil.rmtree(path)


def _write_about(path: str, about: About) -> None:
    data = msgpack.packb(
        [about.job_id, about.scenario_id, about.order, list(about.directories), about.undo_days]
    )
    draft = os.path.join(path, _ABOUT + ".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, data)  # durable with the journal's first record that must be
    finally:
        os.close(descriptor)
    os.replace(draft, os.path.join(path, _ABOUT))


def _read_about(path: str) -> About | None:
    try:
        with open(os.path.join(path, _ABOUT), "rb") as file:
            job, scenario, order, directories, days = msgpack.unpackb(file.read())
        return About(int(job), int(scenario), str(order), tuple(map(bytes, directories)), int(days))
    except (OSError, ValueError, TypeError, msgpack.UnpackException):
        return None


def states_pending(directory: str) -> Iterator[State]:
    """The runs of which files wait."""
    for state in States(directory).all():
        if os.path.exists(os.path.join(state.path, PENDING)):
            yield state
