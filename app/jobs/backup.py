"""Backup jobs: one scenario's replica, or a directory, is frozen, archived and published; several become
child jobs.
"""

from __future__ import annotations

import time
from functools import partial

from app.agent.api import Agent, AnyPoint, BackupPoint
from app.agent.names import is_masters_own
from app.catalog.api import Catalog
from app.jobs import rotating
from app.jobs.archiving import NO_MEDIA, EntityArchiver, owners_of
from app.jobs.children import GOOD, Children, scenario_node
from app.jobs.commands import around
from app.jobs.connecting import once_connected
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.estimating import Expectation
from app.jobs.home_record import HomeRecorder
from app.jobs.host_lane import place_on_host
from app.jobs.hosts import Agents
from app.jobs.lanes import Lanes
from app.jobs.media_choice import OnlineMedia
from app.jobs.point_lease import kept_alive
from app.jobs.runner import Outcome
from app.jobs.secrets import SecretStore
from app.jobs.source_backup import SourceBackup, source_node
from app.jobs.summary import NodeSummary, write_backup_end, write_backup_summary, write_node_summary
from app.model.errors import ArcxoError, BusyError, CanceledError, CredentialsError, NotFoundError
from app.model.job import BackupScript, JobPhase, JobResult
from app.model.owners import HostOwners
from app.model.scenario import ReplicaState, ServerType

_UNREACHABLE = frozenset({"AE1001", "AE1002"})
_CERTIFICATE = frozenset({"AE1006", "AE1075"})

_LOST_CLAIM = "E6003"
_CATALOG_AWAY = "E6040"
_UNREADABLE = "E3370"


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
        self._children = Children(catalog)
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
            return self._children.run(control, script)
        group, label = (
            script.device_group,
            (*script.scenario_names, *(one.label for one in script.sources))[0],
        )
        text = f"device group {group}: {script.streams} backups write to it"
        jobs, shared = self._catalog.jobs, self._catalog.shared
        ahead = partial(jobs.ahead_in_group, control.job.id) if shared else None
        with self._lanes.slot(control, ("streams", group), script.streams, text, ahead):
            return around(control, script.commands_of(label), label, lambda: self._run_one(control, script))

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        write_backup_end(control, result)

    def _run_one(self, control: JobControl, script: BackupScript) -> Outcome:
        source = script.sources[0] if script.sources else None
        node = scenario_node(self._catalog, script) if source is None else source_node(source)
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
            params = dict(error.params)
            if error.code == _UNREADABLE:
                params |= {"scenario": node.scenario, "replica": node.replica}
            control.fault(error.code, params, scenario=node.scenario)
            result = JobResult.FAILED if started else JobResult.RUN_FAILED
        control.begin_phase(JobPhase.FINISH)
        node.seconds = time.monotonic() - began
        write_node_summary(control, node)
        if expected is not None:
            write_backup_summary(control, [node], script.device_group)
            expected.note_outcome([node])
        write_backup_end(control, result)
        again = not refused and (node.missed or result not in GOOD)
        return Outcome(result, script if again else None)

    def _back_up(self, control: JobControl, node: NodeSummary) -> JobResult:
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        lane = ("scenario", node.scenario_id, node.replica)
        with (
            self._lanes.hold(control, lane, f"another backup of scenario {node.scenario}"),
            place_on_host(self._catalog, self._lanes, control, node.replica),
        ):
            control.begin_phase(JobPhase.CONNECT)
            control.note("N5001", scenario=node.scenario, replica=node.replica)
            self._check_master_login(node, secrets)
            agent = self._connect(node, secrets)
            try:
                once_connected(control, node.scenario, lambda: self._check_replicating(node, secrets))
                control.check_cancelled()
                control.begin_phase(JobPhase.SNAPSHOT)
                point = once_connected(control, node.scenario, lambda: _begun(agent, node, control))
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
                    keep = result in GOOD and point.scenario.server_type is ServerType.FILE_SERVER
                finally:
                    archiver.close()
                    self._end(control, agent, archiver.point, keep=keep)
                return result
            finally:
                agent.close()

    def _check_master_login(self, node: NodeSummary, secrets: JobSecrets) -> None:
        """A log-in given for the master must be one there that may control scenarios.

        Raises:
            CredentialsError: AE0459, or what is wrong with the certificate shown.
        """
        login = secrets.login(node.scenario_id, "master")
        if login is None:
            return
        try:
            master = self._agents.agent_of(node.master, login)
            try:
                master.peers(node.scenario_id)
            finally:
                master.close()
        except CredentialsError as error:
            if error.code in _CERTIFICATE:
                raise
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


def _begun(agent: Agent, node: NodeSummary, control: JobControl) -> BackupPoint:
    """The replica's point. Raises ArcxoError AE0467 where the host knows nothing of it."""
    try:
        return agent.begin_backup(node.scenario_id, node.replica, control.job.id, control.fence)
    except NotFoundError as error:
        if is_masters_own(node.replica, node.master):
            raise
        raise ArcxoError("AE0467", master=node.master, replica=node.replica) from error


def _check_point(point: BackupPoint, node: NodeSummary) -> None:
    """What another host says of its replica is filed under the scenario: it must be that one's."""
    found = (point.scenario.id, point.scenario.master, point.replica)
    if found != (node.scenario_id, node.master, node.replica):
        raise ArcxoError("AE0468", name=node.scenario, id=node.scenario_id)
