"""Backup jobs: one scenario's replica, or a directory, is frozen, archived and published; several become
child jobs.
"""

from __future__ import annotations

import time
from dataclasses import replace

from app.agent.api import Agent, AnyPoint, BackupPoint
from app.agent.names import is_masters_own
from app.catalog.api import Catalog, NewJob
from app.jobs import rotating
from app.jobs.archiving import NO_MEDIA, EntityArchiver, owners_of
from app.jobs.commands import around
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.estimating import Expectation
from app.jobs.home_record import HomeRecorder
from app.jobs.hosts import Agents
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia
from app.jobs.point_lease import kept_alive
from app.jobs.runner import Outcome
from app.jobs.secrets import SecretStore
from app.jobs.source_backup import SourceBackup, source_node
from app.jobs.summary import NodeSummary, write_backup_end, write_backup_summary, write_node_summary
from app.model.errors import ArcxoError, BusyError, CanceledError, CredentialsError, NotFoundError
from app.model.job import BackupScript, Job, JobKind, JobPhase, JobResult, JobStatus
from app.model.owners import HostOwners
from app.model.scenario import ReplicaState, ServerType

_UNREACHABLE = frozenset({"AE1001", "AE1002"})
_GOOD = frozenset({JobResult.FINISHED, JobResult.INCOMPLETE})
_LOST_CLAIM = "E6003"
_CATALOG_AWAY = "E6040"
_DELETED = "deleted"


