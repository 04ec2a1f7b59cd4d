"""`arcxo job …`: the queue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import click

from app.cli.context import CommandContext, current, read_password_file
from app.cli.schedule import schedule_options
from app.cli.table import size_text, time_text
from app.messages import render
from app.model.errors import ExitCode, UsageError
from app.model.job import Credentials, Job, JobResult, JobStatus, Schedule
from app.model.recurrence import describe
from app.model.upcoming import NextRun

EXIT_BY_RESULT = {
    None: ExitCode.DONE,
    JobResult.FINISHED: ExitCode.DONE,
    JobResult.INCOMPLETE: ExitCode.INCOMPLETE,
    JobResult.CANCELED: ExitCode.CANCELED,
    JobResult.FAILED: ExitCode.FAILED,
    JobResult.RUN_FAILED: ExitCode.FAILED,
    JobResult.CRASHED: ExitCode.FAILED,
}


_MODIFY = """Give job N another schedule: what is not given of it stays as it is.

One of --repeat, --every, --on-days, --day-of-month and --rotation takes the place of how the job was
repeated, and of its days without runs. All else of a backup: arcxo backup --replace N …
"""


@click.group(help="The job queue.")
def job() -> None:
    """Commands for jobs."""


@job.command(name="list", help="List the jobs.")
@click.option("--active", is_flag=True, help="Leave done jobs out.")
@click.option("--history", is_flag=True, help="Also jobs that are done for more than a day.")
def list_jobs(*, active: bool, history: bool) -> None:
    """All jobs of the queue."""
    context = current()
    context.show_list(
        context.services.jobs.list(include_done=not active, history=history),
        [
            ("Job", lambda item: str(item.id)),
            ("Name", lambda item: item.name),
            ("Kind", lambda item: item.kind.value),
            ("Status", lambda item: item.status.value),
            ("Last result", lambda item: item.last_result.value if item.last_result else "-"),
            ("Execution", lambda item: time_text(item.execution_at)),
            ("Files", lambda item: f"{item.files:,}"),
            ("Read", lambda item: size_text(item.read_bytes)),
            ("Waits for", lambda item: item.waits_for),
        ],
        empty="The queue is empty. Submit a backup: arcxo backup --scenario NAME",
        right=(0, 6, 7),
    )


@job.command(help="Show job N.")
@click.argument("number", type=int)
def show(*, number: int) -> None:
    """All of one job."""
    context = current()
    item = context.services.jobs.show(number)
    show_job(context, item, context.services.jobs.next_run(number))


@job.command(name="next", help="The runs to come, or that of job N, and why they are then.")
@click.argument("number", type=int, required=False)
@click.option("--hours", type=click.FloatRange(0, 24 * 400), default=24.0, show_default=True)
def next_runs(*, number: int | None, hours: float) -> None:
    """What runs when."""
    context = current()
    jobs = context.services.jobs
    context.show_list(
        list(jobs.upcoming(hours)) if number is None else [jobs.next_run(number)],
        [
            ("Time", lambda item: time_text(item.at)),
            ("Job", lambda item: str(item.job_id)),
            ("Name", lambda item: item.name),
            ("Media", lambda item: item.media),
            ("Why", lambda item: render(item.code, item.params).text),
        ],
        empty=f"No job runs within {hours:g} hours.",
        right=(1,),
    )


@job.command(help="Wait until job N is done; exit by its last result.")
@click.argument("number", type=int)
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0), default=None, metavar="S")
def wait(*, number: int, timeout_s: float | None) -> int:
    """Wait for one job."""
    context = current()
    done = context.services.jobs.wait(number, timeout_s, _progress(context))
    show_job(context, done)
    return int(EXIT_BY_RESULT[done.last_result])


def _plain(name: str, help_text: str, done: str) -> None:
    @job.command(name=name, help=help_text)
    @click.argument("number", type=int)
    def command(*, number: int) -> None:
        context = current()
        action: Callable[[int], None] = getattr(context.services.jobs, name.replace("-", "_"))
        action(number)
        context.show_done(f"Job {number} {done}", id=number, action=name)
        if name == "ready":
            following = context.services.jobs.next_run(number)
            why = render(following.code, following.params).text
            context.note(f"{time_text(following.at)}  {why}")


_plain("hold", "Hold job N: it does not run until it is made ready.", "is on hold")
_plain("ready", "Make job N ready again. One that repeats runs at its next time.", "is ready")
_plain("stop", "Stop job N at the next safe point.", "stops")
_plain("delete", "Stop job N if it runs, and remove it. Its sessions and log stay.", "is deleted")


@job.command(help="Run job N now.")
@click.argument("number", type=int)
def run(*, number: int) -> None:
    """Run one job as soon as a server can."""
    context = current()
    context.services.jobs.run_now(number)
    context.show_done(f"Job {number} runs as soon as the server takes it", id=number, action="run")


@job.command(help="Change a password that job N keeps while it waits.")
@click.argument("number", type=int)
@click.option("--session-password-file", metavar="FILE", help="Of the sessions it writes or reads.")
@click.option("--user", default="", metavar="USER", help="Of its log-ins to hosts, with --password-file.")
@click.option("--password-file", metavar="FILE")
@click.option("--role", default="", metavar="ROLE", help="Only of: master, replica, or 'source HOST'.")
def password(
    *, number: int, session_password_file: str | None, user: str, password_file: str | None, role: str
) -> None:
    """Set another password."""
    if not session_password_file and not (user and password_file):
        raise UsageError("E5748", job=number)
    jobs = current().services.jobs
    if session_password_file:
        jobs.set_password(number, read_password_file(session_password_file))
    if user and password_file:
        jobs.set_login(number, Credentials(user, read_password_file(password_file)), role)
    current().show_done(f"Job {number} has another password", id=number, action="password")


@job.command(help=_MODIFY)
@click.argument("number", type=int)
@schedule_options(rotation=True, of_job=True)
@click.option("--once", is_flag=True, help="It is not repeated any more.")
def modify(*, number: int, schedule: Callable[[Schedule], Schedule], once: bool) -> None:
    """Reschedule one job."""
    context = current()
    before = context.services.jobs.show(number).schedule
    changed = schedule(replace(before, repeat="", rotation=None, excluded=()) if once else before)
    rescheduled = context.services.jobs.reschedule(number, changed)
    show_job(context, rescheduled, context.services.jobs.next_run(number))


def show_job(context: CommandContext, item: Job, following: NextRun | None = None) -> None:
    """Print one job, with its next run and why it is then."""
    coming = []
    if following is not None:
        why = render(following.code, following.params).text
        coming.append(("Next run", f"{time_text(following.at)}  {why}" if following.at else why))
    result = item.last_result.value if item.last_result else "-"
    context.show_fields(
        item,
        [
            ("Job", f"{item.id}  {item.name}"),
            ("Kind", item.kind.value),
            ("Status", item.status.value + (f", waits for {item.waits_for}" if item.waits_for else "")),
            ("Last result", result),
            ("Owner", item.owner),
            ("Execution", time_text(item.execution_at)),
            ("Repeat", describe(item.schedule)),
            *coming,
            ("Started", time_text(item.started_at)),
            ("Finished", time_text(item.finished_at)),
            ("Files", f"{item.files:,}"),
            ("Read", size_text(item.read_bytes)),
            ("Stored", size_text(item.stored_bytes)),
            ("Errors", f"{item.errors:,}, warnings {item.warnings:,}"),
        ],
    )


def finish_submission(item: Job, *, wait: bool) -> int:
    """Print a submitted job, or wait for it and exit by its result. Returns the exit code."""
    context = current()
    if not wait:
        context.show(
            item, f"Job {item.id} is in the queue ({item.status.value}). Follow it: arcxo job wait {item.id}"
        )
        return int(ExitCode.DONE)
    context.note(f"Job {item.id} is in the queue")
    done = context.services.jobs.wait(item.id, None, _progress(context))
    show_job(context, done)
    if done.last_result is not JobResult.FINISHED:
        context.note(f"Why: arcxo log --job {item.id}")
    return int(EXIT_BY_RESULT[done.last_result])


def _progress(context: CommandContext) -> Callable[[Job], None]:
    """Tells a person about each new phase of a job."""
    last: list[str] = []

    def on_progress(item: Job) -> None:
        if item.status is not JobStatus.ACTIVE or item.progress is None:
            return
        phase = item.progress.phase.value.replace("_", " ")
        if last != [phase]:
            last[:] = [phase]
            context.note(f"Job {item.id}: {phase}")

    return on_progress
