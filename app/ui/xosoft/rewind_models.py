"""The lists of the Restore Data wizard."""

from __future__ import annotations

from collections.abc import Hashable

from app.model.paths import shown
from app.model.rewind import PointKind, RewindAction, RewindItem, RewindPoint
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.xosoft.rewind_text import ACTIONS

_KINDS = {
    PointKind.OPERATION: ("Operation", "file"),
    PointKind.BOOKMARK: ("Bookmark", "bookmark"),
    PointKind.SCHEDULED_BOOKMARK: ("Scheduled bookmark", "bookmark"),
    PointKind.SYNCHRONIZATION: ("Synchronization", "refresh-cw"),
    PointKind.SNAPSHOT: ("Snapshot", "camera"),
    PointKind.REWIND: ("Rewind", "rewind"),
}
_OPERATIONS = {
    "create": "Created",
    "write": "Changed",
    "remove": "Removed",
    "rename": "Renamed",
    "link": "Linked",
    "metadata": "Attributes changed",
    "rewind": "Rewound",
    "restore": "Restored",
}


class PointModel(RowModel[RewindPoint]):
    """Rewind points, newest first."""

    columns = (Column("Time", 205), Column("Kind", 150), Column("Name or path", 190, stretch=True))

    def key_of(self, item: RewindPoint) -> Hashable:
        """The point's id."""
        return item.id

    def cell(self, item: RewindPoint, column: int) -> Cell:
        """Paintable content."""
        kind, icon = _KINDS[item.kind]
        if item.operation:
            kind = _OPERATIONS.get(item.operation, kind)
        if column == 0:
            return Cell(
                formats.timestamp(item.at, fraction=True),
                tooltip=formats.full_time(item.at),
                sort=item.change,
            )
        if column == 1:
            return Cell(kind, icon=icon)
        what = shown(item.path) + (f" → {shown(item.new_path)}" if item.new_path else "")
        return Cell(item.text or what, medium=bool(item.text), middle=not item.text)


class ItemModel(RowModel[RewindItem]):
    """What a rewind does, path by path."""

    columns = (Column("Path", 320, stretch=True), Column("Action", 110), Column("Size", 90, right=True))

    def key_of(self, item: RewindItem) -> Hashable:
        """Path and action."""
        return item.path, item.action

    def cell(self, item: RewindItem, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(shown(item.path), icon="file", middle=True)
        if column == 1:
            return Cell(ACTIONS[item.action], role="error" if item.action is RewindAction.DELETE else "text2")
        return Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes)
