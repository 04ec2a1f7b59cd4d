"""`arcxo scenario run/stop/suspend/resume/synchronize/bookmark/wait`: what a scenario does."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime, timedelta

import click

from app.cli.arguments import UtcTime
from app.cli.context import current, interactive
from app.cli.lacking import counted, lacking, sentence
from app.cli.table import time_text
from app.model.errors import BusyError, ExitCode
from app.model.scenario import SyncMethod

RESTORED = "E5189"
"""A run would replace what was restored."""
_LONGEST_S = 31_536_000
REPLICA = click.option("--replica", default="", metavar="HOST", help="Only this replica [default: all].")


@click.command(help="Start the scenario NAME; returns once it is started.")
@click.argument("name")
@click.option("--sync", type=click.Choice([method.value for method in SyncMethod]), default=None)
@click.option("--replace-restored", is_flag=True, help="Also when that replaces what a restore put there.")
def run(*, name: str, sync: str | None, replace_restored: bool) -> None:
    """Run. At a terminal it is asked whether restored files may be replaced, else that is exit code 6."""
    context = current()
    scenarios, method = context.services.scenarios, SyncMethod(sync) if sync else None
    try:
        scenarios.run(name, method, replace_restored=replace_restored)
    except BusyError as error:
        if error.code != RESTORED or not interactive():
            raise
        host, at = error.params["host"], error.params["at"]
        question = f"Running {name} replaces what was restored to {host} at {at}. Run it?"
        context.confirm(question, yes=False, action="run")
        scenarios.run(name, method, replace_restored=True)
    context.show_done(
        f"Scenario {name} is started. Follow it: arcxo scenario wait {name} --state in-sync", name=name
    )


@click.command(help="Stop the scenario NAME; returns when it is stopped.")
@click.argument("name")
def stop(*, name: str) -> None:
    """Stop."""
    context = current()
    context.services.scenarios.stop(name)
    context.show_done(f"Scenario {name} is stopped", name=name)


@click.command(help="Stop updating a replica of NAME; its changes wait in the spool.")
@click.argument("name")
@REPLICA
@click.option("--until", type=UtcTime(), default=None, metavar="TIME", help="Resume then; ISO 8601, UTC.")
@click.option("--minutes", type=click.IntRange(1), default=None, help="Resume after so many minutes.")
def suspend(*, name: str, replica: str, until: datetime | None, minutes: int | None) -> None:
    """Suspend."""
    context = current()
    if until is not None and minutes is not None:
        raise click.UsageError("Only one of --until and --minutes can be given.")
    if minutes is not None:
        until = datetime.now(UTC) + timedelta(minutes=minutes)
    context.services.scenarios.suspend(name, replica, until=until)
    said = f" until {time_text(until)}" if until is not None else ""
    context.show_done(f"{_what(name, replica)} is suspended{said}", name=name, replica=replica, until=until)


@click.command(help="Go on updating a suspended replica of NAME, or start one that a full spool stopped.")
@click.argument("name")
@REPLICA
def resume(*, name: str, replica: str) -> None:
    """Resume."""
    context = current()
    context.services.scenarios.resume(name, replica)
    context.show_done(f"{_what(name, replica)} goes on", name=name, replica=replica)


@click.command(
    help="Compare master and replica of NAME and make them equal; returns when done. Exit 3: done, but for "
    "paths that could not be copied in full, which are told; or a replica is suspended, and is only "
    "synchronized when it is resumed."
)
@click.argument("name")
@REPLICA
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, _LONGEST_S),
    default=None,
    metavar="S",
    help="Wait no longer; the synchronization goes on [default: until it is done].",
)
def synchronize(*, name: str, replica: str, timeout_s: float | None) -> int:
    """Synchronise."""
    context = current()
    scenarios = context.services.scenarios
    scenarios.synchronize(name, replica)
    limit = _LONGEST_S if timeout_s is None else timeout_s
    later = scenarios.wait_synchronized(name, replica, timeout_s=limit)
    count, problems = lacking(scenarios.show(name), replica)
    said = f"{_what(name, replica)} is synchronized"
    if later:
        said = f"Suspended, so only synchronized when resumed: {', '.join(later)}"
    context.show_done(
        sentence(name, said, count, problems),
        name=name,
        replica=replica,
        suspended=list(later),
        problem_count=count,
        problems=problems,
    )
    return int(ExitCode.INCOMPLETE if later or count else ExitCode.DONE)


@click.command(help="Name this moment of the scenario NAME as a rewind point.")
@click.argument("name")
@click.argument("text", required=False, default="")
def bookmark(*, name: str, text: str) -> None:
    """Set a bookmark."""
    context = current()
    point = context.services.scenarios.bookmark(name, text)
    context.show(point, f"Bookmark '{point.text}' set at {time_text(point.at)} (point {point.id})")


@click.command(
    help="Wait until the scenario NAME is in a state; exit 6 on time-out, naming what waits. Exit 3: it is "
    "in sync, but for paths that could not be copied in full."
)
@click.argument("name")
@click.option("--state", required=True, type=click.Choice(["replicating", "in-sync", "stopped"]))
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0, _LONGEST_S),
    default=300.0,
    show_default=True,
    metavar="S",
)
def wait(*, name: str, state: str, timeout_s: float) -> int:
    """Wait; in-sync means: all that was written before this call is on the replicas."""
    context = current()
    status = context.services.scenarios.wait(name, state, timeout_s)
    count = status.problem_count if state == "in-sync" else 0
    text = f"Scenario {name}: {state}"
    if count:
        show = f"arcxo scenario show {shlex.quote(name)}"
        text += f", but for {counted(count)} that could not be copied in full: {show}"
    context.show(status, text)
    return int(ExitCode.INCOMPLETE if count else ExitCode.DONE)


def _what(name: str, replica: str) -> str:
    return f"Replica {replica} of scenario {name}" if replica else f"Scenario {name}"
