"""`arcxo backup`: submit a backup."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from app.cli.backup_filters import filter_options, show_preview
from app.cli.context import CommandContext, current, read_password_file
from app.cli.estimate import SAYS, show_estimate
from app.cli.job import finish_submission
from app.cli.operation import Operation, operation_options
from app.cli.preflight import show_checks
from app.cli.schedule import schedule_options
from app.messages import render
from app.model.backup_filters import BackupFilters
from app.model.errors import UsageError
from app.model.job import BackupScript, Credentials, MediaMethod, Schedule, VerifyMode, source_role
from app.model.source import DirectSource, parse_source
from app.services.api import BackupRequest

_LOSSES = frozenset({"W5213", "W5214", "W5228"})
"""Warnings of sessions that are lost."""


@click.command(help="Submit a backup of scenarios' replicas, and of directories of any host.")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help="May be repeated.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="HOST:/PATH",
    help="A directory of a host, this one being localhost. May be repeated.",
)
@click.option(
    "--cross-file-systems",
    is_flag=True,
    help="Go on where other file systems are mounted in a --source; else they are left out.",
)
@click.option("--host-user", default="", metavar="USER", help="Account on the hosts of --source.")
@click.option("--host-password-file", metavar="FILE", help="Its password; without it the one of `host add`.")
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
@click.option("--group", default="GROUP0", show_default=True, metavar="G", help="Device group.")
@click.option(
    "--media", "media_name", default="", metavar="NAME", help="Media to use, or the name for a new one."
)
@click.option("--pool", default="", metavar="POOL", help="Use the media of this pool alone.")
@click.option(
    "--method",
    type=click.Choice([mode.value for mode in MediaMethod]),
    default=MediaMethod.APPEND.value,
    show_default=True,
    help="Append to media; overwrite the media of that name, or use blank ones; then any.",
)
@click.option(
    "--span-method",
    type=click.Choice([MediaMethod.OVERWRITE_SAME.value, MediaMethod.OVERWRITE_ANY.value]),
    default=MediaMethod.OVERWRITE_SAME.value,
    show_default=True,
    help="What follows a full media: blank ones; then any.",
)
@click.option(
    "--media-timeout",
    type=click.IntRange(0),
    default=None,
    metavar="MINUTES",
    help="Wait for the first media.",
)
@click.option(
    "--span-timeout", type=click.IntRange(0), default=None, metavar="MINUTES", help="Wait for further media."
)
@click.option(
    "--protect-days",
    type=click.IntRange(0, 36_500),
    default=0,
    metavar="N",
    help="New media expire after N days.",
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Tell what it overwrites or cannot use; submit nothing."
)
@click.option(
    "--preflight", "only_preflight", is_flag=True, help="Check server, hosts and media; submit nothing."
)
@click.option("--estimate", "only_estimate", is_flag=True, help=SAYS)
@click.option("--yes", is_flag=True, help="Do not ask before media are overwritten.")
@click.option("--session-password-file", metavar="FILE", help="Encrypt, with the password in FILE.")
@click.option(
    "--new-password", is_flag=True, help="The password is another than that of earlier sessions, on purpose."
)
@schedule_options(rotation=True)
@click.option("--hold", is_flag=True, help="Submit on hold.")
@click.option(
    "--verify", type=click.Choice([mode.value for mode in VerifyMode]), default=VerifyMode.NONE.value
)
@operation_options
@filter_options
@click.option("--replace", "replaces", type=int, default=0, metavar="N", help="Modify the backup job N.")
@click.option("--name", default="", metavar="TEXT", help="Name of the job.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its last result.")
def backup(
    *,
    scenarios: Sequence[str],
    sources: Sequence[str],
    cross_file_systems: bool,
    host_user: str,
    host_password_file: str | None,
    replica: str,
    group: str,
    media_name: str,
    pool: str,
    method: str,
    span_method: str,
    media_timeout: int | None,
    span_timeout: int | None,
    protect_days: int,
    only_plan: bool,
    only_preflight: bool,
    only_estimate: bool,
    yes: bool,
    session_password_file: str | None,
    new_password: bool,
    schedule: Schedule,
    hold: bool,
    verify: str,
    operation: Operation,
    filters: BackupFilters,
    only_preview: bool,
    replaces: int,
    name: str,
    wait: bool,
) -> int:
    """Submit."""
    context = current()
    password = read_password_file(session_password_file) if session_password_file else ""
    if not scenarios and not sources:
        raise UsageError("E1177")
    given = [parse_source(os.fsencode(source)) for source in dict.fromkeys(sources)]
    directories = tuple(DirectSource(host, path, cross_file_systems) for host, path in given)
    logins = _logins(directories, host_user, host_password_file)
    chosen = [context.services.scenarios.show(scenario).scenario for scenario in dict.fromkeys(scenarios)]
    script = BackupScript(
        scenario_ids=tuple(item.id for item in chosen),
        scenario_names=tuple(item.name for item in chosen),
        replica=replica,
        device_group=group,
        media_name=media_name,
        encrypt=bool(password),
        verify=VerifyMode(verify),
        pool=pool,
        method=MediaMethod(method),
        span_method=MediaMethod(span_method),
        media_wait_minutes=media_timeout,
        span_wait_minutes=span_timeout,
        protect_days=protect_days,
        sources=directories,
        retries=operation.retries,
        retry_minutes=operation.retry_minutes,
        retry_at=operation.retry_at,
        job_log=operation.job_log,
        streams=operation.streams,
        commands=operation.commands,
        node_commands=operation.node_commands,
        filters=filters,
    )
    if only_preview:
        return show_preview(context, script)
    if only_preflight:
        return show_checks(context, context.services.backups.preflight(script))
    if only_estimate:
        return show_estimate(context, context.services.backups.estimate(script))
    if password and not new_password:
        context.services.backups.check_password(script, password)
    if not _agreed(context, script, only_plan=only_plan, yes=yes):
        return 0
    request = BackupRequest(
        script=script,
        schedule=schedule,
        name=name,
        hold=hold,
        session_password=password,
        credentials=logins,
        replaces=replaces,
    )
    return finish_submission(context.services.backups.submit(request), wait=wait)


def _logins(
    sources: Sequence[DirectSource], user: str, password_file: str | None
) -> tuple[tuple[int, str, Credentials], ...]:
    """The log-in to each host of the sources; none when none is given. Raises UsageError E1178."""
    if bool(user) != bool(password_file) or (user and not sources):
        raise UsageError("E1178")
    if not user or not password_file:
        return ()
    login = Credentials(user, read_password_file(password_file))
    return tuple((0, source_role(host), login) for host in dict.fromkeys(one.host for one in sources))


def _agreed(context: CommandContext, script: BackupScript, *, only_plan: bool, yes: bool) -> bool:
    """Warn of what the backup overwrites or cannot use, and ask. False: it was only to be told."""
    warnings = context.services.storage.destination_warnings(script)
    told = [(one, render(one.code, one.params).text) for one in warnings]
    if only_plan:
        document = [{"code": one.code, "params": one.params, "text": text} for one, text in told]
        nothing = "Nothing is overwritten."
        context.show({"warnings": document}, "\n".join(text for _, text in told) or nothing)
        return False
    for _, text in told:
        context.note(text)
    if any(one.code in _LOSSES for one in warnings):
        context.confirm("Overwrite it?", yes=yes, action="back up over media with sessions")
    return True
