"""Which media a backup writes to: append, overwrite, blank and scratch media, and what follows a full one."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.home import automatic_media_name
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia, has_room, media_names, new_media
from app.jobs.media_seen import check_group_seen
from app.jobs.media_sets import MediaSet, erase_set, media_sets, users_of, why_protected
from app.media import api as media
from app.media.device import look_at_device
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.job import BackupScript, MediaMethod
from app.model.media import Device, PoolSet

_MORE_BYTES = 2 << 20
"""So much more than when it was found full must be free on a device for another attempt."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a backup job says of media, with the run that all of its children share."""

    script: BackupScript
    run: str

    @property
    def name(self) -> str:
        """The name asked for, "" when none is."""
        return self.script.media_name

    def mine(self, one: MediaSet) -> bool:
        """Whether this run made the set."""
        return one.first.run == self.run

    def may_write(self, one: MediaSet) -> bool:
        """Whether a set is one that this job may append to."""
        about = one.first
        if about.retired or (self.name and one.name != self.name):
            return False
        if self.script.pool:
            return about.pool == self.script.pool and about.pool_set is PoolSet.SAVE
        return not about.pool

    def is_scratch(self, one: MediaSet) -> bool:
        """Whether a set is scratch of the job's pool."""
        about = one.first
        return (about.pool, about.pool_set) == (self.script.pool, PoolSet.SCRATCH) and not about.retired

    def scratch_in_turn(self, sets: Sequence[MediaSet], now: datetime) -> list[MediaSet]:
        """Scratch media that may be overwritten: of the name asked for first, then used longest ago."""
        found = [one for one in sets if self.script.pool and self.is_scratch(one)]
        free = [one for one in found if why_protected(one, now) is None and not one.missing]
        return sorted(free, key=lambda one: (one.name != self.name, _used_at(one)))

    def victims(self, sets: Sequence[MediaSet], now: datetime) -> list[MediaSet]:
        """The sets that "any media" means, whichever was written to longest ago first."""
        found = [
            one
            for one in sets
            if not one.first.retired
            and not one.missing
            and (not one.first.pool or self.is_scratch(one))
            and all(item.device.group == self.script.device_group for item in one.online)
            and why_protected(one, now) is None
        ]
        return sorted(found, key=_used_at)


