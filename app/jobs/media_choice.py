"""Which media a backup writes to, and where the media of a session is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.catalog.api import Catalog
from app.jobs.home import automatic_media_name
from app.media import api as media
from app.media.api import Label
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.media import Device, MediaInfo

MINIMUM_ROOM_BYTES = 16 * 2**20
MEDIA_FULL = "E4141"


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
        )


def online_media(catalog: Catalog, group: str = "") -> Sequence[OnlineMedia]:
    """The media on the devices of a group ("" = all groups), newest first. Devices that are gone: none."""
    found: list[OnlineMedia] = []
    for device in catalog.media.devices():
        if group and device.group != group:
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


def find_media(catalog: Catalog, serial: str) -> OnlineMedia:
    """The media with this serial. Raises NotFoundError E5140 when no device has it now."""
    for one in online_media(catalog):
        if one.label.serial == serial:
            return one
    raise NotFoundError("E5140", serial=serial, name=_known_name(catalog, serial))


def choose_media(
    catalog: Catalog, group: str, name: str = "", full: frozenset[str] = frozenset()
) -> OnlineMedia | None:
    """The media to write to, or None when no device of the group has room now.

    The newest media of the group (or of that name) whose device has room; when those are full the set goes on
    with the next sequence on a device with room; a group without media gets a first one. `full` are devices
    that a write has just found full.

    Raises:
        UsageError: E5016 the group has no device.
    """
    devices = [device for device in catalog.media.devices() if device.group == group]
    if not devices:
        raise UsageError("E5116", group=group)
    candidates = [one for one in online_media(catalog, group) if not name or one.label.name == name]
    for one in candidates:
        if one.device.name not in full and has_room(one.path):
            catalog.media.put_media(one.info)
            return one
    for device in devices:
        if device.name in full or not os.path.isdir(device.path) or not has_room(device.path):
            continue
        if candidates:
            last = max(
                (one for one in candidates if one.label.set_id == candidates[0].label.set_id),
                key=lambda one: one.label.sequence,
            ).label
            return new_media(catalog, device, last.name, set_id=last.set_id, sequence=last.sequence + 1)
        return new_media(catalog, device, name or automatic_media_name(datetime.now(UTC)))
    return None


def new_media(
    catalog: Catalog, device: Device, name: str, *, set_id: str = "", sequence: int = 1
) -> OnlineMedia:
    """Make a media in a device and register it."""
    found = media.format_media(device.path, name, set_id=set_id, sequence=sequence)
    assert found.label is not None
    one = OnlineMedia(found.path, found.label, device)
    catalog.media.put_media(one.info)
    return one


def has_room(path: str) -> bool:
    """Whether a device has room for at least a small session."""
    try:
        state = os.statvfs(path)
    except OSError:
        return False
    return state.f_bavail * state.f_frsize >= MINIMUM_ROOM_BYTES


def _known_name(catalog: Catalog, serial: str) -> str:
    try:
        return catalog.media.show_media(serial).name
    except NotFoundError:
        return "?"
