"""What jobs and services ask of the catalog.

Every call may block on disk (or on the database's network), may be made from any thread, and leaves no
transaction open. Times are UTC and aware. Faults are `ArcxoError`s: a locked catalog is a `BusyError`
(E6001) after a bounded wait, a missing object a `NotFoundError`. Open one with
`app.catalog.open_catalog(home)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.catalog.alerts_api import Alerts
from app.catalog.merge_api import Merging
from app.catalog.sessions_api import Browsing, Sessions
from app.model.events import ActivityRecord, Severity
from app.model.host import Host
from app.model.job import BackupScript, Job, JobKind, JobProgress, JobResult, RestoreScript, Schedule
from app.model.media import Device, MediaInfo, Pool, PoolSet
from app.model.scenario import ProductType, ServerType

Script = BackupScript | RestoreScript | dict[str, str]


@dataclass(frozen=True, slots=True)
class Registration:
    """A scenario as the catalog knows it. `roots` are the master's, absolute."""

    id: int
    name: str
    master: str
    replicas: tuple[str, ...]
    roots: tuple[bytes, ...]
    server_type: ServerType = ServerType.FILE_SERVER
    product: ProductType = ProductType.DR
    registered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to submit. `execution_at` None = as soon as possible. `credentials` are sealed, opaque bytes."""

    kind: JobKind
    name: str
    script: Script
    owner: str
    server: str = ""
    schedule: Schedule = Schedule()
    execution_at: datetime | None = None
    parent_id: int | None = None
    device_group: str = ""
    hold: bool = False
    credentials: bytes = b""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a job. `fence` grows with every claim; it goes with everything done for the job."""

    job: Job
    fence: int
    expires_at: datetime
    credentials: bytes = b""