class BackupJobs:
    """Runs backup jobs. One object serves all of them; each run has a thread of its own."""

    def __init__(
        self,
        catalog: Catalog,
        store: SecretStore,
        agents: Agents,
        lanes: Lanes,
        server: str,
        recorder: HomeRecorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._catalog = catalog
        self._store = store
        self._agents = agents
        self._lanes = lanes
        self._server = server
        self._sources = SourceBackup(catalog, store, agents, lanes, server)

    def run(self, control: JobControl) -> Outcome:
        """Back up what the job names; see `JobKindRunner`."""
        control.job = rotating.for_run(self._catalog, control.job, rotating.utc_now())
        script = control.job.script
        assert isinstance(script, BackupScript)
        if control.job.parent_id is None:
            control.note("N5000", job=control.job.id, name=control.job.name)
            if script.makeup_of:
                control.note("N5731", first=script.makeup_of)
            return around(control, script.commands, "", lambda: self._run_all(control, script))
        return self._run_all(control, script)

    def _run_all(self, control: JobControl, script: BackupScript) -> Outcome:
        if script.has_children:
            return self._run_children(control, script)
        group, label = (
            script.device_group,
            (*script.scenario_names, *(one.label for one in script.sources))[0],
        )
        text = f"device group {group}: {script.streams} backups write to it"
        with self._lanes.slot(control, ("streams", group), script.streams, text):
            return around(control, script.commands_of(label), label, lambda: self._run_one(control, script))

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        write_backup_end(control, result)

    def _run_one(self, control: JobControl, script: BackupScript) -> Outcome:
        source = script.sources[0] if script.sources else None
        node = self._scenario_node(script) if source is None else source_node(source)
        began = time.monotonic()
        refused = False
        whole = control.job.parent_id is None
        expected = Expectation(control, self._catalog, script) if whole else None
        try:
            if source is None:
                result = self._back_up(control, node)
            else:
                result = self._sources.run(control, source, node, self._archive)
        except CanceledError:
            raise
        except ArcxoError as error:
            if control.canceled or error.code in (_LOST_CLAIM, _CATALOG_AWAY):
                raise
            started = control.state.phase not in (JobPhase.WAITING, JobPhase.CONNECT)
            refused = isinstance(error, CredentialsError)
            control.error(error, scenario=node.scenario)
            result = JobResult.FAILED if started else JobResult.RUN_FAILED
        control.begin_phase(JobPhase.FINISH)
        node.seconds = time.monotonic() - began
        write_node_summary(control, node)
        if expected is not None:
            write_backup_summary(control, [node], script.device_group)
            expected.note_outcome([node])
        write_backup_end(control, result)
        again = not refused and (node.missed or result not in _GOOD)
        return Outcome(result, script if again else None)

    def _scenario_node(self, script: BackupScript) -> NodeSummary:
        registration = self._catalog.registrations.show(str(script.scenario_ids[0]))
        return NodeSummary(
            scenario=registration.name,
            scenario_id=registration.id,
            master=registration.master,
            replica=script.replica or registration.replicas[0],
        )

    def _back_up(self, control: JobControl, node: NodeSummary) -> JobResult:
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        lane = ("scenario", node.scenario_id, node.replica)
        with self._lanes.hold(control, lane, f"another backup of scenario {node.scenario}"):
            control.begin_phase(JobPhase.CONNECT)
            control.note("N5001", scenario=node.scenario, replica=node.replica)
            self._check_master_login(node, secrets)
            agent = self._connect(node, secrets)
            try:
                self._check_replicating(node, secrets)
                control.check_cancelled()
                control.begin_phase(JobPhase.SNAPSHOT)
                point = agent.begin_backup(node.scenario_id, node.replica, control.job.id, control.fence)
                archiver = EntityArchiver(
                    self._catalog,
                    self._lanes,
                    agent,
                    point,
                    control,
                    secrets.session_password,
                    self._server,
                    self._masters_owners(agent, node, secrets),
                )
                keep = False
                try:
                    _check_point(point, node)
                    self._note_snapshot(control, point)
                    with kept_alive(agent, lambda: archiver.point):
                        result = self._archive(control, archiver, node)
                    keep = result in _GOOD and point.scenario.server_type is ServerType.FILE_SERVER
                finally:
                    archiver.close()
                    self._end(control, agent, archiver.point, keep=keep)
                return result
            finally:
                agent.close()

    def _check_master_login(self, node: NodeSummary, secrets: JobSecrets) -> None:
        """A log-in given for the master must be one there. Raises CredentialsError AE0459."""
        login = secrets.login(node.scenario_id, "master")
        if login is None:
            return
        try:
            self._agents.agent_of(node.master, login).close()
        except CredentialsError as error:
            raise CredentialsError(
                "AE0459", name=node.scenario, id=node.scenario_id, host=node.master
            ) from error

    def _check_replicating(self, node: NodeSummary, secrets: JobSecrets) -> None:
        """Where master and replica are on different hosts, the master says first whether they are in step.

        A master that cannot be asked does not hinder: its replica knows whether the stream stands.

        Raises:
            BusyError: AE0465 it says that they are not.
        """
        if is_masters_own(node.replica, node.master):
            return
        try:
            master = self._agents.agent_of(node.master, secrets.login(node.scenario_id, "master"))
        except ArcxoError:
            return
        try:
            status = master.scenario(node.scenario_id)
        except ArcxoError:
            return
        finally:
            master.close()
        found = next((one.state for one in status.replicas if one.host == node.replica), None)
        if found is not ReplicaState.REPLICATING:
            state = found.value if found is not None else "unknown"
            raise BusyError("AE0465", name=node.scenario, id=node.scenario_id, host=node.replica, state=state)

    def _masters_owners(self, agent: Agent, node: NodeSummary, secrets: JobSecrets) -> HostOwners | None:
        """The users and groups of the master, whose numbers its replica's files have."""
        if is_masters_own(node.replica, node.master):
            return owners_of(agent)
        try:
            master = self._agents.agent_of(node.master, secrets.login(node.scenario_id, "master"))
        except ArcxoError:
            return None
        try:
            return owners_of(master)
        finally:
            master.close()

    def _connect(self, node: NodeSummary, secrets: JobSecrets) -> Agent:
        agent: Agent | None = None
        try:
            agent = self._agents.agent_of(node.replica, secrets.login(node.scenario_id, "replica"))
            agent.hello()
        except ArcxoError as error:
            if agent is not None:
                agent.close()
            if error.code in _UNREACHABLE:
                raise ArcxoError(
                    "AE0463", name=node.scenario, id=node.scenario_id, host=node.replica
                ) from error
            raise
        return agent

    def _note_snapshot(self, control: JobControl, point: BackupPoint) -> None:
        for entity in point.entities:
            for master_path, _ in entity.roots:
                control.note(
                    "N5002",
                    scenario=point.scenario.name,
                    path=master_path.decode("utf-8", "replace"),
                    host=point.replica,
                    provider=point.provider,
                    consistency=point.consistency.value,
                )

    def _archive(self, control: JobControl, archiver: EntityArchiver, node: NodeSummary) -> JobResult:
        point = archiver.point
        node.volumes = len(point.entities)
        problems = 0
        lacks_media = False
        written: list[OnlineMedia] = []
        for entity in point.entities:
            control.begin_phase(JobPhase.BACK_UP)
            try:
                archived = archiver.archive(entity)
            except CanceledError:
                raise
            except ArcxoError as error:
                if control.canceled or error.code in (_LOST_CLAIM, _CATALOG_AWAY):
                    raise
                control.error(error, scenario=point.label)
                lacks_media |= error.code == NO_MEDIA
                continue
            session, label = archived.session, archived.media.label
            written.append(archived.media)
            problems += archived.problems
            node.volumes_written += 1
            node.sessions.append(session.number)
            node.media.append((label.name, label.media_id, label.serial, label.sequence))
            node.files += session.files
            node.directories += session.directories
            node.size_bytes += session.size_bytes
            node.new_bytes += session.new_bytes
            node.stored_bytes += session.stored_bytes
            control.note(
                "N5004",
                session=session.number,
                scenario=point.label,
                media=label.name,
                media_id=label.media_id,
                entity=entity.entity,
            )
            if session.verified_at is not None:
                control.note("N5005", session=session.number, scenario=point.label)
        if self._recorder is not None:
            self._recorder.record(control, written)
        if not node.volumes_written:
            # Nothing is wrong with the source, nor with what was written: it is media that were missing.
            return JobResult.INCOMPLETE if lacks_media else JobResult.FAILED
        return JobResult.INCOMPLETE if problems or node.missed else JobResult.FINISHED

    def _end(self, control: JobControl, agent: Agent, point: AnyPoint, *, keep: bool) -> None:
        try:
            agent.end_backup(point.id, keep=keep)
        except ArcxoError:
            # The agent releases what belongs to no running job by itself.
            name = point.scenario_name
            control.warn("AE0461", scenario=name, name=name, id=point.scenario_id, host=point.replica)

    def _run_children(self, control: JobControl, script: BackupScript) -> Outcome:
        """Multistreaming: one child job per scenario and directory; this job waits for them and sums up."""
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
        missed = [job.script for job in ended if job.last_result not in _GOOD or self._nothing_of(job)]
        return Outcome(result, _only(script, [one for one in missed if isinstance(one, BackupScript)]))

    def _nothing_of(self, job: Job) -> bool:
        return not self._catalog.sessions.of_job(job.id)

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
            return self._scenario_node(script)
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
            volumes=max(1, len(sessions)) if good else len(sessions) + (job.last_result not in _GOOD),
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


def _check_point(point: BackupPoint, node: NodeSummary) -> None:
    """What another host says of its replica is filed under the scenario: it must be that one's."""
    found = (point.scenario.id, point.scenario.master, point.replica)
    if found != (node.scenario_id, node.master, node.replica):
        raise ArcxoError("AE0468", name=node.scenario, id=node.scenario_id)


def _together(results: list[JobResult | None]) -> JobResult:
    if all(result is JobResult.FINISHED for result in results):
        return JobResult.FINISHED
    if any(result in _GOOD for result in results):
        return JobResult.INCOMPLETE
    if all(result is JobResult.CANCELED for result in results):
        return JobResult.CANCELED
    return JobResult.FAILED
