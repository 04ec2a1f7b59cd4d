"""Work that only one job may do at a time: others wait visibly for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from app.jobs.control import JobControl

_LOOK_EVERY_S = 1.0


class Lanes:
    """Named lanes of this server, each for one job at a time. Usable from any thread.

    `server`: its name, which the reasons for waiting tell where several servers share a catalog.
    """

    def __init__(self, server: str = "") -> None:
        self._here = f" on {server}" if server else ""
        self._lock = threading.Lock()
        self._holders: dict[Hashable, int] = {}
        self._users: dict[Hashable, set[int]] = {}
        self._slots: dict[Hashable, set[int]] = {}

    @contextmanager
    def hold(self, control: JobControl, lane: Hashable, text: str) -> Iterator[None]:
        """Hold a lane; waits for it with `text` shown. Raises CanceledError E5131 while waiting."""
        taken = False

        def take() -> bool:
            nonlocal taken
            taken = self._take(control.job.id, lane)
            return taken

        try:
            # It raises after it was taken, too: where the catalog cannot be told that the waiting is over.
            control.wait_for(text + self._here, take)
            yield
        finally:
            if taken:
                with self._lock:
                    del self._holders[lane]

    def _take(self, job_id: int, lane: Hashable) -> bool:
        with self._lock:
            if lane in self._holders:
                return False
            self._holders[lane] = job_id
            return True

    @contextmanager
    def slot(
        self,
        control: JobControl,
        lane: Hashable,
        most: int,
        text: str,
        ahead: Callable[[], int] | None = None,
    ) -> Iterator[None]:
        """One of `most` places of a lane; waits for it with `text` shown. Raises CanceledError E5131.

        `ahead`: the lane is one of all servers together; tells how many have a place before this job.
        """
        taken = False
        looked_at = float("-inf")

        def take() -> bool:
            nonlocal taken, looked_at
            if ahead is not None:
                # The place in the line only gets better: whoever began later stands behind.
                if time.monotonic() - looked_at < _LOOK_EVERY_S:
                    return False
                looked_at = time.monotonic()
                if ahead() >= most:
                    return False
            taken = self._take_slot(control.job.id, lane, most)
            return taken

        try:
            control.wait_for(text if ahead is not None else text + self._here, take)
            yield
        finally:
            if taken:
                with self._lock:
                    self._slots[lane].discard(control.job.id)

    def _take_slot(self, job_id: int, lane: Hashable, most: int) -> bool:
        with self._lock:
            taken = self._slots.setdefault(lane, set())
            if len(taken) >= most:
                return False
            taken.add(job_id)
            return True

    def use(self, thing: Hashable, job_id: int) -> None:
        """A job works with something that others may work with too, but nobody may take away."""
        with self._lock:
            self._users.setdefault(thing, set()).add(job_id)

    def users(self, thing: Hashable) -> frozenset[int]:
        """The jobs that work with something."""
        with self._lock:
            return frozenset(self._users.get(thing, ()))

    def release(self, job_id: int) -> None:
        """A job works with nothing any more."""
        with self._lock:
            for thing in [thing for thing, jobs in self._users.items() if job_id in jobs]:
                self._users[thing].discard(job_id)
                if not self._users[thing]:
                    del self._users[thing]
