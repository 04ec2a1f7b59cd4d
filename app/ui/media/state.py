"""What the media managers show: groups, devices, media, sessions and pools, read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from app.model.job import Job, JobStatus
from app.model.media import Device, MediaInfo, PoolMove, SessionInfo
from app.model.storage import PoolInfo
from app.services.api import Services
from app.ui.media.tiers import read_tiers


@dataclass(frozen=True, slots=True)
class Storage:
    """One reading. `groups` in their order, those without devices too."""

    groups: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    media: tuple[MediaInfo, ...] = ()
    sessions: tuple[SessionInfo, ...] = ()
    pools: tuple[PoolInfo, ...] = ()
    moves: tuple[PoolMove, ...] = ()
    active: tuple[Job, ...] = ()
    tiers: Mapping[str, str] = field(default_factory=dict)
    """The tier of each media by its serial, where backups are staged."""

    def device(self, name: str) -> Device | None:
        """The device of that name."""
        return next((one for one in self.devices if one.name == name), None)

    def of_serial(self, serial: str) -> MediaInfo | None:
        """The media of that serial."""
        return next((one for one in self.media if one.serial == serial), None)

    def on_device(self, device: str) -> tuple[MediaInfo, ...]:
        """The media of a device, by name and sequence."""
        found = [one for one in self.media if one.device == device]
        return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.sequence)))

    def of_set(self, media: MediaInfo) -> tuple[MediaInfo, ...]:
        """All media of a media's set, by sequence."""
        found = [one for one in self.media if one.set_id == media.set_id]
        return tuple(sorted(found, key=lambda one: one.sequence))

    def sessions_of(self, serial: str) -> tuple[SessionInfo, ...]:
        """The sessions that begin on a media, newest first."""
        found = [one for one in self.sessions if one.media_serial == serial]
        return tuple(sorted(found, key=lambda one: -one.number))


class StorageReader:
    """Reads what changed: the sessions anew only when the catalog's revision grew. Blocks; one thread."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._revision: int | None = None
        self._last = Storage()

    def read(self) -> Storage:
        """The state now; devices with the space they have."""
        services = self._services
        revision, _ = services.server.changes()
        devices = tuple(services.media.devices())
        if revision != self._revision:
            self._last = replace(
                self._last,
                sessions=tuple(services.media.sessions()),
                groups=tuple(group.name for group in services.storage.groups()),
                pools=tuple(services.storage.pools()),
                moves=tuple(services.storage.plan_pools()),
            )
        # Whether a device is reached changes without the catalog.
        media = tuple(services.media.media())
        active = tuple(
            job
            for job in services.jobs.list(include_done=False)
            if job.status is JobStatus.ACTIVE and isinstance(job.script, dict)
        )
        tiers = read_tiers(services, media)
        self._last = replace(self._last, devices=devices, media=media, active=active, tiers=tiers)
        self._revision = revision
        return self._last


def identity(session: SessionInfo) -> tuple[str, int]:
    """What a session and all copies of it share."""
    if session.origin_serial:
        return session.origin_serial, session.origin_number
    return session.media_serial, session.number


def copied_elsewhere(lost: Sequence[SessionInfo], known: Sequence[SessionInfo]) -> int:
    """How many of the sessions that would go have a copy that stays and is not damaged."""
    going = {(one.media_serial, one.number) for one in lost}
    staying = {
        identity(one) for one in known if (one.media_serial, one.number) not in going and not one.damaged
    }
    return sum(identity(one) in staying for one in lost)


def whole_copies(session: SessionInfo, known: Sequence[SessionInfo]) -> list[SessionInfo]:
    """The copies of a session (or what it is a copy of) on other media that are not damaged."""
    return [
        one
        for one in known
        if identity(one) == identity(session) and one.media_serial != session.media_serial and not one.damaged
    ]


def busy_job(storage: Storage, media: MediaInfo) -> Job | None:
    """The media job that works on a media now."""
    return next(
        (
            job
            for job in storage.active
            if isinstance(job.script, dict)
            and (job.script.get("media") == media.serial or job.script.get("to") == media.serial)
        ),
        None,
    )


def protected(media: MediaInfo, now: datetime | None = None) -> bool:
    """Whether a media must not be overwritten yet."""
    return media.expires_at is not None and media.expires_at > (now or datetime.now(UTC))


def keyed_media(storage: Storage) -> list[MediaInfo]:
    """One media of each set that can be read now, those with encrypted sessions first."""
    encrypted = {one.media_serial for one in storage.sessions if one.encrypted}
    sets: dict[str, MediaInfo] = {}
    for one in sorted(storage.media, key=lambda one: (one.serial not in encrypted, one.name.casefold())):
        if one.online:
            sets.setdefault(one.set_id, one)
    return list(sets.values())


def proven_days(sessions: Sequence[SessionInfo], now: datetime) -> int | None:
    """Within how many days all sessions were proven (verified or restore-tested); None = not all were."""
    if not sessions:
        return None
    oldest = 0
    for session in sessions:
        proofs = [at for at in (session.verified_at, session.restore_tested_at) if at is not None]
        if not proofs or session.damaged:
            return None
        oldest = max(oldest, (now - max(proofs)).days)
    return oldest + 1
