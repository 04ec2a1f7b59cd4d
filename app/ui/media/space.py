"""What the space of a device is used for, and the facts of a media or device in words. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.model.media import Device, MediaInfo, PoolSet
from app.ui import formats
from app.ui.media.rows import Kind, Target
from app.ui.media.state import Storage, protected, proven_days
from app.ui.widgets.capacity_bar import Piece

_SERIES = ("series1", "series2", "series3", "series4")
_REST = "series5"


@dataclass(frozen=True, slots=True)
class Subject:
    """What stands at the head of the right side."""

    icon: str
    title: str
    beside: str
    below: str
    pieces: tuple[Piece, ...] = ()
    total: int = 0
    free: int | None = None


def subject(storage: Storage, target: Target | None) -> Subject | None:
    """The head for what is chosen; None = nothing is."""
    if target is None:
        return None
    match target.kind:
        case Kind.MEDIA if target.media is not None:
            return _media(storage, target.media)
        case Kind.DEVICE if target.device is not None:
            return _device(storage, target.device)
        case Kind.GROUP:
            return _group(storage, target.name)
    return Subject(
        "unplug",
        "Offline",
        "",
        "Media whose device cannot be reached. Their sessions can be browsed; to restore them, bring the "
        "device online, or connect the disk again.",
    )


def _media(storage: Storage, media: MediaInfo) -> Subject:
    of_set = storage.of_set(media)
    beside = [
        f"ID {media.media_id}",
        f"Seq {media.sequence}" + (f" of {len(of_set)}" if len(of_set) > 1 else ""),
    ]
    beside.append(f"serial {media.serial}")
    if media.pool:
        where = {PoolSet.SAVE: ", save set", PoolSet.SCRATCH: ", scratch set"}.get(media.pool_set, "")
        beside.append(f"pool {media.pool}{where}")
    below = [f"First formatted {formats.moment(media.created_at)}"]
    if media.last_written_at:
        below.append(f"last written {formats.moment(media.last_written_at)}")
    if media.retired:
        below.append("retired: nothing is written to it any more")
    elif protected(media):
        below.append(f"protected until {formats.moment(media.expires_at)}")
    elif media.expires_at:
        below.append(f"expired {formats.moment(media.expires_at)}")
    else:
        below.append("no expiry: not protected")
    below += _retention(storage, media)
    device = storage.device(media.device)
    if not media.online:
        where = f"its device {media.device} cannot be reached" if media.device else "it is in no device"
        below = [f"Offline: {where}", *below]
        device = None
    pieces, total, free = _of_media(storage, media, device)
    return Subject("archive", media.name, " · ".join(beside), " · ".join(below), pieces, total, free)


def _retention(storage: Storage, media: MediaInfo) -> list[str]:
    move = next((one for one in storage.moves if one.set_id == media.set_id), None)
    if move is None:
        return []
    if move.now:
        return ["becomes scratch at the next run of the rules"]
    if move.due_at is not None:
        return [f"becomes scratch on {formats.local(move.due_at):%Y-%m-%d} at the earliest"]
    return ["kept: the pool keeps at least so many"]


def _of_media(
    storage: Storage, media: MediaInfo, device: Device | None
) -> tuple[tuple[Piece, ...], int, int | None]:
    used = media.used_bytes or 0
    stored: dict[str, int] = {}
    for session in storage.sessions_of(media.serial):
        name = session.scenario_name or session.machine
        stored[name] = stored.get(name, 0) + session.stored_bytes
    largest = sorted(stored.items(), key=lambda item: -item[1])[: len(_SERIES) - 1]
    pieces, left = [], used
    for (name, size), role in zip(largest, _SERIES, strict=False):
        # What spans several media is counted where its session begins.
        pieces.append(Piece(name, min(size, left), role))
        left -= min(size, left)
    if left > used // 100:
        pieces.append(Piece("Other on this media", left, _SERIES[-1]))
    if device is None or not device.total_bytes or device.free_bytes is None:
        return tuple(pieces), used, None
    others = sum(one.used_bytes or 0 for one in storage.on_device(device.name) if one.serial != media.serial)
    rest = max(0, device.total_bytes - device.free_bytes - used - others)
    pieces.append(Piece(f"Other on {device.name}", others + rest, _REST))
    return tuple(pieces), device.total_bytes, device.free_bytes


def _device(storage: Storage, device: Device) -> Subject:
    media = storage.on_device(device.name)
    sessions = sum(one.sessions for one in media)
    below = f"{len(media):,} media with {formats.counted(sessions, 'session')}"
    if not device.online:
        below = device.problem or "Offline: jobs do not use it until it is brought online"
    pieces, total, free = _pieces_of_devices(storage, [device])
    return Subject(
        "hard-drive",
        device.name,
        f"{formats.visible(device.path)} · {device.group}",
        below,
        pieces,
        total,
        free,
    )


def _group(storage: Storage, group: str) -> Subject:
    devices = [device for device in storage.devices if device.group == group]
    online = [device for device in devices if device.online]
    below = (
        "One backup at a time writes to a group; when a media is full, it goes on with the next in the group."
    )
    if not devices:
        below = "The group has no device: put one into it, or a backup to it waits."
    pieces, total, free = _pieces_of_devices(storage, online)
    return Subject("layers", group, formats.counted(len(devices), "device"), below, pieces, total, free)


def _pieces_of_devices(
    storage: Storage, devices: Sequence[Device]
) -> tuple[tuple[Piece, ...], int, int | None]:
    known = [one for one in devices if one.total_bytes and one.free_bytes is not None and one.online]
    if not known:
        return (), 0, None
    # Devices of one volume have the same space: it is counted once.
    volumes = {(one.total_bytes, one.free_bytes): one for one in known}
    total = sum(one.total_bytes or 0 for one in volumes.values())
    free = sum(one.free_bytes or 0 for one in volumes.values())
    media = [one for device in known for one in storage.on_device(device.name)]
    media.sort(key=lambda one: -(one.used_bytes or 0))
    pieces = [
        Piece(one.name, one.used_bytes or 0, role)
        for one, role in zip(media[: len(_SERIES)], _SERIES, strict=False)
    ]
    held = sum(one.used_bytes or 0 for one in media)
    listed = sum(piece.size_bytes for piece in pieces)
    rest = "Other" if held == listed else "Other media and data"
    pieces.append(Piece(rest, max(0, total - free - listed), _REST))
    return tuple(pieces), total, free


def proven_text(storage: Storage) -> str:
    """The pill: within how many days all sessions were proven; "" when there is none."""
    if not storage.sessions:
        return ""
    days = proven_days(storage.sessions, datetime.now(UTC))
    if days is not None:
        return f"All sessions proven within {formats.counted(days, 'day')}"
    unproven = sum(not (one.verified_at or one.restore_tested_at) for one in storage.sessions)
    return f"{formats.counted(unproven, 'session')} not verified yet" if unproven else ""
