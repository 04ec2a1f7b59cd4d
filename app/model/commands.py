"""Commands before and after a job, on the server's machine: what they are, and what their exit codes mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class OnExit(StrEnum):
    """What follows when the command before ends with the expected exit code.

    `RUN`: the job runs, and it does not after any other code. `SKIP_JOB`: it does not run. `SKIP_AFTER`: it
    runs, but the command after it does not.
    """

    RUN = "run"
    SKIP_JOB = "skip-job"
    SKIP_AFTER = "skip-after"


@dataclass(frozen=True, slots=True)
class JobCommands:
    """Programs with their arguments; () = none. Nothing of a shell.

    `exit_code` None: the job runs whatever the command before returned. `delay_minutes` pass before the job
    runs after it. `after_unless`: last results (finished, incomplete, failed, canceled) after which the
    command after is not run.
    """

    before: tuple[str, ...] = ()
    exit_code: int | None = None
    on_exit: OnExit = OnExit.RUN
    delay_minutes: int = 0
    after: tuple[str, ...] = ()
    after_unless: tuple[str, ...] = ()
