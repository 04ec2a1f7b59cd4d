"""Undo jobs: what a restore job did is taken back, but for what people changed since."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from app.agent.api import UndoOrder
from app.catalog.api import Catalog
from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.hosts import Agents
from app.jobs.patience import patiently
from app.jobs.runner import Outcome
from app.jobs.scenario_stop import stop_scenario
from app.jobs.secrets import SecretStore
from app.jobs.stream import CancellableStream
from app.jobs.submission import restore_job
from app.jobs.summary import elapsed_text, size_text, write_restore_end
from app.model.archive import Progress
from app.model.errors import ArcxoError, NotFoundError, Problem
from app.model.job import Credentials, Destination, JobPhase, JobResult, RestoreScript
from app.model.media import SessionInfo
from app.model.restore import UndoResult

_NOTHING_KEPT = "E4240"
Host = TypeVar("Host")


class RestoreUndoJobs:
    """Runs undo jobs. The script: `job` the restore's number, `force` = people's changes are lost, too."""

    def __init__(self, catalog: Catalog, store: SecretStore, agents: Agents) -> None:
        self._catalog = catalog
        self._store = store
        self._agents = agents

    def run(self, control: JobControl) -> Outcome:
        """Take back what the job names; see `JobKindRunner`."""
        script = control.job.script
        assert isinstance(script, dict)
        restored = restore_job(self._catalog, int(script["job"]))
        assert isinstance(restored.script, RestoreScript)
        control.note("N5180", job=control.job.id, undone=restored.id, name=restored.name)
        began = time.monotonic()
        control.begin_phase(JobPhase.CONNECT)
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        agents = JobConnections(self._agents)
        try:
            sessions = sessions_of(self._catalog, restored.script)
            if restored.script.destination is not Destination.DIRECTORY:
                control.begin_phase(JobPhase.STOP_SCENARIO)
                for scenario_id in dict.fromkeys(session.scenario_id for session in sessions):
                    stop_scenario(control, self._catalog, scenario_id, secrets, agents, go_on=False)
            control.begin_phase(JobPhase.RESTORE)
            order = UndoOrder(control.job.id, control.fence, restored.id, force=bool(script.get("force")))
            login = secrets.login(0, "replica")

            def undo(host: str) -> list[UndoResult]:
                work = partial(self._undo, control, agents, host, login, order)
                return patiently(control, agents, host, work)

            results = of_those_that_know(hosts_of(restored.script, sessions), undo)
        finally:
            agents.close()
        control.begin_phase(JobPhase.FINISH)
        return self._sum_up(control, results, time.monotonic() - began)

    @staticmethod
    def _undo(
        control: JobControl, agents: JobConnections, host: str, login: Credentials | None, order: UndoOrder
    ) -> list[UndoResult]:
        agent = agents.to(host, login)
        results = []
        for event in CancellableStream(partial(agent.undo_restore, order), control):
            match event:
                case Progress():
                    control.progress(
                        current_path=event.path, files=event.files, files_total=event.files_total
                    )
                case Problem():
                    control.problem(event)
                case UndoResult():
                    results.append(event)
        return results

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line."""
        write_restore_end(control, result)

    @staticmethod
    def _sum_up(control: JobControl, results: list[UndoResult], seconds: float) -> Outcome:
        changed = sum(result.changed for result in results)
        problems = sum(result.problems for result in results)
        back = sum(result.brought_back for result in results)
        removed = sum(result.removed for result in results)
        size = size_text(sum(result.bytes for result in results))
        control.note("N5181", back=f"{back:,}", removed=f"{removed:,}", size=size)
        control.progress(files=back + removed, read_bytes=sum(result.bytes for result in results))
        if changed:
            control.note("W5182", count=changed)
        control.note("N5014", elapsed=elapsed_text(seconds))
        control.note("N5016", errors=control.errors, warnings=control.warnings)
        result = JobResult.INCOMPLETE if changed or problems else JobResult.FINISHED
        write_restore_end(control, result)
        return Outcome(result)


def of_those_that_know(hosts: Sequence[Host], ask: Callable[[Host], list[UndoResult]]) -> list[UndoResult]:
    """What an undo did on each host, or would do; a host that has done all of it before keeps nothing more.

    Raises NotFoundError E4240 when no host keeps anything of the restore, and what else `ask` raises.
    """
    results: list[UndoResult] = []
    unknown: ArcxoError | None = None
    for host in hosts:
        try:
            results += ask(host)
        except ArcxoError as error:
            if error.code != _NOTHING_KEPT:
                raise
            unknown = error
    if unknown is not None and not results:
        raise unknown
    return results


def sessions_of(catalog: Catalog, script: RestoreScript) -> list[SessionInfo]:
    """The sessions that a restore took from, as far as the catalog still knows them."""
    found = []
    for selection in script.selections:
        try:
            found.append(catalog.sessions.show(selection.media_serial, selection.session))
        except NotFoundError:
            continue
    return found


def hosts_of(script: RestoreScript, sessions: list[SessionInfo]) -> list[str]:
    """The hosts that a restore wrote to. Raises ArcxoError E5184 when that cannot be told any more."""
    if script.destination is Destination.DIRECTORY:
        return [script.host]
    if not sessions:
        raise ArcxoError("E5184")
    if script.destination is Destination.ORIGINAL_MASTER:
        return list(dict.fromkeys(session.machine for session in sessions))
    from app.jobs.hosts import is_local

    return list(
        dict.fromkeys(session.replica if is_local(script.host) else script.host for session in sessions)
    )
