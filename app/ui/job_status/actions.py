"""What can be done to a job now, and why not. Qt-free."""

from __future__ import annotations

from dataclasses import dataclass, fields

from app.model.job import Job, JobKind, JobStatus
from app.ui.backup.draft import modifiable


@dataclass(frozen=True, slots=True)
class Offer:
    """One action: enabled when `reason` is empty."""

    reason: str = ""

    @property
    def enabled(self) -> bool:
        """Whether it can be done."""
        return not self.reason


_CHOOSE = Offer("Choose a job first")


@dataclass(frozen=True, slots=True)
class JobOffers:
    """The actions of the queue's toolbar for the chosen job."""

    run_now: Offer
    hold: Offer
    ready: Offer
    stop: Offer
    delete: Offer
    reschedule: Offer
    undo: Offer
    modify: Offer
    password: Offer


def offers(job: Job | None) -> JobOffers:
    """What the toolbar offers for `job`."""
    if job is None:
        return JobOffers(*[_CHOOSE] * len(fields(JobOffers)))
    if job.parent_id is not None:
        child = Offer(f"Part of job {job.parent_id}: choose that one")
        return JobOffers(*[child] * len(fields(JobOffers)))
    status = job.status
    active = Offer("The job is running; stop it first")
    done = Offer("The job has run and does not repeat")
    only_ready = {JobStatus.ACTIVE: active, JobStatus.HOLD: Offer("The job is on hold; set it Ready first")}
    return JobOffers(
        run_now=only_ready.get(status, done if status is JobStatus.DONE else Offer()),
        hold=Offer() if status is JobStatus.READY else Offer("Only a job that is Ready can be held"),
        ready=Offer() if status is JobStatus.HOLD else Offer("Only a job on hold can be set Ready"),
        stop=Offer() if status is JobStatus.ACTIVE else Offer("The job is not running"),
        delete=Offer(),
        reschedule=active if status is JobStatus.ACTIVE else done if status is JobStatus.DONE else Offer(),
        undo=_undo(job),
        modify=_waits(job, modifiable(job)),
        password=_waits(job, ""),
    )


def _waits(job: Job, reason: str) -> Offer:
    """What is done to jobs that wait alone."""
    if job.status is JobStatus.ACTIVE:
        return Offer("The job is running; stop it first")
    if job.status is JobStatus.DONE:
        return Offer("The job has run and does not repeat")
    return Offer(reason)


def _undo(job: Job) -> Offer:
    if job.kind is not JobKind.RESTORE:
        return Offer("Only a restore is undone")
    if job.status is not JobStatus.DONE:
        return Offer("The restore has not ended yet")
    return Offer()


def command_line(job: Job) -> str:
    """The command that shows this job."""
    return f"arcxo job show {job.id}"
