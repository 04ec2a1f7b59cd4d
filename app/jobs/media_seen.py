"""Whether a server of several sees the directories of a device group."""

from __future__ import annotations

from app.catalog.api import Catalog
from app.media.device import look_at_device
from app.model.errors import ArcxoError


def check_group_seen(catalog: Catalog, group: str) -> None:
    """Raise ArcxoError E5784 when no device of a group is seen here, and others might see them.

    A server alone waits for a disk that is not mounted instead.
    """
    if not catalog.shared:
        return
    devices = [one for one in catalog.media.devices() if one.group == group and one.online]
    if devices and not any(look_at_device(one.name, one.path, one.identity).readable for one in devices):
        named = ", ".join(f"{one.name} ({one.path})" for one in devices)
        raise ArcxoError("E5784", group=group, devices=named)
