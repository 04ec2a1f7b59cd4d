"""`arcxo script …`: backup jobs as files, without secrets."""

from __future__ import annotations

from pathlib import Path

import click

from app.cli.context import CommandContext, current, read_password_file
from app.cli.job import finish_submission
from app.cli.table import time_text
from app.model.errors import NotFoundError, UsageError
from app.model.job_script import MOST_BYTES, SavedBackup
from app.model.recurrence import describe
from app.services.api import BackupRequest


@click.group(help="Backup jobs as files: to keep, to change by hand, to submit again, here or elsewhere.")
def script() -> None:
    """Commands for job scripts."""


@script.command(help="Save the backup job N to FILE. Passwords stay behind.")
@click.argument("number", type=int)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", "overwrite", is_flag=True, help="FILE may exist.")
def save(*, number: int, file: Path, overwrite: bool) -> None:
    """Write a job script."""
    content = current().services.backups.script_of(number)
    try:
        with file.open("wb" if overwrite else "xb") as stream:
            stream.write(content)
    except OSError as error:
        raise UsageError("E5755", file=str(file), details=error.strerror or "it cannot be written") from error
    current().show_done(f"Job {number} is saved as {file}", id=number, action="save", file=str(file))


@script.command(help="Show what the job script FILE says.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def show(*, file: Path) -> None:
    """One job script."""
    context = current()
    saved = context.services.backups.open_script(_read(file))
    made = saved.script
    context.show_fields(
        saved,
        [
            ("Name", saved.name or "-"),
            ("Scenarios", ", ".join(made.scenario_names) or "-"),
            ("Directories", ", ".join(source.label for source in made.sources) or "-"),
            ("Device group", made.device_group),
            ("Media", made.media_name or "any"),
            ("Pool", made.pool or "-"),
            ("Encrypted", "yes" if made.encrypt else "no"),
            ("Verify", made.verify.value),
            ("Job log", made.job_log.value),
            ("First run", time_text(saved.schedule.run_at) if saved.schedule.run_at else "when submitted"),
            ("Repeat", describe(saved.schedule)),
        ],
    )


@script.command(help="Submit the job script FILE as a new job, or in the place of job N.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", default="", metavar="TEXT", help="Name of the job, instead of the script's.")
@click.option("--session-password-file", metavar="FILE", help="Needed by a script of an encrypted backup.")
@click.option("--hold", is_flag=True, help="Submit on hold.")
@click.option("--replace", "replaces", type=int, default=0, metavar="N", help="Modify the backup job N.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its last result.")
def submit(
    *, file: Path, name: str, session_password_file: str | None, hold: bool, replaces: int, wait: bool
) -> int:
    """Queue the backup that a script describes."""
    context = current()
    saved = context.services.backups.open_script(_read(file))
    _check_scenarios(context, saved)
    password = read_password_file(session_password_file) if session_password_file else ""
    request = BackupRequest(
        script=saved.script,
        schedule=saved.schedule,
        name=name or saved.name,
        hold=hold,
        session_password=password,
        replaces=replaces,
    )
    return finish_submission(context.services.backups.submit(request), wait=wait)


def _check_scenarios(context: CommandContext, saved: SavedBackup) -> None:
    known = {status.scenario.id for status in context.services.scenarios.list()}
    for number, name in zip(saved.script.scenario_ids, saved.script.scenario_names, strict=True):
        if number not in known:
            raise NotFoundError("E5753", scenario=name)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError("E5755", file=str(file), details=error.strerror or "it cannot be read") from error
