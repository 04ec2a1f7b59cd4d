"""The tree of groups, devices and media as rows. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.model.media import Device, MediaInfo, PoolSet
from app.ui import formats
from app.ui.media.state import Storage, protected
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row

COLUMNS = (Column("Devices", 240, stretch=True),)
ALMOST_FULL = 0.85


class Kind(StrEnum):
    """What a row of the tree stands for."""

    GROUP = "group"
    DEVICE = "device"
    MEDIA = "media"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Target:
    """What is chosen in the tree. `media` and `device` as they were last told."""

    kind: Kind
    name: str
    device: Device | None = None
    media: MediaInfo | None = None


def device_rows(storage: Storage) -> tuple[Row, ...]:
    """Groups with their devices and media; media whose device is gone or offline at the end."""
    rows = [_group_row(storage, group) for group in storage.groups]
    reached = {device.name for device in storage.devices if device.online}
    away = [one for one in storage.media if one.device not in reached]
    if away:
        children = tuple(_media_row(one, beside=_where(one)) for one in sorted(away, key=_order))
        cell = Cell("Offline", icon="unplug", medium=True, beside=f"{len(away):,} media")
        rows.append(Row("offline", (cell,), children, Target(Kind.OFFLINE, "Offline")))
    return tuple(rows)


def _order(media: MediaInfo) -> tuple[str, int]:
    return media.name.casefold(), media.sequence


def _where(media: MediaInfo) -> str:
    return f"was in {media.device}" if media.device else "in no device"


def _group_row(storage: Storage, group: str) -> Row:
    devices = [device for device in storage.devices if device.group == group]
    beside = formats.counted(len(devices), "device") if devices else "no device: nothing can be written"
    cell = Cell(group, icon="layers", icon_role="text2", medium=True, beside=beside)
    children = tuple(_device_row(storage, device) for device in devices)
    return Row(("group", group), (cell,), children, Target(Kind.GROUP, group))


def _device_row(storage: Storage, device: Device) -> Row:
    tag = None
    if not device.online:
        tag = ("Offline", "unplug", "error" if device.problem else "warning")
    elif (share := used_share(device)) is not None and share >= ALMOST_FULL:
        tag = (f"{share:.0%} full", "gauge", "warning" if share < 0.97 else "error")
    cell = Cell(
        device.name,
        icon="hard-drive",
        icon_role="text2" if device.online else "warning",
        beside="" if tag else formats.visible(device.path),
        tag=tag,
        tooltip=device.problem or f"{device.path}, {formats.size(device.free_bytes)} free",
    )
    media = storage.on_device(device.name) if device.online else ()
    children = tuple(_media_row(one) for one in media)
    if device.online and not media:
        free = formats.size(device.free_bytes)
        children = (
            Row(
                "blank",
                (Cell("No media yet", role="muted", beside=f"{free} free"),),
                (),
                None,
                selectable=False,
            ),
        )
    return Row(("device", device.name), (cell,), children, Target(Kind.DEVICE, device.name, device))


def _media_row(media: MediaInfo, beside: str = "") -> Row:
    facts = [beside or f"ID {media.media_id}"]
    facts += [f"seq {media.sequence}"] if media.sequence > 1 else []
    tag = None
    if media.retired:
        tag = ("Retired", "archive", "info")
    elif media.pool_set is PoolSet.SCRATCH:
        tag = ("Scratch", "rotate-ccw", "info")
    elif protected(media):
        tag = ("Protected", "lock", "info")
    cell = Cell(
        media.name,
        icon="archive",
        icon_role="text2" if media.online else "muted",
        role="text" if media.online else "text2",
        beside="" if tag else ", ".join(facts),
        tag=tag,
        tooltip=f"{media.name}, ID {media.media_id}, sequence {media.sequence}, serial {media.serial}",
    )
    return Row(("media", media.serial), (cell,), (), Target(Kind.MEDIA, media.name, media=media))


def used_share(device: Device) -> float | None:
    """How much of a device's volume is used, 0…1; None = not known."""
    if not device.total_bytes or device.free_bytes is None:
        return None
    return (device.total_bytes - device.free_bytes) / device.total_bytes


def counts_text(storage: Storage) -> str:
    """The line beside the manager's title."""
    online = sum(one.online for one in storage.media)
    parts = [formats.counted(len(storage.devices), "device"), f"{online:,} media online"]
    away = len(storage.media) - online
    parts += [f"{away:,} offline"] if away else []
    return ", ".join(parts)


def expanded_keys(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """The paths of the rows that are opened at first: all groups and devices."""
    found: list[tuple[object, ...]] = []
    for row in rows:
        found.append((row.key,))
        found += [(row.key, child.key) for child in row.children or () if child.children]
    return found
