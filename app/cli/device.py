"""`arcxo device list` and `arcxo group list`: where media are."""

from __future__ import annotations

import click

from app.cli.context import current
from app.cli.table import size_text, table


@click.group(help="Devices.")
def device() -> None:
    """Commands for devices."""


@device.command(name="list", help="List the devices.")
def list_devices() -> None:
    """All devices."""
    context = current()
    context.show_list(
        context.services.media.devices(),
        [
            ("Device", lambda item: item.name),
            ("Group", lambda item: item.group),
            ("Directory", lambda item: item.path),
            ("Free", lambda item: size_text(item.free_bytes)),
            ("Total", lambda item: size_text(item.total_bytes)),
            ("State", lambda item: item.problem or ("online" if item.online else "offline")),
        ],
        empty="No devices.",
        right=(3, 4),
    )


@click.group(help="Device groups.")
def group() -> None:
    """Commands for device groups."""


@group.command(name="list", help="List the device groups.")
def list_groups() -> None:
    """All groups with their devices."""
    context = current()
    groups: dict[str, list[str]] = {}
    for item in context.services.media.devices():
        groups.setdefault(item.group, []).append(item.name)
    document = [{"name": name, "devices": devices} for name, devices in sorted(groups.items())]
    rows = [[name, ", ".join(devices)] for name, devices in sorted(groups.items())]
    context.show(document, lambda: table(["Group", "Devices"], rows) if rows else "No device groups.")
