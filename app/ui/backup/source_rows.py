"""The Source tab's tree, contents and properties from what the services know. Qt-free but for cells."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from datetime import datetime

from app.model.media import SessionInfo
from app.model.paths import shown
from app.model.scenario import (
    ReplicaState,
    RootStatistics,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from app.ui import formats
from app.ui.backup.draft import group_mark, in_order, scenario_mark
from app.ui.models.cell import Cell, Column, MarkerBox, RowKind, number
from app.ui.models.table import RowModel
from app.ui.models.tree import Row
from app.ui.widgets.status import REPLICA, SCENARIO, Status

GROUP_KEY = "scenarios"
SOURCE_COLUMNS = (Column("Source", 120, stretch=True),)
SERVER_TYPES = {
    ServerType.FILE_SERVER: ("File Server", "folder"),
    ServerType.SQL_SERVER: ("SQL Server", "database"),
    ServerType.EXCHANGE: ("MS Exchange", "mail"),
}


def shown_state(status: ScenarioStatus) -> Status:
    """The scenario's state; of a replicating one that of the Replica that is backed up."""
    if status.state is ScenarioState.REPLICATING and status.replicas:
        first = status.replicas[0].state
        if first is not ReplicaState.REPLICATING:
            return REPLICA[first]
    return SCENARIO[status.state]


def source_rows(statuses: Sequence[ScenarioStatus], chosen: Collection[int], text: str = "") -> list[Row]:
    """The group with every scenario that fits `text`; the group's box counts all of them."""
    wanted = text.strip().casefold()
    fitting = [status for status in in_order(statuses) if _fits(status, wanted)]
    every = [status.scenario.id for status in statuses]
    note = formats.counted(len(statuses), "scenario")
    if len(fitting) != len(statuses):
        note = f"{len(fitting):,} of {len(statuses):,}"
    head = Cell(
        "CA XOsoft Scenarios",
        icon="arrow-left-right",
        icon_role="text2",
        bold=True,
        beside=note,
        marker=MarkerBox(group_mark(every, chosen), gray=True),
    )
    rows = tuple(_scenario_row(status, chosen) for status in fitting)
    return [Row(GROUP_KEY, (head,), rows, kind=RowKind.GROUP)]


def _fits(status: ScenarioStatus, wanted: str) -> bool:
    scenario = status.scenario
    words = [scenario.name, scenario.master, *(replica.host for replica in scenario.replicas)]
    words += [shown(root.master_path) for root in scenario.roots]
    return not wanted or any(wanted in word.casefold() for word in words)


def _scenario_row(status: ScenarioStatus, chosen: Collection[int]) -> Row:
    scenario = status.scenario
    state = shown_state(status)
    reason = status.reason or next((replica.reason for replica in status.replicas[:1]), "")
    cell = Cell(
        formats.visible(scenario.name),
        icon=SERVER_TYPES[scenario.server_type][1],
        icon_role="text2",
        marker=MarkerBox(scenario_mark(scenario.id, chosen)),
        tag=None if state.role == "ok" else (state.text, state.icon, state.role),
        tooltip=reason and f"{state.text}: {reason}",
    )
    return Row(scenario.id, (cell,), (_master_row(status), *_replica_rows(status)), status)


def _master_row(status: ScenarioStatus) -> Row:
    known = {root.master_path: root for root in status.roots}
    roots = tuple(
        _root_row(position, root.master_path, known.get(root.master_path))
        for position, root in enumerate(status.scenario.roots)
    )
    cell = Cell(status.scenario.master, icon="master", icon_role="master", beside="Master (active)")
    return Row("master", (cell,), roots)


def _root_row(position: int, path: bytes, known: RootStatistics | None) -> Row:
    size = known.size_bytes if known else None
    cell = Cell(
        formats.visible(shown(path)),
        icon="hard-drive",
        icon_role="text2",
        middle=True,
        beside=formats.size(size) if size is not None else "",
        tooltip=shown(path),
    )
    return Row(("root", position), (cell,))


def _replica_rows(status: ScenarioStatus) -> tuple[Row, ...]:
    return tuple(
        Row(
            ("replica", position),
            (
                Cell(
                    replica.host,
                    icon="replica",
                    icon_role="replica",
                    beside="Replica (standby), backed up from here" if not position else "Replica (standby)",
                ),
            ),
        )
        for position, replica in enumerate(status.scenario.replicas)
    )


class ContentsModel(RowModel[RootStatistics]):
    """What the scenario in view contains: to be seen, not to be chosen."""

    columns = (
        Column("Entity", 300, stretch=True),
        Column("Type", 110),
        Column("Files", 100, right=True),
        Column("Size", 100, right=True),
        Column("Last change", 130),
    )

    def key_of(self, item: RootStatistics) -> Hashable:
        """The root's path."""
        return item.master_path

    def cell(self, item: RootStatistics, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            path = shown(item.master_path)
            return Cell(
                formats.visible(path), icon="hard-drive", icon_role="text2", middle=True, tooltip=path
            )
        if column == 1:
            return Cell("Directory", role="text2")
        if column == 2:
            return number(formats.count(item.files), item.files)
        if column == 3:
            return number(formats.size(item.size_bytes), item.size_bytes)
        at = item.last_change_at
        return Cell(
            formats.ago(at),
            role="text2" if at else "muted",
            tooltip=formats.full_time(at),
            sort=at.timestamp() if at else 0.0,
        )


def contents(status: ScenarioStatus | None) -> list[RootStatistics]:
    """The roots in the scenario's order, with their figures where they are known."""
    if status is None:
        return []
    known = {root.master_path: root for root in status.roots}
    return [known.get(root.master_path, RootStatistics(root.master_path)) for root in status.scenario.roots]


def newest_session(sessions: Sequence[SessionInfo], scenario_id: int) -> SessionInfo | None:
    """The session of the scenario that began last."""
    own = [session for session in sessions if session.scenario_id == scenario_id]
    return max(own, key=_began, default=None)


def _began(session: SessionInfo) -> datetime:
    return session.started_at
