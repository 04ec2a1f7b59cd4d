"""The queue of one server: takes due jobs, runs each in a thread, tends them, and marks what a crash left."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from app.catalog.api import Catalog
from app.jobs import scheduler
from app.jobs.retrying import after_crash
from app.jobs.runner import LEASE_S, ActiveJob, JobKindRunner
from app.jobs.timing import Timing
from app.model.errors import UsageError
from app.model.events import Severity
from app.model.job import BackupScript, Job, JobKind
from app.model.settings import QUEUE_SCAN

_LOG = logging.getLogger(__name__)
MOST_AT_ONCE = 32
"""Of each device group, of restores, and of what works with no group: others find room beside them."""
_MOST_OF_ALL = 96
_CLOCK_JUMP_S = 5.0
_LOOK_PAST_EVERY_S = 1.0
_EXPIRED_EVERY_S = 15.0
_SETTING_EVERY_S = 5.0
_AWAY_S = 5.0


class JobQueue:
    """Claims and runs the jobs of a catalog for one server. `poll` is called by one thread."""

    def __init__(
        self,
        catalog: Catalog,
        server_id: str,
        server_name: str,
        kinds: Mapping[JobKind, JobKindRunner],
        able: Callable[[Job], bool] | None = None,
    ) -> None:
        self._catalog = catalog
        self._server_id = server_id
        self._server_name = server_name
        self._kinds = kinds
        self._able = able
        self._lock = threading.Lock()
        self._active: list[ActiveJob] = []
        self._scanned_at = self._asked_at = float("-inf")
        self._scan_every_s = 0.0
        self._timing = Timing(catalog, server_name)
        self._expired_at = self._polled_at = time.monotonic()
        self._wall_at = time.time()
        self._look_past_at = 0.0

    @property
    def active(self) -> tuple[ActiveJob, ...]:
        """The jobs that run now."""
        with self._lock:
            return tuple(self._active)

    def poll(self, *, claim: bool = True) -> None:
        """Tend what runs and start what is due. Raises BusyError E6001 while the catalog is locked."""
        for active in self.active:
            active.tend()
        away = time.monotonic() - self._polled_at
        jump = time.time() - self._wall_at - away
        if away > _AWAY_S or abs(jump) > _CLOCK_JUMP_S:
            # The catalog did not answer, or the machine slept: leases, those of others too, look run out and
            # are not. Whoever lives renews them first.
            self._expired_at = time.monotonic() + LEASE_S - _EXPIRED_EVERY_S
        self._polled_at, self._wall_at = time.monotonic(), time.time()
        if time.monotonic() - self._expired_at > _EXPIRED_EVERY_S:
            self._expired_at = time.monotonic()
            self.mark_crashed("")
            self._timing.mend()
        if not claim or not self._scans_now():
            return
        while True:
            full = rooms_taken(active.job for active in self.active)
            if full >= {_RESTORES, _ALL} or (full and time.monotonic() < self._look_past_at):
                return
            able = self._able if not full else partial(self._fits, full)
            found = self._catalog.jobs.claim_due(self._server_id, lease_seconds=LEASE_S, able=able)
            if found is None:
                # What waits for room is all read to find what has some: not at each poll.
                self._look_past_at = time.monotonic() + _LOOK_PAST_EVERY_S
                return
            if not self._timing.admit(found):
                continue
            _LOG.info("job %d (%s) starts", found.job.id, found.job.kind.value)
            active = ActiveJob(
                self._catalog, found, self._kinds[found.job.kind], self._server_name, self._ended
            )
            with self._lock:
                self._active.append(active)
            active.start()

    def cancel_all(self, timeout_s: float) -> bool:
        """Ask every job to end and wait; returns whether all did. What they kept is recorded with them."""
        deadline = time.monotonic() + timeout_s
        for active in self.active:
            active.control.cancel()
        for active in self.active:
            if not active.join(max(0.0, deadline - time.monotonic())):
                _LOG.info("job %d did not end in time", active.job.id)
        return not self.active

    def mark_crashed(self, server_id: str) -> None:
        """Jobs that a dead server left Active become Crashed, and say what was kept.

        `server_id`: all of that server's; "": only those whose lease has run out. A repeating job goes back
        to Ready for its next time; children that had not begun are canceled with their parent.
        """
        for job in self._catalog.jobs.mark_crashed(server_id, _next_run, after_crash):
            kept = self._catalog.sessions.of_job(job.id)
            self._catalog.log.append(
                "E5133",
                Severity.ERROR,
                server=self._server_name,
                job_id=job.id,
                parent_job_id=job.parent_id,
                job=job.id,
                name=job.name,
                kept=", ".join(f"session {one.number} on {one.media_name}" for one in kept) or "nothing",
            )

    def _scans_now(self) -> bool:
        """Whether the queue is looked through again, by the setting `queue_scan_seconds`."""
        now = time.monotonic()
        if now - self._scanned_at < self._scan_every_s:
            return False
        if now - self._asked_at >= _SETTING_EVERY_S:
            self._asked_at = now
            told = self._catalog.settings.get(QUEUE_SCAN.name, str(QUEUE_SCAN.default))
            self._scan_every_s = float(told)
        self._scanned_at = now
        return True

    def _fits(self, full: set[Hashable], job: Job) -> bool:
        """Whether there is room for a job, and this server is the one for it."""
        return has_room(full, job) and (self._able is None or self._able(job))

    def _ended(self, active: ActiveJob) -> None:
        with self._lock:
            self._active.remove(active)
        _LOG.info("job %d has ended", active.job.id)


def rooms_taken(running: Iterable[Job]) -> set[Hashable]:
    """The rooms of a server that runs these jobs in which there is none for another one.

    Backups that wait for their group leave those of other groups theirs.
    """
    # A parent only waits for its children: were it counted, parents could keep them from running.
    counts = Counter(_room_of(job) for job in running if not _is_parent(job))
    full: set[Hashable] = {room for room, count in counts.items() if count >= MOST_AT_ONCE}
    if counts.total() - counts[_RESTORES] >= _MOST_OF_ALL:
        full.add(_ALL)
    return full


def has_room(taken: set[Hashable], job: Job) -> bool:
    """Whether a server whose rooms are taken like that has one for a job."""
    room = _room_of(job)
    return _is_parent(job) or not (room in taken or (room != _RESTORES and _ALL in taken))


def _next_run(job: Job) -> datetime | None:
    try:
        return scheduler.next_run(job.schedule, datetime.now(UTC), job.created_at)
    except UsageError as error:
        # A rule that cannot be followed any more must not keep other jobs Active.
        _LOG.warning("job %d is not repeated: %s", job.id, error)
        return None


_RESTORES, _ALL = "restores", "all"


def _room_of(job: Job) -> Hashable:
    """What a job is counted with."""
    if job.kind in (JobKind.RESTORE, JobKind.RESTORE_UNDO):
        return _RESTORES
    return ("group", job.device_group)


def _is_parent(job: Job) -> bool:
    return isinstance(job.script, BackupScript) and job.script.has_children
