"""`arcxo media scan | merge | compare | copy | prune` and `arcxo session copy`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

import click

from app.cli.arguments import MasterPath, UtcTime
from app.cli.context import CommandContext, current, interactive, read_password_file
from app.cli.job import finish_submission
from app.cli.table import size_text, time_text
from app.model.errors import ArcxoError, UsageError
from app.model.media import SessionInfo

_PASSWORDS = click.option(
    "--session-password-file",
    "password_files",
    metavar="FILE",
    multiple=True,
    help="Password of encrypted sessions; repeatable.",
)
_WAIT = click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")


@click.command(help="List what is on MEDIA (name, ID, serial or directory), without writing to the catalog.")
@click.argument("media_name", metavar="MEDIA")
@click.option("--session", type=click.IntRange(1), default=None, metavar="N", help="Only session N.")
@click.option("--contents", is_flag=True, help="Read every byte of the files as well.")
@click.option(
    "--list", "only_list", is_flag=True, help="Only show the sessions' headers, at once, by no job."
)
@_PASSWORDS
@_WAIT
def scan(
    *,
    media_name: str,
    session: int | None,
    contents: bool,
    only_list: bool,
    password_files: tuple[str, ...],
    wait: bool,
) -> int:
    """Submit a scan job, or show the headers."""
    context = current()
    service = context.services.utilities
    if only_list:
        found = [one for one in service.contents(media_name) if session in (None, one.number)]
        show_sessions(context, found, empty="There are no sessions on it.")
        return 0
    passwords = _passwords(context, media_name, password_files)
    return finish_submission(
        service.scan(media_name, session or 0, contents=contents, passwords=passwords), wait=wait
    )


@click.command(help="Read the sessions of MEDIA (name, ID, serial or directory) into the catalog.")
@click.argument("media_name", metavar="MEDIA")
@_PASSWORDS
@_WAIT
def merge(*, media_name: str, password_files: tuple[str, ...], wait: bool) -> int:
    """Submit a merge job."""
    context = current()
    passwords = _passwords(context, media_name, password_files)
    return finish_submission(context.services.utilities.merge(media_name, passwords), wait=wait)


@click.command(help="Compare session NUMBER of MEDIA with files on disk; exit 3 when something differs.")
@click.argument("media_name", metavar="MEDIA")
@click.argument("number", type=click.IntRange(1))
@click.option(
    "--with",
    "where",
    default="replica",
    show_default=True,
    metavar="replica|master|DIR",
    help="What to compare with: where it was backed up from, or a directory of this machine.",
)
@click.option("--path", "paths", type=MasterPath(), multiple=True, help="Only this path; repeatable.")
@click.option(
    "--contents-only", is_flag=True, help="Leave permissions, owners, attributes and times out of it."
)
@_PASSWORDS
@_WAIT
def compare(
    *,
    media_name: str,
    number: int,
    where: str,
    paths: tuple[bytes, ...],
    contents_only: bool,
    password_files: tuple[str, ...],
    wait: bool,
) -> int:
    """Submit a compare job."""
    context = current()
    if where not in ("replica", "master"):
        where = os.path.abspath(where)
    passwords = [read_password_file(file) for file in password_files]
    job = context.services.utilities.compare(
        media_name, number, where, paths=paths, metadata=not contents_only, passwords=passwords
    )
    return finish_submission(job, wait=wait)


def _copy_options(command: click.Command) -> click.Command:
    for option in (
        click.option("--to", default="", metavar="MEDIA", help="Name, ID, serial or directory of a media."),
        click.option("--group", default="", metavar="GROUP", help="A device group, instead of a media."),
        click.option("--name", default="", metavar="NAME", help="With --group: the media of that name."),
        _PASSWORDS,
        _WAIT,
    ):
        option(command)
    return command


@click.command(help="Copy the sessions of MEDIA (name, ID, serial or directory) to a media of another set.")
@click.argument("media_name", metavar="MEDIA")
@click.option("--session", "numbers", type=click.IntRange(1), multiple=True, metavar="N", help="Only these.")
def copy(
    *,
    media_name: str,
    numbers: tuple[int, ...],
    to: str,
    group: str,
    name: str,
    password_files: tuple[str, ...],
    wait: bool,
) -> int:
    """Submit a copy job."""
    return _copy(media_name, numbers, to, group, name, password_files, wait=wait)


@click.command(name="copy", help="Copy sessions of MEDIA to a media of another set.")
@click.argument("media_name", metavar="MEDIA")
@click.argument("numbers", metavar="NUMBER...", type=click.IntRange(1), nargs=-1, required=True)
def copy_sessions(
    *,
    media_name: str,
    numbers: tuple[int, ...],
    to: str,
    group: str,
    name: str,
    password_files: tuple[str, ...],
    wait: bool,
) -> int:
    """Submit a copy job."""
    return _copy(media_name, numbers, to, group, name, password_files, wait=wait)


_copy_options(copy)
_copy_options(copy_sessions)


def _copy(
    media_name: str,
    numbers: Sequence[int],
    to: str,
    group: str,
    name: str,
    password_files: Sequence[str],
    *,
    wait: bool,
) -> int:
    passwords = [read_password_file(file) for file in password_files]
    job = current().services.utilities.copy(
        media_name, numbers, to=to, group=group, name=name, passwords=passwords
    )
    return finish_submission(job, wait=wait)


@click.command(help="Drop the names in old sessions from the catalog; the sessions stay, on MEDIA or on all.")
@click.argument("media_name", metavar="[MEDIA]", required=False, default="")
@click.option("--session", "numbers", type=click.IntRange(1), multiple=True, metavar="N", help="Session N.")
@click.option("--before", type=UtcTime(), default=None, metavar="TIME", help="Sessions older than TIME.")
@click.option(
    "--keep", type=click.IntRange(1), default=1, show_default=True, help="Newest of each volume that stay."
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="List the sessions that --before chooses; change nothing."
)
@_WAIT
def prune(
    *,
    media_name: str,
    numbers: tuple[int, ...],
    before: datetime | None,
    keep: int,
    only_plan: bool,
    wait: bool,
) -> int:
    """Submit a prune job."""
    if not numbers and before is None:
        raise UsageError("E1171")
    if numbers and not media_name:
        raise UsageError("E1172")
    if only_plan:
        if before is None:
            raise click.UsageError("--plan needs --before")
        found = current().services.utilities.plan_prune(media_name, before=before, keep=keep)
        show_sessions(current(), found, empty="No session with names in the catalog is that old.")
        return 0
    job = current().services.utilities.prune(media_name, numbers, before=before, keep=keep)
    return finish_submission(job, wait=wait)


def _passwords(context: CommandContext, media_name: str, files: Sequence[str]) -> list[str]:
    """Those of the files; at a terminal one is asked for where there are encrypted sessions."""
    passwords = [read_password_file(file) for file in files]
    if passwords or context.as_json or not interactive():
        return passwords
    try:
        encrypted = [one for one in context.services.utilities.contents(media_name) if one.encrypted]
    except ArcxoError:
        return []  # the job will tell
    if encrypted:
        prompt = f"Password of the {len(encrypted)} encrypted session(s) (Enter: leave the names in them out)"
        given = str(click.prompt(prompt, hide_input=True, default="", show_default=False, err=True))
        return [given] if given else []
    return []


def show_sessions(context: CommandContext, found: Sequence[SessionInfo], *, empty: str) -> None:
    """A table of sessions, or a JSON array."""
    context.show_list(
        found,
        [
            ("Media", lambda item: item.media_name),
            ("ID", lambda item: item.media_id),
            ("Session", lambda item: str(item.number)),
            ("Machine", lambda item: item.machine),
            ("Scenario", lambda item: item.scenario_name),
            ("Volume", lambda item: item.entity),
            ("Date", lambda item: time_text(item.started_at)),
            ("Files", lambda item: f"{item.files:,}"),
            ("Size", lambda item: size_text(item.size_bytes)),
            ("Encrypted", lambda item: "yes" if item.encrypted else "no"),
        ],
        empty=empty,
        right=(2, 7, 8),
    )