@dataclass(frozen=True, slots=True)
class Totals:
    """What a finished run did."""

    files: int = 0
    read_bytes: int = 0
    stored_bytes: int = 0
    errors: int = 0
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Children of a job by what they do and how they ended."""

    ready: int = 0
    active: int = 0
    hold: int = 0
    done: int = 0
    results: tuple[tuple[JobResult, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """A server that works on this catalog. `capabilities`: what its jobs may need ("host:…", "device:…")."""

    id: str
    name: str
    pid: int
    version: str
    started_at: datetime
    heartbeat_at: datetime
    capabilities: tuple[str, ...] = ()
    silent_s: float = 0.0


class Settings(Protocol):
    """Small values of the installation, by key. To remove one that is not there is no error."""

    def get(self, key: str, default: str = "") -> str: ...
    def put(self, key: str, value: str) -> None: ...
    def remove(self, key: str) -> None: ...
    def all(self) -> dict[str, str]: ...


class Hosts(Protocol):
    """Known hosts. `localhost` is always listed; `put` replaces by name."""

    def list(self) -> Sequence[Host]: ...
    def show(self, name: str) -> Host: ...
    def put(self, host: Host) -> None: ...
    def remove(self, name: str) -> None: ...


class Registrations(Protocol):
    """Registered scenarios. `show` takes the name, or the id as text."""

    def list(self) -> Sequence[Registration]: ...
    def show(self, name: str) -> Registration: ...
    def put(self, registration: Registration) -> None:
        """Insert, or replace the one of that id. Raises UsageError E6005 when another id has the name."""
        ...

    def remove(self, scenario_id: int) -> None: ...


class MediaRecords(Protocol):
    """Devices, device groups and media as last seen."""

    def devices(self) -> Sequence[Device]: ...
    def put_device(self, device: Device) -> None:
        """Insert or replace by name; its media are in its group then, which is made when it is new."""
        ...

    def remove_device(self, name: str) -> None:
        """Forget a device; its media, and their sessions, stay known. Raises NotFoundError E6021."""
        ...

    def groups(self) -> Sequence[str]: ...
    def put_group(self, name: str) -> None: ...
    def remove_group(self, name: str) -> None:
        """Forget a group. Raises NotFoundError E6022, BusyError E6023 while it has devices."""
        ...

    def media(self) -> Sequence[MediaInfo]: ...
    def show_media(self, media: str) -> MediaInfo:
        """By serial, or by name or 4-hex ID where that is unique (else UsageError E6006)."""
        ...

    def put_media(self, media: MediaInfo) -> None:
        """Insert or replace by serial what its label and device say, with the name its sessions show."""
        ...

    def put_set(
        self,
        set_id: str,
        *,
        pool: str | None = None,
        pool_set: PoolSet | None = None,
        last_written_at: datetime | None = None,
        retired: bool | None = None,
        run: str | None = None,
    ) -> None:
        """Record what holds for a whole media set; None = as it is. Raises NotFoundError E6024 for a pool."""
        ...

    def pools(self) -> Sequence[Pool]: ...
    def put_pool(self, pool: Pool) -> None: ...
    def remove_pool(self, name: str) -> None:
        """Forget a pool; its media are in none then. Raises NotFoundError E6024."""
        ...

    def remove_media(self, serial: str) -> int:
        """Forget a media and its sessions (formatted, erased). Returns how many sessions that were."""
        ...


NextRun = Callable[[Job], datetime | None]
"""When a job runs again by its schedule; None when it does not. Called within a transaction: no I/O."""


FollowUp = Callable[[Job, bytes], NewJob | None]
"""The job that does again what a crash cut off, with its sealed credentials. As `NextRun`: no I/O."""


class Jobs(Protocol):
    """The queue. Times of leases are the database's."""

    def submit(self, job: NewJob) -> Job: ...
    def list(self, *, include_done: bool = True) -> Sequence[Job]:
        """By id, newest first; active ones carry `progress`."""
        ...

    def show(self, job_id: int) -> Job: ...
    def children(self, parent_id: int) -> Sequence[Job]: ...
    def child_counts(self, parent_id: int) -> JobCounts: ...
    def ahead_in_group(self, job_id: int) -> int:
        """How many backups of the job's device group run, on all servers, that began before it did."""
        ...

    def credentials(self, job_id: int) -> bytes: ...

    def claim_due(
        self, server_id: str, *, lease_seconds: float = 30.0, able: Callable[[Job], bool] | None = None
    ) -> Claim | None:
        """Take the oldest due Ready job that `server_id` is `able` to run (None = any); it becomes Active."""
        ...

    def renew(self, job_id: int, fence: int, *, lease_seconds: float = 30.0) -> None:
        """Prolong a claim. Raises BusyError E6003 when it is no longer held."""
        ...

    def set_waits_for(self, job_id: int, fence: int, text: str) -> None: ...
    def finish(
        self,
        job_id: int,
        fence: int,
        result: JobResult,
        totals: Totals = Totals(),
        *,
        next_execution_at: datetime | None = None,
        follow_up: NewJob | None = None,
    ) -> Job:
        """Record how the run ended: Ready again when `next_execution_at` is given, else Done. E6003.

        `follow_up` is queued in the same step.
        """
        ...

    def release(self, job_id: int, fence: int, *, execution_at: datetime | None = None) -> None:
        """Give an unfinished claim back: Ready, at `execution_at` or at once. E6003."""
        ...

    def request_stop(self, job_id: int) -> None:
        """Ask the claim's holder to stop. A job that is not Active becomes Done, Canceled, at once.

        Children get the same.
        """
        ...

    def stop_requested(self, job_id: int) -> bool: ...
    def hold(self, job_id: int) -> None: ...
    def ready(self, job_id: int) -> None: ...
    def run_now(self, job_id: int) -> None:
        """Make a job that is not Active Ready and due."""
        ...

    def reschedule(self, job_id: int, schedule: Schedule, execution_at: datetime | None) -> Job: ...
    def replace(self, job_id: int, job: NewJob) -> Job:
        """Another script, schedule and credentials for a job that is not Active (BusyError E6014)."""
        ...

    def set_credentials(self, job_id: int, credentials: bytes) -> None:
        """Other sealed credentials for a job that is not Active (BusyError E6014)."""
        ...

    def delete(self, job_id: int) -> None:
        """Remove a job that is not Active (BusyError E6007), its children too."""
        ...

    def mark_crashed(
        self,
        server_id: str = "",
        next_run: NextRun = lambda _: None,
        follow_up: FollowUp = lambda _job, _credentials: None,
    ) -> Sequence[Job]:
        """Make Active jobs Crashed: all claims of `server_id` (at its start), and every expired one.

        In the same step a job for which `next_run` gives a time is Ready again for then, and children that
        had not begun are canceled with their parent; what `follow_up` gives is queued. Returns the jobs.
        """
        ...

    def next_due(self) -> datetime | None: ...
    def prune(self, older_than: datetime) -> int:
        """Delete jobs Done before a time. Returns how many."""
        ...


