"""The one door for console and command line: what the managers can ask for.

Qt-free and SQL-free. Every call blocks (disk, database, network) and may be made from any thread: the
console calls them from its task threads only. Errors are `ArcxoError`s. `path` arguments that mean master
paths are absolute bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.model.content import FileContent
from app.model.estimate import BackupEstimate
from app.model.events import ActivityRecord, Severity
from app.model.filters import FilterPreview
from app.model.folder_comparison import FolderComparison
from app.model.host import CheckResult, DirectoryEntry, Host, HostInfo, HostState
from app.model.job import (
    BackupScript,
    Credentials,
    Job,
    RestoreScript,
    Schedule,
)
from app.model.job_script import SavedBackup
from app.model.media import CatalogEntry, Device, FileVersion, MediaInfo, PurgePlan, SessionInfo
from app.model.media_keys import KeyChange, KeySlot, RecoveryKit, RecoveryTest
from app.model.restore import KeptRestore, PendingReplacement, RestoreItem, RestorePlan, UndoPlan
from app.model.search import Machine, Query
from app.model.server import ServerInfo
from app.model.upcoming import NextRun, PlannedRun
from app.services.alerts_api import AlertService
from app.services.scenarios_api import ScenarioService
from app.services.staging_api import StagingService
from app.services.storage_api import StorageService
from app.services.utilities_api import UtilityService


class HostService(Protocol):
    """Known hosts and their directories. `localhost` always exists."""

    def list(self) -> Sequence[Host]: ...
    def states(self) -> Sequence[HostState]:
        """All known hosts with what their agents say now; all are asked at once, none waited for long."""
        ...

    def show(self, name: str) -> Host: ...
    def fingerprint(self, address: str, authority: str = "") -> str:
        """Of the certificate shown at HOST:PORT, for a person to compare before `add`; nobody need when it is
        signed by `authority`, a file.
        """
        ...

    def add(self, name: str, address: str, credentials: Credentials, fingerprint: str) -> HostInfo: ...
    def remove(self, name: str) -> None: ...
    def preflight(self, name: str, paths: Sequence[bytes] = ()) -> Sequence[CheckResult]:
        """Never raises for what is wrong with the host: that is the last result."""
        ...

    def info(self, name: str) -> HostInfo: ...
    def check_login(self, name: str, credentials: Credentials) -> HostInfo: ...
    def browse(self, name: str, path: bytes) -> Sequence[DirectoryEntry]: ...
    def make_directory(self, name: str, path: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """A backup to submit.

    `credentials` by (scenario id, role "master"/"replica"), for hosts of sources by (0, `source_role(host)`);
    absent = owner's own, or those kept for the host.
    """

    script: BackupScript
    schedule: Schedule = Schedule()
    name: str = ""
    hold: bool = False
    session_password: str = ""
    credentials: tuple[tuple[int, str, Credentials], ...] = ()
    replaces: int = 0
    """The backup job that is modified by this one: it keeps its number."""


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """A restore to submit. `session_passwords` by media serial and session number."""

    script: RestoreScript
    schedule: Schedule = Schedule()
    name: str = ""
    hold: bool = False
    session_passwords: tuple[tuple[str, int, str], ...] = ()
    master_credentials: Credentials | None = None
    replica_credentials: Credentials | None = None
    confirmed: bool = False
    """Whether a person agreed to what must be confirmed: an exact restore, one over the system, one into
    a replica past its scenario."""


class BackupService(Protocol):
    """Submit backups."""

    def submit(self, request: BackupRequest) -> Job: ...
    def check_password(self, script: BackupScript, password: str) -> None:
        """CredentialsError E1164 when the newest encrypted session of a scenario has another password."""
        ...

    def estimate(self, script: BackupScript) -> BackupEstimate:
        """What it will look at, store and take, by the last backups of what it names."""
        ...

    def preview(
        self,
        script: BackupScript,
        node: str,
        *,
        examples: int = 20,
        seconds: float = 0.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
        canceled: Callable[[], bool] = lambda: False,
    ) -> FilterPreview:
        """What its filters take and leave out of one node (a scenario's name, or a source's label) now.

        Counted on the node's host, of a scenario in its replica; told several times a second, asked for
        `canceled` as often; ends after `seconds` (0 = when all was seen). Nothing is changed.

        Raises:
            UsageError: E5302 no such node, ER00122 a pattern that is none. BusyError: AE1009.
        """
        ...

    def preflight(self, script: BackupScript) -> Sequence[CheckResult]:
        """What stands between this backup and its success, errors first. Asks its hosts; changes nothing."""
        ...

    def script_of(self, job_id: int) -> bytes:
        """A backup job as a job script file, without its secrets. UsageError E5754 for another kind."""
        ...

    def open_script(self, content: bytes) -> SavedBackup:
        """What a job script file says, its scenarios by the numbers they have here.

        Those that are not here keep the numbers of the file. UsageError E5751, E5752.
        """
        ...


class RestoreService(Protocol):
    """Find what to restore, plan it, submit it."""

    def submit(self, request: RestoreRequest) -> Job: ...
    def plan(
        self,
        request: RestoreRequest,
        *,
        limit: int = 1000,
        on_item: Callable[[RestoreItem], None] | None = None,
    ) -> RestorePlan:
        """Exactly what the restore would do; up to `limit` paths in it, `on_item` is told of all."""
        ...

    def undo(self, job_id: int, *, force: bool = False) -> Job:
        """Take back what a restore job did, but for what people changed since; with `force` that, too."""
        ...

    def plan_undo(self, job_id: int, *, force: bool = False, limit: int = 1000) -> UndoPlan: ...
    def kept(self, host: str = "localhost") -> Sequence[KeptRestore]:
        """The restores that can be undone on a host."""
        ...

    def pending(self, host: str = "localhost") -> Sequence[PendingReplacement]:
        """Restored files that wait until no program has those open that they replace."""
        ...

    def machines(self) -> Sequence[Machine]: ...
    def browse_tree(
        self, machine: str, path: bytes, *, as_of: datetime | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        """The folder `path` as last backed up (or as of a time), folders first, then by name."""
        ...

    def browse_session(
        self, media_serial: str, session: int, path: bytes, *, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]: ...
    def versions(self, machine: str, path: bytes) -> Sequence[FileVersion]: ...
    def compare_folders(
        self, machine: str, path: bytes, older: tuple[str, int], newer: tuple[str, int], *, limit: int = 1000
    ) -> FolderComparison:
        """What differs beneath a folder between two sessions, each a media and a number.

        NotFoundError E6009 no such session, ArcxoError E6031 its names are not in the catalog.
        """
        ...

    def query(self, query: Query) -> Sequence[CatalogEntry]: ...
    def read_file(
        self,
        media_serial: str,
        session: int,
        path: bytes,
        *,
        offset: int = 0,
        limit: int = 1 << 20,
        session_password: str = "",
    ) -> FileContent:
        """A part of one file as it was backed up, to look at; at most 64 MiB at once. Restores nothing.

        CredentialsError E1133 encrypted and no password, E1134 a wrong one; NotFoundError E4221 no such path,
        E5140 no media that has the session is at hand.
        """
        ...

    def check_session_password(self, media_serial: str, session: int, password: str) -> bool: ...


class JobService(Protocol):
    """The job queue."""

    def list(self, *, include_done: bool = True, history: bool = False) -> Sequence[Job]:
        """Newest first. Done jobs leave it after a day (setting done_job_hours); `history`: all known."""
        ...

    def show(self, job_id: int) -> Job: ...
    def set_password(self, job_id: int, session_password: str) -> Job:
        """Another session password for a job that waits: E5748 it has none, BusyError E6014 it is active."""
        ...

    def set_login(self, job_id: int, login: Credentials, host_role: str = "") -> Job:
        """Another log-in, for all hosts of a waiting job or a role ("master", "replica", "source HOST")."""
        ...

    def wait(
        self, job_id: int, timeout_s: float | None = None, on_progress: Callable[[Job], None] | None = None
    ) -> Job: ...
    def run_now(self, job_id: int) -> None: ...
    def hold(self, job_id: int) -> None: ...
    def ready(self, job_id: int) -> None: ...
    def stop(self, job_id: int) -> None: ...
    def delete(self, job_id: int) -> None:
        """Remove it with its schedule; one that runs is stopped first. BusyError E6007: it does not end."""
        ...

    def reschedule(self, job_id: int, schedule: Schedule) -> Job: ...
    def next_run(self, job_id: int) -> NextRun:
        """When the job runs next and why then, or why not."""
        ...

    def upcoming(self, hours: float = 24) -> Sequence[NextRun]:
        """All runs of the next hours, in their order, each with its reason."""
        ...

    def preview(self, schedule: Schedule, count: int = 5) -> Sequence[PlannedRun]:
        """The first runs of a job submitted now with this schedule. UsageError E511x, E570x for a bad one."""
        ...


class ActivityLogService(Protocol):
    """The activity log."""

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
        """Newest first. `newer_than`, `older_than`: the numbers of lines; 0 = no limit."""
        ...

    def purge(self, older_than: datetime) -> int:
        """Delete the lines older than a time for good; returns how many."""
        ...


class MediaService(Protocol):
    """Devices, media and sessions."""

    def devices(self) -> Sequence[Device]: ...
    def media(self) -> Sequence[MediaInfo]: ...
    def sessions(self, media_serial: str = "") -> Sequence[SessionInfo]: ...
    def session(self, media: str, number: int) -> SessionInfo:
        """`media`: serial, or name, or 4-hex ID where that is unique."""
        ...

    def format(self, device: str, name: str) -> Job: ...
    def verify(self, media: str, *, full: bool, heal: bool = False, session_password: str = "") -> Job:
        """Submit a check. `heal`: damage is repaired from what holds the same content, or quarantined."""
        ...

    def restore_test(
        self,
        media: str,
        session: int = 0,
        *,
        percent: int = 100,
        scratch: str = "",
        session_password: str = "",
        schedule: Schedule = Schedule(),
    ) -> Job:
        """Submit a test: restore to a scratch directory and compare. Session 0: the newest of each volume."""
        ...

    def merge(self, media: str, session_password: str = "") -> Job: ...
    def plan_purge(self, media: str, sessions: Sequence[int] = ()) -> PurgePlan:
        """Exactly what removing these sessions, and whatever no session uses, frees. Changes nothing."""
        ...

    def purge(self, media: str, sessions: Sequence[int] = ()) -> Job:
        """Submit the removal of these sessions; then all that no session uses any more is freed."""
        ...


class KeyService(Protocol):
    """Who opens encrypted sessions. `media`: serial, name or ID; calls are for all online media of its set.

    CredentialsError E4131 when what is given opens nothing, before anything is changed.
    """

    def list(self, media: str) -> Sequence[KeySlot]: ...
    def add(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange: ...
    def change(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange: ...
    def remove(self, media: str, key_id: str, slot: int, password: str) -> KeyChange:
        """Remove a slot of this media; `password` opens another slot of the key, which stays."""
        ...

    def recovery_kit(self, media: str, password: str) -> RecoveryKit: ...
    def test_recovery(self, media: str, recovery_key: str) -> RecoveryTest:
        """Open the newest session of each key with a recovery key."""
        ...


@dataclass(frozen=True, slots=True)
class ServerState:
    """The backup server and the agent of this home. Engines: job, media, database, agent."""

    running: bool
    name: str
    pid: int | None
    started_at: datetime | None
    agent_running: bool
    agent_pid: int | None
    agent_address: str
    version: str
    active_jobs: int
    queue_paused: bool = False


class ServerService(Protocol):
    """The home's server process."""

    def state(self) -> ServerState: ...
    def start(self, timeout_s: float = 30) -> ServerState: ...
    def stop(self, timeout_s: float = 60) -> None: ...
    def settings(self) -> Mapping[str, str]:
        """The settings of the installation (`app.model.settings.SETTINGS`) and their values."""
        ...

    def set_settings(self, values: Mapping[str, str]) -> None:
        """All of them or none. UsageError E5750 for one that is not known, or out of its range."""
        ...

    def servers(self) -> Sequence[ServerInfo]:
        """The servers that share this home's catalog, by name; one that runs alone is the only one."""
        ...

    def remove_server(self, name: str) -> None:
        """Take one that does not run out of the installation. NotFoundError E5791, BusyError E5792, E1155."""
        ...

    def invite(self, path: str) -> str:
        """Write an invitation for a further server; the code that opens it. UsageError E5782, E5789."""
        ...

    def changes(self) -> tuple[int, int]:
        """(catalog revision, live revision): unequal to the last ones = read again. Cheap; poll it."""
        ...


