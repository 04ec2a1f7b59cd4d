"""`arcxo backup`: submit a backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import click

from app.cli.arguments import UtcTime
from app.cli.context import current, read_password_file
from app.cli.job import finish_submission
from app.model.job import BackupScript, Schedule, VerifyMode
from app.services.api import BackupRequest


@click.command(help="Submit a backup of one or more scenarios' replicas.")
@click.option(
    "--scenario", "scenarios", multiple=True, required=True, metavar="NAME", help="May be repeated."
)
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
@click.option("--group", default="GROUP0", show_default=True, metavar="G", help="Device group.")
@click.option(
    "--media", "media_name", default="", metavar="NAME", help="Media to use, or the name for a new one."
)
@click.option("--session-password-file", metavar="FILE", help="Encrypt, with the password in FILE.")
@click.option("--run-at", type=UtcTime(), default=None, metavar="TIME", help="ISO 8601, UTC by default.")
@click.option("--repeat", default="", metavar="RRULE", help="An RFC 5545 recurrence rule.")
@click.option("--hold", is_flag=True, help="Submit on hold.")
@click.option(
    "--verify", type=click.Choice([mode.value for mode in VerifyMode]), default=VerifyMode.NONE.value
)
@click.option("--name", default="", metavar="TEXT", help="Name of the job.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its last result.")
def backup(
    *,
    scenarios: Sequence[str],
    replica: str,
    group: str,
    media_name: str,
    session_password_file: str | None,
    run_at: datetime | None,
    repeat: str,
    hold: bool,
    verify: str,
    name: str,
    wait: bool,
) -> int:
    """Submit."""
    context = current()
    password = read_password_file(session_password_file) if session_password_file else ""
    chosen = [context.services.scenarios.show(scenario).scenario for scenario in dict.fromkeys(scenarios)]
    script = BackupScript(
        scenario_ids=tuple(item.id for item in chosen),
        scenario_names=tuple(item.name for item in chosen),
        replica=replica,
        device_group=group,
        media_name=media_name,
        encrypt=bool(password),
        verify=VerifyMode(verify),
    )
    request = BackupRequest(
        script=script, schedule=Schedule(run_at, repeat), name=name, hold=hold, session_password=password
    )
    return finish_submission(context.services.backups.submit(request), wait=wait)
