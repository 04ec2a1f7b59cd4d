"""Devices, groups, media sets and pools on the home's catalog; what changes media is a job."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.messages import render
from app.model.errors import BusyError, NotFoundError, Problem, UsageError
from app.model.job import BackupScript, Job, JobKind, JobStatus
from app.model.media import Device, MediaInfo, Pool, PoolMove, PoolSet, SetPlan
from app.model.storage import DeviceReport, GroupInfo, PoolInfo
from app.services.connections import Connections

if TYPE_CHECKING:
    from app.catalog.api import Catalog

_NAME = re.compile(r"[^\x00-\x1f\x7f/]{1,64}")
_DEFAULT_GROUP = "GROUP0"
_MOST_DAYS, _MOST_MEDIA = 36_500, 1_000


class LocalStorage:
    """`StorageService` on the catalog."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    @property
    def _catalog(self) -> Catalog:
        return self._connections.catalog

    # -- devices ---------------------------------------------------------------------------------------

    def add_device(self, path: str, name: str, group: str = _DEFAULT_GROUP) -> Device:
        """Make a directory a device. See `StorageService`."""
        from app.jobs.media_sets import introduce_sets, media_sets
        from app.media.device import make_device

        path = os.path.abspath(path)
        _check_name(name)
        _check_name(group)
        known = {device.name: device for device in self._catalog.media.devices()}
        if name in known:
            raise UsageError("E5220", device=name, path=known[name].path)
        self._check_place(path)
        with contextlib.suppress(OSError):  # what is wrong is said by looking at it
            os.mkdir(path, 0o700)
        device = Device(name, path, group, identity=make_device(name, path))
        self._catalog.media.put_device(device)
        self._register_media(device)
        # What was elsewhere before is looked for here from now on by the other media of its set.
        sets = media_sets(self._catalog)
        introduce_sets(one for one in sets if any(item.device.name == name for item in one.online))
        return with_space(device)

    def _check_place(self, path: str) -> None:
        places = [(device.path, "No device lies within another.") for device in self._catalog.media.devices()]
        places.append((self._connections.home, "A home keeps its own files there."))
        for registration in self._catalog.registrations.list():
            if self._connections.is_here(registration.master):
                places += [
                    (os.fsdecode(root), "It is replicated: a backup would back up itself.")
                    for root in registration.roots
                ]
        real = os.path.realpath(path)
        for place, why in places:
            other = os.path.realpath(place)
            if os.path.commonpath((real, other)) in (real, other):
                raise UsageError("E5221", path=path, other=place, why=why)

    def _register_media(self, device: Device) -> None:
        from app.jobs.media_choice import online_media

        for one in online_media(self._catalog):
            if one.device.name == device.name:
                self._catalog.media.put_media(one.info)

    def _find(self, name: str) -> Device:
        for device in self._catalog.media.devices():
            if device.name == name:
                return device
        raise NotFoundError("E6021", device=name)

    def device(self, name: str) -> DeviceReport:
        """A device as it is now. NotFoundError E6021."""
        from app.media.device import look_at_device

        device = self._find(name)
        state = look_at_device(device.name, device.path, device.identity)
        held = tuple(info for info in self._catalog.media.media() if info.device == name)
        return DeviceReport(
            device=with_space(device),
            media=held,
            sessions=sum(info.sessions for info in held),
            media_bytes=sum(info.used_bytes or 0 for info in held),
            reachable=state.readable,
            writable=state.writable,
            code=state.fault.code if state.fault is not None else "",
        )

    def remove_device(self, name: str) -> DeviceReport:
        """Forget a device; its media stay where they are, and known."""
        report = self.device(name)
        users = [
            f"job {job.id} ({job.name})"
            for job in self._catalog.jobs.list(include_done=False)
            if job.status is JobStatus.ACTIVE and _needs(job, report)
        ]
        if users:
            raise BusyError("E5222", device=name, users=", ".join(users))
        self._catalog.media.remove_device(name)
        return report

    def set_device_online(self, name: str, *, online: bool) -> DeviceReport:
        """Whether jobs may use a device."""
        from app.media.device import look_at_device

        device = self._find(name)
        if online:
            state = look_at_device(device.name, device.path, device.identity)
            if not state.readable and state.fault is not None:
                raise state.fault
        self._catalog.media.put_device(replace(device, online=online))
        if online:
            self._register_media(device)
        return self.device(name)

    # -- groups ----------------------------------------------------------------------------------------

    def groups(self) -> Sequence[GroupInfo]:
        """All groups, those without devices too."""
        devices = [with_space(device) for device in self._catalog.media.devices()]
        media = self._catalog.media.media()
        return [
            GroupInfo(
                name=name,
                devices=tuple(device.name for device in devices if device.group == name),
                media=sum(info.group == name for info in media),
                free_bytes=sum(device.free_bytes or 0 for device in devices if device.group == name),
            )
            for name in self._catalog.media.groups()
        ]

    def add_group(self, name: str) -> None:
        """Make a group. UsageError E5219 bad name, E5226 there is one."""
        _check_name(name)
        if name in self._catalog.media.groups():
            raise UsageError("E5226", group=name)
        self._catalog.media.put_group(name)

    def remove_group(self, name: str) -> None:
        """Forget a group without devices that no job in the queue writes to."""
        users = [
            f"job {job.id} ({job.name})"
            for job in self._catalog.jobs.list(include_done=False)
            if isinstance(job.script, BackupScript) and job.script.device_group == name
        ]
        if name == _DEFAULT_GROUP:
            users.append("the group that backups use when none is named")
        if users and name in self._catalog.media.groups():
            raise BusyError("E5223", group=name, users=", ".join(users))
        self._catalog.media.remove_group(name)

    def assign_group(self, group: str, devices: Sequence[str]) -> None:
        """Put devices into a group that exists. NotFoundError E6021, E6022."""
        if group not in self._catalog.media.groups():
            raise NotFoundError("E6022", group=group)
        for device in [self._find(name) for name in devices]:
            self._catalog.media.put_device(replace(device, group=group))

    # -- sets ------------------------------------------------------------------------------------------

    def plan_format(self, device: str, name: str) -> SetPlan:
        """What formatting a media of that name on a device would do."""
        from app.jobs.media_sets import plan_erase
        from app.jobs.set_jobs import to_be_formatted

        self._find(device)
        for one in to_be_formatted(self._catalog, device, name) if name else []:
            return plan_erase(self._catalog, one, datetime.now(UTC))
        return SetPlan(name=name, set_id="")

    def format(self, device: str, name: str, *, expires_at: datetime | None = None) -> Job:
        """Submit a format job; what would be refused is refused at once."""
        self._refuse(self.plan_format(device, name))
        parameters = {"device": device, "name": name}
        if expires_at is not None:
            parameters["expires"] = expires_at.isoformat()
        return self._submit(JobKind.MEDIA_FORMAT, parameters)

    def plan_erase(self, media: str, *, forget: bool = False) -> SetPlan:
        """What erasing the set of a media, or forgetting it, would do. E6010, E6006."""
        from app.jobs.media_sets import plan_erase, plan_forget, set_of

        one = set_of(self._catalog, media)
        return (
            plan_forget(self._catalog, one) if forget else plan_erase(self._catalog, one, datetime.now(UTC))
        )

    def erase(self, media: str) -> Job:
        """Submit an erase job; what would be refused is refused at once."""
        self._refuse(self.plan_erase(media))
        return self._submit(JobKind.MEDIA_ERASE, {"media": self._catalog.media.show_media(media).serial})

    def _refuse(self, plan: SetPlan) -> None:
        from app.jobs.media_sets import media_sets, not_all_here, why_protected

        for one in media_sets(self._catalog) if plan.refused else []:
            if one.set_id == plan.set_id:
                fault = why_protected(one, datetime.now(UTC)) or (not_all_here(one) if one.missing else None)
                if fault is not None:
                    raise fault

    def rename(self, media: str, name: str) -> Job:
        """Submit a renaming. E4101 for a bad name."""
        from app.media.label import check_name

        check_name(name)
        return self._relabel(media, {"name": name})

    def expire(self, media: str, at: datetime | None) -> Job:
        """Submit a change of expiry."""
        from app.jobs.set_jobs import NEVER

        return self._relabel(media, {"expires": at.isoformat() if at is not None else NEVER})

    def _relabel(self, media: str, parameters: dict[str, str]) -> Job:
        from app.jobs.media_sets import not_all_here, set_of

        one = set_of(self._catalog, media)
        if one.missing:
            raise not_all_here(one)
        return self._submit(JobKind.MEDIA_RENAME, {"media": one.first.serial} | parameters)

    def retire(self, media: str, *, forget: bool = False, undo: bool = False) -> Job:
        """Submit a retirement, or what takes it back."""
        from app.jobs.media_sets import cannot_be_forgotten, set_of

        one = set_of(self._catalog, media)
        fault = cannot_be_forgotten(one) if forget else None
        if fault is not None:
            raise fault
        how = "forget" if forget else "undo" if undo else ""
        return self._submit(JobKind.MEDIA_RETIRE, {"media": one.first.serial, "how": how})

    # -- pools -----------------------------------------------------------------------------------------

    def pools(self) -> Sequence[PoolInfo]:
        """All pools with their media."""
        media = self._catalog.media.media()
        return [self._with_media(pool, media) for pool in self._catalog.media.pools()]

    def pool(self, name: str) -> PoolInfo:
        """One pool. NotFoundError E6024."""
        for info in self.pools():
            if info.pool.name == name:
                return info
        raise NotFoundError("E6024", pool=name)

    def _with_media(self, pool: Pool, media: Sequence[MediaInfo]) -> PoolInfo:
        own = [info for info in media if info.pool == pool.name]
        return PoolInfo(
            pool,
            save=tuple(info for info in own if info.pool_set is PoolSet.SAVE),
            scratch=tuple(info for info in own if info.pool_set is PoolSet.SCRATCH),
        )

    def add_pool(self, pool: Pool) -> None:
        """Make a pool. UsageError E5219 bad name, E5224 bad numbers, E5225 there is one."""
        _check_name(pool.name)
        _check_numbers(pool)
        if any(one.name == pool.name for one in self._catalog.media.pools()):
            raise UsageError("E5225", pool=pool.name)
        self._catalog.media.put_pool(pool)

    def change_pool(self, pool: Pool) -> None:
        """Change a pool's numbers. NotFoundError E6024, UsageError E5224."""
        _check_numbers(pool)
        self.pool(pool.name)
        self._catalog.media.put_pool(pool)

    def remove_pool(self, name: str) -> None:
        """Forget a pool; its media are in none then. NotFoundError E6024."""
        self._catalog.media.remove_pool(name)

    def assign_pool(self, pool: str, media: str, pool_set: PoolSet = PoolSet.SAVE) -> None:
        """Put the set of a media into a pool, or with "" out of it."""
        set_id = self._catalog.media.show_media(media).set_id
        self._catalog.media.put_set(set_id, pool=pool, pool_set=pool_set if pool else PoolSet.NONE)

    def plan_pools(self, pool: str = "") -> Sequence[PoolMove]:
        """What becomes scratch and when. NotFoundError E6024."""
        from app.jobs.pools import plan_moves

        if pool:
            self.pool(pool)
        return plan_moves(self._catalog, datetime.now(UTC), pool)

    def destination_warnings(self, script: BackupScript) -> Sequence[Problem]:
        """What to know before a backup with this script."""
        from app.jobs.media_rules import destination_warnings

        found = destination_warnings(self._catalog, script, datetime.now(UTC))
        return [Problem(error.code, b"", dict(error.params)) for error in found]

    def _submit(self, kind: JobKind, parameters: dict[str, str]) -> Job:
        from app.jobs.submission import submit_media

        return submit_media(self._catalog, kind, parameters, store=self._connections.secrets)


