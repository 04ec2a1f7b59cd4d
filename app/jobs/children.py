"""Multistreaming: a backup of several things has one child job for each scenario and directory."""

from __future__ import annotations

from dataclasses import replace

from app.catalog.api import Catalog, NewJob
from app.jobs.control import JobControl
from app.jobs.estimating import Expectation
from app.jobs.retrying import is_known
from app.jobs.runner import Outcome
from app.jobs.source_backup import source_node
from app.jobs.summary import NodeSummary, write_backup_end, write_backup_summary
from app.model.errors import BusyError, CanceledError, NotFoundError
from app.model.job import BackupScript, Job, JobKind, JobPhase, JobResult, JobStatus

GOOD = frozenset({JobResult.FINISHED, JobResult.INCOMPLETE})
_DELETED = "deleted"


def scenario_node(catalog: Catalog, script: BackupScript) -> NodeSummary:
    """The node that a script of one scenario backs up. Raises NotFoundError E6011."""
    try:
        registration = catalog.registrations.show(str(script.scenario_ids[0]))
    except NotFoundError as error:
        name = f"{script.scenario_names[0]} (id {script.scenario_ids[0]})"
        raise NotFoundError("E6011", name=name) from error
    return NodeSummary(
        scenario=registration.name,
        scenario_id=registration.id,
        master=registration.master,
        replica=script.replica or registration.replicas[0],
    )


class Children:
    """The child jobs of backups; one object serves all of them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def run(self, control: JobControl, script: BackupScript) -> Outcome:
        """Submit the children, wait for them and sum up. Raises CanceledError E5131, with them stopped."""
        expected = Expectation(control, self._catalog, script)
        # What one child overwrites, or takes out of a pool, the others append to.
        run = f"{control.job.id}.{control.fence}"
        parts = [
            (name, replace(script, scenario_ids=(number,), scenario_names=(name,), sources=(), run=run))
            for number, name in zip(script.scenario_ids, script.scenario_names, strict=True)
        ]
        parts += [
            (one.label, replace(script, scenario_ids=(), scenario_names=(), sources=(one,), run=run))
            for one in script.sources
        ]
        children = [
            self._catalog.jobs.submit(
                NewJob(
                    kind=JobKind.BACKUP,
                    name=f"{control.job.name} - {name}",
                    script=part,
                    owner=control.job.owner,
                    parent_id=control.job.id,
                    device_group=script.device_group,
                    credentials=control.sealed_credentials,
                )
            )
            for name, part in parts
        ]
        control.begin_phase(JobPhase.BACK_UP)
        numbers = [child.id for child in children]
        try:
            control.wait_for(
                "its child jobs",
                lambda: all(job.status is JobStatus.DONE for job in self._jobs(numbers, control)),
                poll_s=0.3,
            )
        except CanceledError:
            self._stop_children(numbers)
            raise
        ended = self._jobs(numbers, control)
        nodes = [self._child_node(job) for job in ended]
        write_backup_summary(control, nodes, script.device_group)
        expected.note_outcome(nodes)
        control.errors += sum(job.errors for job in ended)
        control.warnings += sum(job.warnings for job in ended)
        result = _together([job.last_result for job in ended])
        write_backup_end(control, result)
        missed = [job.script for job in ended if self._is_to_be_tried_again(job)]
        return Outcome(result, _only(script, [one for one in missed if isinstance(one, BackupScript)]))

    def _is_to_be_tried_again(self, job: Job) -> bool:
        """Whether a child missed something that another attempt may get.

        Not what somebody stopped or a rule skipped, nor a scenario that was deleted meanwhile. What could not
        be read is a warning of a child that is Incomplete, a volume that is missing altogether an error.
        """
        if job.last_result is JobResult.CANCELED or not is_known(self._catalog, job.script):
            return False
        whole = job.last_result is JobResult.FINISHED
        return (
            job.last_result not in GOOD
            or not self._catalog.sessions.of_job(job.id)
            or (bool(job.errors) and not whole)
        )

    def _jobs(self, numbers: list[int], control: JobControl) -> list[Job]:
        jobs = [self._catalog.jobs.show(number) for number in numbers]
        live = [job.progress for job in jobs if job.progress is not None]
        control.progress(
            files=sum(job.files for job in jobs) + sum(one.files for one in live),
            read_bytes=sum(job.read_bytes for job in jobs) + sum(one.read_bytes for one in live),
            stored_bytes=sum(job.stored_bytes for job in jobs) + sum(one.stored_bytes for one in live),
        )
        return jobs

    def _stop_children(self, numbers: list[int]) -> None:
        for number in numbers:
            try:
                self._catalog.jobs.request_stop(number)
            except (NotFoundError, BusyError):
                continue

    def _summed_node(self, script: BackupScript) -> NodeSummary:
        """A scenario that was deleted meanwhile has its line in the summary all the same."""
        try:
            return scenario_node(self._catalog, script)
        except NotFoundError:
            return NodeSummary(
                script.scenario_names[0], script.scenario_ids[0], _DELETED, script.replica or _DELETED
            )

    def _child_node(self, job: Job) -> NodeSummary:
        script = job.script
        assert isinstance(script, BackupScript)
        node = source_node(script.sources[0]) if script.sources else self._summed_node(script)
        sessions = self._catalog.sessions.of_job(job.id)
        sequences = {one.serial: one.sequence for one in self._catalog.media.media()}
        good = job.last_result is JobResult.FINISHED
        return replace(
            node,
            volumes=max(1, len(sessions)) if good else len(sessions) + (job.last_result not in GOOD),
            volumes_written=len(sessions),
            sessions=[session.number for session in sessions],
            directories=sum(session.directories for session in sessions),
            files=sum(session.files for session in sessions),
            size_bytes=sum(session.size_bytes for session in sessions),
            new_bytes=sum(session.new_bytes for session in sessions),
            stored_bytes=sum(session.stored_bytes for session in sessions),
            media=[
                (one.media_name, one.media_id, one.media_serial, sequences.get(one.media_serial, 1))
                for one in sessions
            ],
        )


def _only(script: BackupScript, parts: list[BackupScript]) -> BackupScript | None:
    """The script with the targets of its children `parts` alone; None when there are none."""
    if not parts:
        return None
    return replace(
        script,
        scenario_ids=tuple(number for one in parts for number in one.scenario_ids),
        scenario_names=tuple(name for one in parts for name in one.scenario_names),
        sources=tuple(source for one in parts for source in one.sources),
    )


def _together(results: list[JobResult | None]) -> JobResult:
    if all(result is JobResult.FINISHED for result in results):
        return JobResult.FINISHED
    if any(result in GOOD for result in results):
        return JobResult.INCOMPLETE
    if all(result is JobResult.CANCELED for result in results):
        return JobResult.CANCELED
    return JobResult.FAILED
