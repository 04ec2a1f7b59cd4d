"""The Scenario pane's rows: groups, scenarios, and beneath each a sub-header with its hosts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.model.scenario import (
    HostRole,
    ReplicaState,
    ReplicaStatus,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from app.ui import formats
from app.ui.home.protection import RECENT_SYNC_SECONDS
from app.ui.models.cell import Cell, Column, RowKind, number
from app.ui.models.tree import Row
from app.ui.widgets.status import IN_SYNC, REPLICA, SCENARIO, Status, status_cell

COLUMNS = (
    Column("Scenario", 152, stretch=True),
    Column("Status", 130),
    Column("Product", 74),
    Column("Server", 84),
    Column("Mode", 72),
    Column("", 106, right=True),
    Column("", 56, right=True),
)
"""The last two are those of the hosts alone: what was synchronised, and the lag."""

_SERVERS = {
    ServerType.FILE_SERVER: "File Server",
    ServerType.SQL_SERVER: "SQL Server",
    ServerType.EXCHANGE: "MS Exchange",
}
_CONNECTED = Status("Connected", "circle-check", "ok")
_LOST = (ReplicaState.DISCONNECTED, ReplicaState.BRAKED, ReplicaState.PROBLEM, ReplicaState.SUSPENDED)


def is_braked(status: ScenarioStatus) -> bool:
    """Whether the safety brake holds a replica."""
    return any(replica.state is ReplicaState.BRAKED for replica in status.replicas)


def shown_state(status: ScenarioStatus) -> Status:
    """The state in the Status column: a replica that needs attention speaks for its scenario."""
    if is_braked(status):
        return REPLICA[ReplicaState.BRAKED]
    if status.state is ScenarioState.REPLICATING:
        for state in (
            ReplicaState.PROBLEM,
            ReplicaState.DISCONNECTED,
            ReplicaState.SUSPENDED,
            ReplicaState.ASSURED_RECOVERY,
            ReplicaState.REWINDING,
        ):
            if any(replica.state is state for replica in status.replicas):
                return REPLICA[state]
    return SCENARIO[status.state]


def replica_state(replica: ReplicaStatus, now: datetime) -> Status:
    """In sync only within a minute of its proof; else what the replica does."""
    if (
        replica.state is ReplicaState.REPLICATING
        and replica.in_sync_at is not None
        and (now - replica.in_sync_at).total_seconds() < RECENT_SYNC_SECONDS
    ):
        return IN_SYNC
    return REPLICA[replica.state]


def scenario_rows(statuses: Sequence[ScenarioStatus], text: str = "") -> list[Row]:
    """All rows; with `text` only scenarios whose name, host or path contains it."""
    made: list[Row] = []
    for _ in fill_rows(made, statuses, text):
        pass
    return made


def fill_rows(made: list[Row], statuses: Sequence[ScenarioStatus], text: str = "") -> Iterator[None]:
    """The same in steps, into `made`."""
    groups: dict[str, list[ScenarioStatus]] = {}
    for status in statuses:
        if _matches(status, text.strip().casefold()):
            groups.setdefault(status.scenario.group, []).append(status)
    now = datetime.now(UTC)
    for name, members in sorted(groups.items(), key=lambda item: item[0].casefold()):
        rows = []
        for status in sorted(members, key=lambda item: item.scenario.name.casefold()):
            rows.append(_scenario_row(status, now))
            yield
        beside = formats.counted(len(members), "scenario")
        head = (Cell(name, icon="folder", bold=True, beside=beside),)
        made.append(Row(("group", name), head, tuple(rows), kind=RowKind.GROUP))


def _matches(status: ScenarioStatus, text: str) -> bool:
    made = status.scenario
    words = [made.name, made.master, *(replica.host for replica in made.replicas)]
    words += [root.master_path.decode("utf-8", "replace") for root in made.roots]
    return not text or any(text in word.casefold() for word in words)


def _scenario_row(status: ScenarioStatus, now: datetime) -> Row:
    made = status.scenario
    reason = status.reason or next((replica.reason for replica in status.replicas if replica.reason), "")
    return Row(
        ("scenario", made.id),
        (
            Cell(made.name, medium=True),
            status_cell(shown_state(status), tooltip=reason),
            Cell(made.product_label, role="text2"),
            Cell(_SERVERS[made.server_type], role="text2"),
            Cell("Online", role="text2"),
        ),
        (_header_row(), _master_row(status, now)),
        status,
    )


def _header_row() -> Row:
    words = ("Host", "State", "Changed", "Files", "In spool", "Synchronized", "Lag")
    cells = tuple(Cell(title, role="muted", right=place > 1) for place, title in enumerate(words))
    return Row("header", cells, kind=RowKind.SUBHEADER, selectable=False)


def _master_row(status: ScenarioStatus, now: datetime) -> Row:
    stopped = status.state in (ScenarioState.STOPPED, ScenarioState.NOT_AUTHORIZED)
    files = [root.files for root in status.roots if root.files is not None]
    synchronized = sum(replica.synchronized_bytes for replica in status.replicas)
    lag = max((one.lag_seconds for one in status.replicas if one.lag_seconds is not None), default=None)
    spool = max((replica.spool_bytes for replica in status.replicas), default=0)
    return Row(
        ("host", HostRole.MASTER, status.scenario.master),
        (
            Cell(status.scenario.master, icon="master", icon_role="master", tooltip="Master"),
            status_cell(SCENARIO[status.state] if stopped else _CONNECTED),
            number(formats.size(status.captured_bytes), status.captured_bytes),
            number(formats.count(sum(files) if files else None), sum(files) if files else None),
            number(formats.size(spool), spool),
            number(formats.size(synchronized), synchronized),
            number(formats.duration(lag), lag),
        ),
        tuple(_replica_row(position, replica, now) for position, replica in enumerate(status.replicas)),
        status,
    )


def _replica_row(position: int, replica: ReplicaStatus, now: datetime) -> Row:
    state = replica_state(replica, now)
    resumes = replica.suspended_until
    words = f"until {formats.moment(resumes, now)}" if resumes else ""
    tooltip = (
        f"Suspended {words}"
        if words
        else replica.reason
        or (f"In sync {formats.ago(replica.in_sync_at, now)}" if replica.in_sync_at else "")
    )
    late = replica.state in _LOST and replica.spool_bytes
    return Row(
        ("host", HostRole.REPLICA, replica.host, position),
        (
            Cell(replica.host, icon="replica", icon_role="replica", tooltip="Replica"),
            replace(status_cell(state, tooltip=tooltip), beside=words),
            number(formats.size(replica.changed_bytes), replica.changed_bytes),
            number(formats.count(replica.files), replica.files),
            number(formats.size(replica.spool_bytes), replica.spool_bytes, "warning" if late else "text"),
            number(formats.size(replica.synchronized_bytes), replica.synchronized_bytes),
            number(formats.duration(replica.lag_seconds), replica.lag_seconds),
        ),
        (),
        replica,
    )