def with_space(device: Device) -> Device:
    """The device with its space, or with what is wrong with its directory."""
    from app.media.device import look_at_device

    state = look_at_device(device.name, device.path, device.identity)
    problem = ""
    if state.fault is not None:
        problem = render(state.fault.code, state.fault.params).text
    return replace(
        device,
        total_bytes=state.total_bytes,
        free_bytes=state.free_bytes,
        online=device.online and state.readable,
        problem=problem,
    )


def _needs(job: Job, report: DeviceReport) -> bool:
    """Whether a job writes to or reads from the media of a device."""
    serials = {info.serial for info in report.media}
    match job.script:
        case BackupScript(device_group=group):
            return group == report.device.group
        case dict() as script:
            return script.get("device", "") == report.device.name or script.get("media", "") in serials
        case restore:
            return any(part.media_serial in serials for part in restore.selections)


def _check_name(text: str) -> None:
    if not _NAME.fullmatch(text) or text.strip() != text or not text:
        raise UsageError("E5219", text=text)


def _check_numbers(pool: Pool) -> None:
    if not (0 <= pool.retention_days <= _MOST_DAYS and 0 <= pool.minimum_save <= _MOST_MEDIA):
        raise UsageError("E5224", minimum=pool.minimum_save, days=pool.retention_days)
