"""Which backup job controls a scenario now, and the question before it is taken from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.model.errors import ArcxoError
from app.model.job import BackupScript, Job, JobStatus
from app.services.api import Services
from app.ui.xosoft.actions import Act

CONTROLLED = frozenset({Act.STOP, Act.SUSPEND, Act.SYNCHRONIZE, Act.DELETE})
"""What takes a scenario out of the hands of a backup job."""
_STOPPING_S = 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """Instead of an answer: this job controls the scenario, nothing was done."""

    job: Job


def holder(jobs: Sequence[Job], scenario_id: int) -> Job | None:
    """The backup job that is active for a scenario: of several streams the one of this scenario alone."""
    found = [
        job
        for job in jobs
        if job.status is JobStatus.ACTIVE
        and isinstance(job.script, BackupScript)
        and scenario_id in job.script.scenario_ids
    ]
    return min(found, key=lambda job: (len(getattr(job.script, "scenario_ids", ())), -job.id), default=None)


def unless_held(services: Services, scenario_id: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """`call`, or a `Held` while a job controls the scenario. Blocks."""

    def checked() -> Any:
        try:
            job = holder(services.jobs.list(include_done=False), scenario_id)
        except ArcxoError:
            job = None  # without the queue nothing can be said; the engine decides
        return call() if job is None else Held(job)

    return checked


def take_control(services: Services, job: Job, call: Callable[[], Any]) -> Callable[[], Any]:
    """Stop the job, wait until it let go of the scenario, then `call`. Blocks."""

    def taken() -> Any:
        services.jobs.stop(job.id)
        services.jobs.wait(job.id, _STOPPING_S)
        return call()

    return taken


def question(scenario: str, job: Job) -> tuple[str, str]:
    """Title and text of the question."""
    where = f" on {job.server}" if job.server else ""
    text = (
        f"The backup job {job.id}, {job.name},{where} controls it now. OK takes control: the job is stopped "
        "and fails, and what it has not written is not backed up. Cancel leaves the scenario to the job."
    )
    return f"{scenario} is locked from another host", text
