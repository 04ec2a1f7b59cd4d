"""`arcxo restore session/tree/query`: bring files back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import click

from app.cli.arguments import MasterPath, UtcTime, absolute_bytes
from app.cli.context import current, interactive, read_password_file
from app.cli.job import finish_submission
from app.cli.operation import command_options
from app.cli.query import make_query
from app.cli.restore_choice import group_by_session, session_of_path
from app.cli.restore_owners import owner_changes, owner_options
from app.cli.restore_plan import MUST_BE_CONFIRMED, show_plan, show_summary
from app.cli.restore_undo import pending, undo
from app.model.commands import JobCommands
from app.model.errors import ExitCode, NotFoundError, UsageError
from app.model.job import (
    UNDO_DAYS,
    UNDO_MAX_MB,
    Conflict,
    Destination,
    RestoreScript,
    RestoreSelection,
    Schedule,
    Structure,
)
from app.model.job_log import JobLogLevel
from app.model.owners import OwnerRule
from app.services.api import RestoreRequest

Command = Callable[..., Any]


def _restore_options(command: Command) -> Command:
    """The options that all three ways share."""
    options = [
        click.option(
            "--to",
            "target",
            default=Destination.ORIGINAL_REPLICA.value,
            show_default=True,
            metavar="WHERE",
            help="original-replica[:HOST], original-master (directories too), or [HOST:]DIR.",
        ),
        click.option(
            "--conflict",
            type=click.Choice([item.value for item in Conflict]),
            default=Conflict.OVERWRITE.value,
        ),
        click.option(
            "--structure", type=click.Choice([item.value for item in Structure]), default=Structure.NONE.value
        ),
        click.option("--exact", is_flag=True, help="Remove what is there and not in the session; asks."),
        click.option(
            "--undo-days",
            type=click.IntRange(0, 3650),
            default=UNDO_DAYS,
            show_default=True,
            help="Keep what is replaced or removed so long, for `restore undo`.",
        ),
        click.option("--no-undo", is_flag=True, help="Keep nothing: there is no way back."),
        click.option(
            "--undo-max-mb",
            type=click.IntRange(0),
            default=UNDO_MAX_MB,
            show_default=True,
            help="Refuse to begin when more would be kept (0 = no limit).",
        ),
        click.option(
            "--leave-out",
            "left_out",
            type=MasterPath(),
            multiple=True,
            metavar="PATH",
            help="A path at the destination, as --plan shows it, that stays as it is; repeatable.",
        ),
        *owner_options(),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--session-password-file", metavar="FILE", help="Password of encrypted sessions."),
        click.option("--continue-if-not-stopped", is_flag=True),
        click.option(
            "--run-at", type=UtcTime(), default=None, metavar="TIME", help="ISO 8601, UTC by default."
        ),
        click.option("--hold", is_flag=True, help="Submit on hold."),
        click.option("--name", "job_name", default="", metavar="TEXT", help="Name of the job."),
        click.option("--plan", is_flag=True, help="Print exactly what it would do; change nothing."),
        click.option(
            "--items",
            type=click.IntRange(0),
            default=1000,
            show_default=True,
            metavar="N",
            help="Paths of the plan to print (0 = all, however many).",
        ),
        click.option(
            "--job-log",
            type=click.Choice([level.value for level in JobLogLevel]),
            default=JobLogLevel.SUMMARY.value,
            show_default=True,
            help="What the job's log holds: detail adds what came of each directory, all of each file; none "
            "still has warnings, errors and the result.",
        ),
        click.option("--wait", is_flag=True, help="Wait for the job; exit by its last result."),
    ]
    command = command_options(command)
    for option in reversed(options):
        command = option(command)
    return command


@click.group(help="Bring files back from sessions.")
def restore() -> None:
    """Commands of the restore."""


@restore.command(name="session", help="Restore from session NUMBER of MEDIA (name, ID or serial).")
@click.argument("media")
@click.argument("number", type=int)
@click.option("--path", "paths", multiple=True, type=MasterPath(), metavar="PATH", help="May be repeated.")
@_restore_options
def from_session(*, media: str, number: int, paths: Sequence[bytes], **options: Any) -> int:
    """One session, or paths of it."""
    found = current().services.media.session(media, number)
    selection = RestoreSelection(found.media_serial, found.number, tuple(paths))
    return _submit((selection,), **options)


@restore.command(name="tree", help="Restore paths of a machine as last backed up, or as of a time.")
@click.option("--machine", required=True, metavar="HOST")
@click.option("--path", "paths", multiple=True, required=True, type=MasterPath(), metavar="MASTER_PATH")
@click.option("--as-of", type=UtcTime(), default=None, metavar="T", help="As backed up at or before T.")
@_restore_options
def from_tree(*, machine: str, paths: Sequence[bytes], as_of: datetime | None, **options: Any) -> int:
    """The last instance of each path."""
    services = current().services
    chosen = [(path, session_of_path(services, machine, path, as_of)) for path in paths]
    return _submit(
        group_by_session((item.media_serial, item.number, path) for path, item in chosen), **options
    )


@restore.command(name="query", help="Restore the newest version of every name that matches a PATTERN.")
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN…")
@click.option("--machine", default="", metavar="HOST", help="Only this machine.")
@click.option("--in", "directory", type=MasterPath(), default=None, metavar="DIR", help="Only beneath DIR.")
@_restore_options
def from_query(*, patterns: Sequence[str], machine: str, directory: bytes | None, **options: Any) -> int:
    """What a query finds."""
    service = current().services.restores
    found: list[tuple[str, int, bytes]] = []
    for pattern in patterns:
        offset = 0
        while page := service.query(make_query(pattern, machine, directory, limit=1000, offset=offset)):
            found += [(entry.media_serial, entry.session_number, entry.path) for entry in page]
            offset += len(page)
            if len(page) < 1000:
                break
    if not found:
        raise NotFoundError("E1117", pattern=" ".join(patterns))
    return _submit(group_by_session(found), **options)


def _submit(
    selections: Sequence[RestoreSelection],
    *,
    target: str,
    conflict: str,
    structure: str,
    session_password_file: str | None,
    continue_if_not_stopped: bool,
    run_at: datetime | None,
    hold: bool,
    job_name: str,
    plan: bool,
    wait: bool,
    exact: bool,
    undo_days: int,
    no_undo: bool,
    undo_max_mb: int,
    left_out: tuple[bytes, ...],
    owners: str,
    give_users: Sequence[str],
    give_groups: Sequence[str],
    commands: JobCommands,
    job_log: str,
    yes: bool,
    items: int,
) -> int:
    context = current()
    destination, host, directory = parse_target(target)
    passwords: tuple[tuple[str, int, str], ...] = ()
    if session_password_file:
        password = read_password_file(session_password_file)
        passwords = tuple((item.media_serial, item.session, password) for item in selections)
    request = RestoreRequest(
        script=RestoreScript(
            selections=tuple(selections),
            destination=destination,
            host=host,
            directory=directory,
            conflict=Conflict(conflict),
            structure=Structure(structure),
            continue_if_not_stopped=continue_if_not_stopped,
            exact=exact,
            undo_days=0 if no_undo else undo_days,
            undo_max_mb=undo_max_mb,
            left_out=left_out,
            owners=OwnerRule(owners),
            owner_changes=owner_changes(give_users, give_groups),
            commands=commands,
            job_log=JobLogLevel(job_log),
        ),
        schedule=Schedule(run_at),
        name=job_name,
        hold=hold,
        session_passwords=passwords,
    )
    restores = context.services.restores
    if plan:
        show_plan(restores, request, items)
        return int(ExitCode.DONE)
    try:
        job = restores.submit(replace(request, confirmed=yes))
    except UsageError as error:
        if error.code not in MUST_BE_CONFIRMED or not interactive():
            raise
        show_summary(restores.plan(request, limit=0))
        context.confirm("Begin?", yes=False, action="restore")
        job = restores.submit(replace(request, confirmed=True))
    return finish_submission(job, wait=wait)


def parse_target(text: str) -> tuple[Destination, str, bytes]:
    """(destination, host, directory) of `--to`. Raises UsageError E1118."""
    kind, colon, host = text.partition(":")
    if kind == Destination.ORIGINAL_REPLICA.value:
        return Destination.ORIGINAL_REPLICA, host or "localhost", b""
    if text == Destination.ORIGINAL_MASTER.value:
        return Destination.ORIGINAL_MASTER, "localhost", b""
    if colon and kind and "/" not in kind and host.startswith("/"):
        return Destination.DIRECTORY, kind, absolute_bytes(host)
    if not text:
        raise UsageError("E1118", target=text)
    return Destination.DIRECTORY, "localhost", absolute_bytes(text)


restore.add_command(undo)
restore.add_command(pending)
