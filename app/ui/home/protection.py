"""How well every scenario is protected, worst first; from what the services know, nothing else."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from app.model import alert
from app.model.job import BackupScript, Job, JobStatus
from app.model.media import SessionInfo
from app.model.scenario import ReplicaState, ReplicaStatus, ScenarioState, ScenarioStatus, SyncProgress
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.widgets.status import IN_SYNC, REPLICA, SCENARIO, Status, status_cell

RECENT_SYNC_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Protection:
    """One scenario: its status, the worst replica, its newest session and next run."""

    status: ScenarioStatus
    worst: ReplicaStatus | None
    session: SessionInfo | None
    next_run: datetime | None
    freshness: alert.Protection | None = None
    """Whether its backups are in time, as the watchdog counts; None = not known yet."""

    @property
    def in_sync_at(self) -> datetime | None:
        """When every replica was last proven equal: the oldest of their proofs."""
        times = [replica.in_sync_at for replica in self.status.replicas]
        known = [at for at in times if at is not None]
        return min(known) if known and len(known) == len(times) else None

    @property
    def protected_until(self) -> datetime | None:
        """The newest moment that could be brought back: proven sync or newest complete session."""
        session = (
            self.session.started_at if self.session is not None and not self.session.incomplete else None
        )
        known = [at for at in (self.in_sync_at, session) if at is not None]
        return max(known, default=None)


_RISK_OF_REPLICA = {
    ReplicaState.BRAKED: 90,
    ReplicaState.PROBLEM: 85,
    ReplicaState.DISCONNECTED: 80,
    ReplicaState.SUSPENDED: 60,
    ReplicaState.SYNCHRONIZING: 50,
    ReplicaState.CONNECTING: 45,
    ReplicaState.REWINDING: 40,
    ReplicaState.STOPPED: 35,
    ReplicaState.ASSURED_RECOVERY: 20,
    ReplicaState.REPLICATING: 0,
}
_RISK_OF_SCENARIO = {
    ScenarioState.PROBLEM: 95,
    ScenarioState.NOT_AUTHORIZED: 94,
    ScenarioState.STOPPED: 65,
    ScenarioState.SYNCHRONIZING: 50,
    ScenarioState.STARTING: 45,
    ScenarioState.STOPPING: 45,
}


def risk(status: ScenarioStatus) -> float:
    """Higher = looks worse."""
    replicas = [_RISK_OF_REPLICA.get(replica.state, 30) for replica in status.replicas]
    lag = max((replica.lag_seconds or 0.0 for replica in status.replicas), default=0.0)
    return max([_RISK_OF_SCENARIO.get(status.state, 0), *replicas]) + min(lag, 999_999) / 1_000_000


def worst_replica(status: ScenarioStatus) -> ReplicaStatus | None:
    """The replica that stands worst."""
    return max(
        status.replicas,
        key=lambda replica: (_RISK_OF_REPLICA.get(replica.state, 30), replica.lag_seconds or 0.0),
        default=None,
    )


def protections(
    statuses: Sequence[ScenarioStatus], sessions: Sequence[SessionInfo], jobs: Sequence[Job]
) -> list[Protection]:
    """All scenarios, worst first."""
    newest: dict[int, SessionInfo] = {}
    for session in sessions:
        number = session.scenario_id
        if number is not None and (number not in newest or session.started_at > newest[number].started_at):
            newest[number] = session
    runs: dict[int, datetime] = {}
    for job in jobs:
        if (
            job.status is JobStatus.READY
            and isinstance(job.script, BackupScript)
            and job.execution_at is not None
        ):
            for number in job.script.scenario_ids:
                runs[number] = min(runs.get(number, job.execution_at), job.execution_at)
    made = [
        Protection(
            status, worst_replica(status), newest.get(status.scenario.id), runs.get(status.scenario.id)
        )
        for status in statuses
    ]
    return sorted(made, key=_worst_first)


_NEEDS_A_PERSON = 80.0


def _worst_first(item: Protection) -> tuple[bool, float, float, str]:
    """What waits for a person; then what could be brought back the least of; of the same, the riskier."""
    until = item.protected_until
    looks = risk(item.status)
    waits = looks >= _NEEDS_A_PERSON
    return (
        not waits,
        -looks if waits else until.timestamp() if until is not None else 0.0,
        -looks,
        item.status.scenario.name.casefold(),
    )


def shown_status(status: ScenarioStatus, now: datetime) -> tuple[Status, str]:
    """The state to show and its second line."""
    if status.state is not ScenarioState.REPLICATING:
        detail = status.reason
        worst = worst_replica(status)
        if (
            not detail
            and status.state is ScenarioState.SYNCHRONIZING
            and worst is not None
            and worst.sync is not None
        ):
            detail = sync_text(worst)
        return SCENARIO[status.state], detail
    worst = worst_replica(status)
    if worst is None or worst.state is not ReplicaState.REPLICATING:
        return (
            (REPLICA[worst.state], status.reason or worst.reason or _count(status))
            if worst
            else (
                SCENARIO[status.state],
                "",
            )
        )
    proven = [replica.in_sync_at for replica in status.replicas]
    if all(at is not None and (now - at).total_seconds() < RECENT_SYNC_SECONDS for at in proven):
        return IN_SYNC, _count(status)
    waiting = sum(replica.waiting_operations for replica in status.replicas)
    return SCENARIO[status.state], f"{formats.counted(waiting, 'change')} waiting" if waiting else _count(
        status
    )


def sync_text(replica: ReplicaStatus) -> str:
    """How far a synchronisation is; a share only when the total is counted."""
    progress = replica.sync
    if progress is None:
        return ""
    if progress.files_total is None:
        return f"{formats.count(progress.files_compared)} compared"
    return f"{formats.count(progress.files_compared)} of {formats.count(progress.files_total)}"


def left_text(progress: SyncProgress) -> str:
    """The time left of a synchronisation as a range, with a separator in front; "" while it is not known."""
    low, high = progress.eta_low_seconds, progress.eta_high_seconds
    if low is None or high is None:
        return ""
    least, most = formats.duration(low), formats.duration(high)
    return f" · {most if least == most else f'{least} to {most}'} left"


def _count(status: ScenarioStatus) -> str:
    return formats.counted(len(status.replicas), "replica")


def badges(session: SessionInfo | None) -> tuple[tuple[str, str], ...]:
    """The three proof badges of a session."""
    if session is None:
        return ()
    written = "failed" if session.damaged else "done" if session.written_at else "none"
    return (
        ("written", written),
        ("shield-check", "done" if session.verified_at else "none"),
        ("rotate-ccw", "done" if session.restore_tested_at else "none"),
    )


_LATE = {
    alert.Freshness.LATE: ("Backup is late", "warning"),
    alert.Freshness.STALE: ("Backup is overdue", "error"),
}


class ProtectionColumn(IntEnum):
    """Columns of the Protection table."""

    SOURCE = 0
    STATE = 1
    LAG = 2
    PROTECTED_UNTIL = 3
    REWIND = 4
    SESSION = 5
    NEXT_RUN = 6


class ProtectionModel(RowModel[Protection]):
    """The Protection table, two lines a row."""

    columns = (
        Column("Source", 140, stretch=True),
        Column("State", 134),
        Column("Lag", 66, right=True),
        Column("Protected until", 122),
        Column("Rewind window", 108, right=True),
        Column("Last session", 204),
        Column("Next run", 100, right=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime | None = None

    def key_of(self, item: Protection) -> Hashable:
        """The scenario's id."""
        return item.status.scenario.id

    def cell(self, item: Protection, column: int) -> Cell:
        """Paintable content."""
        now = self.now or datetime.now().astimezone()
        status = item.status
        if column == ProtectionColumn.SOURCE:
            return Cell(status.scenario.name, icon="folder", medium=True, second=status.scenario.master)
        if column == ProtectionColumn.STATE:
            shown, detail = shown_status(status, now)
            return status_cell(shown, second=detail, tooltip=status.reason)
        if column == ProtectionColumn.LAG:
            lags = [r.lag_seconds for r in status.replicas if r.lag_seconds is not None]
            lag = max(lags, default=None)
            late = "warning" if lag is not None and lag >= 60 else "text"
            return Cell(
                formats.duration(lag), right=True, role="muted" if lag is None else late, sort=lag or -1.0
            )
        if column == ProtectionColumn.PROTECTED_UNTIL:
            return self._until(item, now)
        if column == ProtectionColumn.REWIND:
            oldest = item.worst.rewind_oldest_at if item.worst else None
            seconds = (now - oldest).total_seconds() if oldest else None
            return Cell(
                formats.duration(seconds), right=True, role="text" if seconds else "muted", sort=seconds or -1
            )
        if column == ProtectionColumn.SESSION:
            if item.session is None:
                return Cell("No session yet", role="muted", sort=0.0)
            at = item.session.started_at
            return Cell(
                formats.moment(at, now),
                badges=badges(item.session),
                tooltip=f"Session {item.session.number}, {item.session.media_name}, {formats.full_time(at)}",
                sort=at.timestamp(),
            )
        return Cell(
            formats.moment(item.next_run, now),
            right=True,
            role="text" if item.next_run else "muted",
            tooltip=formats.full_time(item.next_run) if item.next_run else "",
            sort=item.next_run.timestamp() if item.next_run else 0.0,
        )

    def _until(self, item: Protection, now: datetime) -> Cell:
        at = item.protected_until
        if at is None:
            return Cell("Not protected", role="error", second="Never in sync", sort=0.0)
        source = "On the replica" if at == item.in_sync_at else "Newest session"
        age = (now - at).total_seconds()
        late = _LATE.get(item.freshness.state) if item.freshness is not None else None
        tooltip = formats.full_time(at)
        if late and item.freshness is not None:
            expected = formats.full_time(item.freshness.expected_at)
            tooltip += f"\n{late[0]}: a backup was expected by {expected}"
        return Cell(
            formats.ago(at, now),
            role=late[1] if late else "warning" if age > 3600 else "text",
            second=late[0] if late else source,
            second_role=late[1] if late else "muted",
            tooltip=tooltip,
            sort=at.timestamp(),
        )
