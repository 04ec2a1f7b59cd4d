"""`arcxo device …`: directories that hold media."""

from __future__ import annotations

import click

from app.cli.context import current, with_fields
from app.cli.table import fields_table, size_text, table
from app.model.storage import DeviceReport


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


@device.command(help="Make the directory DIR a device. Media that are in it already are known then.")
@click.argument("directory", metavar="DIR")
@click.option("--name", required=True, metavar="NAME", help="Name of the device.")
@click.option("--group", "group_name", default="GROUP0", show_default=True, metavar="G", help="Device group.")
def add(*, directory: str, name: str, group_name: str) -> None:
    """Add a device."""
    context = current()
    made = context.services.storage.add_device(directory, name, group_name)
    context.show(
        made, f"Device {made.name} in group {made.group}: {made.path}, {size_text(made.free_bytes)} free."
    )


@device.command(help="The space of device NAME, what is wrong with it, and the media in it.")
@click.argument("name")
def show(*, name: str) -> None:
    """One device."""
    context = current()
    report = context.services.storage.device(name)
    context.show(_document(report), lambda: report_text(report))


@device.command(
    help="Forget device NAME. Its directory and media stay as they are; adding it again finds them."
)
@click.argument("name")
@click.option("--plan", "only_plan", is_flag=True, help="Tell what cannot be reached then; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(*, name: str, only_plan: bool, yes: bool) -> None:
    """Remove a device."""
    context = current()
    service = context.services.storage
    report = service.device(name)
    lost = f"{len(report.media):,} media with {report.sessions:,} session(s) cannot be reached then"
    if only_plan:
        context.show(_document(report), f"{lost}; nothing is deleted.")
        return
    if report.media:
        context.confirm(f"Remove device {name}? {lost}.", yes=yes, action=f"remove device {name}")
    service.remove_device(name)
    context.show_done(f"Device {name} is removed; its media stay in {report.device.path}.", name=name)


@device.command(help="Let jobs use device NAME again.")
@click.argument("name")
def online(*, name: str) -> None:
    """Put a device online."""
    context = current()
    report = context.services.storage.set_device_online(name, online=True)
    context.show(_document(report), lambda: report_text(report))


@device.command(
    help="Keep jobs from using device NAME: nothing is written to it, and no session on it is read. What "
    "sessions on other media of a set need there is read as long as it is mounted."
)
@click.argument("name")
def offline(*, name: str) -> None:
    """Put a device offline."""
    context = current()
    report = context.services.storage.set_device_online(name, online=False)
    context.show(_document(report), f"Device {name} is offline.")


def _document(report: DeviceReport) -> dict[str, object]:
    """The device's own fields, and beside them what is in it."""
    extra = {
        "media": report.media,
        "sessions": report.sessions,
        "media_bytes": report.media_bytes,
        "reachable": report.reachable,
        "writable": report.writable,
        "code": report.code,
    }
    return with_fields(report.device, **extra)


def report_text(report: DeviceReport) -> str:
    """A device for a person."""
    one = report.device
    state = one.problem or ("online" if one.online else "offline")
    total = one.total_bytes or 0
    free = one.free_bytes or 0
    share = f" ({(total - free) / total:.0%} used)" if total else ""
    lines = fields_table(
        [
            ("Device", one.name),
            ("Group", one.group),
            ("Directory", one.path),
            ("State", state),
            ("Space", f"{size_text(one.free_bytes)} free of {size_text(one.total_bytes)}{share}"),
            ("Media", f"{len(report.media):,}, {size_text(report.media_bytes)}"),
            ("Sessions", f"{report.sessions:,}"),
        ]
    )
    if not report.media:
        return lines
    rows = [
        [info.name, info.media_id, str(info.sequence), f"{info.sessions:,}", size_text(info.used_bytes)]
        for info in report.media
    ]
    return lines + "\n\n" + table(["Media", "ID", "Sequence", "Sessions", "Used"], rows, (2, 3, 4))
