"""Restore jobs: paths of sessions go back to the replica, to the master, or to another directory."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from app.catalog.api import Catalog
from app.jobs.commands import around
from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.jobs.hosts import Agents
from app.jobs.patience import patiently
from app.jobs.restore_orders import Group, RestoreOrders
from app.jobs.restored_lines import RestoredLines
from app.jobs.runner import Outcome
from app.jobs.scenario_stop import stop_scenario
from app.jobs.secrets import SecretStore
from app.jobs.stream import CancellableStream
from app.jobs.summary import elapsed_text, size_text, write_restore_end
from app.model.archive import Progress, RestoreItems, RestoreResult
from app.model.errors import ArcxoError, Problem
from app.model.job import Destination, JobPhase, JobProgress, JobResult, RestoreScript


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
        return around(control, script.commands, "", lambda: self._run(control, script))

    def _run(self, control: JobControl, script: RestoreScript) -> Outcome:
        began = time.monotonic()
        control.begin_phase(JobPhase.CONNECT)
        secrets = JobSecrets.unseal(self._store, control.sealed_credentials)
        agents = JobConnections(self._agents)
        try:
            orders = RestoreOrders(self._catalog, script, secrets, agents)
            groups = orders.groups(control.job.id, control.fence)
            for fault in orders.absent:
                control.fault_as_warning(fault)
            if script.destination is not Destination.DIRECTORY:
                control.begin_phase(JobPhase.STOP_SCENARIO)
                placed = [one for group in groups for one in group.placed]
                for scenario_id in dict.fromkeys(one.session.scenario_id for one in placed):
                    stop_scenario(
                        control,
                        self._catalog,
                        scenario_id,
                        secrets,
                        agents,
                        go_on=script.continue_if_not_stopped,
                    )
            control.begin_phase(JobPhase.RESTORE)
            results = self._restore_all(control, orders, groups, agents)
        finally:
            agents.close()
        control.begin_phase(JobPhase.FINISH)
        return self._sum_up(control, script, results, time.monotonic() - began)

    def ended(self, control: JobControl, result: JobResult) -> None:
        """A run that failed or was canceled gets its closing line, and says what became of its beginning."""
        script = control.job.script
        if control.state.files and isinstance(script, RestoreScript):
            code = "N5198" if script.undo_days else "N5154"
            control.note(code, job=control.job.id, files=f"{control.state.files:,}")
        write_restore_end(control, result)

    def _restore_all(
        self, control: JobControl, orders: RestoreOrders, groups: list[Group], agents: JobConnections
    ) -> list[RestoreResult]:
        names = {one.session.scenario_name for group in groups for one in group.placed}
        with contextlib.closing(RestoredLines(control, names.pop() if len(names) == 1 else "")) as lines:
            return [
                patiently(
                    control,
                    agents,
                    group.host,
                    # The figures as they are now: what a try counted that was cut off is counted once.
                    partial(self._restore, control, orders, group, agents, lines, control.state),
                )
                for group in groups
            ]

    def _restore(
        self,
        control: JobControl,
        orders: RestoreOrders,
        group: Group,
        agents: JobConnections,
        lines: RestoredLines,
        start: JobProgress,
    ) -> RestoreResult:
        first = group.placed[0].session
        agent = agents.to(group.host, orders.login(first))
        control.check_cancelled()
        for one in group.placed:
            control.note(
                "N5052",
                session=one.session.number,
                scenario=one.session.scenario_name,
                media=one.session.media_name,
                host=group.host,
                path=", ".join(target.decode("utf-8", "replace") for _, target in one.part.targets),
            )
        control.progress(media=first.media_name, session=first.number)
        result: RestoreResult | None = None
        lines.begin()
        for event in CancellableStream(lambda: agent.restore(group.order), control):
            match event:
                case RestoreItems():
                    lines.take(event.items)
                case Progress():
                    control.progress(
                        current_path=event.path,
                        files=start.files + event.files,
                        files_total=_sum(start.files, event.files_total),
                        bytes_total=_sum(start.read_bytes, event.bytes_total),
                        read_bytes=start.read_bytes + event.read_bytes,
                    )
                case Problem():
                    control.problem(event, scenario=first.scenario_name, session=first.number)
                case RestoreResult():
                    result = event
        if result is None:
            raise ArcxoError("E5144", entity=first.entity, host=group.host)
        control.progress(files=start.files + result.files, read_bytes=start.read_bytes + result.written_bytes)
        lines.keep()
        self._mark_tested(group, result)
        return result

    def _mark_tested(self, group: Group, result: RestoreResult) -> None:
        """A session that was written as a whole, and read back in this run, is proved."""
        faults = result.mismatches + result.problems + result.skipped + result.resumed
        if faults or any(one.selection.paths for one in group.placed):
            return
        for one in group.placed:
            self._catalog.sessions.mark_restore_tested(one.session.media_serial, one.session.number)

    def _sum_up(
        self, control: JobControl, script: RestoreScript, results: list[RestoreResult], seconds: float
    ) -> Outcome:
        files = sum(result.files for result in results)
        directories = sum(result.directories for result in results)
        written = size_text(sum(result.written_bytes for result in results))
        mismatches = sum(result.mismatches for result in results)
        problems = sum(result.problems for result in results)
        pending = sum(result.pending for result in results)
        control.note("N5053", directories=f"{directories:,}", files=f"{files:,}", size=written)
        control.note(
            "N5151",
            skipped=sum(result.skipped for result in results),
            renamed=sum(result.renamed for result in results),
        )
        if script.exact:
            control.note("N5156", count=f"{sum(result.deleted for result in results):,}")
        if resumed := sum(result.resumed for result in results):
            control.note("N5157", count=f"{resumed:,}")
        if not mismatches:
            control.note("N5055", files=f"{sum(result.verified_files for result in results):,}")
        else:
            control.note("E5152", count=mismatches)
        if script.undo_days:
            kept = size_text(sum(result.kept_bytes for result in results))
            until = datetime.now(UTC) + timedelta(days=script.undo_days)
            control.note("N5158", job=control.job.id, size=kept, until=until.date().isoformat())
        if pending:
            control.note("W5159", count=pending)
        control.note("N5056", job=control.job.id)
        control.note("N5057", count=len(script.selections))
        control.note("N5058", count=f"{directories:,}")
        control.note("N5059", count=f"{files:,}")
        control.note("N5060", size=written)
        control.note("N5014", elapsed=elapsed_text(seconds))
        control.note("N5016", errors=control.errors, warnings=control.warnings)
        result = JobResult.FINISHED
        if mismatches or (problems and not sum(r.files + r.directories + r.skipped for r in results)):
            result = JobResult.FAILED
        elif problems or pending:
            result = JobResult.INCOMPLETE
        write_restore_end(control, result)
        return Outcome(result)


def _sum(before: int, more: int | None) -> int | None:
    return None if more is None else before + more
