"""`arcxo group …`: device groups. A backup writes to one group; what is full goes on with its next device."""

from __future__ import annotations

import click

from app.cli.context import current
from app.cli.table import size_text


@click.group(help="Device groups.")
def group() -> None:
    """Commands for device groups."""


@group.command(name="list", help="List the device groups.")
def list_groups() -> None:
    """All groups with their devices."""
    context = current()
    context.show_list(
        context.services.storage.groups(),
        [
            ("Group", lambda item: item.name),
            ("Devices", lambda item: ", ".join(item.devices) or "-"),
            ("Media", lambda item: f"{item.media:,}"),
            ("Free", lambda item: size_text(item.free_bytes)),
        ],
        empty="No device groups.",
        right=(2, 3),
    )


@group.command(help="Make a device group NAME.")
@click.argument("name")
def add(*, name: str) -> None:
    """Add a group."""
    context = current()
    context.services.storage.add_group(name)
    context.show_done(f"Device group {name} is there; put devices into it: arcxo group assign", name=name)


@group.command(help="Remove device group NAME, which must have no devices.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Remove a group."""
    context = current()
    context.services.storage.remove_group(name)
    context.show_done(f"Device group {name} is removed.", name=name)


@group.command(help="Put DEVICE…, with their media, into device group NAME.")
@click.argument("name")
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
def assign(*, name: str, devices: tuple[str, ...]) -> None:
    """Assign devices to a group."""
    context = current()
    context.services.storage.assign_group(name, devices)
    context.show_done(f"In device group {name}: {', '.join(devices)}.", name=name, devices=list(devices))
