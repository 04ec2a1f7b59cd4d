"""Until when each scenario's machine is protected, by its sessions; and until when it should be.

Nothing here asks the scheduler, or believes that it runs: what counts are sessions that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from app.catalog.api import Catalog
from app.jobs import scheduler
from app.model.alert import Freshness, Protection
from app.model.errors import UsageError
from app.model.job import BackupScript, Job, JobKind, JobStatus
from app.model.media import SessionInfo
from app.model.paths import shown
from app.model.source import DirectSource

_GRACE = timedelta(minutes=10)
_JOBS_LOOKED_AT = 5
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_ORDER = (Freshness.STALE, Freshness.NEVER, Freshness.LATE, Freshness.UNSCHEDULED, Freshness.FRESH)


def protections(catalog: Catalog, now: datetime) -> list[Protection]:
    """Every registered scenario, and every directory that a repeating job backs up, the worst first."""
    sessions = catalog.sessions.list()
    jobs = [job for job in catalog.jobs.list(include_done=False) if job.kind is JobKind.BACKUP]
    found = [
        _protection(
            _Subject(one.id, one.name, one.master, one.registered_at),
            [each for each in sessions if each.scenario_id == one.id],
            _of(jobs, partial(_names_scenario, one.id)),
            now,
        )
        for one in catalog.registrations.list()
    ]
    found += [
        _protection(
            _Subject(0, source.label, source.host, None),
            [one for one in sessions if _is_of(one, source)],
            _of(jobs, partial(_names_source, source)),
            now,
        )
        for source in _sources(jobs)
    ]
    return sorted(
        found, key=lambda one: (_ORDER.index(one.state), one.protected_until or _LONG_AGO, one.scenario)
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is to be protected: a scenario, or (number 0) a directory of a host."""

    id: int
    name: str
    master: str
    registered_at: datetime | None


def _names_scenario(number: int, script: BackupScript) -> bool:
    return number in script.scenario_ids


def _names_source(source: DirectSource, script: BackupScript) -> bool:
    return source in _plain(script)


def _plain(script: BackupScript) -> list[DirectSource]:
    """Its directories, whether other file systems are entered or not."""
    return [DirectSource(one.host, one.path) for one in script.sources]


def _sources(jobs: Sequence[Job]) -> list[DirectSource]:
    """The directories that repeating jobs back up, each once."""
    scripts = [job.script for job in _of(jobs, lambda script: bool(script.sources))]
    found = [one for script in scripts if isinstance(script, BackupScript) for one in _plain(script)]
    return list(dict.fromkeys(found))


def _is_of(session: SessionInfo, source: DirectSource) -> bool:
    own = not session.scenario_id and session.machine == source.host
    return own and session.entity == shown(source.path)


def _protection(
    scenario: _Subject, sessions: Sequence[SessionInfo], jobs: Sequence[Job], now: datetime
) -> Protection:
    sound = [one for one in sessions if not one.damaged]
    until, newest = _until(sound, [one for one in sound if not one.incomplete])
    verified, _ = _until(sound, [one for one in sound if not one.incomplete and one.verified_at is not None])
    # The time its last backup took, and as much again, is no delay.
    took = max((one.finished_at - one.started_at for one in newest), default=timedelta())
    grace = max(_GRACE, 2 * took)
    since = until or min((job.created_at for job in jobs), default=scenario.registered_at)
    expected, stale = _expected(jobs, since)
    state = Freshness.FRESH
    if expected is None or stale is None:
        state = Freshness.UNSCHEDULED
    elif now > stale + grace:
        state = Freshness.STALE
    elif now > expected + grace:
        state = Freshness.LATE
    if until is None and state is Freshness.UNSCHEDULED:
        state = Freshness.NEVER
    return Protection(
        scenario_id=scenario.id,
        scenario=scenario.name,
        machine=scenario.master,
        state=state,
        protected_until=until,
        verified_until=verified,
        expected_at=expected,
        stale_at=stale,
        jobs=tuple(sorted(job.id for job in jobs)),
    )


def _until(
    sessions: Sequence[SessionInfo], good: Sequence[SessionInfo]
) -> tuple[datetime | None, list[SessionInfo]]:
    """The moment of which every volume has a good session, and those sessions; None when a volume has none.

    The volumes are those of the last few backups.
    """
    recent: dict[int, set[str]] = {}
    for one in sorted(sessions, key=lambda one: one.started_at, reverse=True):
        if one.job_id not in recent and len(recent) == _JOBS_LOOKED_AT:
            break
        recent.setdefault(one.job_id or 0, set()).add(one.entity)
    volumes = set().union(*recent.values()) if recent else set()
    newest: dict[str, SessionInfo] = {}
    for one in good:
        if one.entity not in newest or one.started_at > newest[one.entity].started_at:
            newest[one.entity] = one
    if not volumes or not volumes <= set(newest):
        return None, []
    chosen = [newest[volume] for volume in volumes]
    return min(one.started_at for one in chosen), chosen


def _expected(jobs: Iterable[Job], since: datetime | None) -> tuple[datetime | None, datetime | None]:
    """When the next backup after `since` was due at the latest, and half an interval later."""
    if since is None:
        return None, None
    due: list[tuple[datetime, datetime]] = []
    for job in jobs:
        try:
            following = scheduler.next_run(job.schedule, since, job.created_at)
        except UsageError:
            continue
        if following is not None:
            # What was before there was a schedule is none of its intervals.
            made = job.created_at if job.created_at < following else since
            due.append((following, max(since, made)))
    if not due:
        return None, None
    expected, begins = min(due)
    return expected, expected + (expected - begins) * 0.5


def _of(jobs: Iterable[Job], wanted: Callable[[BackupScript], bool]) -> list[Job]:
    """The repeating jobs that back something up; one on hold is expected to, too."""
    return [
        job
        for job in jobs
        if job.parent_id is None
        and job.status is not JobStatus.DONE
        and job.schedule.repeat
        and isinstance(job.script, BackupScript)
        and wanted(job.script)
    ]
