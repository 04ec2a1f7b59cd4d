"""Restore jobs: paths of sessions go back to the replica, to the master, or to another directory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.agent.api import Agent, RestoreOrder
from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.hosts import Agents, is_local
from app.jobs.media_choice import OnlineMedia, find_media
from app.jobs.runner import Outcome
from app.jobs.secrets import SecretStore
from app.jobs.stream import CancellableStream
from app.jobs.summary import elapsed_text, size_text, write_restore_end
from app.media import api as media
from app.model.archive import Progress, RestoreResult
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, Problem
from app.model.job import Credentials, Destination, JobPhase, JobResult, RestoreScript, RestoreSelection
from app.model.media import SessionInfo
from app.model.scenario import Scenario, ScenarioState

_STOP_POLL_S = 0.2
Targets = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """One selection, with all that is needed to restore it."""

    selection: RestoreSelection
    session: SessionInfo
    media: OnlineMedia
    data_key: bytes | None
    host: str
    targets: Targets
    scenario_id: int | None


class RestoreJobs:
    """Runs restore jobs. One object serves all of them; each run has a thread of its own."""

    def __init__(self, catalog: Catalog, store: SecretStore, agents: Agents) -> None:
        self._catalog = catalog
        self._store = store
        self._agents = agents

    def run(self, control: JobControl) -> Outcome:
        """Restore what the job names; see `JobKindRunner`. Nothing is written before every key fits."""
        script = control.job.script
        assert isinstance(script, RestoreScript)
        control.note("N5050", job=control.job.id, name=control.job.name)
        began = time.monotonic()
        control.begin_phase(JobPhase.CONNECT)
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        agents = _Connections(self._agents)
        try:
            parts = self._prepare(script, secrets, agents)
            if script.destination is not Destination.DIRECTORY:
                control.begin_phase(JobPhase.STOP_SCENARIO)
                for scenario_id in dict.fromkeys(part.session.scenario_id for part in parts):
                    self._stop_scenario(control, script, scenario_id, secrets, agents)
            control.begin_phase(JobPhase.RESTORE)
            results = [
                self._restore(
                    control, script, part, agents.to(part.host, _login(secrets, script, part.session))
                )
                for part in parts
            ]
        finally:
            agents.close()
        control.begin_phase(JobPhase.FINISH)
        return self._sum_up(control, results, time.monotonic() - began)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        write_restore_end(control, result)

    def _prepare(self, script: RestoreScript, secrets: JobSecrets, agents: _Connections) -> list[_Part]:
        parts = []
        for selection in script.selections:
            session = self._catalog.sessions.show(selection.media_serial, selection.session)
            one = find_media(self._catalog, session.media_serial)
            header = media.read_session(one.path, session.number)
            data_key = None
            if header.encrypted:
                password = secrets.password_of(session.media_serial, session.number)
                if not password:
                    raise CredentialsError("E5150", session=session.number, media=session.media_name)
                data_key = media.unlock(one.path, password, header.key_id).data_key
            host, targets, scenario_id = self._targets(script, session, header.roots, secrets, agents)
            parts.append(_Part(selection, session, one, data_key, host, targets, scenario_id))
        return parts

    def _targets(
        self,
        script: RestoreScript,
        session: SessionInfo,
        roots: Sequence[bytes],
        secrets: JobSecrets,
        agents: _Connections,
    ) -> tuple[str, Targets, int | None]:
        if script.destination is Destination.DIRECTORY:
            return script.host, ((b"/", script.directory),), None
        if script.destination is Destination.ORIGINAL_MASTER:
            return session.machine, tuple((root, root) for root in roots), None
        replica = session.replica if is_local(script.host) else script.host
        scenario = self._scenario(session, secrets, agents)
        for spec in scenario.replicas:
            if spec.host == replica:
                pairs = zip(scenario.roots, spec.paths, strict=True)
                return replica, tuple((root.master_path, path) for root, path in pairs), scenario.id
        raise ArcxoError("E3371", session=session.number, media=session.media_name, id=session.media_id)

    def _scenario(self, session: SessionInfo, secrets: JobSecrets, agents: _Connections) -> Scenario:
        """The scenario's definition, from its master's agent."""
        try:
            registration = self._catalog.registrations.show(str(session.scenario_id))
        except NotFoundError as error:
            raise ArcxoError(
                "E3371", session=session.number, media=session.media_name, id=session.media_id
            ) from error
        login = secrets.login(registration.id, "master")
        return agents.to(registration.master, login).scenario(registration.id).scenario

    def _stop_scenario(
        self,
        control: JobControl,
        script: RestoreScript,
        scenario_id: int | None,
        secrets: JobSecrets,
        agents: _Connections,
    ) -> None:
        """Stop a scenario that runs over what will be written. Raises ArcxoError AE0464 when it can't be."""
        if scenario_id is None:
            return
        try:
            registration = self._catalog.registrations.show(str(scenario_id))
        except NotFoundError:
            return  # deleted: nothing replicates over the restored files
        name = registration.name
        try:
            agent = agents.to(registration.master, secrets.login(scenario_id, "master"))
            status = agent.scenario(scenario_id)
            if status.state is ScenarioState.STOPPED:
                return
            agent.stop(scenario_id)
            patience = float(status.scenario.properties.timeout_seconds)

            def stopped() -> bool:
                return agent.scenario(scenario_id).state is ScenarioState.STOPPED

            if not control.wait_for(
                f"scenario {name} to stop", stopped, timeout_s=patience, poll_s=_STOP_POLL_S
            ):
                raise _too_slow(name, scenario_id, patience)
        except NotFoundError:
            return
        except ArcxoError as error:
            control.check_cancelled()
            refusal = ArcxoError("AE0464", name=name, id=scenario_id, reason=error.code)
            if not script.continue_if_not_stopped:
                control.error(error, scenario=name)
                raise refusal from error
            control.warn("AE0464", scenario=name, name=name, id=scenario_id, reason=error.code)
            return
        control.note("N5051", scenario=name)

    def _restore(
        self, control: JobControl, script: RestoreScript, part: _Part, agent: Agent
    ) -> RestoreResult:
        session = part.session
        start = control.state
        control.check_cancelled()
        control.note(
            "N5052",
            session=session.number,
            scenario=session.scenario_name,
            media=session.media_name,
            host=part.host,
            path=", ".join(target.decode("utf-8", "replace") for _, target in part.targets),
        )
        order = RestoreOrder(
            job_id=control.job.id,
            fence=control.fence,
            media_path=part.media.path,
            session=session.number,
            paths=part.selection.paths,
            targets=part.targets,
            conflict=script.conflict,
            structure=script.structure,
            scenario_id=part.scenario_id,
            data_key=part.data_key,
        )
        control.progress(media=session.media_name, session=session.number)
        result: RestoreResult | None = None
        for event in CancellableStream(lambda: agent.restore(order), control):
            match event:
                case Progress():
                    control.progress(
                        current_path=event.path,
                        files=start.files + event.files,
                        files_total=event.files_total,
                        bytes_total=event.bytes_total,
                        read_bytes=start.read_bytes + event.read_bytes,
                    )
                case Problem():
                    control.problem(event, scenario=session.scenario_name, session=session.number)
                case RestoreResult():
                    result = event
        if result is None:
            raise ArcxoError("E5144", entity=session.entity, host=part.host)
        control.progress(files=start.files + result.files, read_bytes=start.read_bytes + result.written_bytes)
        whole = not part.selection.paths and not result.skipped
        if whole and not result.mismatches and not result.problems:
            self._catalog.sessions.mark_restore_tested(session.media_serial, session.number)
        return result

    def _sum_up(self, control: JobControl, results: list[RestoreResult], seconds: float) -> Outcome:
        files = sum(result.files for result in results)
        directories = sum(result.directories for result in results)
        written = size_text(sum(result.written_bytes for result in results))
        mismatches = sum(result.mismatches for result in results)
        problems = sum(result.problems for result in results)
        control.note("N5053", directories=f"{directories:,}", files=f"{files:,}", size=written)
        control.note(
            "N5151",
            skipped=sum(result.skipped for result in results),
            renamed=sum(result.renamed for result in results),
        )
        if not mismatches:
            control.note("N5055", files=f"{sum(result.verified_files for result in results):,}")
        else:
            control.note("E5152", count=mismatches)
        control.note("N5056", job=control.job.id)
        control.note("N5057", count=len(results))
        control.note("N5058", count=f"{directories:,}")
        control.note("N5059", count=f"{files:,}")
        control.note("N5060", size=written)
        control.note("N5014", elapsed=elapsed_text(seconds))
        control.note("N5016", errors=control.errors, warnings=control.warnings)
        result = JobResult.FINISHED
        if mismatches or (problems and not sum(r.files + r.directories + r.skipped for r in results)):
            result = JobResult.FAILED
        elif problems:
            result = JobResult.INCOMPLETE
        write_restore_end(control, result)
        return Outcome(result)


class _Connections:
    """The agents of one run, each connected once."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._open: dict[str, Agent] = {}

    def to(self, host: str, login: Credentials | None) -> Agent:
        """The agent of a host."""
        if host not in self._open:
            self._open[host] = self._agents.agent_of(host, login)
        return self._open[host]

    def close(self) -> None:
        """Close all."""
        for agent in self._open.values():
            agent.close()


def _login(secrets: JobSecrets, script: RestoreScript, session: SessionInfo) -> Credentials | None:
    role = "master" if script.destination is Destination.ORIGINAL_MASTER else "replica"
    return secrets.login(session.scenario_id or 0, role)


def _too_slow(name: str, scenario_id: int, patience_s: float) -> ArcxoError:
    seconds = round(patience_s)
    return ArcxoError(
        "AE0469",
        name=name,
        id=scenario_id,
        scenario=name,
        host="The master",
        call="stopping",
        seconds=seconds,
    )
