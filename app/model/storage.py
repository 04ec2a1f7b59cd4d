"""Devices, groups and pools as they are shown: what is in them, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from app.model.media import Device, MediaInfo, Pool


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """A device as it is now, and its media. `code` is that of its `problem`; a full device can be read."""

    device: Device
    media: tuple[MediaInfo, ...]
    sessions: int
    media_bytes: int
    reachable: bool
    writable: bool
    code: str = ""


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A device group with its devices, and how many media are in it."""

    name: str
    devices: tuple[str, ...]
    media: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """A pool with the media in its two sets; of a set that spans several media, all."""

    pool: Pool
    save: tuple[MediaInfo, ...]
    scratch: tuple[MediaInfo, ...]
