"""The opening of one run: its parts made in their order, the shadow filled or gone on with."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Callable
from typing import Protocol

from app.model.scenario import Scenario
from app.replication.master import statistics
from app.replication.master.barrier import Barrier
from app.replication.master.brake import Brake, Held
from app.replication.master.brake_decisions import BrakeDecisions
from app.replication.master.compare import ComparedRoot, RootLostError
from app.replication.master.filling import Filling, fill
from app.replication.master.filters import PathFilter
from app.replication.master.losses import Losses
from app.replication.master.mounts import Mounts
from app.replication.master.outlet import RECORDED_FACT
from app.replication.master.recorder import Recorder
from app.replication.master.run_parts import RunParts
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.master.spool_keeper import SpoolKeeper
from app.replication.master.sweeps import Run, Sweeps
from app.replication.master.walker import EMPTIED_LEAST_ENTRIES


class OpenedRun(Run, Protocol):
    """The run that is opened, as far as its parts tell it something. Called from any thread."""

    def braked_by(self, held: Held) -> None:
        """The safety brake holds something until people decide."""

    def recorded(self) -> None:
        """Something was recorded."""


class Opening:
    """See the module. `open` is called once, in the thread of the run.

    `fresh`: begin with a synchronisation; `adopt_roots`: take the roots as they are, whatever was recorded.
    `start_sending` is called once what the senders need is there.
    """

    def __init__(
        self,
        run: OpenedRun,
        scenario: Scenario,
        directory: str,
        cookies: str,
        parts: RunParts,
        filters: PathFilter,
        keeper: SpoolKeeper,
        start_sending: Callable[[Spool, Recorder], None],
        stopping: threading.Event,
        *,
        fresh: bool,
        adopt_roots: bool,
    ) -> None:
        self._run = run
        self._scenario = scenario
        self._directory = directory
        self._cookies = cookies
        self._parts = parts
        self._filters = filters
        self._keeper = keeper
        self._start_sending = start_sending
        self._stopping = stopping
        self._fresh = fresh
        self._adopt_roots = adopt_roots

    def open(self) -> bool:
        """Make the parts in their order, fill the shadow, begin recording and sending. False: asked to stop.

        Raises:
            RootLostError: a root is not there, or is another one than before.
            ArcxoError: the spool's directory or the shadow is not usable.
            OSError, sqlite3.Error: the disk of the home fails.
        """
        parts, run, roots = self._parts, self._run, self._parts.roots
        properties = self._scenario.properties
        for path in (self._directory, self._cookies):
            os.makedirs(path, mode=0o700, exist_ok=True)
        shadow_path = os.path.join(self._directory, "shadow.sqlite3")
        parts.shadow = shadow = Shadow(shadow_path)
        parts.spool = spool = self._keeper.open()
        fresh = not self._keeper.continues(spool, shadow)
        # An emptied root is not synchronised: its removals are recorded, and held by the safety brake.
        if not fresh and self._fresh and not self._adopt_roots and self._emptied_since(shadow):
            self._adopt_roots = True
        elif fresh or self._adopt_roots or not self._fresh or not self._unmounted_since(shadow):
            fresh = fresh or self._fresh
        losses = Losses(shadow)
        parts.brake = brake = Brake(
            self._directory, properties.brake_percent, roots, losses, spool, run.braked_by
        )
        brake.open(fresh=fresh)
        shadow.commit()
        for root in roots:
            self._identify(root, shadow, fresh=fresh)
        parts.recorder = recorder = Recorder(
            self._scenario.name,
            roots,
            shadow,
            spool,
            self._filters,
            brake=brake,
            on_recorded=run.recorded,
            on_failed=run.fail,
        )
        recorder.path_problems.event = run.event
        parts.sweeps = sweeps = Sweeps(
            run, roots, recorder, self._filters, properties.sweep_minutes, self._stopping
        )
        cookies = os.fsencode(self._cookies)
        parts.barrier = barrier = Barrier(
            run, self._scenario.name, roots, cookies, sweeps, recorder, spool, brake, parts.senders.all
        )
        parts.decisions = BrakeDecisions(
            run, self._scenario, roots, brake, losses, recorder, barrier, parts.senders.all
        )
        recorder.settle = sweeps.settle
        if fresh:
            epoch = self._new_epoch(shadow, spool)
            recorder.filling = filling = Filling(shadow_path)
            # While the roots are walked here, the replicas walk theirs and get what was passed.
            self._start_sending(spool, recorder)
        sweeps.watch(cookies, barrier.passed, beneath=not fresh)
        if fresh:
            self._fill(shadow, epoch, sweeps, filling)
        if fresh:
            statistics.note(shadow, roots)
            shadow.commit()
        else:
            for root in roots:
                _, root.counters.files, root.counters.size_bytes = shadow.counts(root.number)
            statistics.recall(shadow, roots)
        shadow.give_back()
        if self._stopping.is_set():
            return False
        if not fresh:
            if self._adopt_roots:
                recorder.take_as_it_is(brake.returned)
            recorder.mend()
        if fresh:
            filling.filled()
        recorder.start()
        if not fresh:
            sweeps.once(starting=True)
        brake.started()
        if fresh:
            filling.begun.set()
        else:
            self._start_sending(spool, recorder)
        return True

    def _identify(self, root: ComparedRoot, shadow: Shadow, *, fresh: bool) -> None:
        try:
            root.identify()
        except OSError as error:
            raise RootLostError(root.number, "ER00220") from error
        recorded = None if fresh or self._adopt_roots else shadow.get(root.number, b"")
        if recorded is not None and recorded.inode != root.inode & ((1 << 63) - 1):
            raise RootLostError(root.number, "ER00221")

    def _new_epoch(self, shadow: Shadow, spool: Spool) -> str:
        shadow.set_fact("complete", "")
        shadow.commit()
        epoch = secrets.token_hex(16)
        spool.reset(epoch)
        shadow.set_fact(RECORDED_FACT, "0")
        shadow.drop_roots_from(len(self._parts.roots))
        shadow.commit()
        return epoch

    def _fill(self, shadow: Shadow, epoch: str, sweeps: Sweeps, filling: Filling) -> None:
        # Each directory is watched before it is read: what changes after that waits as hints.
        for root in self._parts.roots:
            number = root.number
            with sweeps.arming(number) as arm:
                counters = root.counters
                counters.files, counters.size_bytes = fill(
                    root,
                    shadow,
                    self._filters,
                    sweeps.reporter(number),
                    self._stopping.is_set,
                    arm,
                    filling.passed,
                )
            shadow.set_fact(f"root {number}", root.path.hex())
            shadow.commit()
            if self._stopping.is_set():
                return
            filling.walked(number)
        shadow.set_fact("complete", epoch)
        shadow.commit()

    def _unmounted_since(self, shadow: Shadow) -> bool:
        """Whether a file system beneath a root is gone since it was recorded; a walk tells, and brakes."""
        mounts = Mounts(shadow)
        for root in self._parts.roots:
            if shadow.fact(f"root {root.number}") != root.path.hex():
                continue
            with contextlib.suppress(OSError):
                root.identify()
                try:
                    mounts.check_recorded(root)
                except RootLostError:
                    return True
        return False

    def _emptied_since(self, shadow: Shadow) -> bool:
        """Whether a root that had many entries when it was last recorded has none now."""
        for root in self._parts.roots:
            if shadow.fact(f"root {root.number}") != root.path.hex():
                continue
            with contextlib.suppress(OSError), os.scandir(root.path) as entries:
                # Counting what was recorded reads all of it: only where it matters.
                if next(entries, None) is None and shadow.counts(root.number)[0] > EMPTIED_LEAST_ENTRIES:
                    return True
        return False
