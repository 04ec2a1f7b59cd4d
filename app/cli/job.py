"""`arcxo job …`: the queue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click

from app.cli.context import CommandContext, current
from app.cli.table import size_text, time_text
from app.model.errors import ExitCode
from app.model.job import Job, JobResult, JobStatus, Schedule

EXIT_BY_RESULT = {
    None: ExitCode.DONE,
    JobResult.FINISHED: ExitCode.DONE,
    JobResult.INCOMPLETE: ExitCode.INCOMPLETE,
    JobResult.CANCELED: ExitCode.CANCELED,
    JobResult.FAILED: ExitCode.FAILED,
    JobResult.RUN_FAILED: ExitCode.FAILED,
    JobResult.CRASHED: ExitCode.FAILED,
}


@click.group(help="The job queue.")
def job() -> None:
    """Commands for jobs."""


@job.command(name="list", help="List the jobs.")
@click.option("--active", is_flag=True, help="Leave done jobs out.")
def list_jobs(*, active: bool) -> None:
    """All jobs of the queue."""
    context = current()
    context.show_list(
        context.services.jobs.list(include_done=not active),
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
    show_job(current(), current().services.jobs.show(number))


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


_plain("hold", "Hold job N: it does not run until it is made ready.", "is on hold")
_plain("ready", "Make job N ready again.", "is ready")
_plain("stop", "Stop job N at the next safe point.", "stops")
_plain("delete", "Remove job N from the queue. Its sessions and log stay.", "is deleted")


@job.command(help="Run job N now.")
@click.argument("number", type=int)
def run(*, number: int) -> None:
    """Run one job as soon as a server can."""
    context = current()
    context.services.jobs.run_now(number)
    context.show_done(f"Job {number} runs as soon as the server takes it", id=number, action="run")


@job.command(help="Give job N another schedule.")
@click.argument("number", type=int)
@click.option("--run-at", metavar="TIME", help="ISO 8601, UTC unless it says otherwise.")
@click.option("--repeat", default="", metavar="RRULE", help="An RFC 5545 recurrence rule.")
def modify(*, number: int, run_at: str | None, repeat: str) -> None:
    """Reschedule one job."""
    context = current()
    show_job(context, context.services.jobs.reschedule(number, Schedule(schedule_time(run_at), repeat)))


def schedule_time(text: str | None) -> datetime | None:
    """The UTC time of --run-at (None = now)."""
    from app.cli.arguments import UtcTime

    moment: datetime | None = UtcTime()(text)
    return moment


def show_job(context: CommandContext, item: Job) -> None:
    """Print one job."""
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
            ("Repeat", item.schedule.repeat or "-"),
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
