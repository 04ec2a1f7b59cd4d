"""A catalog in memory, with the rules of `app.catalog.api` that the job engine relies on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.catalog.api import Claim, NewJob, Registration, Totals
from app.catalog.merge_api import Base, LineageKey, Source
from app.catalog.sessions_api import SessionEntry
from app.model.errors import BusyError, NotFoundError
from app.model.events import ActivityRecord, Severity
from app.model.job import Job, JobProgress, JobResult, JobStatus, Schedule
from app.model.media import Device, MediaInfo, Pool, SessionInfo


@dataclass
class _Row:
    job: Job
    sealed: bytes = b""
    fence: int = 0
    holder: str = ""
    expires_at: datetime | None = None
    stop: bool = False


class MemoryJobs:
    def __init__(self, live: MemoryLive) -> None:
        self.rows: dict[int, _Row] = {}
        self.lock = threading.RLock()
        self.live = live
        self.waits: list[str] = []

    def submit(self, job: NewJob) -> Job:
        with self.lock:
            made = Job(
                id=len(self.rows) + 1,
                kind=job.kind,
                name=job.name,
                status=JobStatus.HOLD if job.hold else JobStatus.READY,
                last_result=None,
                owner=job.owner,
                server=job.server,
                created_at=datetime.now(UTC),
                execution_at=job.execution_at,
                schedule=job.schedule,
                script=job.script,
                parent_id=job.parent_id,
                device_group=job.device_group,
            )
            self.rows[made.id] = _Row(made, job.credentials)
            return made

    def _row(self, job_id: int) -> _Row:
        if job_id not in self.rows:
            raise NotFoundError("E6002", job=job_id)
        return self.rows[job_id]

    def list(self, *, include_done: bool = True) -> Sequence[Job]:
        with self.lock:
            return [row.job for row in reversed(self.rows.values())]

    def show(self, job_id: int) -> Job:
        with self.lock:
            return replace(self._row(job_id).job, progress=self.live.progress(job_id))

    def children(self, parent_id: int) -> Sequence[Job]:
        with self.lock:
            return [row.job for row in self.rows.values() if row.job.parent_id == parent_id]

    def credentials(self, job_id: int) -> bytes:
        return self._row(job_id).sealed

    def ahead_in_group(self, job_id: int) -> int:
        return 0

    def claim_due(
        self, server_id: str, *, lease_seconds: float = 30.0, able: Callable[[Job], bool] | None = None
    ) -> Claim | None:
        now = datetime.now(UTC)
        with self.lock:
            for row in self.rows.values():
                due = row.job.execution_at is None or row.job.execution_at <= now
                if row.job.status is JobStatus.READY and due and (able is None or able(row.job)):
                    row.fence += 1
                    row.holder, row.stop = server_id, False
                    row.expires_at = now + timedelta(seconds=lease_seconds)
                    row.job = replace(row.job, status=JobStatus.ACTIVE, started_at=now)
                    return Claim(row.job, row.fence, row.expires_at, row.sealed)
        return None

    def held(self, job_id: int, fence: int) -> _Row:
        row = self._row(job_id)
        if row.job.status is not JobStatus.ACTIVE or row.fence != fence:
            raise BusyError("E6003", job=job_id)
        return row

    def renew(self, job_id: int, fence: int, *, lease_seconds: float = 30.0) -> None:
        with self.lock:
            self.held(job_id, fence).expires_at = datetime.now(UTC) + timedelta(seconds=lease_seconds)

    def set_waits_for(self, job_id: int, fence: int, text: str) -> None:
        with self.lock:
            row = self.held(job_id, fence)
            row.job = replace(row.job, waits_for=text)
            if text:
                self.waits.append(text)

    def finish(
        self,
        job_id: int,
        fence: int,
        result: JobResult,
        totals: Totals = Totals(),  # noqa: B008
        *,
        next_execution_at: datetime | None = None,
        follow_up: NewJob | None = None,
    ) -> Job:
        with self.lock:
            row = self.held(job_id, fence)
            row.job = replace(
                row.job,
                status=JobStatus.DONE if next_execution_at is None else JobStatus.READY,
                last_result=result,
                execution_at=next_execution_at,
                files=totals.files,
                errors=totals.errors,
                warnings=totals.warnings,
                finished_at=datetime.now(UTC),
                waits_for="",
            )
            if follow_up is not None:
                self.submit(follow_up)
            return row.job

    def release(self, job_id: int, fence: int, *, execution_at: datetime | None = None) -> None:
        with self.lock:
            row = self.held(job_id, fence)
            row.job = replace(row.job, status=JobStatus.READY, execution_at=execution_at, started_at=None)

    def request_stop(self, job_id: int) -> None:
        with self.lock:
            row = self._row(job_id)
            if row.job.status is JobStatus.ACTIVE:
                row.stop = True
            elif row.job.status is not JobStatus.DONE:
                row.job = replace(row.job, status=JobStatus.DONE, last_result=JobResult.CANCELED)
            for child in self.children(job_id):
                self.request_stop(child.id)

    def stop_requested(self, job_id: int) -> bool:
        return self._row(job_id).stop

    def hold(self, job_id: int) -> None:
        row = self._row(job_id)
        row.job = replace(row.job, status=JobStatus.HOLD)

    def ready(self, job_id: int) -> None:
        row = self._row(job_id)
        row.job = replace(row.job, status=JobStatus.READY)

    def run_now(self, job_id: int) -> None:
        row = self._row(job_id)
        row.job = replace(row.job, status=JobStatus.READY, execution_at=None)

    def reschedule(self, job_id: int, schedule: Schedule, execution_at: datetime | None) -> Job:
        row = self._row(job_id)
        row.job = replace(row.job, status=JobStatus.READY, schedule=schedule, execution_at=execution_at)
        return row.job

    def replace(self, job_id: int, job: NewJob) -> Job:
        row = self._row(job_id)
        changes: dict[str, Any] = {name: getattr(job, name) for name in ("name", "script", "schedule")}
        status = JobStatus.HOLD if job.hold else JobStatus.READY
        row.job = replace(row.job, status=status, execution_at=job.execution_at, **changes)
        row.sealed = job.credentials
        return row.job

    def set_credentials(self, job_id: int, credentials: bytes) -> None:
        self._row(job_id).sealed = credentials

    def mark_crashed(
        self,
        server_id: str = "",
        next_run: Callable[[Job], datetime | None] = lambda _: None,
        follow_up: Callable[[Job, bytes], NewJob | None] = lambda _job, _credentials: None,
    ) -> Sequence[Job]:
        now = datetime.now(UTC)
        crashed = []
        with self.lock:
            for row in list(self.rows.values()):
                expired = row.expires_at is not None and row.expires_at < now
                if row.job.status is JobStatus.ACTIVE and (row.holder == server_id or expired):
                    row.fence += 1
                    row.job = replace(row.job, status=JobStatus.DONE, last_result=JobResult.CRASHED)
                    again = follow_up(row.job, row.sealed)
                    if again is not None:
                        self.submit(again)
                    following = next_run(row.job)
                    if following is not None:
                        row.job = replace(row.job, status=JobStatus.READY, execution_at=following)
                    crashed.append(row.job)
        return crashed


class MemoryLive:
    def __init__(self) -> None:
        self.rows: dict[int, JobProgress] = {}
        self.puts: list[float] = []

    def put_progress(self, job_id: int, progress: JobProgress) -> None:
        self.rows[job_id] = progress

    def progress(self, job_id: int) -> JobProgress | None:
        return self.rows.get(job_id)

    def clear_progress(self, job_id: int) -> None:
        self.rows.pop(job_id, None)


class MemoryLog:
    def __init__(self) -> None:
        self.records: list[ActivityRecord] = []

    def append(self, code: str, severity: Severity, **fields: Any) -> int:
        known = {
            name: fields.pop(name, default)
            for name, default in (
                ("server", ""),
                ("job_id", None),
                ("parent_job_id", None),
                ("session", None),
                ("scenario", ""),
            )
        }
        params = {key: str(value) for key, value in fields.items()}
        params |= {key: str(known[key]) for key in ("scenario", "session") if known[key]}
        number = len(self.records) + 1
        self.records.append(
            ActivityRecord(
                id=number, severity=severity, at=datetime.now(UTC), code=code, params=params, **known
            )
        )
        return number

    def codes(self, job_id: int | None = None) -> list[str]:
        return [one.code for one in self.records if job_id in (None, one.job_id)]


class MemoryMedia:
    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._groups: dict[str, None] = {}
        self._media: dict[str, MediaInfo] = {}
        self._sets: dict[str, dict[str, Any]] = {}
        self._pools: dict[str, Pool] = {}

    def devices(self) -> Sequence[Device]:
        return list(self._devices.values())

    def remove_device(self, name: str) -> None:
        if self._devices.pop(name, None) is None:
            raise NotFoundError("E6021", device=name)

    def remove_group(self, name: str) -> None:
        self._groups.pop(name)

    def put_set(self, set_id: str, **values: Any) -> None:
        known = self._sets.setdefault(set_id, {})
        known.update({name: value for name, value in values.items() if value is not None})

    def pools(self) -> Sequence[Pool]:
        return [self._pools[name] for name in sorted(self._pools)]

    def put_pool(self, pool: Pool) -> None:
        self._pools[pool.name] = pool

    def remove_pool(self, name: str) -> None:
        del self._pools[name]

    def put_device(self, device: Device) -> None:
        self._devices[device.name] = device
        self.put_group(device.group)

    def groups(self) -> Sequence[str]:
        return list(self._groups)

    def put_group(self, name: str) -> None:
        self._groups[name] = None

    def media(self) -> Sequence[MediaInfo]:
        return [replace(one, **self._sets.get(one.set_id, {})) for one in self._media.values()]

    def show_media(self, media: str) -> MediaInfo:
        for one in self.media():
            if media in (one.serial, one.name, one.media_id):
                return one
        raise NotFoundError("E6002", media=media)

    def put_media(self, media: MediaInfo) -> None:
        self._media[media.serial] = media

    def remove_media(self, serial: str) -> int:
        self._media.pop(serial, None)
        return 0


@dataclass
class MemoryStaging:
    sessions: MemorySessions
    lineage: tuple[str, str, str]
    job: tuple[int, int] | None
    entries: dict[bytes, SessionEntry] = field(default_factory=dict)

    def _check(self) -> None:
        if self.job is not None:
            self.sessions.jobs.held(*self.job)

    def add(self, entries: Iterable[SessionEntry]) -> None:
        self._check()
        self.entries |= {entry.path: entry for entry in entries}

    def remove(self, paths: Iterable[bytes]) -> None:
        self._check()
        for path in paths:
            self.entries.pop(path, None)

    def publish(self, session: SessionInfo) -> None:
        self._check()
        key = (session.media_serial, session.number)
        self.sessions.published[key] = session
        self.sessions.rows[key] = self.entries
        self.sessions.busy.discard(self.lineage)

    def discard(self) -> None:
        self.sessions.busy.discard(self.lineage)


class MemorySessions:
    def __init__(self, jobs: MemoryJobs) -> None:
        self.jobs = jobs
        self.published: dict[tuple[str, int], SessionInfo] = {}
        self.rows: dict[tuple[str, int], dict[bytes, SessionEntry]] = {}
        self.busy: set[tuple[str, str, str]] = set()

    def begin(
        self,
        machine: str,
        entity: str,
        set_id: str,
        roots: Sequence[bytes],
        *,
        job_id: int | None = None,
        fence: int = 0,
        full: bool = True,
        base: tuple[str, int] | None = None,
    ) -> MemoryStaging:
        lineage = (machine, entity, set_id)
        if lineage in self.busy:
            raise BusyError("E6004", entity=entity)
        self.busy.add(lineage)
        staging = MemoryStaging(self, lineage, None if job_id is None else (job_id, fence))
        newest = self.newest(*lineage, roots)
        if not full and newest is not None:
            staging.entries = dict(self.rows[newest.media_serial, newest.number])
        return staging

    def newest(self, machine: str, entity: str, set_id: str, roots: Sequence[bytes]) -> SessionInfo | None:
        found = [one for one in self.published.values() if (one.machine, one.entity) == (machine, entity)]
        return found[-1] if found else None

    def list(self, media_serial: str = "") -> Sequence[SessionInfo]:
        return [one for one in self.published.values() if media_serial in ("", one.media_serial)]

    def of_job(self, job_id: int) -> Sequence[SessionInfo]:
        return [one for one in self.published.values() if one.job_id == job_id]

    def show(self, media: str, number: int) -> SessionInfo:
        if (media, number) not in self.published:
            raise NotFoundError("E6002", session=number)
        return self.published[media, number]

    def remove(self, media_serial: str, number: int) -> None:
        if self.published.pop((media_serial, number), None) is None:
            raise NotFoundError("E6009", session=number, media=media_serial)

    def mark_verified(self, media_serial: str, number: int, *, damaged: bool = False) -> None:
        one = self.published[media_serial, number]
        self.published[media_serial, number] = replace(one, verified_at=datetime.now(UTC), damaged=damaged)

    def mark_restore_tested(self, media_serial: str, number: int, *, percent: int = 100) -> None:
        one = self.published[media_serial, number]
        self.published[media_serial, number] = replace(
            one, restore_tested_at=datetime.now(UTC), restore_tested_percent=percent
        )

    def copies(self, session: SessionInfo) -> Sequence[SessionInfo]:
        return []

    def drop_detail(self, media_serial: str, number: int) -> None:
        place = (media_serial, number)
        self.published[place] = replace(self.published[place], detail=False)
        self.rows[place] = {}

    def sweep(self) -> int:
        return 0


class MemoryMergeStaging(MemoryStaging):
    position = b""
    resumed = False

    @property
    def base(self) -> Base:
        return Base(empty=not self.entries) if not self.entries else Base()

    def remove_names(self, paths: Iterable[bytes]) -> None:
        self.remove(paths)

    def expect_all(self) -> None:
        self.entries.clear()

    def note_position(self, path: bytes) -> None: ...

    def leave(self) -> None:
        self.discard()


class MemoryMerging:
    def __init__(self, sessions: MemorySessions) -> None:
        self.sessions = sessions

    def begin(
        self, key: LineageKey, source: Source, *, job_id: int | None = None, fence: int = 0
    ) -> MemoryMergeStaging:
        lineage = (key.machine, key.entity, key.set_id)
        if lineage in self.sessions.busy:
            raise BusyError("E6004", entity=key.entity)
        self.sessions.busy.add(lineage)
        return MemoryMergeStaging(self.sessions, lineage, None if job_id is None else (job_id, fence))

    def record(self, key: LineageKey, session: SessionInfo) -> None:
        place = (session.media_serial, session.number)
        self.sessions.published.setdefault(place, replace(session, detail=False))

    def disordered(self) -> Sequence[LineageKey]:
        return []


class MemoryRegistrations:
    def __init__(self) -> None:
        self.rows: dict[int, Registration] = {}

    def put(self, registration: Registration) -> None:
        self.rows[registration.id] = registration

    def show(self, name: str) -> Registration:
        for one in self.rows.values():
            if name in (one.name, str(one.id)):
                return one
        raise NotFoundError("E6002", scenario=name)

    def remove(self, scenario_id: int) -> None:
        del self.rows[scenario_id]


class MemorySettings(dict[str, str]):
    def put(self, key: str, value: str) -> None:
        self[key] = value

    def remove(self, key: str) -> None:
        self.pop(key, None)

    def all(self) -> dict[str, str]:
        return dict(self)


class MemoryServers:
    def put(self, *args: object, **fields: object) -> None: ...
    def heartbeat(self, server_id: str, capabilities: Sequence[str] | None = None) -> None: ...
    def takes_duty(self, server_id: str, duty: str, lease_s: float) -> bool:
        return True

    def forget(self, server_id: str) -> None: ...
    def remove(self, server_id: str) -> None: ...


class MemoryCatalog:
    name = "memory"
    shared = False

    def __init__(self) -> None:
        self.live = MemoryLive()
        self.jobs = MemoryJobs(self.live)
        self.log = MemoryLog()
        self.media = MemoryMedia()
        self.sessions = MemorySessions(self.jobs)
        self.merging = MemoryMerging(self.sessions)
        self.registrations = MemoryRegistrations()
        self.settings = MemorySettings()
        self.servers = MemoryServers()

    def be_patient(self, seconds: float) -> None: ...

    def hurry(self) -> None: ...

    def close(self) -> None: ...
