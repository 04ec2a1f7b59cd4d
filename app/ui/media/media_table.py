"""Media as a table: what they are, what is on them, and until when they are protected."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from PySide6.QtCore import QObject

from app.model.media import MediaInfo, PoolSet
from app.ui import formats
from app.ui.media.state import protected
from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel

_SETS = {PoolSet.SAVE: "save set", PoolSet.SCRATCH: "scratch set"}


class MediaModel(RowModel[MediaInfo]):
    """Media of a device, a group or a pool."""

    columns = (
        Column("Media", 150, stretch=True),
        Column("ID", 56),
        Column("Seq", 42, right=True),
        Column("Serial", 104),
        Column("Device", 84),
        Column("Sessions", 72, right=True),
        Column("Used", 74, right=True),
        Column("Last written", 116),
        Column("Expires", 104),
        Column("Pool", 110),
        Column("Tier", 64),
    )

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.tiers: Mapping[str, str] = {}

    def key_of(self, item: MediaInfo) -> Hashable:
        """The serial."""
        return item.serial

    def cell(self, item: MediaInfo, column: int) -> Cell:
        """Paintable content."""
        match column:
            case 0:
                tag = None
                if not item.online:
                    tag = ("Offline", "unplug", "warning")
                elif item.retired:
                    tag = ("Retired", "archive", "info")
                return Cell(item.name, icon="archive", medium=True, tag=tag)
            case 1:
                return Cell(item.media_id)
            case 2:
                return Cell(str(item.sequence), right=True, sort=item.sequence)
            case 3:
                return Cell(item.serial, middle=True, role="text2", tooltip=item.serial)
            case 4:
                return Cell(item.device or formats.NONE, role="text2")
            case 5:
                return number(formats.count(item.sessions), item.sessions)
            case 6:
                return number(formats.size(item.used_bytes), item.used_bytes)
            case 7:
                at = item.last_written_at
                if at is None:
                    return Cell("Not written yet", role="muted", sort=0.0)
                return Cell(formats.moment(at), tooltip=formats.full_time(at), sort=at.timestamp())
            case 8:
                return expiry_cell(item)
            case 10:
                tier = self.tiers.get(item.serial, "")
                return Cell(tier or formats.NONE, role="text2" if tier else "muted")
            case _:
                where = f"{item.pool}, {_SETS[item.pool_set]}" if item.pool_set in _SETS else item.pool
                return Cell(where or formats.NONE, role="text2" if where else "muted")


def expiry_cell(media: MediaInfo) -> Cell:
    """Until when nothing overwrites a media."""
    at = media.expires_at
    if at is None:
        return Cell("Not protected", role="muted", sort=0.0)
    day = f"{formats.local(at):%Y-%m-%d}"
    if protected(media):
        return Cell(day, tooltip=f"Nothing overwrites it until {formats.full_time(at)}", sort=at.timestamp())
    return Cell(f"Expired {day}", role="muted", sort=at.timestamp())