class AccountService(Protocol):
    """Who may log in to the agent of this home. Changes hold from the next log-in on."""

    def list(self) -> Sequence[str]: ...
    def roles(self) -> Mapping[str, str]:
        """Account → administrator, operator or monitor."""
        ...

    def set_password(self, name: str, password: str, role: str = "") -> None:
        """Add the account, or give an existing one a new password. `role` "" = as it was; administrator."""
        ...

    def of_system(self) -> Sequence[str]:
        """Those whose passwords are the machine's."""
        ...

    def add_system(self, name: str, role: str = "", service: str = "") -> None:
        """Let an account of the machine log in with its password there, checked by a PAM service."""
        ...

    def remove(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class AgentState:
    """The agent of a home as its owner sees it. `names` are those under which servers know this host."""

    home: str
    fingerprint: str
    running: bool
    pid: int | None
    address: str
    accounts: int
    names: tuple[str, ...] = ()
    certificate_until: datetime | None = None


class AgentHomeService(Protocol):
    """The home of an agent, with or without a backup server; needs no catalog."""

    @property
    def exists(self) -> bool: ...
    @property
    def accounts(self) -> AccountService: ...
    def set_up(self, user: str, password: str, certificate: bytes = b"", key: bytes = b"") -> AgentState: ...
    def take_certificate(self, certificate: bytes = b"", key: bytes = b"") -> AgentState:
        """Show a certificate of the owner's authority, or another one of its own, from its next start on."""
        ...

    def state(self) -> AgentState: ...
    def set_listen(self, address: str) -> None: ...
    def allowed_scripts(self) -> Sequence[str]: ...
    def allow_script(self, program: str) -> None: ...
    def disallow_script(self, program: str) -> None: ...


class Services(Protocol):
    """All services of one home. Close when done; usable from any thread."""

    home: str

    @property
    def scenarios(self) -> ScenarioService: ...
    @property
    def hosts(self) -> HostService: ...
    @property
    def backups(self) -> BackupService: ...
    @property
    def restores(self) -> RestoreService: ...
    @property
    def jobs(self) -> JobService: ...
    @property
    def alerts(self) -> AlertService: ...
    @property
    def log(self) -> ActivityLogService: ...
    @property
    def media(self) -> MediaService: ...
    @property
    def utilities(self) -> UtilityService: ...
    @property
    def storage(self) -> StorageService: ...
    @property
    def staging(self) -> StagingService: ...
    @property
    def keys(self) -> KeyService: ...
    @property
    def server(self) -> ServerService: ...
    @property
    def accounts(self) -> AccountService: ...

    def close(self) -> None: ...