class MediaChoice:
    """Chooses the media of one backup. What it overwrites is told in the activity log."""

    def __init__(self, catalog: Catalog, lanes: Lanes, control: JobControl, script: BackupScript) -> None:
        self._catalog = catalog
        self._lanes = lanes
        self._control = control
        self._rules = Rules(script, script.run or f"{control.job.id}.{control.fence}")
        self._full: dict[str, int] = {}
        self._free: dict[str, int] = {}
        self._told: set[str] = set()

    def note_full(self, device: Device) -> None:
        """A write has just found the device full: it is tried again when there is more room than now."""
        # Whatever came free since the write failed counts as more already.
        self._full[device.name] = min(_free(device.path), self._free.get(device.name, 0))

    def release(self) -> None:
        """The job writes to none of them any more."""
        self._lanes.release(self._control.job.id)

    def _used(self, found: OnlineMedia | None) -> OnlineMedia | None:
        """From now on nobody takes the set away, also before the writer has announced itself there."""
        if found is not None:
            self._lanes.use(("set", found.label.set_id), self._control.job.id)
        return found

    def first(self) -> OnlineMedia | None:
        """The media to begin with, or None while there is none.

        Raises:
            UsageError: E5116 the group has no device. ArcxoError: E5201, E5202 the media that is to be
            overwritten is protected; E5203 one of its set cannot be reached; E5784 this server of several
            sees none of the group's directories.
        """
        group = self._rules.script.device_group
        with self._lanes.hold(self._control, ("media", group), f"a choice of media in group {group}"):
            if not self._devices():
                raise UsageError("E5116", group=group)
            check_group_seen(self._catalog, group)
            sets = self._sets()
            for one in (one for one in sets if self._rules.mine(one)):
                return self._used(self._room_in(one) or self._continue(one))
            match self._rules.script.method:
                case MediaMethod.APPEND:
                    return self._used(self._append(sets))
                case MediaMethod.OVERWRITE_SAME:
                    return self._used(self._overwrite(sets))
                case MediaMethod.OVERWRITE_ANY:
                    return self._used(self._overwrite(sets) or self._overwrite_any(sets))

    def following(self, last: OnlineMedia) -> OnlineMedia | None:
        """The media on which a session goes on that filled `last`, or None while there is none."""
        group = self._rules.script.device_group
        with self._lanes.hold(self._control, ("media", group), f"a choice of media in group {group}"):
            sets = self._sets()
            one = next((one for one in sets if one.set_id == last.label.set_id), None)
            if one is None:
                return self._used(self._append(sets))  # another server has erased it
            found = self._room_in(one) or self._continue(one)
            if found is not None:
                return found
            others = [other for other in sets if other.set_id != one.set_id]
            if self._make_room(others):
                return self._room_in(one) or self._continue(one)
            return None

    # -- the rules -------------------------------------------------------------------------------------

    def _append(self, sets: Sequence[MediaSet]) -> OnlineMedia | None:
        mine = [one for one in sets if self._rules.may_write(one)]
        for one in mine:
            found = self._room_in(one)
            if found is not None:
                self._note_expired(one)
                return found
        if mine:
            found = self._continue(mine[0])
            if found is None and self._make_room([one for one in sets if one is not mine[0]]):
                found = self._room_in(mine[0]) or self._continue(mine[0])
            return found
        return self._scratch(sets) or self._blank(self._rules.name)

    def _overwrite(self, sets: Sequence[MediaSet]) -> OnlineMedia | None:
        """The media of that name, or of the pool's scratch set, else a blank one."""
        if self._rules.script.pool:
            return self._scratch(sets) or self._blank(self._rules.name)
        same = [one for one in sets if one.name == self._rules.name and not one.first.retired]
        for one in same:
            return self._take(one)
        return self._blank(self._rules.name)

    def _overwrite_any(self, sets: Sequence[MediaSet]) -> OnlineMedia | None:
        for one in self._victims(sets):
            found = self._take(one, self._rules.name)
            if found is not None:
                return found
        return None

    def _scratch(self, sets: Sequence[MediaSet]) -> OnlineMedia | None:
        """Scratch media of the pool, of the name asked for first, else whichever was used longest ago."""
        for one in self._rules.scratch_in_turn(sets, datetime.now(UTC)):
            taken = self._take(one, self._rules.name or one.name)
            if taken is not None:
                return taken
        return None

    def _victims(self, sets: Sequence[MediaSet]) -> list[MediaSet]:
        """The sets that "any media" means, whichever was written to longest ago first."""
        found = self._rules.victims(sets, datetime.now(UTC))
        return [one for one in found if not self._rules.mine(one)]

    def _make_room(self, others: Sequence[MediaSet]) -> bool:
        """Overwrite what the rules allow for the media that follow: scratch media, or any."""
        any_media = self._rules.script.span_method is MediaMethod.OVERWRITE_ANY
        for one in self._victims(others):
            if (any_media or self._rules.is_scratch(one)) and self._erase(one):
                return True
        return False

    # -- carrying it out -------------------------------------------------------------------------------

    def _take(self, one: MediaSet, name: str = "") -> OnlineMedia | None:
        """Overwrite a set: all of it is erased, and made anew where its first media was."""
        device = one.online[0].device if one.online else None
        if not self._erase(one) or device is None:
            return None
        usable = [device] if look_at_device(device.name, device.path, device.identity).writable else []
        devices = usable or self._devices_with_room()
        return self._format(devices[0], name or one.name) if devices else None

    def _erase(self, one: MediaSet) -> bool:
        try:
            job = self._control.job
            own = {job.id, job.parent_id or job.id}
            erase_set(
                self._catalog,
                one,
                self._control.note,
                datetime.now(UTC),
                lanes=self._lanes,
                besides=own,
            )
        except BusyError as error:
            if error.code != "E5204":
                raise
            return False
        return True

    def _blank(self, name: str) -> OnlineMedia | None:
        for device in self._devices_with_room():
            return self._format(device, name or self._automatic_name())
        return None

    def _automatic_name(self) -> str:
        return automatic_media_name(datetime.now(UTC), media_names(self._catalog))

    def _format(self, device: Device, name: str) -> OnlineMedia:
        days = self._rules.script.protect_days
        expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
        pool = self._rules.script.pool
        # What holds for the set is recorded before there is one: media of a pool are never anybody's.
        set_id = str(uuid.uuid4())
        self._catalog.media.put_set(
            set_id,
            pool=pool or None,
            pool_set=PoolSet.SAVE if pool else None,
            last_written_at=datetime.now(UTC),
            run=self._rules.run,
        )
        return self._new(device, name, set_id, expires_at)

    def _new(self, device: Device, name: str, set_id: str, expires_at: datetime | None) -> OnlineMedia:
        base, number = name, 1
        while True:
            try:
                return new_media(self._catalog, device, name, set_id=set_id, expires_at=expires_at)
            except ArcxoError as error:
                # A name that nobody asked for gives way to another one.
                if error.code != "E4102" or self._rules.name:
                    raise
                number += 1
                name = f"{base} ({number})"

    def _continue(self, one: MediaSet) -> OnlineMedia | None:
        """The next media of a set, on the device with the most room."""
        for device in self._devices_with_room():
            made = new_media(
                self._catalog,
                device,
                one.name,
                set_id=one.set_id,
                sequence=one.next_sequence,
                expires_at=one.expires_at,
            )
            media.introduce(made.path, [item.path for item in one.online])
            return made
        return None

    def _room_in(self, one: MediaSet) -> OnlineMedia | None:
        with_room = {device.name for device in self._devices_with_room()}
        for item in reversed(one.online):
            if item.device.name in with_room:
                self._catalog.media.put_media(item.info)
                return item
        return None

    # -- what there is ---------------------------------------------------------------------------------

    def _sets(self) -> list[MediaSet]:
        return media_sets(self._catalog, self._rules.script.device_group)

    def _devices(self) -> list[Device]:
        group = self._rules.script.device_group
        return [device for device in self._catalog.media.devices() if device.group == group]

    def _devices_with_room(self) -> list[Device]:
        """Devices that can be written and have room, the most first; what is wrong is told once."""
        found = []
        for device in self._devices():
            if not device.online:
                continue
            state = look_at_device(device.name, device.path, device.identity)
            if state.fault is not None and state.fault.code not in self._told:
                self._told.add(state.fault.code)
                self._control.fault_as_warning(state.fault)
            free = state.free_bytes or 0
            self._free[device.name] = free
            limit = self._full.get(device.name)
            if state.writable and has_room(device.path) and (limit is None or free >= limit + _MORE_BYTES):
                found.append((free, device))
        return [device for _, device in sorted(found, key=lambda pair: -pair[0])]

    def _note_expired(self, one: MediaSet) -> None:
        at = one.expires_at
        if at is not None and at < datetime.now(UTC) and one.set_id not in self._told:
            self._told.add(one.set_id)
            self._control.note("N5206", media=one.name, at=at.isoformat(timespec="seconds"))