class Live(Protocol):
    """Heartbeats and progress: `live.sqlite3`, not durable, quick."""

    def put_progress(self, job_id: int, progress: JobProgress) -> None: ...
    def progress(self, job_id: int) -> JobProgress | None: ...
    def clear_progress(self, job_id: int) -> None: ...


class Servers(Protocol):
    """Servers that work on this catalog; the heartbeat is a catalog row only when several share it."""

    def put(
        self, server_id: str, name: str, pid: int, version: str, capabilities: Sequence[str] = ()
    ) -> None: ...
    def heartbeat(self, server_id: str, capabilities: Sequence[str] | None = None) -> None: ...
    def takes_duty(self, server_id: str, duty: str, lease_s: float) -> bool:
        """Whether a duty that one server does for all is this one's for the next `lease_s` seconds."""
        ...

    def list(self) -> Sequence[ServerRecord]: ...
    def remove(self, server_id: str) -> None:
        """A server stopped. One of several stays listed, with pid 0, until `forget`."""
        ...

    def forget(self, server_id: str) -> None: ...


class ActivityLog(Protocol):
    """What happened, for administrators."""

    def append(
        self,
        code: str,
        severity: Severity,
        *,
        server: str = "",
        job_id: int | None = None,
        parent_job_id: int | None = None,
        session: int | None = None,
        scenario: str = "",
        **params: object,
    ) -> int: ...
    def list(
        self,
        *,
        job_id: int | None = None,
        severities: Sequence[Severity] = (),
        newer_than: int = 0,
        older_than: int = 0,
        text: str = "",
        limit: int = 1000,
    ) -> Sequence[ActivityRecord]:
        """Newest first. `job_id` includes its children. `text`: in the rendered message, any case."""
        ...

    def prune(self, older_than: datetime) -> int: ...


class Catalog(Protocol):
    """An open catalog. Close when done."""

    @property
    def name(self) -> str:
        """The file, or the database, for people."""
        ...

    @property
    def shared(self) -> bool:
        """Whether several servers may work on it."""
        ...

    @property
    def settings(self) -> Settings: ...
    @property
    def hosts(self) -> Hosts: ...
    @property
    def registrations(self) -> Registrations: ...
    @property
    def media(self) -> MediaRecords: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def merging(self) -> Merging: ...
    @property
    def browsing(self) -> Browsing: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def live(self) -> Live: ...
    @property
    def servers(self) -> Servers: ...
    @property
    def log(self) -> ActivityLog: ...
    @property
    def alerts(self) -> Alerts: ...

    def changes(self) -> tuple[int, int]:
        """(catalog revision, live revision): unequal to the last ones = read again. Cheap.

        Only comparable with earlier answers of the same open catalog.
        """
        ...

    def be_patient(self, seconds: float) -> None:
        """Wait so long, in each call from now on, for a shared database that does not answer (E6040)."""
        ...

    def hurry(self) -> None:
        """Wait no longer for it: this process is to end. Any thread."""
        ...

    def close(self) -> None: ...
