"""Devices, device groups and media as last seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select

from app.catalog import dialect
from app.catalog.database import Database
from app.catalog.registry import put_row
from app.catalog.tables import device_groups, devices, media, sessions
from app.model.errors import NotFoundError, UsageError
from app.model.media import Device, MediaInfo


class SqlMediaRecords:
    """Devices, groups and media."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def devices(self) -> Sequence[Device]:
        """By name."""
        with self._database.read() as c:
            return [_device(row) for row in c.execute(select(devices).order_by(devices.c.name))]

    def put_device(self, device: Device) -> None:
        """Insert or replace by name; its group is made when it is new."""
        values = {
            "name": device.name,
            "path": device.path,
            "group_name": device.group,
            "total_bytes": device.total_bytes,
            "free_bytes": device.free_bytes,
            "online": device.online,
            "problem": device.problem,
        }
        with self._database.write() as c:
            put_row(c, devices, "name", values)
            if device.group:
                put_row(c, device_groups, "name", {"name": device.group})

    def groups(self) -> Sequence[str]:
        """By name."""
        with self._database.read() as c:
            return [str(row.name) for row in c.execute(select(device_groups).order_by(device_groups.c.name))]

    def put_group(self, name: str) -> None:
        """Make a group; one that exists is left as it is."""
        with self._database.write() as c:
            put_row(c, device_groups, "name", {"name": name})

    def media(self) -> Sequence[MediaInfo]:
        """By name, then sequence; `sessions` counts those in the catalog."""
        with self._database.read() as c:
            return _media(c)

    def show_media(self, media: str) -> MediaInfo:
        """By serial, or by name or ID where unique. Raises NotFoundError E6010, UsageError E6006."""
        with self._database.read() as c:
            return find_media(c, media)

    def put_media(self, info: MediaInfo) -> None:
        """Insert or replace by serial; `info.sessions` is not stored."""
        values = {
            "serial": info.serial,
            "name": info.name,
            "media_id": info.media_id,
            "sequence": info.sequence,
            "set_id": info.set_id,
            "device": info.device,
            "group_name": info.group,
            "created_at": dialect.to_us(info.created_at),
            "used_bytes": info.used_bytes,
            "online": info.online,
        }
        # Whoever only saw the label does not know it; what a backup counted stays.
        if info.used_bytes is None:
            del values["used_bytes"]
        with self._database.write() as c:
            put_row(c, media, "serial", values)

    def remove_media(self, serial: str) -> int:
        """Forget a media and its sessions. Returns how many sessions; unknown serials are no error."""
        with self._database.write() as c:
            removed = c.execute(delete(sessions).where(sessions.c.media_serial == serial)).rowcount
            c.execute(delete(media).where(media.c.serial == serial))
        return int(removed)


def find_media(connection: Connection, wanted: str) -> MediaInfo:
    """A media by serial, name or 4-hex ID. Raises NotFoundError E6010, UsageError E6006."""
    known = _media(connection)
    for info in known:
        if info.serial == wanted:
            return info
    matching = [info for info in known if info.name == wanted or info.media_id.lower() == wanted.lower()]
    if not matching:
        raise NotFoundError("E6010", media=wanted)
    if len(matching) > 1:
        raise UsageError("E6006", media=wanted, serials=", ".join(info.serial for info in matching))
    return matching[0]


def _media(connection: Connection) -> list[MediaInfo]:
    counts = select(sessions.c.media_serial, func.count().label("n")).group_by(sessions.c.media_serial)
    by_serial = {row.media_serial: row.n for row in connection.execute(counts)}
    found = connection.execute(select(media).order_by(media.c.name, media.c.sequence, media.c.serial))
    return [
        MediaInfo(
            name=row.name,
            media_id=row.media_id,
            serial=row.serial,
            sequence=row.sequence,
            set_id=row.set_id,
            device=row.device,
            group=row.group_name,
            created_at=dialect.from_us(row.created_at),
            used_bytes=row.used_bytes,
            sessions=by_serial.get(row.serial, 0),
            online=row.online,
        )
        for row in found
    ]


def _device(row: Row[Any]) -> Device:
    return Device(
        name=row.name,
        path=row.path,
        group=row.group_name,
        total_bytes=row.total_bytes,
        free_bytes=row.free_bytes,
        online=row.online,
        problem=row.problem,
    )
