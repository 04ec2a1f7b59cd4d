"""What can be done with what is chosen among devices and media now, and why not. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.model.media import Device, MediaInfo, SessionInfo
from app.ui.job_status.actions import Offer
from app.ui.media.rows import Kind, Target
from app.ui.media.state import Storage, busy_job, protected

_OK = Offer()
_MEDIA = Offer("Choose a media first")
_SESSIONS = Offer("Choose sessions in the table first")
_DEVICE = Offer("Choose a device first")
_GROUP = Offer("Choose a device group first")


@dataclass(frozen=True, slots=True)
class Offers:
    """One offer for each action of the manager, by its name."""

    format: Offer = _MEDIA
    erase: Offer = _MEDIA
    verify: Offer = _MEDIA
    merge: Offer = _OK
    compare: Offer = _SESSIONS
    copy: Offer = _MEDIA
    purge: Offer = _MEDIA
    prune: Offer = _OK
    rename: Offer = _MEDIA
    expire: Offer = _MEDIA
    retire: Offer = _MEDIA
    forget: Offer = _MEDIA
    keys: Offer = _OK
    online: Offer = _DEVICE
    remove_device: Offer = _DEVICE
    move_device: Offer = _DEVICE
    new_device: Offer = _OK
    new_group: Offer = _OK
    remove_group: Offer = _GROUP


def offers(storage: Storage, target: Target | None, chosen: Sequence[SessionInfo] = ()) -> Offers:
    """What the toolbar and the menu offer for `target` and the chosen sessions of it."""
    if target is None:
        return Offers(merge=_OK if storage.devices else Offer("There is no device"))
    match target.kind:
        case Kind.GROUP:
            return Offers(remove_group=_remove_group(storage, target.name))
        case Kind.DEVICE if target.device is not None:
            return _of_device(target.device)
        case Kind.MEDIA if target.media is not None:
            return _of_media(storage, target.media, chosen)
    return Offers()


def _remove_group(storage: Storage, group: str) -> Offer:
    if any(device.group == group for device in storage.devices):
        return Offer("The group has devices; move or remove them first")
    if group == "GROUP0":
        return Offer("GROUP0 is used by backups that name no group")
    return _OK


def _of_device(device: Device) -> Offers:
    away = _OK if device.online else Offer(f"{device.name} is offline")
    return Offers(format=away, online=_OK, remove_device=_OK, move_device=_OK)


def _of_media(storage: Storage, media: MediaInfo, chosen: Sequence[SessionInfo]) -> Offers:
    device = storage.device(media.device)
    away = _OK if media.online else Offer(f"{media.name} is offline: bring its device online first")
    job = busy_job(storage, media)
    busy = Offer(f"Job {job.id} works on {media.name} now") if job is not None else away
    free = (
        busy if not protected(media) else Offer("It is protected until its expiry; change the expiry first")
    )
    missing = [one for one in storage.of_set(media) if not one.online]
    whole = (
        Offer(f"Sequence {missing[0].sequence} of this media set is offline")
        if missing and media.online
        else busy
    )
    has_sessions = bool(storage.sessions_of(media.serial))
    one = len(chosen) == 1
    return Offers(
        format=_OK if device is not None and device.online else Offer("Its device is offline"),
        erase=whole if free.enabled else free,
        verify=away,
        merge=away,
        compare=away if one else Offer("Choose one session in the table first"),
        copy=away if has_sessions or not media.online else Offer("There is no session to copy"),
        purge=away,
        prune=_OK if has_sessions else Offer("There is no session to prune"),
        rename=whole,
        expire=whole,
        retire=_OK,
        forget=Offer("Only a media that is gone is forgotten; erase this one") if media.online else _OK,
        keys=away,
        online=_OK if device is not None else Offer("Its device is not known"),
        remove_device=_OK if device is not None else Offer("Its device is not known"),
        move_device=_OK if device is not None else Offer("Its device is not known"),
    )
