"""Devices, device groups and media as last seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from app.catalog import dialect
from app.catalog.database import Database
from app.catalog.registry import put_row
from app.catalog.tables import device_groups, devices, media, media_sets, pools, sessions
from app.model.errors import BusyError, NotFoundError, UsageError
from app.model.media import Device, MediaInfo, Pool, PoolSet


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
            "identity": device.identity,
        }
        with self._database.write() as c:
            put_row(c, devices, "name", values)
            c.execute(update(media).where(media.c.device == device.name).values(group_name=device.group))
            if device.group:
                put_row(c, device_groups, "name", {"name": device.group})

    def remove_device(self, name: str) -> None:
        """Forget a device; its media stay known. Raises NotFoundError E6021."""
        with self._database.write() as c:
            if c.execute(delete(devices).where(devices.c.name == name)).rowcount == 0:
                raise NotFoundError("E6021", device=name)

    def groups(self) -> Sequence[str]:
        """By name."""
        with self._database.read() as c:
            return [str(row.name) for row in c.execute(select(device_groups).order_by(device_groups.c.name))]

    def put_group(self, name: str) -> None:
        """Make a group; one that exists is left as it is."""
        with self._database.write() as c:
            put_row(c, device_groups, "name", {"name": name})

    def remove_group(self, name: str) -> None:
        """Forget a group. Raises NotFoundError E6022, BusyError E6023 while it has devices."""
        with self._database.write() as c:
            held = c.execute(select(devices.c.name).where(devices.c.group_name == name)).scalars().all()
            if held:
                raise BusyError("E6023", group=name, devices=", ".join(sorted(held)))
            if c.execute(delete(device_groups).where(device_groups.c.name == name)).rowcount == 0:
                raise NotFoundError("E6022", group=name)

    def media(self) -> Sequence[MediaInfo]:
        """By name, then sequence; `sessions` counts those in the catalog."""
        with self._database.read() as c:
            return _media(c)

    def show_media(self, media: str) -> MediaInfo:
        """By serial, or by name or ID where unique. Raises NotFoundError E6010, UsageError E6006."""
        with self._database.read() as c:
            return find_media(c, media)

    def put_media(self, info: MediaInfo) -> None:
        """Insert or replace by serial; `info.sessions` and what is said of its set are not stored."""
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
            "expires_at": dialect.maybe_us(info.expires_at),
        }
        # Whoever only saw the label does not know it; what a backup counted stays.
        if info.used_bytes is None:
            del values["used_bytes"]
        with self._database.write() as c:
            put_row(c, media, "serial", values)
            if not c.execute(select(media_sets.c.set_id).where(media_sets.c.set_id == info.set_id)).all():
                put_row(c, media_sets, "set_id", {"set_id": info.set_id})
            # Sessions carry the name of their media, which may have got another one.
            c.execute(
                update(sessions)
                .where(sessions.c.media_serial == info.serial, sessions.c.media_name != info.name)
                .values(media_name=info.name)
            )

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
        given = {
            "pool": pool,
            "pool_set": None if pool_set is None else pool_set.value,
            "last_written_at": dialect.maybe_us(last_written_at),
            "retired": retired,
            "run": run,
        }
        values = {name: value for name, value in given.items() if value is not None}
        with self._database.write() as c:
            if pool and not c.execute(select(pools.c.name).where(pools.c.name == pool)).all():
                raise NotFoundError("E6024", pool=pool)
            put_row(c, media_sets, "set_id", {"set_id": set_id} | values)

    def pools(self) -> Sequence[Pool]:
        """By name."""
        with self._database.read() as c:
            found = c.execute(select(pools).order_by(pools.c.name))
            return [Pool(row.name, row.retention_days, row.minimum_save) for row in found]

    def put_pool(self, pool: Pool) -> None:
        """Insert or replace by name."""
        values = {
            "name": pool.name,
            "retention_days": pool.retention_days,
            "minimum_save": pool.minimum_save,
        }
        with self._database.write() as c:
            put_row(c, pools, "name", values)

    def remove_pool(self, name: str) -> None:
        """Forget a pool; its media are in none then. Raises NotFoundError E6024."""
        with self._database.write() as c:
            if c.execute(delete(pools).where(pools.c.name == name)).rowcount == 0:
                raise NotFoundError("E6024", pool=name)
            c.execute(update(media_sets).where(media_sets.c.pool == name).values(pool="", pool_set=""))

    def remove_media(self, serial: str) -> int:
        """Forget a media and its sessions. Returns how many sessions; unknown serials are no error."""
        with self._database.write() as c:
            of_set = c.execute(select(media.c.set_id).where(media.c.serial == serial)).scalar_one_or_none()
            removed = c.execute(delete(sessions).where(sessions.c.media_serial == serial)).rowcount
            c.execute(delete(media).where(media.c.serial == serial))
            # The last media takes along what held for its set. Sets that are only being made stay.
            if of_set is not None and not set_serials(c, of_set):
                c.execute(delete(media_sets).where(media_sets.c.set_id == of_set))
        return int(removed)


def find_media(connection: Connection, wanted: str) -> MediaInfo:
    """A media by serial, name or 4-hex ID; of a set the first. NotFoundError E6010, UsageError E6006."""
    known = _media(connection)
    for info in known:
        if info.serial == wanted:
            return info
    matching = [info for info in known if info.name == wanted or info.media_id.lower() == wanted.lower()]
    if not matching:
        raise NotFoundError("E6010", media=wanted)
    if len({info.set_id for info in matching}) > 1:
        raise UsageError("E6006", media=wanted, serials=", ".join(info.serial for info in matching))
    return matching[0]


def set_serials(connection: Connection, set_id: str) -> list[str]:
    """The serials of the media of a set that are known."""
    return list(connection.execute(select(media.c.serial).where(media.c.set_id == set_id)).scalars())


def _media(connection: Connection) -> list[MediaInfo]:
    counts = select(sessions.c.media_serial, func.count().label("n")).group_by(sessions.c.media_serial)
    by_serial = {row.media_serial: row.n for row in connection.execute(counts)}
    found = connection.execute(
        select(
            media,
            media_sets.c.pool,
            media_sets.c.pool_set,
            media_sets.c.last_written_at,
            media_sets.c.retired,
            media_sets.c.run,
        )
        .outerjoin(media_sets, media_sets.c.set_id == media.c.set_id)
        .order_by(media.c.name, media.c.sequence, media.c.serial)
    )
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
            expires_at=dialect.maybe_time(row.expires_at),
            pool=row.pool or "",
            pool_set=PoolSet(row.pool_set or ""),
            last_written_at=dialect.maybe_time(row.last_written_at),
            retired=bool(row.retired),
            run=row.run or "",
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
        identity=row.identity,
    )
