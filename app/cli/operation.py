"""The options that say how a backup job runs: retries, streams, commands before and after."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from app.cli.job_commands import RESULTS, commands_of, node_commands
from app.model.commands import JobCommands, OnExit
from app.model.job_log import JobLogLevel

_COMMANDS = (
    click.option("--before", default="", metavar="COMMAND", help="Run it on the server before the job."),
    click.option("--before-exit", type=int, default=None, metavar="CODE", help="Its expected exit code."),
    click.option(
        "--before-then",
        type=click.Choice([one.value for one in OnExit]),
        default=OnExit.RUN.value,
        show_default=True,
        help="What follows that code; with run, the job does not run after any other.",
    ),
    click.option("--before-delay", type=click.IntRange(0, 1440), default=0, metavar="MINUTES"),
    click.option("--after", default="", metavar="COMMAND", help="Run it on the server after the job."),
    click.option(
        "--after-unless", multiple=True, type=click.Choice(RESULTS), help="Not after that; may be repeated."
    ),
)
_NODES = (
    click.option(
        "--node-before",
        multiple=True,
        metavar="NAME=COMMAND",
        help="Before one scenario, or one --source as HOST:/PATH.",
    ),
    click.option(
        "--node-before-exit",
        multiple=True,
        metavar="NAME=CODE",
        help="Its expected exit code, or any; 0 if not given.",
    ),
    click.option(
        "--node-before-then",
        multiple=True,
        metavar="NAME=RULE",
        help="What follows that code: run, skip-job or skip-after, as --before-then.",
    ),
    click.option("--node-before-delay", multiple=True, metavar="NAME=MINUTES"),
    click.option("--node-after", multiple=True, metavar="NAME=COMMAND", help="After one of them."),
    click.option(
        "--node-after-unless",
        multiple=True,
        metavar="NAME=RESULT",
        help="Not after that, as --after-unless; may be repeated.",
    ),
)
_OPTIONS = (
    click.option(
        "--retry-missed",
        "retries",
        type=click.IntRange(0, 12),
        default=1,
        show_default=True,
        metavar="N",
        help="Try missed targets again so often, by a makeup job.",
    ),
    click.option(
        "--retry-after",
        "retry_minutes",
        type=click.IntRange(1, 10_080),
        default=10,
        show_default=True,
        metavar="MINUTES",
        help="When the makeup job runs.",
    ),
    click.option(
        "--retry-at", default="", metavar="HH:MM", help="When the makeup job runs, in place of --retry-after."
    ),
    click.option(
        "--streams",
        type=click.IntRange(2, 32),
        default=4,
        show_default=True,
        metavar="N",
        help="So many backups write to the device group at a time.",
    ),
    click.option(
        "--job-log",
        type=click.Choice([level.value for level in JobLogLevel]),
        default=JobLogLevel.SUMMARY.value,
        show_default=True,
        help="What the job's log holds; none still has warnings, errors and the result.",
    ),
    *_COMMANDS,
    *_NODES,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the options say."""

    retries: int
    retry_minutes: int
    streams: int
    commands: JobCommands
    node_commands: tuple[tuple[str, JobCommands], ...]
    retry_at: str = ""
    job_log: JobLogLevel = JobLogLevel.SUMMARY


def operation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as one `operation`."""

    @functools.wraps(command)
    def wrapped(
        *,
        retries: int,
        retry_minutes: int,
        retry_at: str,
        streams: int,
        job_log: str,
        before: str,
        before_exit: int | None,
        before_then: str,
        before_delay: int,
        after: str,
        after_unless: Sequence[str],
        node_before: Sequence[str],
        node_before_exit: Sequence[str],
        node_before_then: Sequence[str],
        node_before_delay: Sequence[str],
        node_after: Sequence[str],
        node_after_unless: Sequence[str],
        **values: Any,
    ) -> Any:
        commands = commands_of(before, before_exit, before_then, before_delay, after, after_unless)
        nodes = node_commands(
            before=node_before,
            codes=node_before_exit,
            rules=node_before_then,
            delays=node_before_delay,
            after=node_after,
            unless=node_after_unless,
        )
        made = Operation(retries, retry_minutes, streams, commands, nodes, retry_at, JobLogLevel(job_log))
        return command(operation=made, **values)

    decorated: Callable[..., Any] = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def command_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command those of the programs around a job; it gets them as one `commands`."""

    @functools.wraps(command)
    def wrapped(
        *,
        before: str,
        before_exit: int | None,
        before_then: str,
        before_delay: int,
        after: str,
        after_unless: Sequence[str],
        **values: Any,
    ) -> Any:
        made = commands_of(before, before_exit, before_then, before_delay, after, after_unless)
        return command(commands=made, **values)

    decorated: Callable[..., Any] = wrapped
    for option in reversed(_COMMANDS):
        decorated = option(decorated)
    return decorated