def destination_warnings(catalog: Catalog, script: BackupScript, now: datetime) -> list[ArcxoError]:
    """What a person should know before a backup with this script is submitted; changes nothing."""
    rules = Rules(script, "")
    sets = media_sets(catalog, script.device_group)
    found: list[ArcxoError] = []
    named = [one for one in sets if script.media_name and one.name == script.media_name]
    for one in named:
        about = one.first
        if about.retired:
            found.append(ArcxoError("W5210", media=one.name))
        elif about.pool != script.pool:
            found.append(ArcxoError("W5211", media=one.name, pool=about.pool or "-"))
        elif script.method is not MediaMethod.APPEND:
            protected = why_protected(one, now) if not rules.is_scratch(one) else None
            found.append(protected or _loss(catalog, one))
        elif one.expires_at is not None and one.expires_at < now:
            found.append(ArcxoError("W5212", media=one.name, at=one.expires_at.isoformat(timespec="seconds")))
    appended = [one for one in sets if rules.may_write(one)] if script.method is MediaMethod.APPEND else []
    scratch = [one for one in rules.scratch_in_turn(sets, now)[:1] if one not in named]
    if script.method is not MediaMethod.APPEND:
        found += [_loss(catalog, one) for one in scratch]
    elif not appended:
        found += [_loss(catalog, one, "W5229") for one in scratch]
    if script.method is MediaMethod.OVERWRITE_ANY and not named:
        found += [_loss(catalog, one, "W5214") for one in rules.victims(sets, now)[:1]]
    elif script.span_method is MediaMethod.OVERWRITE_ANY:
        written = appended[:1] or named
        others = [one for one in sets if one not in written]
        found += [_loss(catalog, one, "W5228") for one in rules.victims(others, now)[:1]]
    for one in named:
        if script.method is not MediaMethod.APPEND and (users := users_of(catalog, one)):
            found.append(ArcxoError("W5215", media=one.name, users=", ".join(users)))
    return found


def _loss(catalog: Catalog, one: MediaSet, code: str = "W5213") -> ArcxoError:
    count = sum(len(catalog.sessions.list(info.serial)) for info in one.known)
    return ArcxoError(code, media=one.name, sessions=count, count=len(one.known))


def _used_at(one: MediaSet) -> datetime:
    return one.first.last_written_at or one.first.created_at


def _free(path: str) -> int:
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0
