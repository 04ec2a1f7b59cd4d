"""Which media a backup writes to, and where the media of a session is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.catalog.api import Catalog
from app.media import api as media
from app.media.api import Label
from app.media.device import has_room, look_at_device
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import Device, MediaInfo

MEDIA_FULL = "E4141"
__all__ = [
    "MEDIA_FULL",
    "OnlineMedia",
    "find_media",
    "has_room",
    "media_names",
    "media_of_directory",
    "named_media",
    "new_media",
    "online_media",
]


@dataclass(frozen=True, slots=True)
class OnlineMedia:
    """A media that can be reached now: its directory, label and device."""

    path: str
    label: Label
    device: Device

    @property
    def info(self) -> MediaInfo:
        """As the catalog records it."""
        return MediaInfo(
            name=self.label.name,
            media_id=self.label.media_id,
            serial=self.label.serial,
            sequence=self.label.sequence,
            set_id=self.label.set_id,
            device=self.device.name,
            group=self.device.group,
            created_at=self.label.created_at,
            expires_at=self.label.expires_at,
        )


def online_media(catalog: Catalog, group: str = "") -> Sequence[OnlineMedia]:
    """The media on the devices of a group ("" = all groups), newest first. Devices that are gone: none."""
    found: list[OnlineMedia] = []
    for device in catalog.media.devices():
        if group and device.group != group:
            continue
        if not device.online or not look_at_device(device.name, device.path, device.identity).readable:
            continue
        try:
            listed = media.list_media(device.path)
        except ArcxoError:
            continue
        found += [OnlineMedia(item.path, item.label, device) for item in listed if item.label is not None]
    return sorted(found, key=lambda one: (one.label.created_at, one.label.sequence), reverse=True)


def media_of_directory(path: str) -> OnlineMedia:
    """A media in a directory that is in no device, which may be asked of it by name. E4105, E4106, E4107."""
    clean = os.path.abspath(path)
    return OnlineMedia(clean, media.read_label(clean), Device("", os.path.dirname(clean), ""))


def named_media(catalog: Catalog, name: str) -> OnlineMedia:
    """A media by serial, name or ID, or by its directory's path, also where no device is."""
    for one in online_media(catalog):
        if name in (one.path, one.label.serial):
            return one
    if "/" in name and os.path.isabs(name):
        return media_of_directory(name)
    return find_media(catalog, catalog.media.show_media(name).serial)


def find_media(catalog: Catalog, serial: str) -> OnlineMedia:
    """The media with this serial. Raises NotFoundError E5140 when no device has it now."""
    for one in online_media(catalog):
        if one.label.serial == serial:
            return one
    raise NotFoundError("E5140", serial=serial, name=_known_name(catalog, serial))


def new_media(
    catalog: Catalog,
    device: Device,
    name: str,
    *,
    set_id: str = "",
    sequence: int = 1,
    expires_at: datetime | None = None,
) -> OnlineMedia:
    """Make a media in a device and register it."""
    found = media.format_media(device.path, name, set_id=set_id, sequence=sequence, expires_at=expires_at)
    assert found.label is not None
    one = OnlineMedia(found.path, found.label, device)
    catalog.media.put_media(one.info)
    return one


def media_names(catalog: Catalog) -> set[str]:
    """The names that media have, known ones and those that are reached now."""
    reached = {one.label.name for one in online_media(catalog)}
    return reached | {one.name for one in catalog.media.media()}


def _known_name(catalog: Catalog, serial: str) -> str:
    try:
        return catalog.media.show_media(serial).name
    except NotFoundError:
        return "?"
