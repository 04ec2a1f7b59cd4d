"""`arcxo media key …` and `arcxo media recovery-kit …`: who opens a media's encrypted sessions."""

from __future__ import annotations

import os

import click

from app.cli.context import current, read_password_file
from app.cli.table import time_text
from app.model.errors import UsageError
from app.model.media_keys import KeyChange


@click.group(help="Passwords of a media's encrypted sessions.")
def key() -> None:
    """Commands for key slots."""


@key.command(name="list", help="List what opens MEDIA (name, ID or serial) and the other media of its set.")
@click.argument("media")
def list_slots(*, media: str) -> None:
    """All key slots."""
    context = current()
    context.show_list(
        context.services.keys.list(media),
        [
            ("Media", lambda item: item.media_name),
            ("Sequence", lambda item: str(item.sequence)),
            ("Key", lambda item: item.key_id),
            ("Slot", lambda item: str(item.slot)),
            ("Opens with", lambda item: "damaged" if item.damaged else _KINDS[item.kind.value]),
            ("Name", lambda item: item.name),
            ("Made", lambda item: time_text(item.made_at)),
            ("Sessions", lambda item: ", ".join(map(str, item.sessions))),
        ],
        empty="No keys: no session of this media is encrypted.",
        right=(1, 3),
    )


_KINDS = {"password": "password", "recovery": "recovery key"}


@key.command(help="Let a new password open what another one opens. No data are written again.")
@click.argument("media")
@click.option("--password-file", metavar="FILE", help="A password or recovery key that opens it now.")
@click.option("--new-password-file", metavar="FILE", help="The new password.")
@click.option("--name", "slot_name", default="", metavar="TEXT", help="Whose password it is.")
def add(*, media: str, password_file: str | None, new_password_file: str | None, slot_name: str) -> None:
    """Add a password."""
    context = current()
    password = context.password(file=password_file, prompt="Password")
    new = context.password(file=new_password_file, prompt="New password", confirmed=True)
    _show(context.services.keys.add(media, password, new, slot_name))


@key.command(help="Put a new password in the place of another. No data are written again.")
@click.argument("media")
@click.option("--password-file", metavar="FILE", help="The password that goes.")
@click.option("--new-password-file", metavar="FILE", help="The new password.")
@click.option("--name", "slot_name", default="", metavar="TEXT", help="Whose password it is.")
def change(*, media: str, password_file: str | None, new_password_file: str | None, slot_name: str) -> None:
    """Change a password."""
    context = current()
    password = context.password(file=password_file, prompt="Password")
    new = context.password(file=new_password_file, prompt="New password", confirmed=True)
    _show(context.services.keys.change(media, password, new, slot_name))


@key.command(help="Take SLOT of KEY away from MEDIA: what it opened with opens nothing any more.")
@click.argument("media")
@click.argument("key_id", metavar="KEY")
@click.argument("slot", type=click.IntRange(0))
@click.option("--password-file", metavar="FILE", help="A password or recovery key that stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(*, media: str, key_id: str, slot: int, password_file: str | None, yes: bool) -> None:
    """Remove a slot."""
    context = current()
    password = context.password(file=password_file, prompt="Password that stays")
    context.confirm(
        f"Remove slot {slot} of the key {key_id} on {media}?", yes=yes, action=f"remove a key slot of {media}"
    )
    _show(context.services.keys.remove(media, key_id, slot, password))


@click.group(name="recovery-kit", help="A printable key for the day the password is lost.")
def recovery_kit() -> None:
    """Commands for recovery kits."""


@recovery_kit.command(help="Make a recovery key for MEDIA and its set, and write it to FILE for printing.")
@click.argument("media")
@click.option("--out", "path", required=True, metavar="FILE", help="A new file, readable by you alone.")
@click.option("--password-file", metavar="FILE", help="A password that opens the media now.")
def make(*, media: str, path: str, password_file: str | None) -> None:
    """Make a kit."""
    context = current()
    password = context.password(file=password_file, prompt="Password")
    descriptor = _create(path)
    try:
        kit = context.services.keys.recovery_kit(media, password)
        data = kit.text.encode()
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    except BaseException:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    context.show(
        {
            "file": os.path.abspath(path),
            "media_name": kit.media_name,
            "keys": kit.keys,
            "offline": kit.offline,
        },
        f"The recovery kit of {kit.media_name} is in {path}. Print it, try it with `arcxo media recovery-kit "
        f"test`, and keep it away from the media.{_offline(kit.offline)}",
    )


@recovery_kit.command(help="Open a session of each key of MEDIA with a recovery key.")
@click.argument("media")
@click.option("--kit-file", metavar="FILE", help="The kit, or a file whose first line is the recovery key.")
def test(*, media: str, kit_file: str | None) -> int:
    """Try a kit."""
    context = current()
    secret = read_password_file(kit_file) if kit_file else context.password(prompt="Recovery key")
    found = context.services.keys.test_recovery(media, secret)
    lines = [
        f"Session {one.session} of {one.media_name} ({one.sequence}) was opened: key {one.key_id}, "
        f"{one.entries:,} entries at its top."
        for one in found.opened
    ]
    lines += [
        f"It does not open the key {one}: sessions of that key have another password."
        for one in found.not_opened
    ]
    context.show(found, "\n".join(lines) + _offline(found.offline))
    return 3 if found.not_opened else 0


def _create(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError("E1162", path=path, reason=error.strerror or str(error)) from error


def _offline(names: tuple[str, ...]) -> str:
    return f"\nNot online, so unchanged: {', '.join(names)}." if names else ""


def _show(found: KeyChange) -> None:
    lines = [f"Added: {name}" for name in found.added] + [f"Removed: {name}" for name in found.removed]
    if not lines:
        lines = ["Nothing to do: that password opens the media already."]
    if found.removed:
        lines.append("Copies of the media that were made before still open with what was removed.")
    if found.jobs:
        numbers = ", ".join(map(str, found.jobs))
        lines.append(f"Jobs that still have the old password: {numbers}. Submit them again with the new one.")
    current().show(found, "\n".join(lines) + _offline(found.offline))
