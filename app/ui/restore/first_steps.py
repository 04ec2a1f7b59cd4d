"""From media that a new home was made of to the first restore: what is done and what comes next. Qt-free."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from app.model.job import Job, JobKind, JobResult, JobStatus
from app.model.media import Device, SessionInfo
from app.model.recovery import RECOVERED_GROUP
from app.services.api import Services
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel

_GOOD = (JobResult.FINISHED, JobResult.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the steps are made of. No `devices`: this home was not made of found media, or has moved on."""

    devices: tuple[Device, ...] = ()
    sessions: tuple[SessionInfo, ...] = ()
    jobs: tuple[Job, ...] = ()


def read_recovered(services: Services) -> Recovered:
    """Blocks on the catalog; for a home with other media it asks for its devices alone."""
    devices = tuple(one for one in services.media.devices() if one.group == RECOVERED_GROUP)
    if not devices:
        return Recovered()
    names = {one.name for one in devices}
    serials = {one.serial for one in services.media.media() if one.device in names}
    return Recovered(
        devices,
        tuple(one for one in services.media.sessions() if one.media_serial in serials),
        tuple(services.jobs.list(history=True)),
    )


class StepState(Enum):
    """How far a step is."""

    DONE = "done"
    NOW = "now"
    LATER = "later"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `go`: what its button does, with its text; "" = none."""

    name: str
    state: StepState
    title: str
    text: str
    go: str = ""
    button: str = ""


def steps(known: Recovered) -> list[Step]:
    """The steps, in their order."""
    return [_reading(known), _restoring(known), _proving(known), _jobs(known), _going_on(known)]


def is_done(known: Recovered) -> bool:
    """Whether something was restored, so that the page need not stand in front any more."""
    return any(_restored(job) for job in known.jobs)


def _restored(job: Job) -> bool:
    return job.kind is JobKind.RESTORE and job.last_result in _GOOD


def _reading(known: Recovered) -> Step:
    merges = [job for job in known.jobs if job.kind is JobKind.MEDIA_MERGE]
    open_ = [job for job in merges if job.status is not JobStatus.DONE]
    bad = [
        job for job in merges if job.status is JobStatus.DONE and job.last_result is not JobResult.FINISHED
    ]
    count = formats.counted(len(known.sessions), "session")
    if open_:
        text = f"Job {open_[0].id} reads them; {count} known so far. Those can be restored already."
        return Step("read", StepState.NOW, "The media are being read", text, "jobs", "Show job")
    if bad:
        text = f"{count} known. Job {bad[0].id} did not finish: its log says which sessions, and why."
        return Step("read", StepState.PROBLEM, "Not all was read", text, f"log {bad[0].id}", "Show log")
    closed = sum(1 for one in known.sessions if not one.detail)
    if closed:
        text = f"{count} known; the names in {closed:,} of them need their password or recovery kit."
        return Step("read", StepState.PROBLEM, "Some sessions are closed", text, "merge", "Give password…")
    return Step("read", StepState.DONE, "The media are read", f"{count} known, with the names in them.")


def _restoring(known: Recovered) -> Step:
    done = next((job for job in known.jobs if _restored(job)), None)
    if done is not None:
        text = f"Job {done.id}, {formats.moment(done.finished_at)}. Look at the files before you need them."
        return Step("restore", StepState.DONE, "Something is restored", text, f"job {done.id}", "Show job")
    if not known.sessions:
        return Step("restore", StepState.LATER, "Restore something", "When the first session is known.")
    text = (
        "Choose whose data above, and press Restore…: the newest session goes into a folder of this machine, "
        "where nothing is overwritten. The plan shows every file before anything is written."
    )
    return Step("restore", StepState.NOW, "Restore something, to a new folder", text)


def _proving(known: Recovered) -> Step:
    if not known.sessions:
        return Step("verify", StepState.LATER, "Prove that the media are whole", "After they are read.")
    damaged = sum(1 for one in known.sessions if one.damaged)
    if damaged:
        text = f"{formats.counted(damaged, 'session')} damaged: see which files, and what can be done."
        return Step("verify", StepState.PROBLEM, "Some of it is damaged", text, "media", "First aid…")
    if all(one.verified_at for one in known.sessions):
        return Step("verify", StepState.DONE, "The media are whole", "Every session was checked.")
    text = "A check reads every byte; it needs no password and changes nothing."
    return Step("verify", StepState.LATER, "Prove that the media are whole", text, "media", "Check them…")


def _jobs(known: Recovered) -> Step:
    held = [job for job in known.jobs if job.status is JobStatus.HOLD]
    if not held:
        text = "No job waits in Hold."
        return Step("jobs", StepState.DONE, "Let the jobs run again", text)
    text = (
        f"{formats.counted(len(held), 'job')} of the lost server came back in Hold, so that nothing runs by "
        "surprise. Look at each, run its scenario, then set it Ready."
    )
    return Step("jobs", StepState.LATER, "Let the jobs run again", text, "jobs", "Show jobs")


def _going_on(known: Recovered) -> Step:
    names = ", ".join(one.name for one in known.devices)
    text = (
        f"Nothing is written to {names} as long as it is in the group {RECOVERED_GROUP}. Move it to GROUP0, "
        "and new backups share what the media hold."
    )
    return Step("group", StepState.LATER, "Let backups go on with these media", text, "media", "Show device")


@dataclass(frozen=True, slots=True)
class HeldVolume:
    """Whose data: the sessions of one volume of one machine, and the newest whole one."""

    machine: str
    entity: str
    scenario_name: str
    count: int
    newest: SessionInfo


def held_volumes(sessions: Sequence[SessionInfo]) -> list[HeldVolume]:
    """By machine and volume. Of damaged sessions only where there is no other."""
    grouped: dict[tuple[str, str, str], list[SessionInfo]] = {}
    for one in sessions:
        grouped.setdefault((one.machine, one.entity, one.scenario_name), []).append(one)
    return [
        HeldVolume(*key, len(held), max(held, key=lambda one: (not one.damaged, one.finished_at, one.number)))
        for key, held in sorted(grouped.items())
    ]


class HeldModel(RowModel[HeldVolume]):
    """Whose data the media hold."""

    columns = (
        Column("Machine", 150),
        Column("Data", 220, stretch=True),
        Column("Scenario", 150),
        Column("Sessions", 80, right=True),
        Column("Newest", 160),
        Column("Files", 90, right=True),
        Column("Size", 90, right=True),
    )

    def key_of(self, item: HeldVolume) -> Hashable:
        """Machine, volume, scenario."""
        return item.machine, item.entity, item.scenario_name

    def cell(self, item: HeldVolume, column: int) -> Cell:
        """Paintable content."""
        newest = item.newest
        match column:
            case 0:
                return Cell(item.machine, icon="server", icon_role="master", medium=True)
            case 1:
                return Cell(item.entity, middle=True, tooltip=item.entity)
            case 2:
                return Cell(
                    item.scenario_name or formats.NONE, role="text" if item.scenario_name else "muted"
                )
            case 3:
                return Cell(f"{item.count:,}", right=True, sort=item.count)
            case 4:
                at = newest.finished_at
                icon = "octagon-alert" if newest.damaged else "lock" if newest.encrypted else ""
                role = "error" if newest.damaged else "muted"
                said = formats.full_time(at) + (", encrypted" if newest.encrypted else "")
                return Cell(formats.moment(at), icon=icon, icon_role=role, tooltip=said, sort=at.timestamp())
            case 5:
                return Cell(f"{newest.files:,}", right=True, sort=newest.files)
            case _:
                return Cell(formats.size(newest.size_bytes), right=True, sort=newest.size_bytes)
