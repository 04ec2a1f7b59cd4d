"""On which tier a media is, where backups are staged: the quick group, or the final one. Qt-free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.model.media import Device, MediaInfo
from app.services.api import Services

STAGING, FINAL = "staging", "final"


def tiers(
    media: Sequence[MediaInfo], devices: Sequence[Device], staging_groups: Iterable[str]
) -> Mapping[str, str]:
    """The tier of each media, by serial; none of any where nothing is staged."""
    staged = frozenset(staging_groups)
    if not staged:
        return {}
    groups = {device.name: device.group for device in devices}
    return {one.serial: STAGING if groups.get(one.device) in staged else FINAL for one in media}


def read_tiers(services: Services, media: Sequence[MediaInfo]) -> Mapping[str, str]:
    """The same, asked for. Blocks on the catalog."""
    groups = [plan.policy.group for plan in services.staging.plans()]
    return tiers(media, services.media.devices(), groups) if groups else {}
