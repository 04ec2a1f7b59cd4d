"""What a backup job says of its own running: retries, streams, commands; refused here when it can't be."""

from __future__ import annotations

import os

from app.jobs.retrying import MOST, parse_time
from app.model.commands import JobCommands
from app.model.errors import UsageError
from app.model.job import BackupScript, JobResult

_RANGES = {"retries": (0, MOST), "retry_minutes": (1, 10_080), "streams": (2, 32)}
_RESULTS = {result.value for result in JobResult}


def check_operation(script: BackupScript) -> None:
    """What is wrong with how a backup is to run.

    Raises:
        UsageError: E5745 a number out of its range, E5746 a command that is no program, E5759 commands of a
            node that the backup does not have.
    """
    for name, (least, most) in _RANGES.items():
        value = getattr(script, name)
        if not least <= value <= most:
            raise UsageError("E5745", what=name.replace("_", " "), value=value)
    if script.retry_at:
        try:
            parse_time(script.retry_at)
        except ValueError:
            raise UsageError("E5745", what="the time of another try", value=script.retry_at) from None
    nodes = {*script.scenario_names, *(one.label for one in script.sources)}
    for node, _ in script.node_commands:
        if node not in nodes:
            raise UsageError("E5759", node=node)
    for commands in (script.commands, *(one for _, one in script.node_commands)):
        check_commands(commands)


def check_commands(commands: JobCommands) -> None:
    """Raises UsageError as `check_operation`."""
    if not 0 <= commands.delay_minutes <= 1440:
        raise UsageError("E5745", what="delay", value=commands.delay_minutes)
    for word in commands.after_unless:
        if word not in _RESULTS:
            raise UsageError("E5745", what="last result", value=word)
    for command in filter(None, (commands.before, commands.after)):
        program = command[0]
        usable = os.path.isabs(program) and os.path.isfile(program) and os.access(program, os.X_OK)
        if not usable:
            raise UsageError("E5746", program=program)
