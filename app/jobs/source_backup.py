"""Backing up one directory of a host by itself, whatever scenarios there are."""

from __future__ import annotations

from collections.abc import Callable

from app.agent.api import Agent, SourcePoint
from app.catalog.api import Catalog
from app.jobs.archiving import EntityArchiver, owners_of
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.host_lane import place_on_host
from app.jobs.hosts import Agents
from app.jobs.lanes import Lanes
from app.jobs.point_lease import kept_alive
from app.jobs.secrets import SecretStore
from app.jobs.summary import NodeSummary
from app.model.errors import ArcxoError, CredentialsError
from app.model.job import JobPhase, JobResult, source_role
from app.model.source import DirectSource

_LOG_IN_REFUSED = "AE1026"


class SourceBackup:
    """Makes a source ready on its host, has it archived, and lets it go."""

    def __init__(
        self, catalog: Catalog, store: SecretStore, agents: Agents, lanes: Lanes, server: str
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._agents = agents
        self._lanes = lanes
        self._server = server

    def run(
        self,
        control: JobControl,
        source: DirectSource,
        node: NodeSummary,
        archive: Callable[[JobControl, EntityArchiver, NodeSummary], JobResult],
    ) -> JobResult:
        """Back up `source`; `archive` does it entity by entity.

        Raises:
            ArcxoError: what connection, agent (AE1060-AE1065), media and catalog raise; AE1066 the agent
                answers for another source.
            CredentialsError: AE1067 the log-in given for the host is refused.
        """
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        lane = ("source", source.host, source.path)
        with (
            self._lanes.hold(control, lane, f"another backup of {source.label}"),
            place_on_host(self._catalog, self._lanes, control, source.host),
        ):
            control.begin_phase(JobPhase.CONNECT)
            control.note("N5291", scenario=source.label, source=source.label)
            agent = self._connect(source, secrets)
            try:
                control.check_cancelled()
                control.begin_phase(JobPhase.SNAPSHOT)
                point = agent.begin_source_backup(source, control.job.id, control.fence)
                archiver = EntityArchiver(
                    self._catalog,
                    self._lanes,
                    agent,
                    point,
                    control,
                    secrets.session_password,
                    self._server,
                    owners_of(agent),
                )
                try:
                    if (point.machine, point.path) != (source.host, source.path):
                        raise ArcxoError("AE1066", host=source.host, path=source.label)
                    self._note_point(control, point)
                    with kept_alive(agent, lambda: point):
                        return archive(control, archiver, node)
                finally:
                    archiver.close()
                    self._end(control, agent, point)
            finally:
                agent.close()

    def _connect(self, source: DirectSource, secrets: JobSecrets) -> Agent:
        login = secrets.login(0, source_role(source.host))
        agent: Agent | None = None
        try:
            agent = self._agents.agent_of(source.host, login)
            agent.hello()
        except ArcxoError as error:
            if agent is not None:
                agent.close()
            if error.code == _LOG_IN_REFUSED:
                raise CredentialsError("AE1067", host=source.host, path=source.label) from error
            raise
        return agent

    def _note_point(self, control: JobControl, point: SourcePoint) -> None:
        code = "N5292" if point.provider != "none" else "N5293"
        control.note(
            code,
            scenario=point.label,
            source=point.label,
            provider=point.provider,
            consistency=point.consistency.value,
        )

    def _end(self, control: JobControl, agent: Agent, point: SourcePoint) -> None:
        try:
            agent.end_backup(point.id, keep=False)
        except ArcxoError as error:
            # The agent releases what belongs to no running job by itself.
            control.warn("AE1068", scenario=point.label, source=point.label, reason=error.code)


def source_node(source: DirectSource) -> NodeSummary:
    """The node of a backup's summary that a source is."""
    return NodeSummary(scenario=source.label, scenario_id=0, master=source.host, replica=source.host)
