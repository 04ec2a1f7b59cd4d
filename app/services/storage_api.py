"""What can be asked of devices, device groups, media sets and pools. See `app.services.api` for the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from app.model.errors import Problem
from app.model.job import BackupScript, Job
from app.model.media import Device, Pool, PoolMove, PoolSet, SetPlan
from app.model.storage import DeviceReport, GroupInfo, PoolInfo


class StorageService(Protocol):
    """Devices, groups, whole media sets and pools. What destroys something is a job, and has a plan."""

    def add_device(self, path: str, name: str, group: str = "GROUP0") -> Device:
        """Make a directory a device (it is made when missing, not its parents); its media are known then.

        Raises UsageError E5219 bad name, E5220 name taken, E5221 a directory that cannot be one; E4161 to
        E4166, E4103 what is wrong with it.
        """
        ...

    def device(self, name: str) -> DeviceReport: ...
    def remove_device(self, name: str) -> DeviceReport:
        """Forget a device. Its media, and what is known of them, stay; BusyError E5222 when in use."""
        ...

    def set_device_online(self, name: str, *, online: bool) -> DeviceReport:
        """Whether jobs may use a device. Online: raises what is wrong with it now."""
        ...

    def groups(self) -> Sequence[GroupInfo]: ...
    def add_group(self, name: str) -> None: ...
    def remove_group(self, name: str) -> None:
        """BusyError E6023 while it has devices, E5223 while backups in the queue name it."""
        ...

    def assign_group(self, group: str, devices: Sequence[str]) -> None:
        """Put devices, with their media, into a group."""
        ...

    def plan_format(self, device: str, name: str) -> SetPlan: ...
    def format(self, device: str, name: str, *, expires_at: datetime | None = None) -> Job:
        """Submit the formatting of a media; a set of that name with media on the device is erased before."""
        ...

    def plan_erase(self, media: str, *, forget: bool = False) -> SetPlan:
        """What erasing a set would do; or forgetting one of which a media is gone: the rest is erased."""
        ...

    def erase(self, media: str) -> Job: ...
    def rename(self, media: str, name: str) -> Job: ...
    def expire(self, media: str, at: datetime | None) -> Job:
        """Submit a change of the expiry of a set; None = it is not protected."""
        ...

    def retire(self, media: str, *, forget: bool = False, undo: bool = False) -> Job:
        """Submit: nothing is written to a set any more; `forget` one that is gone, with its sessions."""
        ...

    def pools(self) -> Sequence[PoolInfo]: ...
    def pool(self, name: str) -> PoolInfo: ...
    def add_pool(self, pool: Pool) -> None: ...
    def change_pool(self, pool: Pool) -> None: ...
    def remove_pool(self, name: str) -> None: ...
    def assign_pool(self, pool: str, media: str, pool_set: PoolSet = PoolSet.SAVE) -> None:
        """Put a set into a pool's save or scratch set; `pool` "" = take it out of its pool."""
        ...

    def plan_pools(self, pool: str = "") -> Sequence[PoolMove]:
        """What becomes scratch and when, and why not yet."""
        ...

    def destination_warnings(self, script: BackupScript) -> Sequence[Problem]:
        """What a person should know before a backup is submitted: what it overwrites, what it cannot use."""
        ...
