"""The contents of the chosen folder: names with markers, size, modified, session, versions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal

from app.model.entry import EntryKind
from app.model.media import CatalogEntry
from app.model.paths import shown
from app.ui import formats
from app.ui.models.cell import Cell, Column, ItemRole, MarkerBox, number
from app.ui.models.table import RowModel

Index = QModelIndex | QPersistentModelIndex
KIND_ICONS = {EntryKind.DIRECTORY: "folder", EntryKind.FILE: "file-text", EntryKind.SYMLINK: "file-symlink"}
SESSION_COLUMN = 3
_NOTHING = Cell(formats.NONE, role="muted", right=True)


def modified_cell(modified_ns: int) -> Cell:
    """Absolute local time of a modification; "—" for what has none."""
    if not modified_ns:
        return Cell(formats.NONE, role="muted", sort=0)
    try:
        at = datetime.fromtimestamp(modified_ns / 1e9, UTC)
        text = f"{formats.local(at):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError):  # file systems allow years that a calendar does not
        return Cell("out of range", role="muted", sort=modified_ns)
    return Cell(text, role="text2", tooltip=formats.full_time(at), sort=modified_ns)


class EntryModel(RowModel[CatalogEntry]):
    """Catalog entries with markers; `toggled(CatalogEntry)` on a click or Space."""

    toggled = Signal(object)
    columns: tuple[Column, ...] = (
        Column("Name", 180, stretch=True),
        Column("Size", 86, right=True),
        Column("Modified", 142),
        Column("Session", 76, right=True),
        Column("Versions", 84, right=True),
    )

    def __init__(self, box: Callable[[CatalogEntry], MarkerBox], parent: Any = None) -> None:
        super().__init__(parent)
        self._box = box

    def key_of(self, item: CatalogEntry) -> Hashable:
        """Path and where it is."""
        return item.machine, item.path, item.media_serial, item.session_number

    def cell(self, item: CatalogEntry, column: int) -> Cell:
        """Paintable content."""
        return self.cells(item)[column]

    def cells(self, item: CatalogEntry) -> Sequence[Cell]:
        """All columns of one entry."""
        folder = item.kind is EntryKind.DIRECTORY
        name = shown(item.path.rpartition(b"/")[2])
        return (
            Cell(
                name,
                icon=KIND_ICONS.get(item.kind, "file"),
                marker=self._box(item),
                role="muted" if item.deleted_after else "text",
                beside="deleted since" if item.deleted_after else "",
                sort=(not folder, name.casefold()),
            ),
            Cell(formats.NONE, role="muted", right=True, sort=-1)
            if folder
            else number(formats.size(item.size_bytes), item.size_bytes),
            modified_cell(item.modified_ns),
            Cell(str(item.session_number), right=True, sort=item.session_number),
            _NOTHING if folder else number(formats.count(item.versions), item.versions),
        )

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102 - Qt's
        flags = super().flags(index)
        if index.isValid() and index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802, D102, ARG002 - Qt's
        item = self.item_at(index)
        if role != Qt.ItemDataRole.CheckStateRole or item is None:
            return False
        self.toggled.emit(item)
        return True


class FoundModel(EntryModel):
    """Results of a query: the folder in a column of its own."""

    columns = (
        Column("File name", 250),
        Column("Path", 220, stretch=True),
        Column("Size", 84, right=True),
        Column("Date modified", 140),
        Column("Backup time", 140),
        Column("Media", 110),
        Column("Session", 76, right=True),
        Column("Newest backup", 112),
    )

    def __init__(
        self,
        box: Callable[[CatalogEntry], MarkerBox],
        session_of: Callable[[CatalogEntry], Any],
        parent: Any = None,
    ) -> None:
        super().__init__(box, parent)
        self._session_of = session_of
        self.many_machines = False

    def cells(self, item: CatalogEntry) -> Sequence[Cell]:
        """All columns of one entry."""
        name, size, modified, session, _ = super().cells(item)
        held = self._session_of(item)
        folder = shown(item.path.rpartition(b"/")[0]) or "/"
        versions = f"{item.versions:,} versions" if item.versions > 1 else ""
        return (
            Cell(
                name.text, icon=name.icon, marker=name.marker, role=name.role, beside=versions, sort=name.sort
            ),
            Cell(
                f"{item.machine}:{folder}" if self.many_machines else folder,
                role="text2",
                middle=True,
                tooltip=f"{item.machine}:{folder}",
            ),
            size,
            modified,
            Cell(
                f"{formats.local(held.finished_at):%Y-%m-%d %H:%M}" if held else formats.NONE,
                role="text2" if held else "muted",
                sort=held.finished_at.timestamp() if held else 0.0,
            ),
            Cell(held.media_name if held else item.media_serial, role="text2"),
            session,
            _there_cell(item),
        )


def _there_cell(item: CatalogEntry) -> Cell:
    """Whether the newest backup still has it."""
    at = item.deleted_after
    if at is None:
        return Cell("Has it", icon="circle-check", icon_role="muted", role="text2", sort=0.0)
    tip = f"Last seen by the backup of {formats.full_time(at)}"
    return Cell("Deleted", icon="trash-2", icon_role="error", role="error", tooltip=tip, sort=at.timestamp())


def entry_of(index: Index) -> CatalogEntry | None:
    """The entry of a row of either model, also through a proxy."""
    found = index.data(ItemRole.OBJECT) if index.isValid() else None
    return found if isinstance(found, CatalogEntry) else None
