"""Framework, Statistics of one host: its figures, and a table of its root directories."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from app.model.paths import shown
from app.model.scenario import ReplicaStatus, RootStatistics, ScenarioStatus
from app.ui import formats
from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import PaneHeader, column
from app.ui.widgets.views import CellTable
from app.ui.xosoft.scenario_rows import replica_state


class RootModel(RowModel[RootStatistics]):
    """What was captured in each root directory of the master since the start."""

    columns = (
        Column("Root directory", 118, stretch=True),
        Column("Size", 72, right=True),
        Column("Created", 62, right=True),
        Column("Changed", 68, right=True),
        Column("Removed", 70, right=True),
        Column("Renamed", 72, right=True),
        Column("Last change", 88, right=True),
    )

    def key_of(self, item: RootStatistics) -> Hashable:
        """The root's path."""
        return item.master_path

    def cell(self, item: RootStatistics, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(shown(item.master_path), icon="folder", middle=True)
        if column == 1:
            return number(formats.size(item.size_bytes), item.size_bytes)
        if column == 6:
            at = item.last_change_at
            return Cell(
                formats.ago(at),
                right=True,
                role="text2" if at else "muted",
                tooltip=formats.full_time(at) if at else "",
                sort=at.timestamp() if at else 0.0,
            )
        value = (item.folders_created, item.files_changed, item.removed, item.renamed)[column - 2]
        return number(formats.count(value), value)


@dataclass(frozen=True, slots=True)
class ReplicaRoot:
    """A directory of the replica, and what the master has of it."""

    path: bytes
    master_path: bytes
    statistics: RootStatistics | None


class ReplicaRootModel(RowModel[ReplicaRoot]):
    """The root directories of a replica. What is applied is counted for the host as a whole."""

    columns = (
        Column("Root directory", 190, stretch=True),
        Column("Of the Master's", 190),
        Column("Files there", 90, right=True),
        Column("Size there", 90, right=True),
    )

    def key_of(self, item: ReplicaRoot) -> Hashable:
        """The replica's path."""
        return item.path

    def cell(self, item: ReplicaRoot, column: int) -> Cell:
        """Paintable content."""
        known = item.statistics
        if column == 0:
            return Cell(shown(item.path), icon="folder", middle=True)
        if column == 1:
            return Cell(shown(item.master_path), role="text2", middle=True)
        if column == 2:
            files = known.files if known is not None else None
            return number(formats.count(files), files)
        size = known.size_bytes if known is not None else None
        return number(formats.size(size), size)


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of a host."""

    name: str
    value: str
    role: str = "text"
    note: str = ""


class FactModel(RowModel[Fact]):
    """Figures, one below the other."""

    columns = (Column("Figure", 200), Column("Value", 160, right=True), Column("Remark", 240, stretch=True))

    def key_of(self, item: Fact) -> Hashable:
        """Its name."""
        return item.name

    def cell(self, item: Fact, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(item.name, role="text2")
        if column == 1:
            return Cell(item.value, right=True, role=item.role)
        return Cell(item.note, role="muted")


class HostStatistics(QWidget):
    """`show_master` or `show_replica`; the figures change in place."""

    def __init__(self) -> None:
        super().__init__()
        self.facts = FactModel()
        self.fact_table = CellTable(row_height=24)
        self.fact_table.set_source(self.facts)
        self.fact_table.set_columns(self.facts.columns)
        self.fact_table.setAccessibleName("Figures of the host")
        self.master_roots = RootModel()
        self.replica_roots = ReplicaRootModel()
        self.root_tables: list[CellTable] = []
        for model in (self.master_roots, self.replica_roots):
            table = CellTable()
            table.set_source(model)
            table.set_columns(model.columns)
            table.setAccessibleName("Root directories of the host")
            self.root_tables.append(table)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.fact_table)
        split.addWidget(column(PaneHeader("Root directories"), *self.root_tables))
        split.setSizes([theme().px(270), theme().px(200)])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(split)

    def show_master(self, status: ScenarioStatus) -> None:
        """The figures of the master."""
        self._show_roots(0)
        self.facts.set_items(master_facts(status))
        self.master_roots.set_items(list(status.roots))
        self.master_roots.touch()

    def show_replica(self, status: ScenarioStatus, replica: ReplicaStatus) -> None:
        """The figures of one replica."""
        self._show_roots(1)
        self.facts.set_items(replica_facts(replica))
        self.replica_roots.set_items(replica_roots(status, replica.host))

    def _show_roots(self, position: int) -> None:
        for number_of, table in enumerate(self.root_tables):
            table.setVisible(number_of == position)


def replica_roots(status: ScenarioStatus, host: str) -> list[ReplicaRoot]:
    """The directories of a replica in the order of the master's."""
    known = {root.master_path: root for root in status.roots}
    spec = next((one for one in status.scenario.replicas if one.host == host), None)
    paths: Sequence[bytes] = spec.paths if spec is not None else ()
    return [
        ReplicaRoot(path, root.master_path, known.get(root.master_path))
        for root, path in zip(status.scenario.roots, paths, strict=False)
    ]


def master_facts(status: ScenarioStatus) -> list[Fact]:
    """What is known of the master."""
    unwatched = status.unwatched_directories
    return [
        Fact("Captured operations", formats.count(status.captured_operations)),
        Fact("Captured", formats.size(status.captured_bytes)),
        Fact("Watched folders", formats.count(status.watched_directories)),
        Fact(
            "Unwatched folders",
            formats.count(unwatched),
            "warning" if unwatched else "text",
            "Looked at by the sweep alone" if unwatched else "",
        ),
        Fact("Largest spool", formats.size(max((one.spool_bytes for one in status.replicas), default=0))),
        Fact("Paths that could not be read", formats.count(status.problem_count)),
    ]


def replica_facts(replica: ReplicaStatus) -> list[Fact]:
    """What is known of a replica."""
    state = replica_state(replica, datetime.now(UTC))
    less = ""
    if 0 < replica.sent_bytes < replica.uncompressed_bytes:
        less = f"compressed from {formats.size(replica.uncompressed_bytes)}"
    oldest = replica.rewind_oldest_at
    facts = [
        Fact("State", state.text, state.role, replica.reason),
        Fact("Lag", formats.duration(replica.lag_seconds), note=replica.waiting),
        Fact("Changed", formats.size(replica.changed_bytes)),
        Fact("Synchronized", formats.size(replica.synchronized_bytes)),
        Fact("Applied operations", formats.count(replica.applied_operations)),
        Fact("Files", formats.count(replica.files)),
        Fact("Sent", formats.size(replica.sent_bytes), note=less),
        Fact("In spool", formats.size(replica.spool_bytes)),
        Fact("Waiting operations", formats.count(replica.waiting_operations)),
        Fact(
            "Rewind log",
            formats.size(replica.rewind_bytes),
            note=f"reaches back to {formats.moment(oldest)}" if oldest else "",
        ),
        Fact("Changed by others", formats.count(replica.drifted), "warning" if replica.drifted else "text"),
    ]
    sync = replica.sync
    if sync is not None:
        of = f" of {sync.files_total:,}" if sync.files_total is not None else ""
        facts.insert(1, Fact("Files compared", f"{sync.files_compared:,}{of}", "info", "Synchronizing"))
    return facts
