"""Carrying out the commands before and after a backup, or one of its nodes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence

from app.jobs.control import JobControl
from app.jobs.runner import SKIPPED, Outcome
from app.model.commands import JobCommands, OnExit
from app.model.errors import ArcxoError, CanceledError
from app.model.job import JobResult

_OUTPUT_MAX = 500
_END_S = 10.0
_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME")


def around(control: JobControl, commands: JobCommands, node: str, work: Callable[[], Outcome]) -> Outcome:
    """Run `work` between its commands. `node` "" = the whole job.

    A command before that fails the rule keeps the work from being done: Run Failed, or what was skipped on
    purpose: Canceled. The command after runs whatever `work` raised, unless the rules say otherwise.

    Raises:
        ArcxoError: E5740 the command before cannot be started, E5741 its exit code; what `work` raises.
        CanceledError: E5131; N5743 tells what was skipped on purpose.
    """
    skip_after = _before(control, commands, node)
    result: JobResult | None = None
    try:
        outcome = work()
        result = outcome.result
    except CanceledError:
        result = JobResult.CANCELED
        raise
    except ArcxoError:
        result = JobResult.FAILED
        raise
    finally:
        if commands.after and not skip_after and result is not None and not control.lost:
            _after(control, commands, node, result)
    return outcome


def _before(control: JobControl, commands: JobCommands, node: str) -> bool:
    """Whether the command after is to be left out."""
    if not commands.before:
        return False
    code = _run(control, commands.before, node, "", patient=True)
    matched = commands.exit_code is not None and code == commands.exit_code
    if commands.exit_code is not None and commands.on_exit is OnExit.RUN and not matched:
        raise ArcxoError("E5741", program=commands.before[0], code_was=code, expected=commands.exit_code)
    if matched and commands.on_exit is OnExit.SKIP_JOB:
        raise CanceledError(SKIPPED, program=commands.before[0], code_was=code)
    if commands.delay_minutes:
        until = time.monotonic() + commands.delay_minutes * 60
        text = f"the delay of {commands.delay_minutes} min after its command"
        control.wait_for(text, lambda: time.monotonic() >= until, poll_s=0.5)
    return matched and commands.on_exit is OnExit.SKIP_AFTER


def _after(control: JobControl, commands: JobCommands, node: str, result: JobResult) -> None:
    word = JobResult.FAILED if result is JobResult.RUN_FAILED else result
    if word.value in commands.after_unless:
        return
    try:
        code = _run(control, commands.after, node, result.value, patient=False)
    except ArcxoError as error:
        control.fault_as_warning(error)
        return
    if code:
        control.warn("W5742", program=commands.after[0], code_was=code)


def _run(control: JobControl, command: Sequence[str], node: str, result: str, *, patient: bool) -> int:
    """The exit code; a stop of the job ends the command first. The last output is in the activity log.

    `patient`: a job that is being stopped does not begin it, nor wait for it.
    """
    environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
    environment |= {
        "ARCXO_JOB": str(control.job.id),
        "ARCXO_JOB_NAME": control.job.name,
        "ARCXO_NODE": node,
        "ARCXO_RESULT": result,
    }
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                tuple(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise ArcxoError("E5740", program=command[0], details=error.strerror or str(error)) from error
        try:
            if patient:
                control.wait_for(f"its command {command[0]}", lambda: process.poll() is not None)
            else:
                _wait_for_after(process)
        finally:
            _end(process)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - _OUTPUT_MAX))
        said = output.read().decode("utf-8", "replace").strip()
    control.note("N5744", program=command[0], code_was=process.returncode, said=said or "-")
    return process.returncode


def _wait_for_after(process: subprocess.Popen[bytes]) -> None:
    """The command after belongs to a job that is over: also a stop waits for it, but not for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_AFTER_MAX_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started, if it runs: politely first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)


_AFTER_MAX_S = 3600.0
